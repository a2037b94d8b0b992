"""From the numbers that an instrument hands out about itself to what the measuring side believes."""

from __future__ import annotations

from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.instrument import Calibration, Uncertainty
from eucentric.microscope.handed_out import HandedOut
from eucentric.optics.column import Column


def book_from(numbers: HandedOut) -> CalibrationBook:
    """One calibration for each preset. The drift prior is the default: no calibration knows tomorrow's drift."""
    uncertainty = Uncertainty(
        tilt_scale=numbers.tilt_scale_sigma,
        tilt_rotation_rad=numbers.tilt_rotation_sigma_rad,
        axis_rad=numbers.axis_sigma_rad,
        focus_scale=numbers.focus_scale_sigma,
        a1_m=numbers.a1_sigma_m,
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
            uncertainty=uncertainty,
        )
    return CalibrationBook(numbers.instrument, presets)


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
