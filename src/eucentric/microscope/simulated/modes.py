"""The simulated microscope's presets, with the illumination that goes with each, from the magnitudes' table.

What the defaults are for: a beam-tilt step at `hl` corrected by stage Z (±4 mrad: range 512 µm, one pixel is 0.6 µm of
defocus), then one at `fa` corrected by defocus (±5 mrad: range 25 µm, one pixel is 30 nm).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isclose

from eucentric.errors import InputError
from eucentric.microscope.protocol import Preset
from eucentric.microscope.simulated.magnitudes import CameraMagnitudes, Magnitudes, PresetMagnitudes

SIZE = (1024, 1024)
LEAST_SIDE, MOST_SIDE = 32, 8192
_APART = 32  # more than the instrument has presets of its own


@dataclass(frozen=True, slots=True)
class Mode:
    """A preset, the radius of the lit area at the specimen and the illumination's semi-angle relative to `fa`'s.

    `lattice` tells the atoms' noise apart: those with the same number and pixel size show the same. `base` is the
    instrument's own mode that a defined one is like, None where it is one itself.
    """

    preset: Preset
    lit_radius_m: float
    relative_convergence: float
    lattice: int
    base: Mode | None = None


def modes(magnitudes: Magnitudes, size: tuple[int, int] = SIZE) -> tuple[Mode, ...]:
    """All presets, with images of `size` (ny, nx) binned pixels."""
    camera = magnitudes.camera
    named: list[tuple[str, PresetMagnitudes]] = list(magnitudes.presets)
    return tuple(_mode(name, one, camera, size, k) for k, (name, one) in enumerate(named))


def _mode(name: str, one: PresetMagnitudes, camera: CameraMagnitudes, size: tuple[int, int], number: int) -> Mode:
    preset = Preset(
        name=name,
        magnification=camera.binning * camera.pixel_m / one.pixel_m,
        pixel_m=one.pixel_m,
        size=size,
        binning=camera.binning,
        exposure_s=one.exposure_s,
        dose_e_per_m2=one.dose_e_per_m2,
    )
    return Mode(preset, one.lit_radius_m, one.relative_convergence, number)


def mode_like(preset: Preset, like: Mode) -> Mode:
    """A mode with the optics and the illumination of another one. Raises InputError where `preset` does not fit it."""
    base = like.base or like
    pixel_m = base.preset.pixel_m * preset.binning / base.preset.binning
    same = ("probe_mode", "camera")
    if (
        not isclose(preset.magnification, base.preset.magnification)
        or not isclose(preset.pixel_m, pixel_m)
        or any(getattr(preset, what) != getattr(base.preset, what) for what in same)
    ):
        raise InputError(
            f"Preset '{preset.name}' is not like '{like.preset.name}': it must have its magnification "
            f"({base.preset.magnification:g}), probe mode and camera, and at binning {preset.binning} pixels of "
            f"{pixel_m * 1e9:g} nm."
        )
    if not all(LEAST_SIDE <= side <= MOST_SIDE for side in preset.size):
        raise InputError(f"Images of {preset.size} pixels can't be simulated. Give a size of 32 to 8192.")
    # Another pixel size is another lattice.
    number = base.lattice + (_APART * preset.binning if preset.binning != base.preset.binning else 0)
    return Mode(preset, base.lit_radius_m, base.relative_convergence, number, base)
