"""Trials of a plan: their sum, the microscope they run on, and a few of them from one end to the other."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from rich.console import Console

from eucentric.cli.plan_verify import Job, check_trials, jobs_of, run_trials, trial, trial_of, verify
from eucentric.errors import InputError, SettingsError
from eucentric.microscope.registry import open_microscope
from eucentric.optimize.trials.cluster import Cluster, cluster
from eucentric.optimize.trials.simulated import height_of, magnitudes_of
from eucentric.optimize.trials.spread import Ended
from eucentric.optimize.trials.trial import Trial, is_within, verified
from tests.optimize.tiny import ASKED, tiny, tiny_plan


def test_the_share_has_its_exact_interval_and_a_refusal_is_missed() -> None:
    """Of 9 trials that all succeed the lower 95 % bound is 0.025^(1/9) = 66.4 %; one refused of ten is a miss."""
    good = [Trial(k, 1e-6, 1e-9 * k, 1e20, 10.0, said=True) for k in range(9)]
    assert verified(good, 0.2e-6).low == pytest.approx(0.025 ** (1 / 9))
    came = verified([*good, Trial(9, 1e-6, None, 1e20, 10.0, why="refused")], 0.2e-6)
    assert (came.within, came.rate, came.refused, came.silent, came.said) == (9, 0.9, 1, 0, 9)
    assert came.median_m == pytest.approx(4e-9)
    off = verified([Trial(0, 1e-6, 0.3e-6, 1e20, 10.0, said=True)], 0.2e-6)
    assert (off.within, off.silent) == (0, 1)


def test_heights_are_within_the_start_and_their_own() -> None:
    heights = [height_of(50e-6, seed) for seed in range(200)]
    assert max(map(abs, heights)) <= 50e-6
    assert len(set(heights)) == 200
    assert abs(sum(heights) / 200) < 3 * 50e-6 / (3 * 200) ** 0.5  # uniform: σ is half the width / √3


def test_the_simulated_microscope_is_the_instrument() -> None:
    there = tiny()
    scope = open_microscope("simulated", seed=1, size=512, magnitudes=dict(magnitudes_of(there, 5e-6)))
    known = {preset.name: preset for preset in scope.presets()}
    assert scope.voltage_v == there.lens.voltage
    for magnification in there.magnifications:
        preset = known[magnification.name]
        assert preset.pixel_m == pytest.approx(magnification.pixel_m)
        assert preset.dose_e_per_m2 == magnification.dose_per_m2


def test_the_simulated_film_is_as_tilted_and_wavy_as_the_planned_one_and_z_plays_as_much() -> None:
    there = tiny()
    film = there.specimen.model_copy(update={"tilt_rad": 0.05, "bend_m": 3e-6})
    stage = there.stage.model_copy(update={"backlash_m": 1e-6})
    drawn = magnitudes_of(there.model_copy(update={"specimen": film, "stage": stage}), 0.0)
    assert (drawn["specimen"]["film_slope_rad"], drawn["specimen"]["bend_m"]) == (math.tan(0.05), 3e-6)
    assert drawn["stage"]["backlash_z_m"] == 1e-6


def test_a_magnification_of_another_name_is_said() -> None:
    there = tiny()
    renamed = tuple(m.model_copy(update={"name": f"{m.name} 2"}) for m in there.magnifications)
    with pytest.raises(SettingsError, match="Name it so"):
        check_trials(there.model_copy(update={"magnifications": renamed}), None)


def test_trials_end_where_the_plan_says_and_alike_for_any_workers() -> None:
    """Two microscopes: within the accuracy of 99 % (one of 50 such tests would miss it)."""
    jobs = jobs_of(tiny_plan(), tiny(), 2)
    told: list[Trial] = []
    with cluster(workers=2) as on:
        came = run_trials(jobs, on=on, tell=told.append)
    trials = [one.result for one in came.ended]
    assert [t.seed for t in trials] == [0, 1]
    assert sorted(told, key=lambda one: one.seed) == trials
    assert all(is_within(t, ASKED.accuracy_m) for t in trials), trials
    with cluster(workers=1) as on:
        assert run_trials(jobs[:1], on=on, tell=told.append).ended == came.ended[:1]
    assert trial(jobs[1]) == trials[1]  # in this process


def _asking(job: Job, accuracy_m: float, **last: int) -> Job:
    """The same trial of a sequence that asks for another accuracy; `last`: other settings of its last step."""
    (settings,) = job.sequences
    *steps, end = settings.sequence.steps
    changed = {"accuracy_m": accuracy_m, "steps": (*steps, end.model_copy(update=last))}
    sequence = settings.sequence.model_copy(update=changed)
    return replace(job, sequences=(settings.model_copy(update={"sequence": sequence}),))


def test_a_run_that_could_not_call_itself_focused_after_its_last_correction_looks_once_more() -> None:
    """What is far away is corrected to a part of its way: the second look, nearer, makes it sure."""
    job = jobs_of(tiny_plan(), tiny(), 1)[0]
    trusting = trial(_asking(job, 2e-6))
    assert trusting.said
    further = trial(_asking(job, 0.15e-6))  # one look leaves 77 nm, 1 σ, and two 29
    assert (further.looks, further.said) == (trusting.looks + 1, True)
    hopeless = trial(_asking(job, 1e-9))
    assert (hopeless.looks, hopeless.said) == (trusting.looks + 1, False)
    assert trial(_asking(job, 1e-9, iterations=1)).looks == trusting.looks


def test_a_cluster_that_goes_away_before_any_trial_has_ended_is_said(monkeypatch) -> None:
    """Its scheduler is asked for its workers, and is not there any more."""

    def gone(_: Cluster) -> int:
        raise OSError

    monkeypatch.setattr(Cluster, "threads", gone)
    with pytest.raises(InputError, match="has gone away: 0 of 2 trials"):
        verify(tiny_plan(), tiny(), 2, scheduler=None, console=Console(quiet=True))


def test_a_trial_that_failed_has_missed() -> None:
    job = jobs_of(tiny_plan(), tiny(), 8)[7]
    failed = trial_of(Ended(7, job, None, "It failed with MemoryError: too large"))
    assert (failed.seed, failed.end_m, failed.start_m) == (7, None, height_of(ASKED.start_m, 7))
    assert "too large" in failed.why
    assert verified([failed], ASKED.accuracy_m).within == 0
