"""The expected line: where a pure defocus puts the shift of a pair, and what defocus a shift along it means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eucentric.errors import InputError
from eucentric.optics.aberrations import Aberrations, Tilt, direction, image_shift


@dataclass(frozen=True, slots=True)
class ExpectedLine:
    """s(C1) = C1·Δβ + (C3's part), in pixels, y and x.

    `unit` (y, x) is the direction of the separation Δβ, `offset_px` (y, x) the shift at C1 = 0, and `px_per_m` how many
    pixels along `unit` one metre of defocus is.
    """

    unit: tuple[float, float]
    offset_px: tuple[float, float]
    px_per_m: float

    def along_px(self, shift_px: tuple[float, float]) -> float:
        """The part of a shift along the separation, pixels from no shift."""
        return shift_px[0] * self.unit[0] + shift_px[1] * self.unit[1]

    def reach_px(self, shape: tuple[int, int]) -> float:
        """The shift along the separation at which two images of `shape` (ny, nx) have nothing in common."""
        return float(1.0 / max(abs(self.unit[0]) / shape[0], abs(self.unit[1]) / shape[1]))

    def defocus_um(self, along_px: ArrayLike) -> NDArray[np.float64]:
        """C1 in µm that a shift along the separation means."""
        moved = np.asarray(along_px, dtype=np.float64) - self.along_px(self.offset_px)
        return np.asarray(moved / self.px_per_m * 1e6)

    def along_of_um(self, defocus_um: ArrayLike) -> NDArray[np.float64]:
        """The shift along the separation in pixels that a defocus in µm makes: the inverse of `defocus_um`."""
        moved = np.asarray(defocus_um, dtype=np.float64) * 1e-6 * self.px_per_m
        return np.asarray(moved + self.along_px(self.offset_px))


def expected_line(tilts: tuple[Tilt, Tilt], pixel_m: float, *, c3_m: float) -> ExpectedLine:
    """The line of a pair taken at `tilts` (y, x) radians. Raises InputError when they are equal."""
    first, second = direction(tilts[0]), direction(tilts[1])
    apart = second - first
    if apart == 0:
        raise InputError("Both images have the same tilt: there is no direction along which defocus would move them.")
    unit = apart / abs(apart)
    moved = image_shift(np.array([first, second]), Aberrations(c3_m=c3_m))
    offset = (moved[1] - moved[0]) / pixel_m
    return ExpectedLine(
        unit=(unit.imag, unit.real), offset_px=(float(offset.imag), float(offset.real)), px_per_m=abs(apart) / pixel_m
    )
