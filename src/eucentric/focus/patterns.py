"""Which tilts a measurement takes, in which order, and which images are compared.

Images are registered only between opposite tilts, and no image twice: such shifts carry signal (at equal tilts the
true shift is near zero, where the camera's own pattern hides it) and their errors are independent of each other.
"""

from __future__ import annotations

import cmath
from dataclasses import dataclass
from enum import StrEnum

from eucentric.optics.aberrations import Tilt

Link = tuple[int, int]


class PatternName(StrEnum):
    """The patterns that a step can use."""

    PAIR = "pair"  # (−, +): the cheapest
    QUAD = "quad"  # (−, +, +, −): cancels a steady drift
    CROSS = "cross"  # (−x, +x, −y, +y): separates focus from astigmatism


@dataclass(frozen=True, slots=True)
class Pattern:
    """Tilts (y, x) in radians from the coma-free axis in order of acquisition, and the compared images.

    A link (i, j) means: the shift of image j relative to image i.
    """

    tilts: tuple[Tilt, ...]
    links: tuple[Link, ...]

    @property
    def images(self) -> int:
        """How many exposures it takes."""
        return len(self.tilts)


def pattern(name: PatternName, tilt_rad: float, direction_rad: float = 0.0) -> Pattern:
    """The named pattern with each image at `tilt_rad` from the axis.

    `direction_rad` is the angle of the tilt in the image, from +x (columns) towards +y (rows).
    """
    along = cmath.rect(tilt_rad, direction_rad)
    plus, minus = _tilt(along), _tilt(-along)
    if name is PatternName.PAIR:
        return Pattern((minus, plus), ((0, 1),))
    if name is PatternName.QUAD:
        return Pattern((minus, plus, plus, minus), ((0, 1), (3, 2)))
    across = along * 1j
    return Pattern((minus, plus, _tilt(-across), _tilt(across)), ((0, 1), (2, 3)))


def _tilt(omega: complex) -> Tilt:
    return (omega.imag, omega.real)
