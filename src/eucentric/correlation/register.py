"""One call for all correlation types: two images become a Shift.

`matched` goes: prepare, search all shifts, cut the overlap into tiles, refine by maximum likelihood, and ask what else
it could have been: noise, a rival, the camera's fixed pattern.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from eucentric.correlation.both import both
from eucentric.correlation.classic import classic_map
from eucentric.correlation.evidence import Candidate
from eucentric.correlation.matched import Refined, refine
from eucentric.correlation.pattern import PATTERN_SIZE_PX
from eucentric.correlation.search import Found, SearchRange, search
from eucentric.correlation.seen import Seen, seen_of
from eucentric.correlation.shift import CorrelationMap, FixedPattern, Method, Rival, Shift
from eucentric.correlation.tiles import coma_px, tile_spectra
from eucentric.errors import InputError
from eucentric.images.prepare import Prepared, prepare
from eucentric.optics.pair import PairOptics
from eucentric.optics.stretch import Stretch

__all__ = ["PairOptics", "SearchRange", "register"]

PATTERN_RMS = 0.025
"""The strongest residue of a gain reference to reckon with, as a fraction of the mean (they are 0.5 to 2 %)."""
SUSPECT = 0.3
"""At zero shift, a fixed pattern that explains this share of what the specimen does is looked into, and must be beaten
by this share."""
CLOSE_PX = 6.0
"""The tiles must be cut this near to the shift for (nearly) their whole overlap to count."""
QUICK_TILES = 9
QUICK_FROM_PX = 9.0
"""Where the search leaves more than this to find, a few tiles say first where to cut all of them."""
WEAK_NATS = 20.0
"""What fine detail must explain at least: noise does as much once in 10⁶ among the some hundred places near a peak."""
WIDER_NATS = 2.0
"""… and so much more where it is looked for among ten times as many places."""
WIDE_STEPS = 4.0
"""How many steps of the search its peak may be off where low frequencies alone make it broad."""
CLEARLY = 1.5
"""What explains this many times as much, in nats, is right."""
PATTERN_NATS = 12.0
"""The specimen must explain this much more than a fixed pattern does, in nats, to be believed at zero shift."""
WEAK_AT_ZERO_NATS, NEAR_ZERO_PX = 100.0, 3.0
"""A match that explains less, so near to where the camera's pattern and uneven light are, is pulled there by them."""


def register(
    reference: NDArray[np.generic],
    moving: NDArray[np.generic],
    *,
    method: Method = Method.MATCHED,
    pair: PairOptics | None = None,
    where: SearchRange | None = None,
    with_map: bool = True,
    workers: int = 2,
) -> Shift:
    """The shift of `moving` relative to `reference`: moving(r) = reference(r − shift), (y, x) in pixels.

    `reference` (the first of `pair`) and `moving` (its second) are 2-D arrays of one shape. Without `pair` the images
    are taken to differ by a shift alone. Raises InputError for unusable arrays.
    """
    begin = time.perf_counter()
    first, second = both(prepare, reference, moving, workers=workers)
    if first.shape != second.shape:
        raise InputError(
            f"The images differ in size: {first.shape[0]} × {first.shape[1]} and {second.shape[0]} × {second.shape[1]} "
            "pixels. Take both with the same camera settings."
        )
    seen = seen_of(first, second, pair, where or SearchRange(), workers=workers)
    view = _matched(seen) if method is Method.MATCHED else _classic(seen, method)
    return replace(view, map=view.map if with_map else None, seconds=time.perf_counter() - begin)


def _matched(seen: Seen) -> Shift:
    """The matched registration, and a second look without zero shift where a fixed pattern may have won."""
    found = _search(seen)
    best, refined = _refined(seen, found)
    pattern = _pattern(refined, seen)
    if refined is not None and _at_pattern(refined, seen) and refined.pattern_evidence > SUSPECT * refined.evidence:
        off_zero = seen.without_zero()
        elsewhere = _search(off_zero)
        if elsewhere.false_lock_probability < 1e-6 and elsewhere.odds > 1e3:
            other, again = _refined(off_zero, elsewhere)
            clear = again is not None and not _at_pattern(again, seen) and again.evidence > 2 * PATTERN_NATS
            if again is not None and clear and again.outdoes(refined):
                found, best, refined, pattern = elsewhere, other, again, FixedPattern.REMOVED
    return _shift_of(seen, found, best, refined, pattern)


def _search(seen: Seen) -> Found:
    """What the search finds, with the sign of contrast that the model of the pair says.

    The search knows no Thon rings: near focus the foot of their peak can be a minimum that is stronger than the peak.
    Both are refined with all that is known of the pair, and the one that explains clearly more is right.
    """
    found = search(seen.first, seen.second, seen.pair, seen.where, workers=seen.workers)
    if seen.pair is None or found.beside is None:
        return found
    negative = replace(seen, second=replace(seen.second, values=-seen.second.values))
    turned = replace(found, candidates=(replace(found.candidates[0], sign=1),))
    (_, alike), (_, reversed_) = _refined(seen, found.beside), _refined(negative, turned)
    if alike is None or (reversed_ is not None and alike.evidence < CLEARLY * reversed_.evidence):
        return found
    return found.beside


def _refined(seen: Seen, found: Found) -> tuple[Candidate | None, Refined | None]:
    """The best candidate, refined."""
    if not found.candidates:
        return None, None
    best = found.candidates[0]
    if best.sign < 0:
        return best, None
    refined = _near(seen, best.shift_px, 1.5 * found.step_px[0] + 2)
    if refined is None or refined.evidence < WEAK_NATS:
        wide = _near(seen, best.shift_px, WIDE_STEPS * found.step_px[0] + 2)
        refined = wide if wide is not None and wide.evidence >= WEAK_NATS + WIDER_NATS else None
    return best, refined


def _near(seen: Seen, at: tuple[float, float], reach: float) -> Refined | None:
    """The best agreement of fine detail within `reach` of a place; None where there is none."""
    first, second, pair, where = seen.first, seen.second, seen.pair, seen.where
    refined = None
    for quick in (QUICK_TILES if reach > QUICK_FROM_PX else None, None, None):
        whole = (round(at[0]), round(at[1]))
        spectra = tile_spectra(first, second, whole, pair=pair, workers=seen.workers, at_most=quick)
        if spectra is None:
            return None
        refined = refine(
            spectra,
            pair,
            reach_px=reach,
            without_zero=where.without_zero,
            pattern_rms=_pattern_rms(first, second),
            place=where.place,
        )
        if refined is None:
            break
        far = np.hypot(refined.shift_px[0] - whole[0], refined.shift_px[1] - whole[1])
        if quick is None and far <= CLOSE_PX:
            break
        at, reach = refined.shift_px, CLOSE_PX + 2
    if refined is not None and np.hypot(at[0] - refined.shift_px[0], at[1] - refined.shift_px[1]) > reach + CLOSE_PX:
        return None  # fine detail that leads away from where the images agree is no agreement
    return refined


def _pattern_rms(first: Prepared, second: Prepared) -> float | None:
    """The strongest fixed pattern that two images of these means can share; None where counts have lost their zero."""
    if not (first.positive and second.positive):
        return None
    return PATTERN_RMS * max(first.mean, second.mean)


def _at_pattern(refined: Refined, seen: Seen) -> bool:
    """Whether the shift is where a fixed pattern would be.

    Un-stretching spreads the pattern along a line, and a Newton step may end on its flank, which the compensation of
    the coma makes broader.
    """
    away = float(seen.where.place.distance(*refined.shift_px))
    if seen.pair is not None and seen.stretch is not None:
        return away <= 2 * PATTERN_SIZE_PX + coma_px(seen.pair)
    sigma = float(np.sqrt(np.trace(refined.covariance_px2)))
    return away <= 4 * sigma + 0.05


def _pattern(refined: Refined | None, seen: Seen) -> FixedPattern:
    """Whether what was found may be the camera's own pattern."""
    if refined is None:
        return FixedPattern.NONE
    weak = refined.evidence < WEAK_AT_ZERO_NATS
    if weak and float(seen.where.place.distance(*refined.shift_px)) < NEAR_ZERO_PX:
        return FixedPattern.INDISTINGUISHABLE
    if not _at_pattern(refined, seen):
        return FixedPattern.REMOVED if refined.pattern_sigmas > 5 else FixedPattern.NONE
    if refined.evidence - refined.pattern_evidence > PATTERN_NATS + SUSPECT * refined.pattern_evidence:
        return FixedPattern.NONE
    return FixedPattern.INDISTINGUISHABLE


def _shift_of(
    seen: Seen, found: Found, best: Candidate | None, refined: Refined | None, pattern: FixedPattern
) -> Shift:
    """Everything that was learnt, as a Shift; its time is told by who began."""
    at = refined.shift_px if refined else (best.shift_px if best else (0.0, 0.0))
    shape = found.correlation.shape
    view = CorrelationMap(
        found.correlation,
        found.step_px,
        ((at[0] / found.step_px[0]) % shape[0], (at[1] / found.step_px[1]) % shape[1]),
    )
    found_shift = Shift(
        shift_px=at,
        covariance_px2=refined.covariance_px2 if refined else None,
        method=Method.MATCHED,
        overlap=_overlap(at, seen.first.shape),
        false_lock_probability=_chance(found, refined, best, pattern),
        runner_up=Rival(found.rival.shift_px, found.odds) if found.rival else None,
        coherence=refined.coherence if refined else None,
        fixed_pattern=pattern,
        contrast_sign=best.sign if best else 1,
        lit=(seen.first.lit_fraction, seen.second.lit_fraction),
        map=view,
        seconds=0.0,
    )
    return _at_centre(found_shift, seen.stretch, found)


def _at_centre(shift: Shift, stretch: Stretch | None, found: Found) -> Shift:
    """The shift between un-stretched images told as that of the image's centre."""
    if stretch is None or not found.candidates:
        return shift
    centre, covariance, rival = stretch.at_centre(shift.shift_px), shift.covariance_px2, shift.runner_up
    # The first image shows p at p + A₁⁻¹d₁.
    away = np.linalg.solve(stretch.first, np.array(stretch.mean_displacement(centre)) - 0.5 * np.array(centre))
    return replace(
        shift,
        shift_px=centre,
        covariance_px2=None if covariance is None else stretch.covariance_at_centre(covariance),
        runner_up=None if rival is None else replace(rival, shift_px=stretch.at_centre(rival.shift_px)),
        centroid_px=(found.centroid_px[0] - float(away[0]), found.centroid_px[1] - float(away[1])),
    )


def _overlap(at: tuple[float, float], shape: tuple[int, int]) -> float:
    """The common area as a fraction of the image."""
    return max(0.0, 1 - abs(at[0]) / shape[0]) * max(0.0, 1 - abs(at[1]) / shape[1])


def _chance(found: Found, refined: Refined | None, best: Candidate | None, pattern: FixedPattern) -> float:
    """The chance that this is not the specimen: that noise made it, or, at even odds, the camera's own pattern."""
    if refined is None and not (best is not None and best.sign < 0):
        return 1.0
    if pattern is FixedPattern.INDISTINGUISHABLE:
        return max(0.5, found.false_lock_probability)
    return found.false_lock_probability


def _classic(seen: Seen, method: Method) -> Shift:
    """Cross or phase correlation; its peak is judged by the same evidence as the matched one's."""
    first, second = seen.first, seen.second
    view = classic_map(first.values, second.values, method, workers=seen.workers)
    at = view.shift_of(*view.peak)
    found = search(first, second, None, seen.where, workers=seen.workers)
    near = [
        c
        for c in found.candidates[:1]
        if np.hypot(c.shift_px[0] - at[0], c.shift_px[1] - at[1]) < 3 * found.step_px[0] + 3
    ]
    shift = Shift(
        shift_px=at,
        covariance_px2=None,
        method=method,
        overlap=_overlap(at, first.shape),
        false_lock_probability=found.false_lock_probability if near else 1.0,
        runner_up=Rival(found.rival.shift_px, found.odds) if found.rival else None,
        coherence=None,
        fixed_pattern=FixedPattern.NONE,
        contrast_sign=1,
        lit=(first.lit_fraction, second.lit_fraction),
        map=view,
        seconds=0.0,
    )
    return _at_centre(shift, seen.stretch, found)
