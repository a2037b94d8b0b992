"""An instrument's file as magnitudes of the simulated microscope: what its errors say is drawn by the seed. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from eucentric.calibration.book import CalibrationBook
from eucentric.errors import SettingsError
from eucentric.optimize.instrument import Instrument

KNOWN = ("sq", "hl", "fa", "en", "fc")
"""Presets that the simulated microscope has: its magnifications go by these names."""
_COUNTS = 8.0  # of the camera, for each electron


def magnitudes_of(instrument: Instrument, height_m: float) -> Mapping[str, Any]:
    """The magnitudes that differ from the simulation's own; the film at this height. Images are not binned.

    Raises SettingsError where a magnification goes by another name than the simulation's presets.
    """
    other = [m.name for m in instrument.magnifications if m.name not in KNOWN]
    if other:
        raise SettingsError(
            f"Magnification '{other[0]}' can't be simulated: there presets are called {', '.join(KNOWN)}. Name it so."
        )
    stage, camera, errors = instrument.stage, instrument.camera, instrument.errors
    return {
        "column": _column(instrument),
        "stage": {
            **{"z_scale": stage.z_scale, "z_scatter_m": stage.arrival_m, "backlash_z_m": stage.backlash_m},
            # Whenever images are taken it drifts as the file says, before a move as after it: it has settled by then.
            **{"drift_rest_m_per_s": math.sqrt(2) * stage.drift_m_per_s, "drift_m_per_s": 0.0},
            "wait_s": instrument.times.stage_s,
        },
        "specimen": _specimen(instrument, height_m),
        "camera": {
            "binning": 1,
            "dqe": camera.dqe,
            "mtf_nyquist": camera.mtf,
            "counts_per_electron": _COUNTS,
            "read_noise_counts": _COUNTS * camera.noise_e,
            "gain_residual": camera.gain_residual,
            "dark_residual_counts": _COUNTS * camera.dark_residual_e,
            "readout_s": instrument.times.readout_s,
        },
        "residual": {
            **{"tilt_scale": errors.tilt_scale, "tilt_rotation_rad": errors.tilt_rotation_rad},
            **{"tilt_shear": instrument.uncertainty.tilt_shear, "axis_rad": errors.axis_rad, "cs": errors.cs},
        },
        "presets": _presets(instrument),
        "limits": {"stage_z_max_m": max(stage.z_max_m, 400e-6), "tilt_max_rad": instrument.lens.tilt_max_rad},
    }


def _specimen(instrument: Instrument, height_m: float) -> Mapping[str, Any]:
    """The film, of which a place moves by as much as the file says, wherever it is and as budgets have it: by time."""
    film = instrument.specimen
    hole_m = 2 * film.pitch_m * math.sqrt((1 - film.covered) / math.pi)
    return {
        **{"height_m": height_m, "film_thickness_m": film.thickness_m, "empty_holes": 0.0},
        **{"hole_diameter_m": hole_m, "hole_gap_m": film.pitch_m - hole_m, "roughness": film.roughness},
        **{"film_slope_rad": math.tan(film.tilt_rad), "bend_m": film.bend_m},
        **{"first_motion_m": instrument.errors.first_motion_m, "first_motion_on_film": 1.0},
        "first_motion_s": instrument.uncertainty.first_motion_s,
    }


def _column(instrument: Instrument) -> Mapping[str, Any]:
    """The lens and the coils; of these the call returns at once, as `settings_of` waits for the beam.

    Pixels are true to their size: what Cs is off by against the metre that their error makes is part of `errors.cs`.
    """
    lens, errors, times = instrument.lens, instrument.errors, instrument.times
    return {
        **{"voltage_v": lens.voltage, "c3_m": lens.cs_m, "aperture_rad": lens.aperture_rad},
        **{"focal_spread_m": lens.focal_spread_m, "convergence_rad": lens.convergence_rad},
        **{"pivot_m_per_rad": 1e3 * lens.pivot_m, "hysteresis": lens.hysteresis, "a1_m": errors.a1_m},
        **{"hysteresis_magnification_m": lens.hysteresis_magnification_m},
        # The file's is the difference of two presets, the simulation's that of each.
        **{"focus_scale": errors.focus_scale, "parfocal_m": errors.parfocal_m / math.sqrt(2)},
        **{"tilt_settling_s": times.tilt_settling_s, "tilt_wait_s": times.tilt_s - times.told_tilt_s},
        **{"tilt_cubic": errors.tilt_cubic, "pixel_scale": 0.0},
        **{"defocus_wait_s": times.defocus_s, "preset_wait_s": times.preset_s},
        **{"far_tilt_scale_per_m": 100 * lens.far, "far_rotation_rad_per_m": 175 * lens.far},
        **{"far_axis_rad_per_m": 3 * lens.far, "far_beam_shift_per_m": 5e-3 * lens.far},
    }


def _presets(instrument: Instrument) -> Mapping[str, Any]:
    """Each magnification as a preset; the smallest beam has the convergence of the file."""
    smallest = min(m.beam_m for m in instrument.magnifications)
    return {
        m.name: {
            **{"pixel_m": m.pixel_m, "lit_radius_m": m.beam_m / 2, "dose_e_per_m2": m.dose_per_m2},
            **{"exposure_s": m.exposure_s, "relative_convergence": smallest / m.beam_m},
        }
        for m in instrument.magnifications
    }


def believed(book: CalibrationBook, instrument: Instrument) -> CalibrationBook:
    """The simulation's calibrations, known as well as the instrument's file says: what budgets are made with."""
    presets = {name: replace(one, uncertainty=instrument.uncertainty) for name, one in book.presets.items()}
    return CalibrationBook(book.instrument, presets)


def height_of(start_m: float, seed: int) -> float:
    """The error that a trial starts from: anywhere within ±`start_m`."""
    return float(np.random.default_rng((seed, 20_261_129)).uniform(-start_m, start_m))
