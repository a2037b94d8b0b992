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
    `stage_tilt_axis_rad`: direction of the stage's tilt axis in the image, from +x towards +y; at α > 0 height grows a
    quarter turn further on. `alpha_px_per_m`: image displacement per (metre of height × change of tan α), in the plane
    of the specimen. `stigmator_m`: A1 (rows a, b) per stigmator value (columns y, x). `eucentric_focus_m`: absolute
    lens setting. None: not calibrated.
    """

    preset: str
    tilt_matrix: tuple[Vector, Vector]
    convergence_rad: float
    aperture_centre_rad: Vector
    stage_tilt_axis_rad: float | None = None
    alpha_px_per_m: Vector | None = None
    stigmator_m: tuple[Vector, Vector] | None = None
    eucentric_focus_m: float | None = None


@dataclass(frozen=True, slots=True)
class HandedOut:
    """A calibration with its residual errors: SI units, 1σ.

    `coma_free_rad` is the instrument tilt (y, x) of the coma-free axis. `height_per_z` is dC1/dz at alpha = 0;
    with `z_along_normal` the stage's Z moves along the tilted holder's normal, and the film at the optical axis follows
    by 1/cos α. `stigmator_sigma` and `alpha_sigma` are relative.
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
    z_along_normal: bool = False
    stage_tilt_axis_sigma_rad: float = 8.7e-3
    stigmator_sigma: float = 0.02
    eucentric_focus_sigma_m: float = 50e-9
    alpha_sigma: float = 0.01
