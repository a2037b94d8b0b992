"""Places on a tilted specimen."""

from __future__ import annotations

import math

import numpy as np
import pytest

from eucentric.calibration.instrument import Uncertainty
from eucentric.focus.patterns import PatternName, pattern
from eucentric.focus.predict import predicted_measurement
from eucentric.focus.result import DefocusResult
from eucentric.focus.solve import Exposures
from eucentric.focus.targets import HERE, FocusTarget, Plane, at_centre, tilt_offset_m
from eucentric.focus.tilted import Slope, stage_tilt_slope
from eucentric.focus.verdict import Verdict

PLAN = pattern(PatternName.PAIR, 5e-3)


def _rotated(alpha: float, axis: float) -> Slope:
    return stage_tilt_slope(alpha, axis, Uncertainty())


@pytest.mark.parametrize("alpha_deg", [-50, 10, 60])
@pytest.mark.parametrize("axis_deg", [0, 30, -110])
def test_the_offset_is_the_height_of_a_plane_turned_about_the_axis(alpha_deg: float, axis_deg: float) -> None:
    alpha, axis = math.radians(alpha_deg), math.radians(axis_deg)
    along = np.array([math.cos(axis), math.sin(axis), 0.0])  # (x, y, z)
    across = np.array([-math.sin(axis), math.cos(axis), 0.0])
    in_plane = 2e-6 * along + 3e-6 * across  # a place of the film before it is tilted
    turned = 2e-6 * along + 3e-6 * (math.cos(alpha) * across + math.sin(alpha) * np.array([0.0, 0.0, 1.0]))
    for place, plane in ((in_plane, Plane.SPECIMEN), (turned, Plane.IMAGE)):
        target = FocusTarget("a", image_shift_m=(float(place[1]), float(place[0])), plane=plane)
        higher, sigma = tilt_offset_m(target, alpha, _rotated(alpha, axis))
        assert higher == pytest.approx(turned[2], rel=1e-12)
        assert sigma > 0.01 * abs(higher)


def test_without_an_image_shift_there_is_no_offset() -> None:
    assert tilt_offset_m(HERE, 1.0, _rotated(1.0, 0.0)) == (0.0, 0.0)


def test_what_was_measured_there_is_told_for_the_centre() -> None:
    measured = predicted_measurement(
        PLAN, c1_m=1e-6, shift_sigma_m=1e-11, interval_s=1.0, c3_m=0.0, prior=Uncertainty()
    )
    result = DefocusResult(measured, Verdict(), (), (None, 2e-6), Exposures(PLAN.tilts, (0.0, 1.0)), 1e-9)
    told = at_centre(result, 0.4e-6, 30e-9)
    assert told.measurement.c1_m == pytest.approx(0.6e-6)
    assert told.measurement.total_sigma_m == pytest.approx(math.hypot(measured.total_sigma_m, 30e-9))
    assert told.rivals_m == (None, pytest.approx(1.6e-6))
    assert told.height_m == 0.4e-6
    parts = sum(c.sigma_m**2 for c in told.measurement.budget)
    assert math.sqrt(parts) == pytest.approx(told.measurement.total_sigma_m, rel=1e-6)
    assert at_centre(result, 0.0, 0.0) is result
