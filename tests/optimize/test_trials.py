"""Trials of a plan: their sum, the microscope they run on, and a few of them from one end to the other."""

from __future__ import annotations

import functools

import pytest

from eucentric.cli.plan_verify import Job, run_trials, trial_of
from eucentric.errors import SettingsError
from eucentric.microscope.registry import open_microscope
from eucentric.optimize.cluster import cluster
from eucentric.optimize.instrument import Instrument, instrument_of
from eucentric.optimize.planning import Asked, Plan, plan
from eucentric.optimize.sequence import settings_of
from eucentric.optimize.simulated import binned, height_of, magnitudes_of
from eucentric.optimize.spread import Ended
from eucentric.optimize.trials import Trial, verified


@functools.cache
def _small() -> Instrument:
    """A camera of 1024 pixels, so that trials are quick."""
    there = instrument_of("200kv-side-entry").with_values(voltage=None, cs_m=None, camera_px=1024)
    larger = tuple(m.model_copy(update={"pixel_m": 4 * m.pixel_m}) for m in there.magnifications)
    sharp = there.camera.model_copy(update={"mtf": 0.9})
    return there.model_copy(update={"magnifications": larger, "camera": sharp})


@functools.cache
def _plan() -> Plan:
    return plan(_small(), Asked(50e-6, 0.2e-6))


def test_the_share_has_its_exact_interval_and_a_refusal_is_missed() -> None:
    """Of 9 trials that all succeed the lower 95 % bound is 0.025^(1/9) = 66.4 %; one refused of ten is a miss."""
    good = [Trial(k, 1e-6, 1e-9 * k, 1e20, 10.0) for k in range(9)]
    assert verified(good, _plan()).low == pytest.approx(0.025 ** (1 / 9))
    came = verified([*good, Trial(9, 1e-6, None, 1e20, 10.0, "refused")], _plan())
    assert (came.within, came.rate) == (9, 0.9)
    assert came.median_m == pytest.approx(4e-9)
    assert verified([Trial(0, 1e-6, 0.3e-6, 1e20, 10.0)], _plan()).within == 0


def test_heights_are_within_the_start_and_their_own() -> None:
    heights = [height_of(50e-6, seed) for seed in range(200)]
    assert max(map(abs, heights)) <= 50e-6
    assert len(set(heights)) == 200
    assert abs(sum(heights) / 200) < 3 * 50e-6 / (3 * 200) ** 0.5  # uniform: σ is half the width / √3


def test_the_simulated_microscope_is_the_instrument() -> None:
    there = _small()
    scope = open_microscope("simulated", seed=1, size=1024, magnitudes=dict(magnitudes_of(there, 5e-6)))
    known = {preset.name: preset for preset in scope.presets()}
    assert scope.voltage_v == there.lens.voltage
    for magnification in there.magnifications:
        preset = known[magnification.name]
        assert preset.pixel_m == pytest.approx(magnification.pixel_m)
        assert preset.dose_e_per_m2 == magnification.dose_per_m2
    settings, presets = binned(settings_of(_plan(), there), _plan(), known)
    assert [s.preset for s in settings.sequence.steps] == [p.name for p in presets]
    assert [p.size[0] * p.binning for p in presets] == [1024] * len(presets)


def test_a_magnification_of_another_name_is_said() -> None:
    there = _small()
    renamed = tuple(m.model_copy(update={"name": f"{m.name} 2"}) for m in there.magnifications)
    with pytest.raises(SettingsError, match="Name it so"):
        magnitudes_of(there.model_copy(update={"magnifications": renamed}), 0.0)


def test_trials_end_where_the_plan_says_and_alike_for_any_workers() -> None:
    """Two microscopes from up to 50 µm: within the accuracy of 99 % (one of 50 such tests would miss it)."""
    told: list[Trial] = []
    with cluster(workers=2) as on:
        came = run_trials(_plan(), _small(), 2, on=on, tell=told.append)
    trials = [one.result for one in came.ended]
    assert [t.seed for t in trials] == [0, 1]
    assert sorted(told, key=lambda one: one.seed) == trials
    assert all(t.end_m is not None and abs(t.end_m) <= 0.2e-6 for t in trials), trials
    with cluster(workers=1) as on:
        assert run_trials(_plan(), _small(), 1, on=on, tell=told.append).ended == came.ended[:1]


def test_a_trial_that_failed_has_missed() -> None:
    failed = trial_of(Ended(7, Job(_plan(), _small(), 7), None, "It failed with MemoryError: too large"))
    assert (failed.seed, failed.end_m, failed.start_m) == (7, None, height_of(50e-6, 7))
    assert "too large" in failed.why
    assert verified([failed], _plan()).within == 0
