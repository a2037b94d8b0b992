"""The calibration that the simulated microscope hands out: its truth at eucentric focus, with drawn residual errors."""

from __future__ import annotations

from typing import Any

import numpy as np

from eucentric.microscope.handed_out import HandedOut, PresetCalibration
from eucentric.microscope.simulated.column import FIRST_PRESETS, Column
from eucentric.microscope.simulated.constants import sheared, stigmator_matrix, vector
from eucentric.microscope.simulated.magnitudes import Magnitudes
from eucentric.microscope.simulated.modes import Mode


def calibrate(column: Column, modes: tuple[Mode, ...], magnitudes: Magnitudes, instrument: str, seed: int) -> HandedOut:
    """What a careful operator would have measured: each preset's tilt response, the axis, the aperture's centre.

    The tilt response is measured in pixels, so it carries the pixel error: believed tilt = true tilt × nominal ÷ true
    pixel size, and the stated residual is that of the product. Shear and Cs draw from streams of
    their own. Stage and stigmator: `_stage_and_stigmator`.
    """
    m, left = magnitudes.column, magnitudes.residual
    rng = np.random.default_rng((seed, 7))
    axis = column.coma_free() / column.coil() + complex(*rng.normal(0, 1, 2)) * left.axis_rad
    cs = m.c3_m * (1 + np.random.default_rng((seed, 12)).normal() * left.cs)
    calibrated = []
    for k, mode in enumerate(modes):
        if k >= FIRST_PRESETS:  # later ones draw for themselves: what the others drew stays
            rng = np.random.default_rng((seed, 7, k))
        preset = mode.preset
        turn = complex(np.exp(1j * column.rotation_rad(preset.name)))
        error = (1 + rng.normal() * left.tilt_scale) * np.exp(1j * rng.normal() * left.tilt_rotation_rad)
        response = column.coil() * turn * preset.pixel_m / column.pixel_m(preset.name) * error
        shear = complex(*np.random.default_rng((seed, 12, k)).normal(0, 1, 2)) * left.tilt_shear
        centre = column.aperture_centre * turn + complex(*rng.normal(0, 1, 2)) * left.aperture_centre_rad
        calibrated.append(
            PresetCalibration(
                preset=preset.name,
                tilt_matrix=sheared(complex(response), shear),
                convergence_rad=m.convergence_rad * mode.relative_convergence,
                aperture_centre_rad=vector(centre),
                **_stage_and_stigmator(column, preset.name, magnitudes, np.random.default_rng((seed, 9, k))),
            )
        )
    return HandedOut(
        instrument=instrument,
        voltage_v=m.voltage_v,
        c3_m=cs,
        focal_spread_m=m.focal_spread_m,
        amplitude_contrast=m.amplitude_contrast,
        aperture_rad=m.aperture_rad,
        coma_free_rad=vector(axis),
        height_per_z=1.0,
        presets=tuple(calibrated),
        tilt_scale_sigma=left.tilt_scale,
        tilt_rotation_sigma_rad=left.tilt_rotation_rad,
        axis_sigma_rad=left.axis_rad,
        focus_scale_sigma=m.focus_scale,
        a1_sigma_m=m.a1_m,
        z_along_normal=True,
        stage_tilt_axis_sigma_rad=left.stage_tilt_axis_rad,
        stigmator_sigma=left.stigmator,
        eucentric_focus_sigma_m=left.eucentric_focus_m,
        alpha_sigma=left.alpha,
    )


def _stage_and_stigmator(
    column: Column, preset: str, magnitudes: Magnitudes, rng: np.random.Generator
) -> dict[str, Any]:
    """Fields of PresetCalibration: the tilt axis and what hangs on it, the stigmator, eucentric focus."""
    left, drawn = magnitudes.residual, column.drawn
    axis = drawn.rotation_rad[preset] + rng.normal() * left.stage_tilt_axis_rad
    alpha = -1j * np.exp(1j * axis) / drawn.pixel_m[preset] * (1 + rng.normal() * left.alpha)
    stigmator = magnitudes.column.stigmator_m * np.exp(2j * drawn.rotation_rad[preset])
    stigmator *= 1 + complex(*rng.normal(0, 1, 2)) * left.stigmator
    focus_m = -drawn.parfocal_m[preset] / (1 + drawn.focus_scale) + rng.normal() * left.eucentric_focus_m
    return {
        "stage_tilt_axis_rad": float(np.angle(np.exp(1j * axis))),
        "alpha_px_per_m": vector(complex(alpha)),
        "stigmator_m": stigmator_matrix(complex(stigmator)),
        "eucentric_focus_m": float(focus_m),
    }
