"""Tilt response there and back, calibrations by preset, what an instrument hands out."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.handed_over import book_from
from eucentric.calibration.instrument import Calibration
from eucentric.calibration.tilt_response import instrument_tilt, true_tilt
from eucentric.errors import CalibrationError
from eucentric.microscope.handed_out import HandedOut, PresetCalibration
from eucentric.optics.column import Column

COLUMN = Column(voltage_v=200e3, c3_m=2.7e-3)
ANGLES = st.floats(-20e-3, 20e-3)


def _turned(scale: float, angle: float, axis: tuple[float, float] = (0.0, 0.0)) -> Calibration:
    c, s = scale * math.cos(angle), scale * math.sin(angle)
    return Calibration("scope", COLUMN, tilt_matrix=((c, s), (-s, c)), coma_free_rad=axis)


@given(y=ANGLES, x=ANGLES, scale=st.floats(0.5, 2), angle=st.floats(-3.14, 3.14), axis=st.tuples(ANGLES, ANGLES))
def test_there_and_back(y: float, x: float, scale: float, angle: float, axis: tuple[float, float]) -> None:
    calibration = _turned(scale, angle, axis)
    # 1e-12 rad is rounding: 20 mrad, a few operations of 1e-16 each, a scale of 2.
    assert true_tilt(calibration, instrument_tilt(calibration, (y, x))) == pytest.approx((y, x), abs=1e-12)


@given(y=ANGLES, x=ANGLES, cubic=st.floats(-40, 500), axis=st.tuples(ANGLES, ANGLES))
def test_there_and_back_with_a_cubic_term(y: float, x: float, cubic: float, axis: tuple[float, float]) -> None:
    """Ten times the usual 50 per rad²; at −40 the coils reach 61 mrad, and axis and tilt together up to 57."""
    calibration = replace(_turned(1.0, 0.3, axis), tilt_cubic_per_rad2=cubic)
    # Rounding, and Newton's last step of 1e-15 of the tilt.
    assert true_tilt(calibration, instrument_tilt(calibration, (y, x))) == pytest.approx((y, x), abs=1e-12)


def test_the_cubic_term_makes_large_tilts_larger() -> None:
    """t(1 + k t²) by construction: at 10 mrad and 50 per rad² 0.5 %; the setting for 10 mrad is that much less."""
    calibration = replace(_turned(1.0, 0.0), tilt_cubic_per_rad2=50.0)
    assert true_tilt(calibration, (0.0, 10e-3)) == pytest.approx((0.0, 10.05e-3), abs=1e-15)
    # To first order 10 mrad·(1 − 0.5 %); the second order is 3(k t²)² = 7.5e-5 of it, 0.75 µrad.
    assert instrument_tilt(calibration, (0.0, 10e-3))[1] == pytest.approx(9.95e-3, abs=1e-6)
    assert true_tilt(replace(calibration, coma_free_rad=(0.0, 10e-3)), (0.0, 10e-3)) == (0.0, 0.0)


def test_a_tilt_that_the_coils_can_not_reach_is_told() -> None:
    """For k = −300 per rad² t(1 + k t²) is largest at t² = −1/(3k), 33 mrad: 22 mrad."""
    calibration = replace(_turned(1.0, 0.0), tilt_cubic_per_rad2=-300.0)
    assert instrument_tilt(calibration, (0.0, 22e-3))[1] < 34e-3
    with pytest.raises(CalibrationError, match="beyond what the calibrated coils of scope reach"):
        instrument_tilt(calibration, (0.0, 23e-3))


def test_the_coma_free_axis_is_tilt_zero_and_angles_turn_from_x_to_y() -> None:
    calibration = _turned(1.0, math.pi / 2, axis=(1e-3, 2e-3))
    assert true_tilt(calibration, (1e-3, 2e-3)) == pytest.approx((0, 0))
    # Instrument +x is a quarter turn further in the image: +y.
    assert true_tilt(calibration, (1e-3, 2e-3 + 5e-3)) == pytest.approx((5e-3, 0))


def test_a_singular_response_is_told() -> None:
    broken = Calibration("scope", COLUMN, tilt_matrix=((1.0, 1.0), (1.0, 1.0)))
    with pytest.raises(CalibrationError, match="Calibrate the beam tilt again"):
        instrument_tilt(broken, (0.0, 1e-3))


def test_a_missing_preset_is_told_with_those_that_are_there() -> None:
    book = CalibrationBook("scope", {"fa": _turned(1.0, 0.0)})
    assert book.of("fa").instrument == "scope"
    with pytest.raises(CalibrationError, match=r"preset 'hl' \(calibrated: fa\)"):
        book.of("hl")


def test_what_is_handed_out_is_believed() -> None:
    preset = PresetCalibration("fa", ((1.1, 0.1), (-0.1, 1.1)), convergence_rad=0.02e-3, aperture_centre_rad=(1e-3, 0))
    numbers = HandedOut(
        instrument="scope",
        voltage_v=300e3,
        c3_m=1.2e-3,
        focal_spread_m=3e-9,
        amplitude_contrast=0.1,
        aperture_rad=20e-3,
        coma_free_rad=(1e-4, 2e-4),
        height_per_z=0.9,
        presets=(preset,),
        tilt_scale_sigma=0.02,
        tilt_rotation_sigma_rad=0.01,
        axis_sigma_rad=1e-4,
        focus_scale_sigma=0.03,
        a1_sigma_m=20e-9,
    )
    got = book_from(numbers).of("fa")
    assert got.column == Column(300e3, 1.2e-3, 0.02e-3, 3e-9, 0.1, 20e-3, (1e-3, 0))
    assert (got.tilt_matrix, got.coma_free_rad, got.height_per_z) == (preset.tilt_matrix, (1e-4, 2e-4), 0.9)
    sure = got.uncertainty
    assert (sure.tilt_scale, sure.tilt_rotation_rad, sure.axis_rad, sure.focus_scale, sure.a1_m) == (
        *(0.02, 0.01, 1e-4, 0.03),
        20e-9,
    )
