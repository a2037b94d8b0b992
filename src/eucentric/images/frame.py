"""A Frame: the pixels of one image and the optical state that they were taken in.

Row 0 of `pixels` is the first row in memory and in the file, whatever a viewer draws at the top; nothing is flipped.
+x runs along columns, +y along rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class OpticalState:
    """What the microscope said (read back) when a frame was taken; None is "not known".

    `tilt_rad` (y, x) is the beam tilt from the coma-free axis *as believed*, image axes; `defocus_m` the lens
    defocus counted from defocus zero (positive overfocus), `focus_m` the lens' absolute setting; `stigmator` (y, x) as
    the protocol gives it, `image_shift_m` (y, x) in image axes; stage lengths in metres, alpha in radians.
    """

    voltage_v: float | None = None
    preset: str | None = None
    magnification: float | None = None
    defocus_m: float | None = None
    tilt_rad: tuple[float, float] | None = None
    stage_z_m: float | None = None
    stage_x_m: float | None = None
    stage_y_m: float | None = None
    stage_alpha_rad: float | None = None
    focus_m: float | None = None
    stigmator: tuple[float, float] | None = None
    image_shift_m: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Pixels (ny, nx), the pixel size at the specimen in metres (None: unknown), and how they were taken.

    `time_s` is the middle of the exposure on the microscope's clock. `dose_e_per_m2` is at the specimen.
    `saturation` is the pixel value at which the camera clips, None where unknown.
    """

    pixels: NDArray[np.generic]
    pixel_m: float | None = None
    state: OpticalState = field(default_factory=OpticalState)
    time_s: float = 0.0
    exposure_s: float | None = None
    dose_e_per_m2: float | None = None
    saturation: float | None = None
    name: str = ""

    @property
    def shape(self) -> tuple[int, int]:
        """(ny, nx)."""
        return (int(self.pixels.shape[0]), int(self.pixels.shape[1]))
