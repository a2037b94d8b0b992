"""dC1/dz of the stage in commanded metres, and the focus scale, from one run."""

from __future__ import annotations

import math

import numpy as np
import pytest

from eucentric.calibrate.focus_scale import FocusScalePlan, measure_focus_scale, measure_height_and_scale
from eucentric.calibrate.height import HeightPlan, measure_height
from eucentric.calibrate.outcome import Level
from eucentric.calibration.quantities import FocusScale, HeightResponse
from eucentric.errors import CalibrationError
from eucentric.microscope.simulated.truth import constants
from tests.calibrate.stage_scope import scope_with

QUICK = HeightPlan(points=3, settle_s=2.0)


@pytest.mark.parametrize(
    "fault",
    [
        {"stage": {"z_scale": 0.02}},
        {"column": {"hysteresis": 0.05}},
        {"column": {"far_tilt_scale_per_m": 500.0}},
    ],
)
def test_it_is_the_truth_with_one_fault(fault: dict[str, dict[str, float]]) -> None:
    """z scale ÷ focus scale; hysteresis (1 µm) and the far lens (5 % per 100 µm) do not enter."""
    scope = scope_with(**fault)
    before = scope.state()
    outcome = measure_height(scope.guarded, scope.book, QUICK)
    found = outcome.quantity
    assert isinstance(found, HeightResponse)
    # 2 nm of C1 over 40 µm, twice: 1e-4; and 5 % per 100 µm at a mean defocus of 1 µm: 5e-4.
    assert found.c1_per_z == pytest.approx(constants(scope.inner).c1_per_z, abs=7e-4)
    assert outcome.good is Level.GREEN
    assert scope.state() == before


def test_both_numbers_of_one_run_on_a_default_microscope() -> None:
    scope = scope_with(seed=4, perfect=False, specimen={"height_m": 60e-6})
    before, true = scope.state(), constants(scope.inner)
    told: list[float] = []
    height, scale = measure_height_and_scale(
        scope.guarded, scope.book, FocusScalePlan(heights=QUICK), progress=lambda _, part: told.append(part)
    )
    assert isinstance(height.quantity, HeightResponse)
    assert isinstance(scale.quantity, FocusScale)
    assert abs(height.quantity.c1_per_z - true.c1_per_z) < 3 * height.quantity.c1_per_z_sigma
    assert abs(scale.quantity.scale - true.focus_scale) < 3 * scale.quantity.scale_sigma
    assert height.quantity.c1_per_z * scale.quantity.scale == pytest.approx(1)
    assert scale.quantity.tied is not None
    assert "within 0.5%" in scale.sentence
    assert scope.state() == before
    assert told == sorted(told)
    assert all(0 <= part <= 1 for part in told)
    points = height.evidence[0].series[0]
    assert points.fit_x is not None
    assert points.fit_y is not None
    # The drawn line goes through the drawn points, and has the slope that was found.
    slope = float(np.diff(points.fit_y)[0] / np.diff(points.fit_x)[0])
    assert slope == pytest.approx(-height.quantity.c1_per_z, rel=1e-9)
    line = np.interp(points.x, points.fit_x, points.fit_y)
    assert np.abs(points.y - line).max() < 0.05  # µm: 50 nm


def test_thon_rings_tell_the_scale_over_the_pixel_squared() -> None:
    """A pixel larger by 1.6 % than declared: rings at q(1.016), so C1 looks smaller by 1.016²."""
    scope = scope_with(column={"focus_scale": 0.03, "pixel_scale": 0.02})
    before, true = scope.state(), constants(scope.inner)
    plan = FocusScalePlan(reference="Thon rings", pixel_sigma=0.02)
    outcome = measure_focus_scale(scope.guarded, scope.book, plan)
    found = outcome.quantity
    assert isinstance(found, FocusScale)
    pixel = true.pixel_m["fa"] / next(p.pixel_m for p in scope.guarded.presets() if p.name == "fa")
    apparent = true.focus_scale / pixel**2
    own = math.sqrt(found.scale_sigma**2 - (2 * plan.pixel_sigma * found.scale) ** 2)
    assert found.scale == pytest.approx(apparent, abs=4 * own + 1e-3)
    assert abs(found.scale - true.focus_scale) < 3 * found.scale_sigma
    assert found.tied is not None
    assert "pixel" in found.tied
    assert scope.state() == before


def test_a_tilted_stage_is_refused_before_anything_moves() -> None:
    scope = scope_with()
    scope.guarded.move_stage(alpha_rad=0.3)
    before = scope.state()
    with pytest.raises(CalibrationError, match=r"tilted by 17\.2°"):
        measure_height(scope.guarded, scope.book, QUICK)
    assert scope.state() == before
