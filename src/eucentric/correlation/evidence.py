"""The evidence for a shift, and against its rivals: are two whitened images alike all over their overlap?

Evidence that is spread over the overlap has a small scatter between blocks; an edge, a bar or a blob has not. Student's
t of the block means is what false-lock probabilities and odds are made of.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft as sf
from numpy.typing import NDArray
from scipy import special

from eucentric.correlation.whiten import EDGE

Image = NDArray[np.float32]
Lag = tuple[int, int, int]
"""(y, x) in pixels of the searched images, and the sign of the contrast."""

SIGNIFICANT = 1e-3
"""A candidate less likely than this to be noise counts as a real alternative …"""
PLAUSIBLE = 0.05
"""… and one less likely than this if it shares no less of the images than the best: it is seen where that is seen."""
PROMOTED_SIGMAS = 2.0
"""A candidate that agrees better by this many sigmas, block by block, goes first, even with less evidence in all."""
REPEAT_SIGMAS = 3.0
"""An image that agrees with itself this well at another place is taken for a lattice (one in 700 by chance)."""
BLOCKS = 256
"""Blocks that the overlap is cut into, about."""
PAIRED_BLOCKS = (BLOCKS, 36)
"""… and where two candidates are compared: fine blocks of one hole of a lattice, off its place, are off alike."""
FEWEST_BLOCKS = 12
BLOCK_LIMIT = 3.0
"""Block means are held to this many standard deviations of the common ones (1.48 of their median size): the edge of a
hole, which is in few, would make the scatter of all."""


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


class Compared:
    """Two whitened images, and each as it is a part of a pixel further on. What was moved is kept."""

    def __init__(self, a: Image, b: Image) -> None:
        self.images = (a, b)
        self._spectra: dict[int, NDArray[np.complex64]] = {}
        self._moved: dict[tuple[int, float, float], Image] = {}

    def further(self, which: int, part: tuple[float, float]) -> Image:
        """Image `which` at r + part, part (y, x) below a pixel; it wraps around."""
        image = self.images[which]
        y, x = (round(v, 2) for v in part)
        if y == x == 0:
            return image
        if (which, y, x) not in self._moved:
            if which not in self._spectra:
                self._spectra[which] = np.asarray(sf.rfft2(image), np.complex64)
            qy, qx = sf.fftfreq(image.shape[0])[:, None], sf.rfftfreq(image.shape[1])[None]
            ramp = np.exp(2j * np.pi * y * qy).astype(np.complex64) * np.exp(2j * np.pi * x * qx).astype(np.complex64)
            self._moved[which, y, x] = np.asarray(sf.irfft2(self._spectra[which] * ramp, s=image.shape), np.float32)
        return self._moved[which, y, x]


def judged(a: Image, b: Image, lag: Lag, factor: int) -> Candidate | None:
    """The evidence for one lag (y, x, sign): mean and error of the whitened product over blocks of the overlap."""
    product = _product(a, b, lag)
    if product is None:
        return None
    (sy, sx, sign) = lag
    blocks = _block_means(product)
    if blocks is None:
        return None
    error = float(blocks.std(ddof=1) / np.sqrt(blocks.size))
    return Candidate(
        (float(sy * factor), float(sx * factor)), sign, float(blocks.mean()), max(error, 1e-12), blocks.size
    )


def centroid(a: Image, b: Image, candidate: Candidate, factor: int) -> tuple[float, float]:
    """Where `a` agrees with `b` on average: centre of gravity (y, x) of its block means, full pixels from its middle.

    Noise is in it: known to 1/t of the overlap's half width or so.
    """
    lag = (round(candidate.shift_px[0] / factor), round(candidate.shift_px[1] / factor), candidate.sign)
    product = _product(a, b, lag)
    if product is None:
        return (0.0, 0.0)
    middle = (-0.5 * candidate.shift_px[0], -0.5 * candidate.shift_px[1])
    side = _side(product)
    blocks = _blocks(product, side)
    total = float(blocks.sum())
    if total <= 0:
        return middle
    mean = [
        float((np.arange(n) - (n - 1) / 2) @ blocks.sum(axis=1 - axis)) / total for axis, n in enumerate(blocks.shape)
    ]
    return (middle[0] + mean[0] * side * factor, middle[1] + mean[1] * side * factor)


def _product(a: Image, b: Image, lag: Lag) -> Image | None:
    """a·b over the overlap at one lag, negated for contrast of the other sign; None where nothing overlaps."""
    (ny, nx), (sy, sx, sign) = a.shape, lag
    if abs(sy) >= ny or abs(sx) >= nx:
        return None
    one = a[max(0, -sy) : ny - max(0, sy), max(0, -sx) : nx - max(0, sx)]
    two = b[max(0, sy) : ny - max(0, -sy), max(0, sx) : nx - max(0, -sx)]
    product = one * two
    if sign < 0:
        np.negative(product, out=product)
    return product


def chance(candidate: Candidate, lags: int) -> float:
    """The chance that noise gives this evidence at any of so many lags, of either sign."""
    return min(1.0, float(special.stdtr(candidate.blocks - 1, -candidate.t)) * 2 * lags)


def difference(one: Candidate, other: Candidate) -> float:
    """By how many sigmas one candidate's images agree better than the other's, overlap for overlap."""
    return (one.mean - other.mean) / float(np.hypot(one.error, other.error))


def ranked(images: Compared, candidates: list[Candidate], *, factor: int, lags: int) -> list[Candidate]:
    """Best first: by evidence; but of those that noise does not explain one that agrees better goes before another.

    On a lattice all cells are alike, evenly, over the whole image. What is not of the lattice agrees in the right one
    only, more in one block than in another: its evidence has a larger scatter, and yet each block says it is better.
    """
    ranked = sorted(candidates, key=lambda c: c.t, reverse=True)
    real = [c for c in ranked if chance(c, lags) < SIGNIFICANT]
    for rival in real:
        if rival is not ranked[0] and _paired_difference(images, rival, ranked[0], factor) > PROMOTED_SIGMAS:
            ranked.remove(rival)
            ranked.insert(0, rival)
    return ranked


def odds_against(images: Compared, best: Candidate, rival: Candidate, *, factor: int, lags: int) -> float:
    """Odds of `best` against `rival` on the searched images; 1 when they can't be told apart.

    A rival that noise explains loses by the evidence for the best, exp(½(t² − t'²)). One that is significant itself
    must agree clearly worse, block by block: exp(½t²) of the difference; so must one that a lattice explains.
    """
    shape = images.images[0].shape
    as_large = _shared(rival, shape, factor) >= _shared(best, shape, factor)
    real = chance(rival, lags) < (PLAUSIBLE if as_large else SIGNIFICANT)
    evidence = 690.0 if real else 0.5 * (best.t**2 - rival.t**2)
    if real or _repeats(images, best, rival, factor):
        evidence = min(evidence, 0.5 * max(_paired_difference(images, best, rival, factor), 0.0) ** 2)
    return float(np.exp(np.clip(evidence, 0, 690)))


def _shared(candidate: Candidate, shape: tuple[int, ...], factor: int) -> float:
    """The area that both images have at a candidate, pixels of the searched images."""
    return float(np.prod([n - abs(s) / factor for n, s in zip(shape, candidate.shift_px, strict=True)]))


def _paired_difference(images: Compared, best: Candidate, rival: Candidate, factor: int) -> float:
    """By how many sigmas `best` agrees better than `rival`, block by block where both can be seen: by fine or by coarse
    blocks, whichever says less.

    The same blocks of one image are held against the other image at both shifts, so that it matters little what is in
    a block; once for either image. Each shift is taken with its part of a pixel, and away from the tapered edges: else
    the cell on whole pixels, or near no shift, would agree better. Where no blocks are common, overlap for overlap.
    """
    shifts = [np.array(c.shift_px) / factor for c in (best, rival)]
    sizes = []
    for still, moved, sign in ((0, 1, 1), (1, 0, -1)):
        lags = [(round(y), round(x)) for y, x in (sign * shift for shift in shifts)]
        image = images.images[still]
        rows, columns = (_common([lag[axis] for lag in lags], image.shape[axis]) for axis in (0, 1))
        if rows.stop - rows.start < 2 or columns.stop - columns.start < 2:
            continue
        one, two = (
            images.further(moved, (sign * shift[0] - y, sign * shift[1] - x))[_moved(rows, y), _moved(columns, x)]
            for shift, (y, x) in zip(shifts, lags, strict=True)
        )
        product = image[rows, columns] * (best.sign * one - rival.sign * two)
        every = [_sigmas(blocks) for count in PAIRED_BLOCKS if (blocks := _block_means(product, count)) is not None]
        if every:
            sizes.append(min(every))
    return float(np.mean(sizes)) if sizes else difference(best, rival)


def _common(lags: list[int], n: int) -> slice:
    """Elements of an axis that stay on it, and off its tapered ends, under all lags."""
    taper = int(np.ceil(EDGE * n))
    return slice(taper + max(0, *(-s for s in lags)), n - taper - max(0, *lags))


def _moved(where: slice, lag: int) -> slice:
    """A slice moved along its axis."""
    return slice(where.start + lag, where.stop + lag)


def _sigmas(blocks: NDArray[np.float64]) -> float:
    """How many sigmas of a normal number are as unlikely as Student's t of these."""
    t = float(blocks.mean() / max(blocks.std(ddof=1) / np.sqrt(blocks.size), 1e-12))
    chance = max(float(special.stdtr(blocks.size - 1, -abs(t))), 1e-300)
    return float(-np.sign(t) * special.ndtri(chance))


def _block_means(product: Image, count: int = BLOCKS) -> NDArray[np.float64] | None:
    """Means over some `count` square blocks of a product, unlit ones (all zero) left out; None for too few blocks."""
    side = _side(product, count)
    if (product.shape[0] // side) * (product.shape[1] // side) < FEWEST_BLOCKS:
        return None
    blocks = _blocks(product, side).ravel()
    blocks = blocks[blocks != 0]
    if blocks.size < FEWEST_BLOCKS:
        return None
    most = BLOCK_LIMIT * 1.4826 * float(np.median(np.abs(blocks)))
    return np.asarray(np.clip(blocks, -most, most))


def _side(product: Image, count: int = BLOCKS) -> int:
    return max(6, int(np.sqrt(product.size / count)))


def _blocks(product: Image, side: int) -> NDArray[np.float64]:
    """Means over square blocks (ky, kx) of a product."""
    ky, kx = product.shape[0] // side, product.shape[1] // side
    cut = product[: ky * side, : kx * side].reshape(ky, side, kx, side)
    return np.asarray(cut.mean(axis=(1, 3), dtype=np.float64), np.float64)


def _repeats(images: Compared, best: Candidate, rival: Candidate, factor: int) -> bool:
    """Whether an image repeats itself at the distance of the two candidates: then one may be the other's alias."""
    lag = tuple(round((r - s) / factor) for r, s in zip(rival.shift_px, best.shift_px, strict=True))
    return any(
        again is not None and again.t > REPEAT_SIGMAS
        for image in images.images
        if (again := judged(image, image, (lag[0], lag[1], 1), factor))
    )
