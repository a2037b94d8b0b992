"""What is moved, how far a probe goes, what the limits forbid."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eucentric.calibration.instrument import Uncertainty
from eucentric.focus.correct import (
    PROBE_FRACTION,
    PROBE_MIN_M,
    Allowed,
    Channel,
    Correction,
    check_followed,
    check_limits,
    correction_of,
    followed,
    needed,
)
from eucentric.focus.measurement import Measurement
from eucentric.focus.patterns import PatternName, pattern
from eucentric.focus.predict import predicted_measurement
from eucentric.focus.settings import CorrectionLimits, CorrectionType, FocusStep
from eucentric.focus.verdict import Reason

STEP = FocusStep(name="fine", preset="fa", tolerance_m=20e-9)
BASE = predicted_measurement(
    pattern(PatternName.PAIR, 5e-3), c1_m=-2e-6, shift_sigma_m=2e-11, interval_s=1.0, c3_m=2.7e-3, prior=Uncertainty()
)


def _at(c1_m: float) -> Measurement:
    return replace(BASE, c1_m=c1_m)


@pytest.mark.parametrize("c1_m", [-80e-6, 120e-6])
@pytest.mark.parametrize("per_move", [1.0, 0.5])
def test_a_confirmed_channel_is_moved_all_the_way(c1_m: float, per_move: float) -> None:
    made = correction_of(_at(c1_m), Channel(CorrectionType.STAGE_Z, 10e-6, per_move, confirmed=True))
    assert made.change_c1_m == -c1_m
    assert made.move_m == pytest.approx(-c1_m / per_move)
    assert made.target_m == pytest.approx(10e-6 - c1_m / per_move)
    assert not made.probe


@pytest.mark.parametrize(
    ("c1_m", "first_m"),
    [(-80e-6, PROBE_FRACTION * 80e-6), (10e-6, -PROBE_MIN_M[CorrectionType.STAGE_Z]), (-3e-6, 3e-6)],
)
def test_the_first_correction_is_a_part_and_never_more_than_the_whole(c1_m: float, first_m: float) -> None:
    made = correction_of(_at(c1_m), Channel(CorrectionType.STAGE_Z, 0.0))
    assert made.probe
    assert made.change_c1_m == pytest.approx(first_m)


def test_a_correction_is_wanted_above_tolerance_and_delta_min() -> None:
    assert needed(_at(21e-9), STEP)
    assert not needed(_at(-19e-9), STEP)
    assert not needed(_at(90e-9), STEP.model_copy(update={"delta_min_m": 100e-9}))
    assert not needed(_at(1e-6), STEP.model_copy(update={"correction_type": CorrectionType.NONE}))


@pytest.mark.parametrize(
    ("whole_m", "target_m", "moved_m", "reason"),
    [
        (10e-6, 10e-6, 0.0, None),
        (-26e-6, -10e-6, 0.0, Reason.BEYOND_RANGE),
        (10e-6, 101e-6, 0.0, Reason.ABSOLUTE_LIMIT),
        (10e-6, 10e-6, 595e-6, Reason.CUMULATIVE_LIMIT),
    ],
)
def test_the_limits(whole_m: float, target_m: float, moved_m: float, reason: Reason | None) -> None:
    wanted = Correction(CorrectionType.DEFOCUS, whole_m, whole_m, target_m)
    found = check_limits(wanted, whole_m, Allowed(25e-6, CorrectionLimits(), moved_m))
    assert (None if found is None else found.reason) is reason


def test_each_channel_has_its_own_absolute_limit() -> None:
    stage = Correction(CorrectionType.STAGE_Z, 10e-6, 10e-6, 150e-6)
    assert check_limits(stage, 10e-6, Allowed(500e-6, CorrectionLimits())) is None
    assert check_limits(replace(stage, target_m=-351e-6), 10e-6, Allowed(500e-6, CorrectionLimits())) is not None


@pytest.mark.parametrize(("after_m", "right"), [(-4e-6, True), (-6e-6, True), (-10e-6, False), (-16e-6, False)])
def test_focus_must_follow_a_probe(after_m: float, right: bool) -> None:
    probe = Correction(CorrectionType.STAGE_Z, 6e-6, 6e-6, 6e-6, probe=True)
    assert followed(_at(-10e-6), _at(after_m), probe) is right
    found = check_followed(_at(-10e-6), _at(after_m), probe)
    assert (found is None) is right
    if found is not None:
        assert found.reason is Reason.WRONG_SIGN
        assert "calibrate" in str(found)


def test_a_change_within_the_errors_accuses_nobody_and_confirms_nothing() -> None:
    probe = Correction(CorrectionType.DEFOCUS, 40e-9, 40e-9, 40e-9, probe=True)
    # Two measurements of ± 31 nm (total) each: seen and asked differ by 60 nm, 1.3 of their errors.
    assert not followed(_at(-50e-9), _at(-70e-9), probe)
    assert check_followed(_at(-50e-9), _at(-70e-9), probe) is None


@pytest.mark.parametrize(("move_m", "refused"), [(-1e-6, True), (1e-6, True), (3e-6, False)])
def test_the_way_from_below_is_within_the_limit_too(move_m: float, refused: bool) -> None:
    limits = CorrectionLimits(stage_z_absolute_m=100e-6)
    wanted = Correction(CorrectionType.STAGE_Z, move_m, move_m, -99e-6)
    got = check_limits(wanted, move_m, Allowed(25e-6, limits, approach_m=2e-6))
    assert (got is not None) == refused
    assert got is None or got.reason is Reason.ABSOLUTE_LIMIT
