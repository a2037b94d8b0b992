"""Stage alpha on the simulated stage: motion, axis, eucentric Z."""

from __future__ import annotations

import math

import pytest

from eucentric.calibrate.alpha import AlphaPlan, measure_alpha
from eucentric.calibrate.outcome import Outcome
from eucentric.calibration.quantities import AlphaResponse
from eucentric.errors import NotMeasuredError
from eucentric.microscope.simulated.truth import constants, truth
from tests.calibrate.stage_scope import Scope, scope_with

QUICK = AlphaPlan(points=3, settle_s=1.0)


def measured(scope: Scope, plan: AlphaPlan = QUICK) -> tuple[Outcome, AlphaResponse]:
    before = scope.state()
    outcome = measure_alpha(scope.guarded, scope.book, plan)
    assert isinstance(outcome.quantity, AlphaResponse)
    assert scope.state() == before
    return outcome, outcome.quantity


def turned(angle: float) -> float:
    return (angle + math.pi) % (2 * math.pi) - math.pi


def test_motion_axis_and_zero_with_a_turned_image_and_play() -> None:
    """Play of 0.2° in alpha is the same at every tilt; the image's rotation is the axis' direction."""
    scope = scope_with(
        size=384,
        specimen={"height_m": 40e-6},
        column={"image_rotation_rad": 3.0},
        stage={"backlash_alpha_rad": 3.5e-3},
    )
    true = constants(scope.inner)
    _, found = measured(scope)
    # The stage's noise floor of 5 nm of 2 tan(1°)·25 µm·√2 each: 0.4 %, 4 of that.
    for seen, expected in zip(found.px_per_m, true.alpha_px_per_m["hl"], strict=True):
        assert seen == pytest.approx(expected, abs=4 * found.px_per_m_sigma)
    assert found.px_per_m_sigma < 0.006 * math.hypot(*found.px_per_m)
    assert abs(turned(found.axis_rad - true.stage_tilt_axis_rad["hl"])) < 4 * found.axis_sigma_rad
    # Play of 0.2° turns height about the place: nothing here; 0.2 µm is 4 of the swings' 5 nm ÷ 2 tan(1°)/√3.
    assert found.eucentric_z_m == pytest.approx(truth(scope.inner).eucentric_z_m, abs=0.35e-6)


def test_the_runout_of_the_goniometer_is_in_the_stated_error() -> None:
    """3 µm/rad in a drawn direction: its part along p moves the zero, its part across is told; σ covers it."""
    scope = scope_with(size=384, stage={"runout_m_per_rad": 3e-6})
    outcome, found = measured(scope)
    away = abs(found.eucentric_z_m - truth(scope.inner).eucentric_z_m)
    assert away < 3e-6 + 0.35e-6
    assert found.eucentric_z_sigma_m >= QUICK.runout_m_per_rad
    assert away < 3 * found.eucentric_z_sigma_m
    assert "nm per degree" in outcome.sentence
    assert "height" in found.tied


def test_a_specimen_that_shows_nothing_is_refused_and_all_put_back() -> None:
    scope = scope_with(specimen={"film_thickness_m": 0.0, "ice_thickness_m": 0.0})
    before = scope.state()
    with pytest.raises(NotMeasuredError):
        measure_alpha(scope.guarded, scope.book, QUICK)
    assert scope.state() == before
