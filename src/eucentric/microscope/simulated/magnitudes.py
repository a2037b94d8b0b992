"""How large every fault of the simulated microscope is: one table, SI, all settable.

The defaults are those of a 200 kV field-emission microscope in daily use, between two alignments. Where no source
is named the number is the project's estimate; `perfect()` is the same instrument with every fault at zero.
`table()` prints them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """Frozen, no unknown names."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SpecimenMagnitudes(Settings):
    """The grid: a holey carbon film (R2/1) with vitreous ice."""

    height_m: float | None = Field(
        default=None, description="height of the film at the start; None: drawn in ±height_range_m"
    )
    height_range_m: float = Field(default=200e-6, description="bound of the drawn height")
    film_slope_rad: float = Field(default=17e-3, description="largest tilt of the film against the stage (1°)")
    bend_m: float = Field(default=1.5e-6, description="height of the film's waves across a grid square")
    hole_diameter_m: float = Field(default=2e-6, description="R2/1")
    hole_gap_m: float = Field(default=1e-6, description="R2/1: film between two holes")
    film_thickness_m: float = Field(default=20e-9, description="carbon film")
    ice_thickness_m: float = Field(default=30e-9, description="vitreous ice at a hole's edge; 0: a bare film")
    slices: int = Field(default=1, ge=1, le=8, description="layers of the thick specimen; 1: all at its mid-plane")
    film_potential_v: float = Field(default=9.0, description="mean inner potential of amorphous carbon")
    ice_potential_v: float = Field(default=3.5, description="mean inner potential of vitreous ice")
    film_texture_v2m3: float = Field(
        default=0.7e-27, description="N·S·(∫V)² of carbon: 1e29/m³, 0.12 V·nm³ each, S 0.5"
    )
    ice_texture_v2m3: float = Field(
        default=0.3e-27, description="N·S·(∫V)² of ice: 3.1e28/m³, 0.145 V·nm³ each, S 0.45"
    )
    roughness: float = Field(default=0.035, description="rms of the film's relative thickness, 10 nm to 1.3 µm")
    contamination: float = Field(default=0.3, description="ice particles per (3 µm)²")
    empty_holes: float = Field(default=0.08, description="fraction of holes without ice")
    grid_pitch_m: float = Field(default=85e-6, description="300 mesh")
    grid_bar_m: float = Field(default=25e-6, description="width of a bar")
    first_motion_m: float = Field(
        default=3e-9, description="beam-induced motion in all; Brilot et al. 2012, J Struct Biol 177"
    )
    first_motion_on_film: float = Field(default=0.3, ge=0, description="of it, what the film makes; free ice makes all")
    first_motion_dose_per_m2: float = Field(default=4e20, description="dose over which it decays (4 e/Å²)")
    first_motion_s: float | None = Field(
        default=None, gt=0, description="time since the first exposure over which it decays instead; None: by dose"
    )


class ColumnMagnitudes(Settings):
    """The lens, the coils, the aperture and the beam."""

    voltage_v: float = Field(default=200e3, description="high tension")
    c3_m: float = Field(default=2.7e-3, description="Cs")
    focal_spread_m: float = Field(default=4e-9, description="rms, field-emission gun")
    convergence_rad: float = Field(default=0.05e-3, description="illumination semi-angle at the focus preset")
    amplitude_contrast: float = Field(default=0.07, description="fraction of the contrast")
    a1_m: float = Field(default=15e-9, description="rms of each component of the astigmatism left over")
    stigmator_m: float = Field(default=1e-6, description="A1 at stigmator value 1")
    tilt_scale: float = Field(default=0.05, description="rms error of the coils' own scale, before calibration")
    tilt_rotation_rad: float = Field(default=0.09, description="rms of the coils' rotation (5°), before calibration")
    tilt_cubic: float = Field(default=50.0, description="t' = t(1 + cubic·t²), 1/rad²: 0.5 % at 10 mrad")
    tilt_settling_s: float = Field(default=0.04, description="time constant of the coils")
    tilt_wait_s: float = Field(default=0.25, description="the set call waits so long (Leginon's default)")
    coma_free_rad: float = Field(default=0.7e-3, description="rms of each component of the coma-free axis")
    rotation_centre_rad: float = Field(
        default=0.5e-3, description="rms distance of the rotation centre from it, per component"
    )
    pivot_m_per_rad: float = Field(default=20e-6, description="the lit area moves 20 nm/mrad: 0.2 µm at 10 mrad")
    aperture_rad: float | None = Field(default=25e-3, description="objective aperture's semi-angle; None: no aperture")
    aperture_centre_rad: float = Field(default=1e-3, description="rms of each component of its centre")
    focus_scale: float = Field(default=0.01, description="rms relative error of defocus steps")
    parfocal_m: float = Field(default=0.5e-6, description="rms focus difference of a preset from the others")
    hysteresis: float = Field(
        default=0.01, description="fraction of an excursion that stays, saturating at hysteresis_range_m"
    )
    hysteresis_range_m: float = Field(default=20e-6, gt=0, description="excursion that saturates it: ±0.2 µm")
    hysteresis_magnification_m: float = Field(
        default=25e-9, description="focus error per e-fold of a small magnification change"
    )
    hysteresis_magnification_e_folds: float = Field(
        default=5.0, gt=0, description="change that saturates it: ±0.125 µm"
    )
    normalize_wait_s: float = Field(default=3.0, ge=0, description="the normalize call waits so long")
    image_shift_wait_s: float = Field(default=0.1, ge=0, description="the image shift call waits so long")
    preset_wait_s: float = Field(default=1.0, ge=0, description="the preset call waits so long")
    defocus_wait_s: float = Field(default=0.1, ge=0, description="the defocus call waits so long")
    stigmator_wait_s: float = Field(default=0.1, ge=0, description="the stigmator call waits so long")
    image_rotation_rad: float = Field(default=3.14, description="each preset's image rotation is drawn in ± this")
    pixel_scale: float = Field(default=0.01, description="rms relative error of each preset's pixel size")
    far_tilt_scale_per_m: float = Field(default=100.0, description="tilt scale against lens defocus: 1 % per 100 µm")
    far_rotation_rad_per_m: float = Field(default=175.0, description="tilt rotation: 1° per 100 µm")
    far_axis_rad_per_m: float = Field(default=3.0, description="coma-free axis: 0.3 mrad per 100 µm")
    far_beam_shift_per_m: float = Field(default=5e-3, description="lit area: 0.5 µm per 100 µm")
    illumination_gradient: float = Field(default=0.05, description="brightness change across the lit area")


class StageMagnitudes(Settings):
    """The goniometer."""

    backlash_xy_m: float = Field(default=100e-9, description="play of x and y")
    backlash_z_m: float = Field(default=200e-9, description="play of z")
    backlash_alpha_rad: float = Field(default=0.9e-3, description="play of alpha (0.05°)")
    z_scale: float = Field(default=0.005, description="rms relative error of z")
    runout_per_z: float = Field(default=2e-3, description="sideways motion per z motion: 0.2 µm per 100 µm")
    runout_m_per_rad: float = Field(default=3e-6, description="sideways motion per alpha motion: 50 nm per degree")
    axis_offset_m: float = Field(
        default=0.7e-6,
        description="the tilt axis lies so far sideways from the optical axis: focus changes by it·tan α",
    )
    wobble_m: float = Field(
        default=0.15e-6, description="rms of the goniometer's wobble over alpha, in height and sideways"
    )
    alpha_height_m: float = Field(default=20e-9, description="1σ by which a height does not come back with alpha")
    settle_s: float = Field(default=1.0, description="time constant of settling after a move")
    settle_m: float = Field(default=20e-9, description="amplitude of settling")
    wait_s: float = Field(default=2.0, description="the move call waits so long")
    drift_m_per_s: float = Field(default=0.5e-9, description="drift just after a move; SerialEM waits for 1 nm/s")
    drift_decay_s: float = Field(default=20.0, description="its time constant")
    drift_rest_m_per_s: float = Field(default=0.03e-9, description="thermal drift that stays")
    drift_height_m_per_s: float = Field(default=0.015e-9, description="thermal drift of height, its sign drawn")
    z_scatter_m: float = Field(default=10e-9, description="1σ by which z does not come back from the same side")


class CameraMagnitudes(Settings):
    """A scintillator camera."""

    pixel_m: float = Field(default=15e-6, gt=0, description="pixel at the camera, not binned")
    binning: int = Field(default=4, ge=1, description="of every preset")
    counts_per_electron: float = Field(default=8.0, description="conversion")
    mtf_nyquist: float = Field(default=0.3, description="MTF at the Nyquist frequency of the unbinned camera; 1: ideal")
    gain_residual: float = Field(
        default=0.007, description="rms of what gain correction leaves, the same in every image"
    )
    dark_residual_counts: float = Field(default=1.0, description="rms of what dark subtraction leaves, fixed")
    dqe: float = Field(
        default=1.0, gt=0, le=1, description="at low frequencies: this fraction of the electrons is counted"
    )
    read_noise_counts: float = Field(default=3.0, description="rms, per image")
    hot_pixels: int = Field(default=12, description="pixels that stay hot in a 1k image")
    spikes: float = Field(default=2.0, description="mean number of x-ray spikes per second in a 1k image")
    saturation_counts: float = Field(default=65535.0, description="full well")
    dead_shutter: bool = Field(default=False, description="no electron reaches the camera")
    stale_images: float = Field(default=0.0, ge=0, le=1, description="chance that the image before comes once more")
    readout_s: float = Field(default=0.3, description="time from the end of an exposure to the image")


class ResidualMagnitudes(Settings):
    """What a calibration leaves over (1σ): the calibration handed out differs from the truth by draws of these."""

    tilt_scale: float = Field(default=0.01, description="relative, of the tilt in pixels of the image")
    tilt_rotation_rad: float = Field(default=8.7e-3, description="its direction: 0.5°")
    tilt_shear: float = Field(
        default=0.0, description="relative, per component: what is neither scale nor rotation of the tilt"
    )
    cs: float = Field(default=0.0, description="relative, of Cs")
    axis_rad: float = Field(default=0.3e-3, description="coma-free axis, per component")
    aperture_centre_rad: float = Field(default=1e-3, description="the aperture's centre, per component")
    stage_tilt_axis_rad: float = Field(default=8.7e-3, description="direction of the stage's tilt axis: 0.5°")
    stigmator: float = Field(default=0.02, description="relative, per component of the stigmator's response")
    eucentric_focus_m: float = Field(default=50e-9, description="eucentric focus of each preset")
    alpha: float = Field(default=0.01, description="relative, of the image's displacement by stage tilt")


class PresetMagnitudes(Settings):
    """One imaging state and its illumination."""

    pixel_m: float = Field(gt=0, description="nominal pixel at the specimen, binned")
    lit_radius_m: float = Field(gt=0, description="radius of the lit area at the specimen")
    relative_convergence: float = Field(ge=0, description="illumination semi-angle relative to column.convergence_rad")
    dose_e_per_m2: float = Field(gt=0, description="what one exposure puts on the specimen (1e20: 1 e/Å²)")
    exposure_s: float = Field(default=0.5, gt=0, description="exposure time")


def _preset(pixel_m: float, lit_radius_m: float, relative_convergence: float, dose_e_per_m2: float) -> PresetMagnitudes:
    return PresetMagnitudes(
        pixel_m=pixel_m,
        lit_radius_m=lit_radius_m,
        relative_convergence=relative_convergence,
        dose_e_per_m2=dose_e_per_m2,
    )


class PresetsMagnitudes(Settings):
    """The presets.

    `sq` sees a piece of a grid square, `hl` some holes, `fa` is the focus preset, `en` the exposure preset, `fc` the
    preset for focusing by hand.
    """

    sq: PresetMagnitudes = _preset(40e-9, 60e-6, 0.05, 0.002e20)
    hl: PresetMagnitudes = _preset(5e-9, 6e-6, 0.4, 0.1e20)
    fa: PresetMagnitudes = _preset(0.3e-9, 0.75e-6, 1.0, 5e20)
    en: PresetMagnitudes = _preset(0.15e-9, 0.5e-6, 1.0, 30e20)
    fc: PresetMagnitudes = _preset(0.2e-9, 0.6e-6, 1.0, 5e20)


class LimitMagnitudes(Settings):
    """How far the instrument may go: what `Guarded` checks."""

    tilt_max_rad: float = Field(default=20e-3, gt=0, description="beam tilt")
    defocus_max_m: float = Field(default=500e-6, gt=0, description="|focus|, the absolute lens setting")
    image_shift_max_m: float = Field(default=20e-6, gt=0, description="image shift")
    stage_z_max_m: float = Field(default=400e-6, gt=0, description="|z|")
    stage_xy_max_m: float = Field(default=1e-3, gt=0, description="|x| and |y|")
    stage_alpha_max_rad: float = Field(default=1.2, gt=0, description="|alpha|")


class Magnitudes(Settings):
    """Every magnitude of the simulated microscope."""

    specimen: SpecimenMagnitudes = SpecimenMagnitudes()
    column: ColumnMagnitudes = ColumnMagnitudes()
    stage: StageMagnitudes = StageMagnitudes()
    camera: CameraMagnitudes = CameraMagnitudes()
    residual: ResidualMagnitudes = ResidualMagnitudes()
    presets: PresetsMagnitudes = PresetsMagnitudes()
    limits: LimitMagnitudes = LimitMagnitudes()
    dropped_writes: float = Field(default=0.0, description="chance that a set is silently dropped", ge=0, le=1)

    def table(self) -> Iterator[tuple[str, Any, str]]:
        """(name, value, what it is) of every magnitude."""
        return _rows(self)


def _rows(settings: Settings, prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, Settings):
            yield from _rows(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value, field.description or ""


_ZERO_WHEN_PERFECT = {
    "specimen": ("film_slope_rad", "bend_m", "first_motion_m", "contamination"),
    "column": (
        *("a1_m", "tilt_scale", "tilt_rotation_rad", "tilt_cubic", "tilt_settling_s", "coma_free_rad"),
        *("rotation_centre_rad", "pivot_m_per_rad", "aperture_centre_rad", "focus_scale", "parfocal_m", "hysteresis"),
        *("hysteresis_magnification_m", "image_rotation_rad", "pixel_scale", "far_tilt_scale_per_m"),
        *("far_rotation_rad_per_m", "far_axis_rad_per_m", "far_beam_shift_per_m", "illumination_gradient"),
    ),
    "stage": (
        *("backlash_xy_m", "backlash_z_m", "backlash_alpha_rad", "z_scale", "runout_per_z", "runout_m_per_rad"),
        *("axis_offset_m", "wobble_m", "alpha_height_m"),
        *("settle_m", "drift_m_per_s", "drift_rest_m_per_s", "drift_height_m_per_s", "z_scatter_m"),
    ),
    "camera": ("gain_residual", "dark_residual_counts", "read_noise_counts", "hot_pixels", "spikes"),
    "residual": (
        *(
            "tilt_scale",
            "tilt_rotation_rad",
            "tilt_shear",
            "cs",
            "axis_rad",
            "aperture_centre_rad",
            "stage_tilt_axis_rad",
            "stigmator",
        ),
        *("eucentric_focus_m", "alpha"),
    ),
}
"""Set to zero by `perfect`; what is not here (optics, specimen, dose noise) any instrument has."""


def perfect() -> Magnitudes:
    """The microscope without a fault: flat film, aligned, calibrated exactly, ideal camera. Dose noise stays."""
    zeros: dict[str, dict[str, Any]] = {part: dict.fromkeys(names, 0) for part, names in _ZERO_WHEN_PERFECT.items()}
    zeros["camera"]["mtf_nyquist"] = 1.0
    zeros["column"]["aperture_rad"] = None
    return Magnitudes.model_validate(zeros)
