"""Which tilts a measurement takes, in which order, and which images are compared.

Images are registered only between opposite tilts, and no image twice: such shifts carry signal (at equal tilts the
true shift is near zero, where the camera's own pattern hides it) and their errors are independent of each other.

What an order does about motion shows in the shifts that a motion f(t) adds to its links, one image per unit of time:
f(j) − f(i). A quad has +1 and −1 for a steady drift, so their mean is free of it. A sextet's, weighted ¼ ½ ¼, are free
of f = t and f = t²: of drift, and of a decaying motion down to (Δt/τ)³. The fit finds such weights by itself.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from eucentric.errors import InputError
from eucentric.optics.aberrations import Tilt, direction

Link = tuple[int, int]

_OPPOSITE = 1e-3  # of the tilt: how far the sum of two tilts may be from zero. C3 acts on the rest like an axis error


class PatternName(StrEnum):
    """The patterns that a step can use."""

    PAIR = "pair"  # (−, +): the cheapest
    QUAD = "quad"  # (−, +, +, −): cancels a steady drift
    SEXTET = "sextet"  # (−, +, +, −, −, +): cancels a steady drift, and decaying motion to first order
    CROSS = "cross"  # (−x, +x, −y, +y): separates focus from astigmatism, feels drift
    STAR = "star"  # (−, +) in three directions 120° apart: focus, astigmatism and a steady drift, all separated
    CROSS_QUAD = "cross quad"  # (−x, +x, −y, +y, +y, −y, +x, −x): a cross that cancels a steady drift
    DOUBLE_STAR = "double star"  # a star there and back: cancels decaying motion to first order, too


# The order of each pattern: how many degrees each tilt is turned from the step's direction.
_TURNS: dict[PatternName, tuple[int, ...]] = {
    PatternName.PAIR: (180, 0),
    PatternName.QUAD: (180, 0, 0, 180),
    PatternName.SEXTET: (180, 0, 0, 180, 180, 0),
    PatternName.CROSS: (180, 0, 270, 90),
    PatternName.STAR: (180, 0, 300, 120, 60, 240),
    PatternName.CROSS_QUAD: (180, 0, 270, 90, 90, 270, 0, 180),
    PatternName.DOUBLE_STAR: (180, 0, 300, 120, 60, 240, 240, 60, 120, 300, 0, 180),
}


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

    @property
    def directions(self) -> int:
        """Along how many axes it tilts: astigmatism shows in two and more."""
        angles = [cmath.phase(direction(self.tilts[j]) ** 2) for _, j in self.links]  # ± along one axis are one
        apart = [
            a for n, a in enumerate(angles) if all(abs(cmath.rect(1, a) - cmath.rect(1, b)) > 1e-2 for b in angles[:n])
        ]
        return len(apart)


def pattern(name: PatternName, tilt_rad: float, direction_rad: float = 0.0) -> Pattern:
    """The named pattern with each image at `tilt_rad` from the axis.

    `direction_rad` is the angle of the tilt in the image, from +x (columns) towards +y (rows).
    """
    return pattern_of([_tilt(tilt_rad, direction_rad, turn) for turn in _TURNS[name]])


def pattern_of(tilts: Sequence[Tilt]) -> Pattern:
    """A pattern of given tilts (y, x) in radians from the coma-free axis, in this order: those of a phase plate.

    Each image is compared with the next one at the opposite tilt. Links of one direction all point the same way: from
    the side that is taken first to the other.
    Raises InputError where a tilt has no opposite one.
    """
    if len(tilts) < 2:
        raise InputError(f"A pattern of {len(tilts)} tilts can't be compared. Give at least one tilt and its opposite.")
    omega = [direction((float(y), float(x))) for y, x in tilts]
    if not all(cmath.isfinite(w) and abs(w) > 0 for w in omega):
        raise InputError("A tilt of the pattern is 0 or not finite: at 0 mrad defocus moves nothing. Leave it out.")
    links: list[Link] = []
    left = list(range(len(tilts)))
    while left:
        one = left.pop(0)
        other = next((k for k in left if abs(omega[k] + omega[one]) <= _OPPOSITE * abs(omega[one])), None)
        if other is None:
            raise InputError(
                f"The tilt ({tilts[one][0] * 1e3:g}, {tilts[one][1] * 1e3:g}) mrad (y, x) of image {one + 1} has no "
                "opposite tilt left to be compared with. Give tilts in opposite pairs about the coma-free axis: "
                "(0, -5), (0, 5)."
            )
        left.remove(other)
        links.append(_same_way((one, other), links, omega))
    return Pattern(tuple((float(y), float(x)) for y, x in tilts), tuple(links))


def _same_way(link: Link, before: list[Link], omega: list[complex]) -> Link:
    """The link turned to point as the first one along its axis does."""
    step = omega[link[1]] - omega[link[0]]
    for i, j in before:
        if abs(step + omega[j] - omega[i]) <= _OPPOSITE * abs(step):
            return (link[1], link[0])
    return link


def _tilt(tilt_rad: float, direction_rad: float, turn_deg: int) -> Tilt:
    # Opposite tilts are exact negatives of each other: half a turn is a sign, not a cosine.
    sign, rest = (-1, turn_deg - 180) if turn_deg >= 180 else (1, turn_deg)
    omega = sign * cmath.rect(tilt_rad, direction_rad) * _quarter(rest)
    return (omega.imag, omega.real)


def _quarter(degrees: int) -> complex:
    return 1j if degrees == 90 else cmath.rect(1.0, math.radians(degrees))
