"""What to do differently when a measurement was refused for a reason that another look can settle. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from eucentric.focus.correct import PLAY_M, Correction
from eucentric.focus.measurement import Measurement
from eucentric.focus.response import Response
from eucentric.focus.result import DefocusResult
from eucentric.focus.settings import FocusStep, Thresholds
from eucentric.focus.verdict import Finding, Reason, Verdict
from eucentric.units import show_length, show_measured

FRACTIONS = (1.0, 0.7, 1.25)
"""Further tilts, as fractions of the step's: there a wrong lattice peak means another defocus, the right one not."""
OFFSET_M = -1e-6
"""Lens defocus that moves the specimen's peak away from the camera's pattern at zero shift (underfocus)."""
OFFSET_PX = 30.0
"""… but at least so many pixels of shift: well away from a fixed pattern, and from what surrounds it."""
SURPRISE_SIGMAS = 5.0
"""How far from what the last correction must have left a measurement is believed without a second look."""
_NEAR_FOCUS = frozenset({Reason.FIXED_PATTERN, Reason.FALSE_LOCK, Reason.CONTRAST_REVERSED})
_SETTLED = frozenset({Reason.AMBIGUOUS, Reason.UNEXPECTED})
_ACROSS_PX = 20.0  # how far across the tilt drift and astigmatism move a match
_PLACES = 2.5e5  # shifts of two images of 256², the smallest that are planned
_HOPELESS = 1e3  # odds against a runner-up that make it no answer any more
_AGREE_SIGMAS = 4.0
_AGREE_FRACTION = 0.005  # of the defocus: what the tilt's cubic term may do between two tilts (0.5 % at 10 mrad)


@dataclass(frozen=True, slots=True)
class Look:
    """How to look: the tilt as a fraction of the step's, and a known defocus set for the measurement alone."""

    tilt_fraction: float = 1.0
    offset_m: float = 0.0


@dataclass(frozen=True, slots=True)
class Expected:
    """What the last correction must have left, metres, and its 1σ."""

    c1_m: float
    sigma_m: float


def another_look(step: FocusStep, verdict: Verdict, looked: Look, pixel_m: float) -> Look | None:
    """Another look that may settle what the verdict found, None when there is none.

    Motion of the first exposures (χ²) is over the next time; a lattice (ambiguous) and a surprise are settled
    by a second tilt; a fixed pattern by a further known
    defocus. So is "nothing in common", once: a shift near zero can drown in the camera's pattern. And so is reversed
    contrast, once: near focus there is little of either sign.
    """
    reasons = {finding.reason for finding in verdict.findings}
    if reasons == {Reason.CHI_SQUARE}:
        return looked
    if reasons <= _SETTLED | {Reason.CHI_SQUARE}:
        at = FRACTIONS.index(looked.tilt_fraction) + 1
        return replace(looked, tilt_fraction=FRACTIONS[at]) if at < len(FRACTIONS) else None
    if reasons & _NEAR_FOCUS and looked.offset_m == step.offset_m:
        return replace(looked, offset_m=looked.offset_m + further_m(step.largest_tilt_rad, pixel_m))
    return None


def further_m(tilt_rad: float, pixel_m: float) -> float:
    """How much more lens defocus a further look takes, metres; below zero: towards underfocus."""
    return min(OFFSET_M, -OFFSET_PX * pixel_m / (2 * tilt_rad))


def expected_after(before: Measurement, made: Correction, response: Response) -> Expected:
    """C1 after a correction: what was measured plus the change, with the errors of both."""
    move = math.hypot(response.sigma * made.change_c1_m, PLAY_M.get(made.channel, 0.0))
    return Expected(before.c1_m + made.change_c1_m, math.hypot(before.total_sigma_m, move))


def surprised(result: DefocusResult, expected: Expected | None) -> DefocusResult:
    """The result, refused where it is far from what the last correction must have left."""
    if expected is None or not result.accepted:
        return result
    sigma = math.hypot(result.measurement.total_sigma_m, expected.sigma_m)
    if abs(result.measurement.c1_m - expected.c1_m) <= SURPRISE_SIGMAS * sigma:
        return result
    finding = Finding(
        Reason.UNEXPECTED,
        f"The last correction must have left {show_measured(expected.c1_m, (expected.sigma_m, ''))}, "
        f"and {show_length(result.measurement.c1_m)} was measured",
        f"within {SURPRISE_SIGMAS:g} σ, or found twice",
        "Check that the stage and the lens move as they should, and that the specimen is still.",
    )
    return replace(result, verdict=Verdict((finding,)))


def told_apart(result: DefocusResult, expected: Expected | None, step: FocusStep) -> DefocusResult:
    """The result accepted where its only doubt is that it could be somewhere else, and it is where the last correction
    must have left it.

    A place of a regular film that looks alike is far from there, or a shift that no defocus explains. And noise that
    makes a match somewhere makes it just there a hundred times more seldom, where that is no more than a hundredth of
    all places.
    """
    reasons = _reasons(result)
    if expected is None or not reasons or not reasons <= {Reason.AMBIGUOUS, Reason.FALSE_LOCK}:
        return result
    reach = SURPRISE_SIGMAS * math.hypot(result.measurement.total_sigma_m, expected.sigma_m)
    best, *others = _answers(result)
    if abs(best - expected.c1_m) > reach or any(abs(other - expected.c1_m) <= reach for other in others):
        return result
    along_px = 4 * reach * step.largest_tilt_rad / result.pixel_m
    seldom = 1e-2 if along_px * _ACROSS_PX <= 1e-2 * _PLACES else 1.0
    return replace(result, verdict=Verdict()) if _chance(result) * seldom <= step.thresholds.false_lock_max else result


def settled(result: DefocusResult, before: Sequence[DefocusResult], limit: Thresholds) -> DefocusResult:
    """The result accepted when its best answer, and no other, agrees with the best answer of an earlier look.

    A place that looks alike agrees with itself unless the tilts differ. Where both looks are unsure, noise would have
    to make both, at the same defocus: that takes both chances. A doubt of places is settled by looks that are sure.
    """
    if result.accepted or not _agreeable(result):
        return result
    for first in before:
        if not _independent(first, result, limit) or _chance_of(first, result) > limit.false_lock_max:
            continue
        mine, other = _answers(first), _answers(result)
        agreeing = [(i, j) for i, a in enumerate(mine) for j, b in enumerate(other) if _agree(a, b, first, result)]
        if agreeing == [(0, 0)]:
            return replace(result, verdict=Verdict())
    return result


def _agreeable(result: DefocusResult) -> bool:
    return _reasons(result) <= _SETTLED | {Reason.FALSE_LOCK}


def _independent(first: DefocusResult, second: DefocusResult, limit: Thresholds) -> bool:
    """Whether what one look may have taken for the answer would not look so in the other."""
    if not _agreeable(first):
        return False
    if not np.isclose(_tilt_rad(first), _tilt_rad(second)):
        return True
    alike = any(_odds(look) < limit.odds_min or _reasons(look) & _SETTLED for look in (first, second))
    return not alike


def _chance_of(first: DefocusResult, second: DefocusResult) -> float:
    """That noise made what decides between them."""
    chances = _chance(first), _chance(second)
    unsure = all(Reason.FALSE_LOCK in _reasons(look) for look in (first, second))
    return chances[0] * chances[1] if unsure else max(chances)


def _odds(result: DefocusResult) -> float:
    """Of the best answer against the next, of the least sure of its shifts."""
    return min((s.runner_up.odds for s in result.shifts if s.runner_up is not None), default=math.inf)


def _reasons(result: DefocusResult) -> set[Reason]:
    return {finding.reason for finding in result.verdict.findings}


def _tilt_rad(result: DefocusResult) -> float:
    return max(abs(complex(*t)) for t in result.exposures.tilts)  # of stage tilts, the middle image's is 0


def _chance(result: DefocusResult) -> float:
    """That noise made the least sure of its shifts."""
    return max(shift.false_lock_probability for shift in result.shifts)


def _answers(result: DefocusResult) -> list[float]:
    """The best answer, and those that are not overwhelmingly worse."""
    others = [
        other
        for shift, other in zip(result.shifts, result.rivals_m, strict=True)
        if other is not None and shift.runner_up is not None and shift.runner_up.odds < _HOPELESS
    ]
    return [result.measurement.c1_m, *others]


def _agree(a: float, b: float, first: DefocusResult, second: DefocusResult) -> bool:
    # The calibration's error is common to both tilts; noise, drift and a little of the scale are not.
    noise = sum(_own_error(r.measurement) ** 2 for r in (first, second)) ** 0.5
    pixel = first.pixel_m / _tilt_rad(second)  # half a pixel of a runner-up, as defocus
    return bool(abs(a - b) < _AGREE_SIGMAS * noise + _AGREE_FRACTION * max(abs(a), abs(b)) + pixel)


def _own_error(measured: Measurement) -> float:
    parts = {c.source: c.sigma_m for c in measured.budget}
    return math.hypot(parts.get("noise", 0.0), parts.get("drift", 0.0))
