"""What a pair of images says about drift: constructed shifts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eucentric.correlation.shift import FixedPattern, Method, Shift
from eucentric.focus.drift import Motion, speed_of
from eucentric.focus.settings import FocusStep

STEP = FocusStep(name="fine", preset="fa", drift_threshold_m_per_s=0.3e-9)
PIXEL_M = 0.3e-9


def _shift(y: float, x: float, sigma_px: float = 0.01) -> Shift:
    return Shift(
        shift_px=(y, x),
        covariance_px2=np.eye(2) * sigma_px**2,
        method=Method.MATCHED,
        overlap=1.0,
        false_lock_probability=1e-12,
        runner_up=None,
        coherence=None,
        fixed_pattern=FixedPattern.NONE,
        contrast_sign=1,
        lit=(1.0, 1.0),
        map=None,
        seconds=0.0,
    )


@pytest.mark.parametrize(
    ("shift", "interval_s", "motion"),
    [
        (_shift(0.3, 0.4), 1.0, Motion.STILL),  # 0.5 px of 0.3 nm in 1 s: 0.15 nm/s
        (_shift(3.0, 4.0), 1.0, Motion.MOVING),  # 1.5 nm/s
        (_shift(3.0, 4.0), 10.0, Motion.STILL),  # the same way in 10 s: 0.15 nm/s
        (_shift(0.0, 0.95, 0.2), 1.0, Motion.UNSURE),  # 0.285 ± 0.085 nm/s against 0.3
        (_shift(0.0, 1.05, 0.2), 1.0, Motion.UNSURE),
    ],
)
def test_the_speed_is_judged_with_its_error(shift: Shift, interval_s: float, motion: Motion) -> None:
    assert speed_of(shift, interval_s, PIXEL_M, STEP).motion is motion


def test_speed_is_length_over_time() -> None:
    speed = speed_of(_shift(3.0, -4.0), 2.0, PIXEL_M, STEP)
    assert speed.speed_m_per_s == pytest.approx(5 * PIXEL_M / 2)
    assert speed.sigma_m_per_s == pytest.approx(0.01 * np.sqrt(2) * PIXEL_M / 2)


@pytest.mark.parametrize(
    "dumb",
    [
        replace(_shift(0, 0), false_lock_probability=0.3),
        replace(_shift(0, 0), contrast_sign=-1),
    ],
)
def test_images_that_tell_nothing_are_not_still(dumb: Shift) -> None:
    speed = speed_of(dumb, 1.0, PIXEL_M, STEP)
    assert speed.motion is Motion.UNKNOWN
    assert speed.speed_m_per_s is None


def test_behind_the_camera_s_pattern_a_specimen_moved_by_less_than_a_pixel() -> None:
    hidden = replace(_shift(0, 0), fixed_pattern=FixedPattern.INDISTINGUISHABLE, false_lock_probability=0.5)
    assert speed_of(hidden, 0.9, PIXEL_M, STEP).motion is Motion.UNSURE  # 0.3 nm in 0.9 s: 0.33 nm/s
    assert speed_of(hidden, 1.1, PIXEL_M, STEP).motion is Motion.STILL


def test_a_correlator_without_errors_is_taken_to_half_a_pixel() -> None:
    plain = replace(_shift(0.0, 0.5), covariance_px2=None)
    assert speed_of(plain, 1.0, PIXEL_M, STEP).motion is Motion.UNSURE
    assert speed_of(plain, 10.0, PIXEL_M, STEP).motion is Motion.STILL
