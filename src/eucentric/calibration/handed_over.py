"""From the numbers that an instrument hands out about itself to what the measuring side believes."""

from __future__ import annotations

import math

from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.instrument import Calibration, Uncertainty
from eucentric.calibration.quantities import AlphaResponse, StigmatorResponse
from eucentric.microscope.handed_out import HandedOut, PresetCalibration
from eucentric.optics.column import Column

_Z_UNKNOWN_M = 200e-6  # the specimen's height is nothing that an instrument knows


def book_from(numbers: HandedOut) -> CalibrationBook:
    """One calibration for each preset. The drift prior is the default: no calibration knows tomorrow's drift."""
    uncertainty = Uncertainty(
        tilt_scale=numbers.tilt_scale_sigma,
        tilt_rotation_rad=numbers.tilt_rotation_sigma_rad,
        axis_rad=numbers.axis_sigma_rad,
        focus_scale=numbers.focus_scale_sigma,
        a1_m=numbers.a1_sigma_m,
        stage_tilt_axis_rad=numbers.stage_tilt_axis_sigma_rad,
    )
    columns = columns_of(numbers)
    presets = {}
    for calibrated in numbers.presets:
        presets[calibrated.preset] = Calibration(
            instrument=numbers.instrument,
            column=columns[calibrated.preset],
            tilt_matrix=calibrated.tilt_matrix,
            coma_free_rad=numbers.coma_free_rad,
            height_per_z=numbers.height_per_z,
            z_along_normal=numbers.z_along_normal,
            stage_tilt_axis_rad=calibrated.stage_tilt_axis_rad,
            alpha=_alpha(calibrated, numbers),
            stigmator=_stigmator(calibrated, numbers),
            eucentric_focus_m=calibrated.eucentric_focus_m,
            uncertainty=uncertainty,
            eucentric_focus_sigma_m=numbers.eucentric_focus_sigma_m
            if calibrated.eucentric_focus_m is not None
            else None,
        )
    return CalibrationBook(numbers.instrument, presets)


def _alpha(one: PresetCalibration, numbers: HandedOut) -> AlphaResponse | None:
    if one.alpha_px_per_m is None or one.stage_tilt_axis_rad is None:
        return None
    return AlphaResponse(
        px_per_m=one.alpha_px_per_m,
        px_per_m_sigma=numbers.alpha_sigma * math.hypot(*one.alpha_px_per_m),
        eucentric_z_m=0.0,
        eucentric_z_sigma_m=_Z_UNKNOWN_M,
        axis_rad=one.stage_tilt_axis_rad,
        axis_sigma_rad=numbers.stage_tilt_axis_sigma_rad,
    )


def _stigmator(one: PresetCalibration, numbers: HandedOut) -> StigmatorResponse | None:
    if one.stigmator_m is None:
        return None
    (a_y, a_x), (b_y, b_x) = one.stigmator_m
    return StigmatorResponse(
        matrix_m=one.stigmator_m,
        matrix_sigma_m=numbers.stigmator_sigma * math.sqrt(0.5 * (a_y**2 + a_x**2 + b_y**2 + b_x**2)),
        a1_m=(0.0, 0.0),
        a1_sigma_m=numbers.a1_sigma_m,
        value=(0.0, 0.0),
    )


def columns_of(numbers: HandedOut) -> dict[str, Column]:
    """The column at each preset, by name: what a data sheet tells, and no calibration measures."""
    return {
        one.preset: Column(
            voltage_v=numbers.voltage_v,
            c3_m=numbers.c3_m,
            convergence_rad=one.convergence_rad,
            focal_spread_m=numbers.focal_spread_m,
            amplitude_contrast=numbers.amplitude_contrast,
            aperture_rad=numbers.aperture_rad,
            aperture_centre_rad=one.aperture_centre_rad,
        )
        for one in numbers.presets
    }
