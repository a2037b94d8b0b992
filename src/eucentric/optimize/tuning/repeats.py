"""Repeated measurements with their marks: which are good, which are bad, and who says so. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from eucentric.focus.average import own_sigma_m
from eucentric.focus.how import How
from eucentric.focus.patterns import Link
from eucentric.focus.result import DefocusResult
from eucentric.focus.verdict import Reason
from eucentric.optimize.tuning.curve import Curve, curve_through
from eucentric.optimize.tuning.rates import FEWEST

Vector = tuple[float, float]

AGREES_SIGMAS = 5.0
"""A measurement this near to the accepted ones of its stretch is right; one further off is not."""


class Mark(StrEnum):
    """What a repeat is."""

    GOOD = "good"
    BAD = "bad"
    SKIPPED = "skipped"  # neither: nothing is learned from it


class By(StrEnum):
    """Who marked it."""

    VERDICT = "the verdict"
    OTHERS = "the other repeats"  # at odds with the verdict
    OPERATOR = "the operator"


@dataclass(frozen=True, slots=True)
class Marking:
    """A mark and who made it."""

    mark: Mark
    by: By


@dataclass(frozen=True, slots=True, eq=False)
class Repeat:
    """One measurement of a series; `number` counts from 1 through all that are looked at together.

    Repeats of one `stretch` were made at one `place` with nothing corrected between them. `how` is what its images were
    measured with, `links` which of them were compared. `moved_m` (y, x) is how far the specimen moved in the image
    since the last one of the stretch, None where that is not known. `dose_e_per_m2` is that of all its images,
    `electrons_per_px` of one image.
    """

    number: int
    place: int
    stretch: int
    time_s: float
    result: DefocusResult
    how: How
    links: tuple[Link, ...]
    dose_e_per_m2: float | None = None
    electrons_per_px: float | None = None
    moved_m: Vector | None = None

    @property
    def c1_m(self) -> float:
        """The defocus as measured."""
        return self.result.measurement.c1_m


def places_of(repeats: Sequence[Repeat]) -> dict[int, list[Repeat]]:
    """The repeats by place."""
    return _by(repeats, [one.place for one in repeats])


def stretches_of(repeats: Sequence[Repeat]) -> dict[int, list[Repeat]]:
    """The repeats by stretch."""
    return _by(repeats, [one.stretch for one in repeats])


def _by(repeats: Sequence[Repeat], keys: Sequence[int]) -> dict[int, list[Repeat]]:
    groups: dict[int, list[Repeat]] = {}
    for key, one in zip(keys, repeats, strict=True):
        groups.setdefault(key, []).append(one)
    return groups


def opinions(repeats: Sequence[Repeat]) -> dict[int, Marking]:
    """Marks by repeat number: the verdict's, but for what the other repeats of its place say.

    The verdict alone would find itself without fault. What it refused is good all the same when it found the defocus
    that the accepted ones found (chance alone seldom does), and what it accepted is bad when it did not. That takes
    `FEWEST` accepted ones of a stretch.
    """
    return {one.number: _opinion(one, _curve_of(there)) for there in stretches_of(repeats).values() for one in there}


def marked(repeats: Sequence[Repeat], by_hand: Mapping[int, Mark]) -> dict[int, Marking]:
    """The operator's marks, and where there is none the opinions."""
    own = {number: Marking(mark, By.OPERATOR) for number, mark in by_hand.items()}
    return {**opinions(repeats), **own}


def _curve_of(there: Sequence[Repeat]) -> Curve | None:
    accepted = [one for one in there if one.result.accepted]
    if len(accepted) < FEWEST:
        return None
    return curve_through([one.time_s for one in accepted], [one.c1_m for one in accepted])


def _opinion(one: Repeat, curve: Curve | None) -> Marking:
    accepted, reasons = one.result.accepted, {f.reason for f in one.result.verdict.findings}
    told = Mark.GOOD if accepted else Mark.BAD
    if curve is None or reasons & _NO_IMAGE:
        return Marking(told, By.VERDICT)
    allowed = AGREES_SIGMAS * math.hypot(curve.scatter_m, own_sigma_m(one.result.measurement))
    agrees = not one.result.nothing_found and abs(one.c1_m - curve.at(one.time_s)) <= allowed
    return Marking(Mark.GOOD if agrees else Mark.BAD, By.VERDICT if agrees == accepted else By.OTHERS)


_NO_IMAGE = frozenset({Reason.BLANK, Reason.SATURATED})
