"""Where could the moving image stand? All shifts down to a small overlap, coarse to fine, with the evidence for each.

Both images are whitened ring by ring and weighted by how far each ring stands above the noise, and their strongest
modes (Bragg spots of a lattice, streaks of an edge) and pixels are limited, so that no single feature decides. The
zero-padded correlation, divided by the standard deviation that its overlap leaves, gives candidates. Each candidate is
judged in real space: the product of the whitened images, averaged over many blocks of the overlap. Evidence that is
spread over the overlap has a small scatter between blocks; an edge, a bar or a blob has not. Student's t of the block
means is what false-lock probabilities and odds are made of.

Reduced (block-averaged) images are searched first; finer ones only if the answer is not certain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft as sf
from numpy.typing import NDArray
from scipy import ndimage, special

from eucentric.correlation.rings import Rings, rings, taper
from eucentric.images.prepare import Prepared
from eucentric.optics.pair import PairOptics, pair_model

Image = NDArray[np.float32]

LEVEL_SIDES = (256, 512, 1024, 2048)
"""Longest sides, in pixels, of the reduced images that are searched in turn."""
CERTAIN = 1e-9
"""A level whose false-lock probability and rival's chance are below this ends the search."""
EDGE = 0.03
"""Taper of the searched images, fraction of each side."""
MODE_LIMIT = 9.0
"""A mode is held to this many times its ring's mean power: of noise e⁻⁹ = 1e-4 of the modes are."""
PIXEL_LIMIT = 4.0
"""Whitened pixels are held to this many standard deviations."""
CANDIDATES = 6
SIGNIFICANT = 1e-3
"""A candidate less likely than this to be noise counts as a real alternative."""
PROMOTED_SIGMAS = 5.0
REPEAT_SIGMAS = 2.5
"""An image that agrees with itself this well at another place is taken for a lattice (of noise 1 % would be)."""


@dataclass(frozen=True, slots=True)
class SearchRange:
    """What is searched: shifts that leave at least `min_overlap` of the area; `without_zero` leaves out the place of a
    camera's fixed pattern (|shift| ≤ 2 pixels)."""

    min_overlap: float = 0.08
    without_zero: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A shift (y, x) in pixels of the full images, and the evidence for it: mean and its error over the blocks."""

    shift_px: tuple[float, float]
    sign: int
    mean: float
    error: float
    blocks: int

    @property
    def t(self) -> float:
        """Student's t of the evidence."""
        return self.mean / self.error


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Best first. `correlation` is the padded, wrapped map; one element is `step_px` full pixels."""

    candidates: tuple[Candidate, ...]
    false_lock_probability: float
    odds: float
    correlation: Image
    step_px: tuple[float, float]


def search(first: Prepared, second: Prepared, pair: PairOptics | None, where: SearchRange, *, workers: int) -> Found:
    """Candidates for the shift of `second` relative to `first`."""
    longest = max(first.shape)
    factors = sorted({max(1, round(longest / side)) for side in LEVEL_SIDES}, reverse=True)
    best: Found | None = None
    for factor in factors:
        if min(first.shape) // factor < 32 and factor > 1:
            continue
        found = _search_level(first, second, pair, where, factor=factor, workers=workers, trials=len(factors))
        if best is None or found.false_lock_probability <= best.false_lock_probability:
            best = found
        if found.false_lock_probability < CERTAIN and found.odds > 1 / CERTAIN:
            return found
    assert best is not None
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
    a, b = _reduced(first, factor), _reduced(second, factor)
    lit_a, lit_b = _reduced_mask(first, factor), _reduced_mask(second, factor)
    white_a, white_b = _whitened(a, lit_a, b, lit_b, pair=pair, factor=factor, workers=workers)
    correlation, allowed = _standardised(
        white_a, white_b, where, lit_a=lit_a, lit_b=lit_b, factor=factor, workers=workers
    )
    lags = max(int(allowed.sum()), 1)
    shape = correlation.shape
    lags_found = [_wrapped(peak, shape) for peak in _peaks(correlation, allowed)]
    judged = (_judged(white_a, white_b, lag, factor) for lag in lags_found)
    ranked = _ranked([c for c in judged if c is not None], lags * trials)
    step = (float(factor), float(factor))
    if not ranked:
        return Found((), 1.0, 1.0, correlation, step)
    best = ranked[0]
    odds = min(
        (_odds(best, c, alias=_repeats(white_a, white_b, best, c, factor)) for c in ranked[1:] if c.t > 0),
        default=1e300,
    )
    return Found(tuple(ranked), _chance(best, lags * trials), odds, correlation, step)


def _chance(candidate: Candidate, lags: int) -> float:
    """The chance that noise gives this evidence at any of so many lags, of either sign."""
    return min(1.0, float(special.stdtr(candidate.blocks - 1, -candidate.t)) * 2 * lags)


def _difference(one: Candidate, other: Candidate) -> float:
    """By how many sigmas one candidate's images agree better than the other's, overlap for overlap."""
    return (one.mean - other.mean) / float(np.hypot(one.error, other.error))


def _ranked(candidates: list[Candidate], lags: int) -> list[Candidate]:
    """Best first: by evidence; but one that agrees clearly better on a smaller overlap goes before one that has more.

    (On a lattice the wrong cell with the larger overlap has more evidence, the right one the better agreement.)
    """
    ranked = sorted(candidates, key=lambda c: c.t, reverse=True)
    for rival in ranked[1:]:
        if _chance(rival, lags) < SIGNIFICANT and _difference(rival, ranked[0]) > PROMOTED_SIGMAS:
            ranked.remove(rival)
            ranked.insert(0, rival)
    return ranked


def _odds(best: Candidate, rival: Candidate, *, alias: bool) -> float:
    """Odds of `best` against `rival`; 1 when they can't be told apart.

    A rival that noise explains loses by the evidence for the best, exp(½(t² − t'²)). One that a lattice in the images
    explains must also agree clearly worse where it overlaps: exp(½t²) of the difference.
    """
    evidence = 0.5 * (best.t**2 - rival.t**2)
    if alias or rival.mean > best.mean + 3 * rival.error:
        evidence = min(evidence, 0.5 * max(_difference(best, rival), 0.0) ** 2)
    return float(np.exp(np.clip(evidence, 0, 690)))


def _repeats(a: Image, b: Image, best: Candidate, rival: Candidate, factor: int) -> bool:
    """Whether an image repeats itself at the distance of the two candidates: then one may be the other's alias."""
    lag = tuple(round((r - s) / factor) for r, s in zip(rival.shift_px, best.shift_px, strict=True))
    return any(
        again is not None and again.t > REPEAT_SIGMAS
        for image in (a, b)
        if (again := _judged(image, image, (lag[0], lag[1], 1), factor))
    )


def _reduced(image: Prepared, factor: int) -> Image:
    """Block averages of the image less its mean."""
    values = image.values
    if factor > 1:
        ny, nx = values.shape[0] // factor, values.shape[1] // factor
        rows = values[: ny * factor : factor, : nx * factor].copy()
        for i in range(1, factor):
            rows += values[i : ny * factor : factor, : nx * factor]
        values = rows[:, ::factor].copy()
        for i in range(1, factor):
            values += rows[:, i::factor]
        values /= factor * factor
    return values - np.float32(values.mean())


def _reduced_mask(image: Prepared, factor: int) -> Image | None:
    """The lit part at the reduced pixel."""
    if image.lit is None:
        return None
    ny, nx = image.shape[0] // factor, image.shape[1] // factor
    return np.ascontiguousarray(image.lit[factor // 2 : ny * factor : factor, factor // 2 : nx * factor : factor])


def _windowed(image: Image, lit: Image | None) -> Image:
    """The image tapered at its edges and held to the lit part, where its mean is taken."""
    window = taper(image.shape[0], EDGE)[:, None] * taper(image.shape[1], EDGE)[None]
    if lit is not None:
        inside = float(lit.sum())
        if inside < 0.01 * lit.size:
            return np.zeros_like(image)
        image = image - np.float32((image * lit).sum() / inside)
        window = window * lit
    return np.asarray(image * window, np.float32)


def _whitened(
    a: Image, lit_a: Image | None, b: Image, lit_b: Image | None, *, pair: PairOptics | None, factor: int, workers: int
) -> tuple[Image, Image]:
    """Both images whitened, weighted by their signal above noise, limited; the second freed of the tilt's coma."""
    ny, nx = a.shape
    grid = rings(ny, nx)
    spectra = [sf.rfft2(_windowed(im, lit), workers=workers) for im, lit in ((a, lit_a), (b, lit_b))]
    powers = [np.asarray(s.real**2 + s.imag**2, np.float32) for s in spectra]
    levels = [grid.mean(p) for p in powers]
    weight = np.sqrt(_signal_weight(levels[0], grid) * _signal_weight(levels[1], grid))
    if pair is not None:
        reduced = _at_pixel(pair, factor)
        model = pair_model(grid.qy, grid.qx, reduced, c1_m=0.0, c1_sigma_m=None)
        spectra[1] *= np.conj(model.cross) / np.maximum(np.abs(model.cross), 1e-12)
    images = []
    for spectrum, power, mean in zip(spectra, powers, levels, strict=True):
        level = np.where(mean > 0, mean, np.inf)  # rings without a mode in use
        gain = np.sqrt(weight / level).astype(np.float32)[grid.index]
        excess = power / (MODE_LIMIT * level).astype(np.float32)[grid.index]
        gain *= (grid.multiplicity > 0) / np.sqrt(np.maximum(excess, 1))
        white = sf.irfft2(spectrum * gain, s=(ny, nx), workers=workers)
        spread = max(float(white.std()), 1e-30)
        images.append(np.asarray(np.clip(white / np.float32(spread), -PIXEL_LIMIT, PIXEL_LIMIT), np.float32))
    return (images[0], images[1])


def _at_pixel(pair: PairOptics, factor: int) -> PairOptics:
    """The pair as seen with a reduced pixel."""
    return PairOptics(
        pair.pixel_m * factor, pair.column, pair.first_tilt, pair.second_tilt, pair.lens, pair.defocus_sigma_m
    )


def _signal_weight(level: NDArray[np.float64], grid: Rings) -> NDArray[np.float64]:
    """Weight per ring from the share of signal in its power: γ/(1−γ²), γ at most 0.7 so that no ring rules alone.

    The noise is the lowest level among the rings (a running mean of five); a small floor keeps what is hidden in it.
    """
    used = grid.count > 0
    smoothed = np.convolve(np.where(used, level, 0), np.ones(5), "same") / np.maximum(
        np.convolve(used.astype(float), np.ones(5), "same"), 1
    )
    noise = smoothed[used].min() if used.any() else 1.0
    gamma = np.clip(1 - noise / np.maximum(smoothed, 1e-30), 0.0, 0.7)
    return np.asarray(np.where(used, gamma / (1 - gamma**2) + 0.03, 0.0))


def _standardised(
    a: Image, b: Image, where: SearchRange, *, lit_a: Image | None, lit_b: Image | None, factor: int, workers: int
) -> tuple[Image, NDArray[np.bool_]]:
    """The padded correlation over the standard deviation that its overlap leaves, and which lags are searched."""
    ny, nx = a.shape
    shape = (sf.next_fast_len(2 * ny, real=True), sf.next_fast_len(2 * nx, real=True))
    product = np.conj(sf.rfft2(a, s=shape, workers=workers)) * sf.rfft2(b, s=shape, workers=workers)
    correlation = sf.irfft2(product, s=shape, workers=workers)
    lag_y = np.minimum(np.arange(shape[0]), shape[0] - np.arange(shape[0]))
    lag_x = np.minimum(np.arange(shape[1]), shape[1] - np.arange(shape[1]))
    overlap = (
        np.clip(1 - lag_y / ny, 0, 1).astype(np.float32)[:, None]
        * np.clip(1 - lag_x / nx, 0, 1).astype(np.float32)[None]
    )
    if lit_a is not None or lit_b is not None:
        ones = np.ones((ny, nx), np.float32)
        one = sf.rfft2(lit_a if lit_a is not None else ones, s=shape, workers=workers)
        two = sf.rfft2(lit_b if lit_b is not None else ones, s=shape, workers=workers)
        overlap = np.maximum(sf.irfft2(np.conj(one) * two, s=shape, workers=workers) / (ny * nx), 0)
    allowed = overlap >= where.min_overlap
    if where.without_zero:
        reach = max(1, int(np.ceil(2 / factor)))
        allowed &= (lag_y[:, None] > reach) | (lag_x[None] > reach)
    correlation /= np.sqrt(np.maximum(overlap, 0.25 * where.min_overlap)) * np.float32(np.sqrt(ny * nx))
    sample = correlation[::3, ::3][allowed[::3, ::3]]
    spread = 1.4826 * float(np.median(np.abs(sample))) if sample.size else 1.0
    correlation /= np.float32(max(spread, 1e-30))
    return correlation, allowed


def _peaks(correlation: Image, allowed: NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """(row, column, sign) of the highest maxima, and of the deepest minimum (an image pair of reversed contrast)."""
    work = np.where(allowed, correlation, 0)
    shape = work.shape
    peaks: list[tuple[int, int, int]] = []
    lowest = np.unravel_index(int(work.argmin()), shape)
    for _ in range(CANDIDATES):
        row, column = (int(i) for i in np.unravel_index(int(work.argmax()), shape))
        if work[row, column] <= 0:
            break
        peaks.append((row, column, 1))
        _erase_peak(work, row, column)
    peaks.append((int(lowest[0]), int(lowest[1]), -1))
    return peaks


def _wrapped(peak: tuple[int, int, int], shape: tuple[int, ...]) -> tuple[int, int, int]:
    """The lag (y, x, sign) of a place (row, column, sign) in a wrapped map."""
    row, column, sign = peak
    return (
        row - shape[0] if row > shape[0] // 2 else row,
        column - shape[1] if column > shape[1] // 2 else column,
        sign,
    )


def _erase_peak(work: Image, row: int, column: int, reach: int = 24) -> None:
    """Set a peak to zero, as far as it stays above half of its height (a broad peak is one candidate, not many)."""
    ny, nx = work.shape
    rows, columns = np.arange(row - reach, row + reach + 1) % ny, np.arange(column - reach, column + reach + 1) % nx
    patch = work[np.ix_(rows, columns)]
    labels, _ = ndimage.label(patch > 0.5 * patch[reach, reach])
    gone = ndimage.binary_dilation(labels == labels[reach, reach], iterations=2)
    patch[gone] = 0
    work[np.ix_(rows, columns)] = patch


def _judged(a: Image, b: Image, lag: tuple[int, int, int], factor: int) -> Candidate | None:
    """The evidence for one lag (y, x, sign): mean and error of the whitened product over blocks of the overlap."""
    (ny, nx), (sy, sx, sign) = a.shape, lag
    if abs(sy) >= ny or abs(sx) >= nx:
        return None
    one = a[max(0, -sy) : ny - max(0, sy), max(0, -sx) : nx - max(0, sx)]
    two = b[max(0, sy) : ny - max(0, -sy), max(0, sx) : nx - max(0, -sx)]
    product = one * two
    if sign < 0:
        np.negative(product, out=product)
    side = max(6, int(np.sqrt(product.size / 256)))
    ky, kx = product.shape[0] // side, product.shape[1] // side
    if ky * kx < 12:
        return None
    blocks = product[: ky * side, : kx * side].reshape(ky, side, kx, side).mean(axis=(1, 3), dtype=np.float64).ravel()
    blocks = blocks[blocks != 0]  # unlit blocks say nothing
    if blocks.size < 12:
        return None
    error = float(blocks.std(ddof=1) / np.sqrt(blocks.size))
    return Candidate(
        (float(sy * factor), float(sx * factor)), sign, float(blocks.mean()), max(error, 1e-12), blocks.size
    )
