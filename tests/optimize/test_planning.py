"""What a step is predicted to reach and leave, and the plan that is made of it."""

from __future__ import annotations

import functools
import math

import pytest

from eucentric.errors import SettingsError
from eucentric.focus.predict import capture_range_m
from eucentric.focus.settings import CorrectionType
from eucentric.focus.toml import read_toml, to_toml
from eucentric.optimize.candidate import Candidate, candidates
from eucentric.optimize.instrument import Instrument, instrument_of
from eucentric.optimize.planning import Asked, Cheapest, Plan, plan
from eucentric.optimize.prediction import LENS_MAX_M, left_after, looked_at, range_of
from eucentric.optimize.sequence import elsewhere, settings_of

ASKED = Asked(500e-6, 0.1e-6)


@functools.cache
def _instrument(name: str = "200kv-side-entry") -> Instrument:
    return instrument_of(name)


@functools.cache
def _plan(cheapest: Cheapest = Cheapest.ELECTRONS) -> Plan:
    return plan(_instrument(), Asked(500e-6, 0.1e-6, cheapest=cheapest))


def _candidate(preset: str, binning: int, tilt_rad: float, *, instrument: Instrument | None = None) -> Candidate:
    return next(
        c
        for c in candidates(instrument or _instrument())
        if (c.magnification.name, c.binning, c.tilt_rad, c.pattern, c.correction)
        == (preset, binning, tilt_rad, "pair", CorrectionType.STAGE_Z)
    )


def _with(part: str, **values: float) -> Instrument:
    there = _instrument()
    return there.model_copy(update={part: getattr(there, part).model_copy(update=values)})


def test_with_enough_electrons_in_parallel_light_the_range_is_what_the_images_share() -> None:
    """To half a per cent of its search, less the offset that the images show."""
    one = _candidate("fa", 4, 2e-3)
    shared = capture_range_m((1024, 1024), one.pixel_m, 2e-3) - abs(one.offset_m)
    bright = _with("lens", convergence_rad=0.0).model_copy(
        update={
            "magnifications": tuple(
                m.model_copy(update={"dose_per_m2": 100 * m.dose_per_m2}) for m in _instrument().magnifications
            )
        }
    )
    assert range_of(_candidate("fa", 4, 2e-3, instrument=bright), bright) == pytest.approx(shared, rel=5e-3)
    assert range_of(one, _instrument()) <= shared


def test_light_that_is_less_parallel_shortens_the_range() -> None:
    """Convergence damps detail by exp(−(πα·C1·q)²): what is seen far from focus is seen less far."""
    one = _candidate("hl", 4, 5e-3)
    assert range_of(one, _with("lens", convergence_rad=4e-3)) < 0.8 * range_of(one, _instrument())


def test_the_parts_of_an_error_add_up_and_grow_with_what_they_come_from() -> None:
    one = _candidate("fa", 4, 5e-3)
    left = left_after(one, _instrument(), 10e-6)
    assert left.sigma_m == pytest.approx(math.sqrt(sum(p.sigma_m**2 for p in left.budget)))
    of = {p.source: p.sigma_m for p in left.budget}
    assert of["stage Z scale"] == pytest.approx(0.005 * 10e-6)
    twice = {p.source: p.sigma_m for p in left_after(one, _with("stage", z_scale=0.01), 10e-6).budget}
    assert twice["stage Z scale"] == pytest.approx(2 * of["stage Z scale"])
    # C1 + the offset, 10 − 2.3 µm, seen with a tilt scale of 0.2 % (and what the offset itself makes of it: a tenth).
    assert of["tilt scale"] == pytest.approx(0.002 * abs(10e-6 + one.offset_m), rel=0.05)


def test_four_times_the_electrons_halve_the_noise_at_the_most() -> None:
    there = _instrument()
    brighter = there.model_copy(
        update={
            "magnifications": tuple(
                m.model_copy(update={"dose_per_m2": 4 * m.dose_per_m2}) for m in there.magnifications
            )
        }
    )
    noise = [
        next(p.sigma_m for p in looked_at(_candidate("sq", 8, 4e-3, instrument=i), i, 1).budget if p.source == "noise")
        for i in (there, brighter)
    ]
    assert noise[0] / 4.5 < noise[1] < noise[0] / 1.9  # weak signals gain faster: γ² goes with the dose squared


def test_each_step_ends_in_the_range_of_the_next_and_the_last_one_at_the_accuracy() -> None:
    made = _plan()
    first, last = made.steps
    assert first.start_m == ASKED.start_m <= first.range_m
    assert first.leaves_m < last.start_m <= last.range_m  # and between the two magnifications
    assert last.leaves_m <= ASKED.accuracy_m
    assert first.candidate.correction is CorrectionType.STAGE_Z
    for one in made.steps:
        assert one.candidate.correction is CorrectionType.STAGE_Z or one.start_m <= LENS_MAX_M


def test_where_the_optics_hardly_change_with_the_lens_it_corrects_far_errors_too() -> None:
    """A lens does not have to settle for seconds: quicker than the stage, where it may go so far."""
    quick = Asked(200e-6, 1e-6, cheapest=Cheapest.TIME)
    assert plan(_instrument(), quick).steps[0].candidate.correction is CorrectionType.STAGE_Z
    assert plan(_with("lens", far=0.05), quick).steps[0].candidate.correction is CorrectionType.DEFOCUS


def test_what_is_saved_is_least() -> None:
    electrons, time = _plan(Cheapest.ELECTRONS), _plan(Cheapest.TIME)
    assert electrons.dose_e_per_m2 <= time.dose_e_per_m2
    assert time.seconds <= electrons.seconds


def test_a_plan_is_a_sequence_that_reads_back() -> None:
    settings = settings_of(_plan(), _instrument())
    assert read_toml(to_toml(settings)) == settings
    assert [s.preset for s in settings.sequence.steps] == [s.candidate.magnification.name for s in _plan().steps]
    assert [e.separation_rad for e in elsewhere(_plan())] == [2 * s.candidate.tilt_rad for s in _plan().steps]
    limits = settings.sequence.limits
    assert limits.stage_z_absolute_m > 1.1 * ASKED.start_m  # what it starts from is not beyond its own limits
    assert limits.cumulative_m > 1.1 * ASKED.start_m
    # What it calls focused is what it was planned to reach.
    last = _plan().steps[-1]
    error = looked_at(last.candidate, _instrument(), last.looks - 1).sigma_m
    assert settings.sequence.steps[-1].tolerance_m + 3 * error <= 1.01 * settings.sequence.accuracy_m


def test_light_that_does_not_fill_the_images_is_no_candidate() -> None:
    there = _instrument()
    small = there.model_copy(
        update={"magnifications": tuple(m.model_copy(update={"beam_m": m.beam_m / 10}) for m in there.magnifications)}
    )
    assert range_of(_candidate("fa", 4, 5e-3), there) > 0
    assert range_of(_candidate("fa", 4, 5e-3, instrument=small), small) == 0.0
    # A pivot that is off by 1 µm for each mrad moves the light of 1.5 µm off the view.
    assert range_of(_candidate("fa", 4, 5e-3), _with("lens", pivot_m=1e-6)) == 0.0


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Asked(500e-6, 5e-9), "What limits it is"),
        (Asked(5e-3, 0.1e-6), "bring it nearer by hand"),
        (Asked(1e-6, 1e-6), "nothing to do"),
        (Asked(500e-6, 0.1e-6, probability=1.0), "probability"),
        (Asked(500e-6, 0.1e-6, tilt_max_rad=0.0), "mrad"),
    ],
    ids=["accuracy", "start", "nothing", "probability", "tilt"],
)
def test_what_can_not_be_is_a_sentence(asked: Asked, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        plan(_instrument(), asked)
