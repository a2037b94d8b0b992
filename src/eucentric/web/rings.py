"""The power spectrum of a single image with Thon rings drawn into it: of the present estimate, else fitted. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from eucentric.calibrate.thon import fit_rings, radial_spectrum
from eucentric.images.frame import Frame
from eucentric.optics.column import Column
from eucentric.units import show_length
from eucentric.web.develop import spectrum
from eucentric.web.estimate import Estimate
from eucentric.web.packets import Packet

_RINGS_M = ((-0.9e-6, 0.6e-6), (-2.6e-6, 1.2e-6), (-6.4e-6, 2.8e-6))
"""C1 and reach within which rings are looked for: nearer to focus there are none, further off they are too fine."""
MOST_DRAWN = 10
"""More rings than so many merge into a disc."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Radii (1/m) of the rings that are drawn: every `every`-th of `whole`."""

    radii_per_m: tuple[float, ...]
    every: int
    whole: int

    @property
    def note(self) -> str:
        """What is left out, in words; nothing where all are drawn."""
        return "" if self.every == 1 else f" Only every {_ordinal(self.every)} of {self.whole} rings is drawn."


def rings(frame: Frame, column: Column | None, estimate: Estimate | None) -> Packet | None:
    """The power spectrum of a single image, with the Thon rings of `estimate` and what is said of them.

    Without an estimate they are fitted to the image itself; they do not tell the side of focus. None where the pixel
    size is not known.
    """
    made = spectrum("rings", frame, {})
    if made is None:
        return None
    c1_m, said = None, "No rings to be seen, and defocus was not measured here: measure once."
    if estimate is not None:
        c1_m, said = estimate.c1_m, f"Rings of the estimate for this image: {estimate.words}."
    elif column is not None and frame.pixel_m is not None:
        c1_m = c1_by_rings(frame.pixels, frame.pixel_m, column)
        if c1_m is not None:
            at = show_length(c1_m)
            said = f"Rings fitted to this image: {at}, drawn as underfocus (rings do not tell the side)."
    drawn = Drawn((), 1, 0)
    if c1_m is not None and column is not None:
        drawn = spread(zeros_per_m(c1_m, column, made.about["edge_per_m"]))
    return replace(made, about={**made.about, "rings_per_m": list(drawn.radii_per_m), "said": said + drawn.note})


def zeros_per_m(c1_m: float, column: Column, edge_per_m: float) -> list[float]:
    """The spatial frequencies (1/m, rising, below `edge_per_m`) at which contrast transfer is zero.

    They solve πλ C1 q² + ½π C3 λ³ q⁴ − asin(w) = nπ for all whole n.
    """
    wave, top = column.wavelength_m, edge_per_m**2
    linear, square = math.pi * wave * c1_m, 0.5 * math.pi * column.c3_m * wave**3
    offset = math.asin(column.amplitude_contrast)
    turns = [0.0, top]
    if square and 0 < -linear / (2 * square) < top:
        turns.insert(1, -linear / (2 * square))  # there the phase turns round
    found: list[float] = []
    for low, high in pairwise(turns):
        phases = [(linear + square * q2) * q2 - offset for q2 in (low, high)]
        first, last = (math.ceil(min(phases) / math.pi), math.floor(max(phases) / math.pi))
        for n in range(first, last + 1):
            found += [q2 for q2 in _roots(square, linear, -offset - n * math.pi) if low < q2 < high]
    return sorted(math.sqrt(q2) for q2 in found)


def _roots(square: float, linear: float, constant: float) -> list[float]:
    """The real roots of square x² + linear x + constant."""
    inside = linear**2 - 4 * square * constant
    if inside < 0 or (square == 0 and linear == 0):
        return []
    half = -0.5 * (linear + math.copysign(math.sqrt(inside), linear))
    return [*([half / square] if square else []), *([constant / half] if half else [])]


def spread(radii_per_m: Sequence[float]) -> Drawn:
    """Of many rings every n-th, so that at most `MOST_DRAWN` are drawn."""
    every = max(math.ceil(len(radii_per_m) / MOST_DRAWN), 1)
    return Drawn(tuple(radii_per_m[every - 1 :: every]), every, len(radii_per_m))


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number % 100 not in {11, 12, 13} else 0, "th")
    return f"{number}{ending}"


def c1_by_rings(pixels: NDArray[np.generic], pixel_m: float, column: Column) -> float | None:
    """C1 by the Thon rings of an image, taken for underfocus; None where there are none."""
    seen = radial_spectrum([pixels], pixel_m)
    found = [fit_rings(seen, column, expected_m=at, reach_m=reach) for at, reach in _RINGS_M]
    clear = [one for one in found if one is not None]
    return max(clear, key=lambda one: one.evidence).c1_m if clear else None
