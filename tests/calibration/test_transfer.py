"""Pixel sizes and rotations by construction: what is carried over is what would be measured there."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucentric.calibration.quantities import AlphaResponse, EucentricFocus, PivotPoint, StigmatorResponse, TiltResponse
from eucentric.calibration.record import Level
from eucentric.calibration.transfer import NOMINAL_PIXEL_SIGMA, Turn, calibrated_turn, transferred
from eucentric.errors import CalibrationError

from .kept import FA, HL, record, response

EXACT = 1e-9  # relative: rounding of a few products
TURN = Turn(math.radians(50), 2e-3)


@given(angle=st.floats(-3.1, 3.1), scale=st.floats(0.8, 1.2))
def test_a_rotation_between_presets_is_that_of_their_tilt_responses(angle: float, scale: float) -> None:
    own = cmath.rect(1.03, 0.7)
    one = record(response(HL, own), HL)
    two = record(response(FA, own * cmath.rect(scale, angle)), FA)
    turn = calibrated_turn(one, two)
    assert turn.rotation_rad == pytest.approx(angle, abs=1e-9)
    assert turn.sigma_rad == pytest.approx(math.sqrt(2) * 1e-3)


@given(angle=st.floats(-3.1, 3.1))
def test_a_tilt_response_is_carried_over(angle: float) -> None:
    """Of two presets whose nominal pixels are right the transferred response is the other's own."""
    there = transferred(record(response(HL, cmath.rect(1.0, 0.4)), HL), FA, Turn(angle, 2e-3))
    expected = response(FA, cmath.rect(1.0, 0.4 + angle))
    assert isinstance(there.quantity, TiltResponse)
    np.testing.assert_allclose(
        there.quantity.matrix_px_per_rad_m, expected.matrix_px_per_rad_m, rtol=0, atol=EXACT / FA.pixel_m
    )
    assert there.quantity.scale_sigma == pytest.approx(math.hypot(0.002, NOMINAL_PIXEL_SIGMA))
    assert there.quantity.rotation_sigma_rad == pytest.approx(math.hypot(1e-3, 2e-3))
    assert (there.transferred, there.level, there.optics) == (True, Level.AMBER, FA)
    assert "eucentric calibrate tilt --preset fa" in there.sentence


def test_stage_tilts_turn_with_the_image() -> None:
    """An axis along +x seen at a preset that is turned by 50° lies at 50°; 1 px there is 16.7 px here."""
    alpha = AlphaResponse(
        px_per_m=(2e8, 0.0), px_per_m_sigma=1e5, eucentric_z_m=3e-6, eucentric_z_sigma_m=1e-7, axis_rad=0.0,
        axis_sigma_rad=1e-3,
    )  # fmt: skip
    there = transferred(record(alpha, HL), FA, TURN).quantity
    assert isinstance(there, AlphaResponse)
    assert there.axis_rad == pytest.approx(math.radians(50))
    # +y turns from +x towards +y by 50°: to (cos 50°, −sin 50°) in (y, x).
    size = 2e8 * HL.pixel_m / FA.pixel_m
    assert there.px_per_m == pytest.approx((size * math.cos(math.radians(50)), -size * math.sin(math.radians(50))))
    assert there.px_per_m_sigma > 0.02 * size
    assert there.axis_sigma_rad == pytest.approx(math.hypot(1e-3, 2e-3))
    assert there.eucentric_z_m == 3e-6


def test_astigmatism_turns_by_twice_the_angle() -> None:
    """A quarter turn takes a to −a and b to −b: A1 is the same after half a turn."""
    stigmator = StigmatorResponse(
        matrix_m=((1e-6, 2e-7), (0.0, 1e-6)), matrix_sigma_m=1e-9, a1_m=(2e-8, -1e-8), a1_sigma_m=1e-9, value=(0.0, 0.0)
    )
    there = transferred(record(stigmator, HL), FA, Turn(math.pi / 2, 0.0)).quantity
    assert isinstance(there, StigmatorResponse)
    np.testing.assert_allclose(there.matrix_m, -np.array(stigmator.matrix_m), atol=1e-6 * EXACT)
    assert there.a1_m == pytest.approx((-2e-8, 1e-8))
    back = transferred(record(stigmator, HL), FA, Turn(math.pi, 0.0)).quantity
    assert isinstance(back, StigmatorResponse)
    np.testing.assert_allclose(back.matrix_m, stigmator.matrix_m, atol=1e-6 * EXACT)


def test_the_pivot_turns_and_keeps_its_metres() -> None:
    pivot = PivotPoint(matrix_m_per_rad=((2e-5, 0.0), (0.0, 2e-5)), sigma_m_per_rad=1e-7)
    there = transferred(record(pivot, HL), FA, TURN).quantity
    assert isinstance(there, PivotPoint)
    assert np.linalg.norm(there.matrix_m_per_rad, 2) == pytest.approx(2e-5)


def test_what_pixels_do_not_tell_is_refused() -> None:
    focus = record(EucentricFocus(focus_m=1e-6, focus_sigma_m=1e-8), HL)
    with pytest.raises(CalibrationError, match="eucentric calibrate eucentric-focus --preset fa"):
        transferred(focus, FA, TURN)
    for other in ({"voltage_v": 300e3}, {"probe_mode": "nano"}, {"camera": "other"}):
        with pytest.raises(CalibrationError, match="can't be carried over"):
            transferred(record(optics=HL), FA.model_copy(update=other), TURN)
    with pytest.raises(CalibrationError, match="needs two tilt responses"):
        calibrated_turn(focus, record())
