"""The calibration that the simulated microscope hands out: its truth at eucentric focus, with drawn residual errors."""

from __future__ import annotations

import numpy as np

from eucentric.microscope.handed_out import HandedOut, PresetCalibration
from eucentric.microscope.simulated.column import FIRST_PRESETS, Column
from eucentric.microscope.simulated.magnitudes import Magnitudes
from eucentric.microscope.simulated.modes import Mode

Vector = tuple[float, float]


def calibrate(column: Column, modes: tuple[Mode, ...], magnitudes: Magnitudes, instrument: str, seed: int) -> HandedOut:
    """What a careful operator would have measured: each preset's tilt response, the axis, the aperture's centre.

    The tilt response is measured in pixels, so it carries the pixel error: believed tilt = true tilt × nominal ÷ true
    pixel size, and the stated residual is that of the product.
    """
    m, left = magnitudes.column, magnitudes.residual
    rng = np.random.default_rng((seed, 7))
    axis = column.coma_free() / column.coil() + complex(*rng.normal(0, 1, 2)) * left.axis_rad
    calibrated = []
    for k, mode in enumerate(modes):
        if k >= FIRST_PRESETS:  # later ones draw for themselves: what the others drew stays
            rng = np.random.default_rng((seed, 7, k))
        preset = mode.preset
        turn = complex(np.exp(1j * column.rotation_rad(preset.name)))
        error = (1 + rng.normal() * left.tilt_scale) * np.exp(1j * rng.normal() * left.tilt_rotation_rad)
        response = column.coil() * turn * preset.pixel_m / column.pixel_m(preset.name) * error
        centre = column.aperture_centre * turn + complex(*rng.normal(0, 1, 2)) * left.aperture_centre_rad
        calibrated.append(
            PresetCalibration(
                preset=preset.name,
                tilt_matrix=_matrix(complex(response)),
                convergence_rad=m.convergence_rad * mode.relative_convergence,
                aperture_centre_rad=(centre.imag, centre.real),
            )
        )
    return HandedOut(
        instrument=instrument,
        voltage_v=m.voltage_v,
        c3_m=m.c3_m,
        focal_spread_m=m.focal_spread_m,
        amplitude_contrast=m.amplitude_contrast,
        aperture_rad=m.aperture_rad,
        coma_free_rad=(axis.imag, axis.real),
        height_per_z=1.0,
        presets=tuple(calibrated),
        tilt_scale_sigma=left.tilt_scale,
        tilt_rotation_sigma_rad=left.tilt_rotation_rad,
        axis_sigma_rad=left.axis_rad,
        focus_scale_sigma=m.focus_scale,
        a1_sigma_m=m.a1_m,
    )


def _matrix(factor: complex) -> tuple[Vector, Vector]:
    """[[yy, yx], [xy, xx]] of a multiplication by a complex number: a scale and a rotation."""
    return ((factor.real, factor.imag), (-factor.imag, factor.real))
