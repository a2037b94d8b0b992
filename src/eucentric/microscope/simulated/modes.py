"""The simulated microscope's presets, with the illumination that goes with each, from the magnitudes' table.

What the defaults are for: a beam-tilt step at `hl` corrected by stage Z (±4 mrad: range 512 µm, one pixel is 0.6 µm of
defocus), then one at `fa` corrected by defocus (±5 mrad: range 25 µm, one pixel is 30 nm).
"""

from __future__ import annotations

from dataclasses import dataclass

from eucentric.microscope.protocol import Preset
from eucentric.microscope.simulated.magnitudes import Magnitudes, PresetMagnitudes

SIZE = (1024, 1024)


@dataclass(frozen=True, slots=True)
class Mode:
    """A preset, the radius of the lit area at the specimen and the illumination's semi-angle relative to `fa`'s."""

    preset: Preset
    lit_radius_m: float
    relative_convergence: float


def modes(magnitudes: Magnitudes, size: tuple[int, int] = SIZE) -> tuple[Mode, ...]:
    """All presets, with images of `size` (ny, nx) binned pixels."""
    camera = magnitudes.camera
    named: list[tuple[str, PresetMagnitudes]] = list(magnitudes.presets)
    return tuple(_mode(name, one, camera.binning, camera.pixel_m, size) for name, one in named)


def _mode(name: str, one: PresetMagnitudes, binning: int, camera_pixel_m: float, size: tuple[int, int]) -> Mode:
    preset = Preset(
        name=name,
        magnification=binning * camera_pixel_m / one.pixel_m,
        pixel_m=one.pixel_m,
        size=size,
        binning=binning,
        exposure_s=one.exposure_s,
        dose_e_per_m2=one.dose_e_per_m2,
    )
    return Mode(preset, one.lit_radius_m, one.relative_convergence)
