"""What an instrument hands out about itself after its calibration: plain numbers, with what is left over.

Above, `calibration` turns this into what the measuring side believes.
"""

from __future__ import annotations

from dataclasses import dataclass

Vector = tuple[float, float]


@dataclass(frozen=True, slots=True)
class PresetCalibration:
    """Calibrated values of one preset; vectors (y, x), image axes.

    `tilt_matrix` [[yy, yx], [xy, xx]]: instrument tilt → tilt in image axes, in units that go with the nominal pixel
    size (only tilt ÷ pixel matters to focusing). `aperture_centre_rad` is counted from the coma-free axis.
    """

    preset: str
    tilt_matrix: tuple[Vector, Vector]
    convergence_rad: float
    aperture_centre_rad: Vector


@dataclass(frozen=True, slots=True)
class HandedOut:
    """A calibration with its residual errors: SI units, 1σ.

    `coma_free_rad` is the instrument tilt (y, x) of the coma-free axis. `height_per_z` is dC1/dz at alpha = 0.
    """

    instrument: str
    voltage_v: float
    c3_m: float
    focal_spread_m: float
    amplitude_contrast: float
    aperture_rad: float | None
    coma_free_rad: Vector
    height_per_z: float
    presets: tuple[PresetCalibration, ...]
    tilt_scale_sigma: float
    tilt_rotation_sigma_rad: float
    axis_sigma_rad: float
    focus_scale_sigma: float
    a1_sigma_m: float
