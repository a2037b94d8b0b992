"""Whether what focus told at a tilt can be believed: held against the prediction, and against the other side. Pure.

An ice particle, a fold or a false lock at one focus target would bend the prediction for all tilts about it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from eucentric.focus.again import SURPRISE_SIGMAS
from eucentric.msi.series.geometry import TiltGeometry
from eucentric.msi.series.notes import TiltFocus
from eucentric.units import show_length


def odd(geometry: TiltGeometry, note: TiltFocus) -> bool:
    """Whether a focus that was found lies further from its prediction than both their errors allow."""
    if note.lens_m is None:
        return False
    off_m, sigma_m = _off(geometry, note)
    return abs(off_m) > SURPRISE_SIGMAS * sigma_m


def doubted(geometry: TiltGeometry, found: Sequence[TiltFocus]) -> list[tuple[TiltFocus, str]]:
    """Of the foci found at one tilt (the second one because the first was odd) those that are not believed, and why.

    Two that agree with each other are believed against the prediction; of two that don't, the one that was predicted.
    """
    told = [note for note in found if note.lens_m is not None]
    strange = [note for note in told if odd(geometry, note)]
    if len(strange) == 2 and _agree(geometry, *strange):
        return []
    return [(note, _why(geometry, note)) for note in strange]


def _agree(geometry: TiltGeometry, one: TiltFocus, other: TiltFocus) -> bool:
    """Whether both sides tell the same: they differ by the film's slope, and by their own errors."""
    assert one.lens_m is not None
    assert other.lens_m is not None
    film_m = (one.side - other.side) / math.cos(one.alpha_rad) * geometry.priors.film_odd_m
    own = math.hypot(one.sigma_m, other.sigma_m, film_m, geometry.priors.arrival_m)
    return abs(one.lens_m - other.lens_m) <= SURPRISE_SIGMAS * own


def _why(geometry: TiltGeometry, note: TiltFocus) -> str:
    off_m, sigma_m = _off(geometry, note)
    return (
        f"Focus found beside it is {show_length(off_m)} ({abs(off_m) / sigma_m:.1f} σ) from what was predicted, and "
        "the other side does not confirm it."
    )


def _off(geometry: TiltGeometry, note: TiltFocus) -> tuple[float, float]:
    """How far a found focus lies from its prediction, metres, and the 1σ of that."""
    predicted = geometry.lens(note.alpha_rad, note.number, note.side)
    assert note.lens_m is not None
    return note.lens_m - predicted.value_m, math.hypot(predicted.sigma_m, note.sigma_m)
