"""Second looks: which reason gets which, and when two looks settle a doubt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eucentric.calibration.instrument import Uncertainty
from eucentric.correlation.shift import FixedPattern, Method, Rival, Shift
from eucentric.focus.again import (
    FRACTIONS,
    OFFSET_M,
    OFFSET_PX,
    Expected,
    Look,
    another_look,
    expected_after,
    settled,
    surprised,
    told_apart,
)
from eucentric.focus.correct import Correction
from eucentric.focus.patterns import PatternName, pattern
from eucentric.focus.predict import predicted_measurement
from eucentric.focus.response import promised
from eucentric.focus.result import DefocusResult
from eucentric.focus.settings import CorrectionType, FocusSequence, FocusSettings, FocusStep
from eucentric.focus.solve import Exposures
from eucentric.focus.verdict import Finding, Reason, Verdict

STEP = FocusStep(name="fine", preset="fa", tilt_rad=5e-3)
SETTINGS = FocusSettings(sequence=FocusSequence(steps=(STEP,)))
SURE = Uncertainty()
PIXEL_M = 1e-9
LIMIT = STEP.thresholds


def _refused(*reasons: Reason) -> Verdict:
    return Verdict(tuple(Finding(r, "found", "allowed", "advice") for r in reasons))


def _result(
    c1_m: float, rival_m: float | None = None, verdict: Verdict | None = None, tilt: float = 5e-3
) -> DefocusResult:
    plan = pattern(PatternName.PAIR, tilt)
    measured = predicted_measurement(plan, c1_m=c1_m, shift_sigma_m=2e-11, interval_s=1.0, c3_m=2.7e-3, prior=SURE)
    rival = None if rival_m is None else Rival((0.0, 1.0), 2.0)
    shift = Shift((0, 1), np.eye(2), Method.MATCHED, 0.9, 1e-20, rival, None, FixedPattern.NONE, 1, (1, 1), None, 0.1)
    exposures = Exposures(plan.tilts, (0.0, 1.0))
    return DefocusResult(measured, verdict or Verdict(), (shift,), (rival_m,), exposures, PIXEL_M)


def test_each_reason_has_its_look() -> None:
    first = Look()
    assert another_look(STEP, _refused(Reason.CHI_SQUARE), first, PIXEL_M) == first
    second = another_look(STEP, _refused(Reason.AMBIGUOUS), first, PIXEL_M)
    assert second == Look(tilt_fraction=FRACTIONS[1])
    assert another_look(STEP, _refused(Reason.AMBIGUOUS, Reason.CHI_SQUARE), first, PIXEL_M) == second
    assert another_look(STEP, _refused(Reason.UNEXPECTED), Look(FRACTIONS[-1]), PIXEL_M) is None
    away = another_look(STEP, _refused(Reason.FIXED_PATTERN), first, PIXEL_M)
    assert away is not None
    assert away.offset_m == pytest.approx(-OFFSET_PX * PIXEL_M / (2 * STEP.tilt_rad))
    assert away.offset_m <= OFFSET_M
    assert another_look(STEP, _refused(Reason.FALSE_LOCK, Reason.CHI_SQUARE), first, PIXEL_M) == away
    assert another_look(STEP, _refused(Reason.FALSE_LOCK), away, PIXEL_M) is None  # once: a blank area stays blank
    assert another_look(STEP, _refused(Reason.SATURATED), first, PIXEL_M) is None
    assert another_look(STEP, _refused(Reason.CHI_SQUARE, Reason.SATURATED), first, PIXEL_M) is None


def test_small_pixels_are_still_moved_by_a_micrometre() -> None:
    away = another_look(STEP, _refused(Reason.FIXED_PATTERN), Look(), 0.1e-9)
    assert away == Look(offset_m=OFFSET_M)


def test_two_tilts_settle_a_lattice() -> None:
    doubt = _refused(Reason.AMBIGUOUS)
    # One lattice step is 3 µm of shift: 3e-6 / 2β, 300 µm at 5 mrad and 429 µm at 3.5 mrad.
    first, second = _result(-50e-6, 250e-6, doubt), _result(-50.05e-6, 378.6e-6, doubt, tilt=3.5e-3)
    assert settled(second, [first], LIMIT).accepted
    wrong = _result(378.6e-6, -50e-6, doubt, tilt=3.5e-3)
    assert not settled(wrong, [first], LIMIT).accepted  # the right answers agree, but as runner-up: nobody decides
    other = replace(second, verdict=_refused(Reason.AMBIGUOUS, Reason.OVERLAP))
    assert not settled(other, [first], LIMIT).accepted


def test_noise_does_not_make_the_same_defocus_twice() -> None:
    unsure = _refused(Reason.FALSE_LOCK)

    def look(c1_m: float, chance: float, verdict: Verdict = unsure) -> DefocusResult:
        seen = _result(c1_m, None, verdict)
        return replace(seen, shifts=tuple(replace(s, false_lock_probability=chance) for s in seen.shifts))

    first = look(-440e-6, 2e-5)
    assert settled(look(-440.1e-6, 3e-5), [first], LIMIT).accepted
    assert not settled(look(-440.1e-6, 0.5), [first], LIMIT).accepted  # 10⁻⁵ for both
    assert not settled(look(-400e-6, 3e-5), [first], LIMIT).accepted
    doubtful = tuple(replace(s, runner_up=Rival((0.0, 1.0), 2.0)) for s in first.shifts)
    assert not settled(look(-440.1e-6, 3e-5), [replace(first, shifts=doubtful, rivals_m=(0.0,))], LIMIT).accepted
    # A place that looks alike is found again with the same tilt, wherever the lens is.
    assert not settled(look(-440.1e-6, 1e-20, _refused(Reason.AMBIGUOUS)), [first], LIMIT).accepted


def test_noise_settles_no_doubt_of_places() -> None:
    """The right answer is as likely as the other; a second look that sees nothing is where it is by chance."""
    doubt = _result(-50e-6, 250e-6, _refused(Reason.AMBIGUOUS))
    noise = _result(-50.05e-6, None, _refused(Reason.FALSE_LOCK), tilt=3.5e-3)
    chance = tuple(replace(s, false_lock_probability=0.5) for s in noise.shifts)
    assert not settled(replace(noise, shifts=chance), [doubt], LIMIT).accepted


def test_a_surprise_is_believed_when_it_is_found_twice() -> None:
    expected = Expected(0.0, 50e-9)
    first, second = (surprised(_result(c1, tilt=tilt), expected) for c1, tilt in ((2.0e-6, 5e-3), (2.001e-6, 3.5e-3)))
    assert first.verdict.reason is Reason.UNEXPECTED
    assert settled(second, [first], LIMIT).accepted
    assert not settled(surprised(_result(-7e-6), expected), [first], LIMIT).accepted


def test_what_was_expected_is_no_surprise() -> None:
    expected = Expected(0.0, 50e-9)
    assert surprised(_result(0.2e-6), expected).accepted
    assert surprised(_result(9e-6), None).accepted


def test_of_several_answers_the_one_that_the_correction_left_is_taken() -> None:
    ambiguous = _refused(Reason.AMBIGUOUS)
    expected = Expected(0.0, 1e-6)
    assert told_apart(_result(2e-6, 100e-6, ambiguous), expected, STEP).accepted
    assert told_apart(_result(2e-6, None, ambiguous), expected, STEP).accepted  # the other shift is no defocus at all
    assert not told_apart(_result(2e-6, 4e-6, ambiguous), expected, STEP).accepted  # both can be
    assert not told_apart(_result(20e-6, 100e-6, ambiguous), expected, STEP).accepted  # neither can
    assert not told_apart(_result(2e-6, 100e-6, ambiguous), None, STEP).accepted
    assert not told_apart(_result(2e-6, 100e-6, _refused(Reason.AMBIGUOUS, Reason.CHI_SQUARE)), expected, STEP).accepted


def test_noise_seldom_makes_a_match_just_where_it_is_expected() -> None:
    expected, unsure = Expected(0.0, 1e-6), _refused(Reason.FALSE_LOCK)
    result = _result(2e-6, None, unsure)
    for chance, accepted in ((5e-6, True), (5e-4, False)):
        told = replace(result, shifts=tuple(replace(s, false_lock_probability=chance) for s in result.shifts))
        assert told_apart(told, expected, STEP).accepted is accepted
        assert not told_apart(told, None, STEP).accepted


def test_the_expectation_has_the_errors_of_measurement_and_move() -> None:
    before = replace(_result(-100e-6).measurement, total_sigma_m=1e-6)
    made = Correction(CorrectionType.STAGE_Z, 100e-6, 100e-6, 100e-6)
    expected = expected_after(before, made, promised(made.channel, SURE, SETTINGS))
    assert expected.c1_m == pytest.approx(0, abs=1e-9)
    # What was measured to 1 %, and the move 0.5 % of 100 µm with 0.5 µm of play: √(1.0² + 0.5² + 0.5²) µm.
    assert expected.sigma_m == pytest.approx(1.225e-6, rel=0.01)
    lens = promised(CorrectionType.DEFOCUS, SURE, SETTINGS)
    by_lens = expected_after(before, replace(made, channel=CorrectionType.DEFOCUS), lens)
    # 1 % of scale, and of the 1 % that stays behind the spread of √⅓: √(1.0² + 1.0² + 0.577²) µm.
    assert by_lens.sigma_m == pytest.approx(1.53e-6, rel=0.01)
