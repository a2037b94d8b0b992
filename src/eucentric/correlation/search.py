"""Where could the moving image stand? All shifts down to a small overlap, coarse to fine, with the evidence for each.

The zero-padded correlation of the whitened images, divided by the standard deviation that each overlap leaves, gives
candidates; evidence.py judges each. Reduced (block-averaged) images are searched first; finer ones only if the answer
is not certain.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import scipy.fft as sf
from numpy.typing import NDArray
from scipy import ndimage

from eucentric.correlation.evidence import Candidate, Compared, Lag, centroid, chance, judged, odds_against, ranked
from eucentric.correlation.pattern import PATTERN_SIZE_PX, PatternPlace
from eucentric.correlation.whiten import reduced_mask, whitened
from eucentric.images.prepare import Prepared
from eucentric.optics.pair import PairOptics

Image = NDArray[np.float32]

LEVEL_SIDES = (256, 512, 1024, 2048)
"""Longest sides, in pixels, of the reduced images that are searched in turn."""
SHORTEST_SIDE = 32
"""Shortest side, in pixels, of a reduced image."""
CERTAIN = 1e-9
"""A level whose false-lock probability and rival's chance are below this ends the search."""
CANDIDATES = 6
RIVALS = 3
PEAK_REACH = 24
"""Pixels around a peak within which all that is connected to it above a quarter of its height belongs to it."""

FOOT = 8
"""Pixels of the searched images within which a minimum may be the foot of a maximum: ripples of the Thon rings."""
RIPPLE = 4
"""Pixels of the searched images within which a peak's own ripple may stand apart from it."""


@dataclass(frozen=True, slots=True)
class SearchRange:
    """What is searched: shifts that leave at least `min_overlap` of the area; `without_zero` leaves out the place of a
    camera's fixed pattern (within 2 pixels of zero shift, or of where the un-stretching put it)."""

    min_overlap: float = 0.08
    without_zero: bool = False
    place: PatternPlace = field(default_factory=PatternPlace)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Best first; `rival` is the candidate that the best is hardest told from, at `odds` to one. `correlation` is the
    padded, wrapped map; one element is `step_px` full pixels. `centroid_px` (y, x), for a tilted specimen alone: where
    in the first image, from its middle, the best agrees on average. `beside`: where the best is a minimum (reversed
    contrast) at the foot of a maximum, what was found with that maximum as the best."""

    candidates: tuple[Candidate, ...]
    false_lock_probability: float
    rival: Candidate | None
    odds: float
    correlation: Image
    step_px: tuple[float, float]
    centroid_px: tuple[float, float] = (0.0, 0.0)
    beside: Found | None = None


def search(first: Prepared, second: Prepared, pair: PairOptics | None, where: SearchRange, *, workers: int) -> Found:
    """Candidates for the shift of `second` relative to `first`."""
    longest, shortest = max(first.shape), min(first.shape)
    factors = {max(1, round(longest / side)) for side in LEVEL_SIDES}
    factors = {factor for factor in factors if shortest // factor >= SHORTEST_SIDE} or {
        max(1, shortest // SHORTEST_SIDE)
    }
    levels = sorted(factors, reverse=True)
    best = _search_level(first, second, pair, where, factor=levels[0], workers=workers, trials=len(levels))
    for factor in levels[1:]:
        if best.false_lock_probability < CERTAIN and best.odds > 1 / CERTAIN:
            break
        found = _search_level(first, second, pair, where, factor=factor, workers=workers, trials=len(levels))
        both = max(found.false_lock_probability, best.false_lock_probability)
        better = (
            found.odds > best.odds if both < CERTAIN else (found.false_lock_probability <= best.false_lock_probability)
        )
        if better:
            best = found
    return best


def _search_level(
    first: Prepared,
    second: Prepared,
    pair: PairOptics | None,
    where: SearchRange,
    *,
    factor: int,
    workers: int,
    trials: int,
) -> Found:
    """One level of the search, on images reduced by `factor`."""
    white_a, white_b = whitened(first, second, pair=pair, factor=factor, workers=workers)
    overlap = _overlap(first, second, factor=factor, workers=workers)
    correlation = _standardised(white_a, white_b, overlap, where.min_overlap, workers)
    allowed = _allowed(overlap, where, factor)
    lags = max(int(allowed.sum()), 1) * trials
    step = (float(factor), float(factor))
    images = Compared(white_a, white_b)
    seen = [_candidate(images, correlation, lag, factor) for lag in _peaks(correlation, allowed)]
    candidates = ranked(images, [c for c in seen if c is not None], factor=factor, lags=lags)
    if not candidates:
        return Found((), 1.0, None, 1.0, correlation, step)
    tilted = pair is not None and pair.slope != (0.0, 0.0)

    def told(candidates: list[Candidate], beside: Found | None = None) -> Found:
        best = candidates[0]
        # What is of the other sign at the foot of the best is its own ripple.
        own = [c for c in candidates[1:] if c.sign != best.sign and _near(c, best, FOOT * factor)]
        likely = [c for c in candidates[1:] if c.t > 0 and c not in own][:RIVALS]
        rivals = [(odds_against(images, best, c, factor=factor, lags=lags), c) for c in likely]
        odds, rival = min(rivals, key=lambda r: r[0], default=(1e300, None))
        middle = centroid(white_a, white_b, best, factor) if tilted else (0.0, 0.0)
        return Found(tuple(candidates), chance(best, lags), rival, odds, correlation, step, middle, beside)

    above = [c for c in candidates if candidates[0].sign < 0 < c.sign and _near(c, candidates[0], FOOT * factor)]
    beside = told([above[0], *(c for c in candidates if c.sign > 0 and c is not above[0])]) if above else None
    return told(candidates, beside)


def _candidate(images: Compared, correlation: Image, lag: Lag, factor: int) -> Candidate | None:
    """The evidence for a maximum (or minimum) of the map, placed to parts of a pixel by a parabola along each axis."""
    found = judged(*images.images, lag, factor)
    if found is None:
        return None
    row, column, sign = lag
    parts = []
    for axis in (0, 1):
        steps = [(row + (axis == 0) * k, column + (axis == 1) * k) for k in (-1, 0, 1)]
        before, here, after = (
            sign * float(correlation[y % correlation.shape[0], x % correlation.shape[1]]) for y, x in steps
        )
        bend = before - 2 * here + after
        parts.append(float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else 0.0)
    return replace(found, shift_px=(factor * (row + parts[0]), factor * (column + parts[1])))


def _near(one: Candidate, other: Candidate, reach_px: float) -> bool:
    return float(np.hypot(*np.subtract(one.shift_px, other.shift_px))) <= reach_px


def _overlap(first: Prepared, second: Prepared, *, factor: int, workers: int) -> Image:
    """Common (lit) area of the padded, wrapped lags as a fraction of the image."""
    ny, nx = first.shape[0] // factor, first.shape[1] // factor
    shape = _padded(ny, nx)
    lit_a, lit_b = reduced_mask(first, factor), reduced_mask(second, factor)
    if lit_a is None and lit_b is None:
        return _plain_overlap(ny, nx)
    ones = np.ones((ny, nx), np.float32)
    one = sf.rfft2(ones if lit_a is None else lit_a, s=shape, workers=workers)
    two = sf.rfft2(ones if lit_b is None else lit_b, s=shape, workers=workers)
    return np.asarray(np.maximum(sf.irfft2(np.conj(one) * two, s=shape, workers=workers) / (ny * nx), 0), np.float32)


@lru_cache(maxsize=8)
def _plain_overlap(ny: int, nx: int) -> Image:
    """The same for images that are lit all over."""
    rows, columns = (np.clip(1 - _distance(m) / n, 0, 1) for m, n in zip(_padded(ny, nx), (ny, nx), strict=True))
    return np.asarray(rows[:, None] * columns[None], np.float32)


def _padded(ny: int, nx: int) -> tuple[int, int]:
    """Shape of a transform in which no lag wraps onto another."""
    return (sf.next_fast_len(2 * ny, real=True), sf.next_fast_len(2 * nx, real=True))


def _distance(n: int) -> NDArray[np.intp]:
    """|lag| of each element of a wrapped axis."""
    return np.minimum(np.arange(n), n - np.arange(n))


def _allowed(overlap: Image, where: SearchRange, factor: int) -> NDArray[np.bool_]:
    """Which lags are searched."""
    allowed = overlap >= where.min_overlap
    if where.without_zero and where.place.spread is None:
        reach = max(1, int(np.ceil(PATTERN_SIZE_PX / factor)))
        rows, columns = (_distance(n) > reach for n in overlap.shape)
        allowed &= rows[:, None] | columns[None]
    elif where.without_zero:
        y, x = (factor * ((np.arange(n) + n // 2) % n - n // 2) for n in overlap.shape)
        allowed &= where.place.distance(y[:, None], x[None]) > max(factor, PATTERN_SIZE_PX)
    return allowed


def _standardised(a: Image, b: Image, overlap: Image, min_overlap: float, workers: int) -> Image:
    """The padded correlation in units of the standard deviation that its overlap leaves."""
    product = np.conj(sf.rfft2(a, s=overlap.shape, workers=workers)) * sf.rfft2(b, s=overlap.shape, workers=workers)
    correlation = sf.irfft2(product, s=overlap.shape, workers=workers)
    correlation /= np.sqrt(np.maximum(overlap, np.float32(0.25 * min_overlap)))
    sample = correlation[::5, ::5][overlap[::5, ::5] >= min_overlap]
    spread = 1.4826 * float(np.median(np.abs(sample))) if sample.size else 1.0
    correlation /= np.float32(max(spread, 1e-30))
    return np.asarray(correlation, np.float32)


def _peaks(correlation: Image, allowed: NDArray[np.bool_]) -> list[Lag]:
    """The highest maxima, and the deepest minimum (a pair of reversed contrast)."""
    work = np.where(allowed, correlation, 0)
    shape = work.shape
    lowest = np.unravel_index(int(_away_from_highest(work).argmin()), shape)
    peaks = [(int(lowest[0]), int(lowest[1]), -1)]
    for _ in range(CANDIDATES):
        row, column = (int(i) for i in np.unravel_index(int(work.argmax()), shape))
        if work[row, column] <= 0:
            break
        peaks.append((row, column, 1))
        _erase_peak(work, row, column)
    return [
        (row - shape[0] if row > shape[0] // 2 else row, column - shape[1] if column > shape[1] // 2 else column, sign)
        for row, column, sign in peaks
    ]


def _away_from_highest(work: Image) -> Image:
    """The map without the surroundings of its maximum, whose ripples are no answer, unless a minimum is stronger."""
    row, column = np.unravel_index(int(work.argmax()), work.shape)
    if -work.min() > work[row, column]:
        return work
    around = np.arange(-PEAK_REACH, PEAK_REACH + 1)
    elsewhere = work.copy()
    elsewhere[np.ix_((row + around) % work.shape[0], (column + around) % work.shape[1])] = 0
    return elsewhere


def _erase_peak(work: Image, row: int, column: int) -> None:
    """Set a peak to zero, as far as it reaches (a broad peak is one candidate, not many)."""
    around = np.arange(-PEAK_REACH, PEAK_REACH + 1)
    here = np.ix_((row + around) % work.shape[0], (column + around) % work.shape[1])
    patch = work[here]
    labels, _ = ndimage.label(patch > 0.25 * patch[PEAK_REACH, PEAK_REACH])
    gone = ndimage.binary_dilation(labels == labels[PEAK_REACH, PEAK_REACH], iterations=2)
    gone[PEAK_REACH - RIPPLE : PEAK_REACH + RIPPLE + 1, PEAK_REACH - RIPPLE : PEAK_REACH + RIPPLE + 1] = True
    patch[gone] = 0
    work[here] = patch
