"""From pixels to what a screen shows: 8 bits, equal contrast, no larger than needed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft as sf
from numpy.typing import NDArray
from scipy.signal.windows import tukey

from eucentric.correlation.shift import CorrelationMap
from eucentric.figures.correlation import brightest
from eucentric.figures.pair import binned
from eucentric.images.prepare import prepare
from eucentric.web.packets import Plane

SIDE_PX = 1024
"""Images are binned to about this side: more than a panel shows, so that there is something to zoom into."""
COARSE_PX = 512
"""What a panel shows of a whole image."""
MAP_PX = 512
SPECTRUM_PX = 512
NEAR_CELLS = 32
_TAILS_PERCENT = (0.3, 99.7)
_SAMPLED = 4  # of percentiles every so many rows and columns are enough
_CLIP = 4.0  # white of a map is so many times as far above its median as the 99th percentile is
_LIT = 0.98  # images lit less than this show where the beam is


def equal_contrast(images: Sequence[NDArray[np.generic]], side_px: int = SIDE_PX) -> tuple[Plane, ...]:
    """Images (ny, nx) as 8 bits, black and white at the same values in all of them, binned to about `side_px`."""
    small = [binned(image, side_px) for image in images]
    low, high = np.percentile(np.concatenate([s[::_SAMPLED, ::_SAMPLED].ravel() for s in small]), _TAILS_PERCENT)
    return tuple(_grey(image, float(low), float(high)) for image in small)


def _grey(values: NDArray[np.float32], low: float, high: float) -> Plane:
    scaled = (values - np.float32(low)) * np.float32(255.0 / max(high - low, 1e-12))
    return np.asarray(np.clip(scaled, 0, 255, out=scaled), np.uint8)


def map_picture(found: CorrelationMap) -> tuple[Plane, tuple[float, float, float, float]]:
    """The map with no shift in its middle, bright enough that the noise is seen too; left, right, bottom, top in px."""
    values, box = brightest(found, MAP_PX)
    low, middle, bright = (float(v) for v in np.percentile(values, (1, 50, 99)))
    high = min(float(values.max()), middle + _CLIP * (bright - middle))
    return _grey(values, low, high), box


def peak_picture(found: CorrelationMap) -> tuple[Plane, tuple[float, float, float, float]]:
    """The neighbourhood of the peak, cell by cell, its highest white; left, right, bottom, top in pixels of shift."""
    (ny, nx), (dy, dx) = found.values.shape, found.step_px
    row, column = (round(place) for place in found.peak)
    around = np.arange(-NEAR_CELLS, NEAR_CELLS + 1)
    patch = found.values[np.ix_((row + around) % ny, (column + around) % nx)]
    y, x = found.shift_of(row % ny, column % nx)
    reach = NEAR_CELLS + 0.5
    box = (x - reach * dx, x + reach * dx, y + reach * dy, y - reach * dy)
    return _grey(patch, float(np.percentile(patch, 1)), float(patch.max())), box


@dataclass(frozen=True, slots=True, eq=False)
class PowerSpectrum:
    """log power, zero frequency in the middle; the edge of the picture is at `edge_per_m`."""

    picture: Plane
    edge_per_m: float


def power_spectrum(image: NDArray[np.generic], pixel_m: float) -> PowerSpectrum:
    """Of the middle square of an image. Above its own smooth fall, so that rings are seen to the edge."""
    small = binned(image, SIDE_PX)
    pixel = pixel_m * max(image.shape) / max(small.shape)
    side = min(small.shape)
    top, left = ((n - side) // 2 for n in small.shape)
    square = small[top : top + side, left : left + side]
    low, high = np.percentile(square[::_SAMPLED, ::_SAMPLED], (0.05, 99.95))  # spikes are white noise that hides rings
    square = np.clip(square, low, high) - square.mean()
    window = tukey(side, 0.2).astype(np.float32)
    power = np.abs(sf.fftshift(sf.fft2(square * window[:, None] * window[None]))) ** 2
    block = max(side // SPECTRUM_PX, 1)
    cut = side // block * block
    power = power[:cut, :cut].reshape(cut // block, block, cut // block, block).mean(axis=(1, 3))
    log = np.log(power + 1e-30)
    y, x = (np.arange(n) - n // 2 for n in log.shape)
    distance = np.hypot(y[:, None], x[None])
    ring = np.minimum(distance.astype(np.intp), log.shape[0] // 2)
    mean = np.bincount(ring.ravel(), log.ravel()) / np.maximum(np.bincount(ring.ravel()), 1)
    flat = (log - _smooth(mean)[ring]).astype(np.float32)
    low, high = np.percentile(flat[::_SAMPLED, ::_SAMPLED], (2, 99.7))
    return PowerSpectrum(_grey(flat, float(low), float(high)), 0.5 / pixel)


def _smooth(mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """The fall of the rings' mean as a polynomial: subtracted, the rings stay."""
    x = np.linspace(-1, 1, mean.size)
    return np.asarray(np.polynomial.Polynomial.fit(x, mean, 6)(x))


def lit_moved(first: NDArray[np.generic], second: NDArray[np.generic]) -> float | None:
    """How far the lit area moved between two images, as a part of the field; None where both are lit all over."""
    prepared = [prepare(image) for image in (first, second)]
    if all(p.lit is None or p.lit_fraction > _LIT for p in prepared):
        return None
    centres = []
    for one in prepared:
        ny, nx = one.shape
        lit = np.ones(one.shape, np.float32) if one.lit is None else one.lit
        weight = max(float(lit.sum()), 1e-9)
        y, x = float((lit.sum(axis=1) * np.arange(ny)).sum()), float((lit.sum(axis=0) * np.arange(nx)).sum())
        centres.append((y / weight / ny, x / weight / nx))
    return float(np.hypot(centres[1][0] - centres[0][0], centres[1][1] - centres[0][1]))
