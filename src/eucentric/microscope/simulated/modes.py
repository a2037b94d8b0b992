"""The simulated microscope's presets, with the illumination that goes with each.

`sq` sees a piece of a grid square, `hl` some holes, `fa` is the focus preset, `en` the exposure preset.
What they are for: a beam-tilt step at `hl` corrected by stage Z (±4 mrad: range 512 µm, one pixel is 0.6 µm of
defocus), then one at `fa` corrected by defocus (±5 mrad: range 25 µm, one pixel is 30 nm).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from eucentric.microscope.protocol import Preset

_CAMERA_PIXEL_M = 15e-6


@dataclass(frozen=True, slots=True)
class Mode:
    """A preset, the radius of the lit area at the specimen and the illumination's semi-angle relative to `fa`'s."""

    preset: Preset
    lit_radius_m: float
    relative_convergence: float


def _mode(name: str, pixel_m: float, lit_radius_m: float, relative_convergence: float, dose_e_per_a2: float) -> Mode:
    binning, size = 4, (1024, 1024)
    preset = Preset(
        name=name,
        magnification=binning * _CAMERA_PIXEL_M / pixel_m,
        pixel_m=pixel_m,
        size=size,
        binning=binning,
        exposure_s=0.5,
        dose_e_per_m2=dose_e_per_a2 * 1e20,
    )
    return Mode(preset, lit_radius_m, relative_convergence)


def resized(size: int) -> tuple[Mode, ...]:
    """The same presets with images of size × size pixels, the pixels as before."""
    return tuple(replace(mode, preset=replace(mode.preset, size=(size, size))) for mode in MODES)


MODES = (
    _mode("sq", 40e-9, 60e-6, 0.05, 0.002),
    _mode("hl", 5e-9, 6e-6, 0.4, 0.1),
    _mode("fa", 0.3e-9, 0.75e-6, 1.0, 5.0),
    _mode("en", 0.15e-9, 0.5e-6, 1.0, 30.0),
)
