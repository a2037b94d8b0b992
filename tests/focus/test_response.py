"""How a channel answers: promised by the calibration, learned from a move that was looked at, and trusted."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from eucentric.calibration.instrument import Uncertainty
from eucentric.focus.correct import Correction
from eucentric.focus.patterns import PatternName, pattern
from eucentric.focus.predict import predicted_measurement
from eucentric.focus.response import Response, learned, left_by, promised
from eucentric.focus.settings import CorrectionType, FocusSequence, FocusSettings, FocusStep

SURE = Uncertainty(height_scale=0.005, focus_scale=0.01, focus_hysteresis=0.03, z_arrival_m=20e-9, z_play_m=0.3e-6)
SETTINGS = FocusSettings(sequence=FocusSequence(steps=(FocusStep(name="fine", preset="fa"),)))
STAGE, LENS = CorrectionType.STAGE_Z, CorrectionType.DEFOCUS
MEASURED = predicted_measurement(
    pattern(PatternName.PAIR, 5e-3), c1_m=0.0, shift_sigma_m=2e-11, interval_s=1.0, c3_m=2.7e-3, prior=SURE
)


def test_z_from_below_arrives_and_straight_it_plays() -> None:
    assert promised(STAGE, SURE, SETTINGS) == Response(1.0, 0.005, 20e-9)
    straight = SETTINGS.model_copy(update={"z_approach_m": 0.0})
    assert promised(STAGE, SURE, straight).arrival_m == pytest.approx(math.hypot(20e-9, 0.3e-6))


def test_a_lens_leaves_a_part_behind_unless_it_comes_from_the_same_side() -> None:
    assert promised(LENS, SURE, SETTINGS) == Response(0.97, math.hypot(0.01, 0.03 / math.sqrt(3)))
    approached = SETTINGS.model_copy(update={"focus_approach_m": 5e-6})
    assert promised(LENS, SURE, approached) == Response(1.0, 0.01)


def test_what_a_move_did_is_weighed_against_the_promise() -> None:
    """Scales drawn at 0.5 %, moves of 500 µm seen to 1 µm: the estimate errs as it says, and less than the promise."""
    rng = np.random.default_rng(20261130)
    known, made = promised(STAGE, SURE, SETTINGS), Correction(STAGE, 500e-6, 500e-6, 500e-6)
    pulls, errors = [], []
    for _ in range(2000):
        ratio = 1 + 0.005 * rng.normal()
        before = replace(MEASURED, c1_m=-500e-6 + 1e-6 * rng.normal(), total_sigma_m=1e-6)
        after = replace(MEASURED, c1_m=-500e-6 + ratio * 500e-6, total_sigma_m=0.0)
        got = learned(known, made, before, after)
        errors.append(got.ratio - ratio)
        pulls.append(errors[-1] / got.sigma)
    # σ of both: 1 / √(1/0.5² + 1/0.2²) %
    assert np.std(errors) == pytest.approx(0.01 / math.hypot(1 / 0.5, 1 / 0.2), rel=5 / math.sqrt(2 * 2000))
    assert np.std(pulls) == pytest.approx(1, rel=5 / math.sqrt(2 * 2000))


def test_a_lens_is_not_learned_from() -> None:
    known = promised(LENS, SURE, SETTINGS)
    made = Correction(LENS, 1e-6, 1e-6, 1e-6)
    assert learned(known, made, replace(MEASURED, c1_m=-1e-6), replace(MEASURED, c1_m=-0.1e-6)) == known


def test_what_nobody_looks_at_again_has_the_errors_of_measurement_and_move() -> None:
    before = replace(MEASURED, c1_m=-2e-6)
    left = left_by(before, Correction(STAGE, 2e-6, 2e-6, 2e-6), Response(1.0, 0.005, 20e-9))
    assert left.c1_m == 0
    assert left.total_sigma_m == pytest.approx(math.hypot(before.total_sigma_m, 10e-9, 20e-9))
    assert {part.source for part in left.budget} >= {"stage z scale", "stage z arrival"}
    assert math.hypot(*(part.sigma_m for part in left.budget)) == pytest.approx(left.total_sigma_m)


@pytest.mark.parametrize("moved", [0.0, 2.0, -1.0], ids=["not moved", "moved twice", "the wrong way"])
def test_a_stage_that_does_not_follow_teaches_no_scale(moved: float) -> None:
    known, made = promised(STAGE, SURE, SETTINGS), Correction(STAGE, 500e-6, 500e-6, 500e-6)
    before = replace(MEASURED, c1_m=-500e-6, total_sigma_m=2e-6)
    after = replace(MEASURED, c1_m=-500e-6 + moved * 500e-6, total_sigma_m=2e-6)
    assert learned(known, made, before, after) == known
