"""An image made ready for correlation: float32, outliers repaired, the unlit part known.

Nothing here changes where anything is: no resampling, no filtering of the specimen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from eucentric.images.check import check_kind, check_values

OUTLIER_SIGMAS = 7.0
"""A pixel further than this from the mean and from its neighbours is a hot pixel or an x-ray; of 4k² Gaussian pixels
none is expected (chance 2.6e-12 each)."""
SPIKE_NEIGHBOURS = 2
"""A hot pixel or an x-ray reaches over three pixels at most; the corner of anything larger has three neighbours."""
BLOCK = 32
"""Side in pixels of the blocks that are judged lit or dark (fewer pixels in small images)."""
DARK_FRACTION = 0.3
"""A block with less than this fraction of the bright blocks' mean is outside of the beam (or behind a grid bar)."""
COUNTS_BELOW_ZERO = 0.5
"""Counts may go below zero by this fraction of the mean (read noise); further, their zero was moved or scaled away."""

_NEIGHBOURS = np.ones((3, 3), np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Values (ny, nx) float32; `lit` (ny, nx) float32 weights 0…1 of the illuminated part, None where all is lit."""

    values: NDArray[np.float32]
    lit: NDArray[np.float32] | None
    lit_fraction: float
    mean: float
    positive: bool  # counts: zero means no electrons

    @property
    def shape(self) -> tuple[int, int]:
        """(ny, nx)."""
        return (self.values.shape[0], self.values.shape[1])


def prepare(pixels: NDArray[np.generic]) -> Prepared:
    """Make one image ready.

    Raises InputError when the array is not one image: not 2-D, not real numbers, too small, NaN or infinite,
    all one value.
    """
    image = as_image(pixels)
    low, high = check_values(image, "The image")
    sample = image[:: max(1, image.shape[0] // 256), :: max(1, image.shape[1] // 256)]
    mean = float(sample.mean())
    limit = OUTLIER_SIGMAS * _spread(sample)
    if high - mean > limit or mean - low > limit:
        image = _repaired(image, mean, limit)
        mean = float(image.mean())
    positive = low > -COUNTS_BELOW_ZERO * mean
    lit = _lit_blocks(image) if positive else None
    if lit is None:
        return Prepared(image, None, 1.0, mean, positive)
    mask = _smooth_mask(lit, (image.shape[0], image.shape[1]))
    inside = ndimage.binary_erosion(lit, structure=_NEIGHBOURS, border_value=1)
    return Prepared(image, mask, float(inside.mean()), mean, positive=True)


def _spread(sample: NDArray[np.float32]) -> float:
    """Half the range of the middle 68 %: the standard deviation of all but the outliers."""
    low, high = np.percentile(sample, [15.87, 84.13])
    return float((high - low) / 2) or float(sample.std()) or 1e-12


def as_image(pixels: NDArray[np.generic]) -> NDArray[np.float32]:
    """The pixels as a contiguous 2-D float32 array. Raises InputError as `prepare` does, before looking at values."""
    array = np.asarray(pixels)
    check_kind(array, "The image")
    return np.ascontiguousarray(array, dtype=np.float32)


def _repaired(image: NDArray[np.float32], mean: float, limit: float) -> NDArray[np.float32]:
    """The image with isolated outliers replaced by the mean of their neighbours.

    An extreme pixel is an outlier only if it stands out of all but two of its neighbours, so that holes, bars and gold
    keep their pixels. Looks at extreme pixels only: cheap when there are few.
    """
    flat = np.flatnonzero(np.abs(image - np.float32(mean)) > limit)
    if flat.size > 0.02 * image.size:
        return image
    rows, columns = np.unravel_index(flat, image.shape)
    padded = np.pad(image, 1, mode="reflect")
    ring = np.stack([padded[rows + i, columns + j] for i in range(3) for j in range(3) if (i, j) != (1, 1)])
    ring.sort(axis=0)
    here = image[rows, columns]
    above, below = here - ring[-1 - SPIKE_NEIGHBOURS], ring[SPIKE_NEIGHBOURS] - here
    # Shot noise grows with the light: within a bright feature the limit is wider.
    light = np.sqrt(np.maximum(ring[-1 - SPIKE_NEIGHBOURS] / mean, 1)) if mean > 0 else 1.0
    outlier = np.maximum(above, below) > 0.5 * limit * light
    repaired = image.copy()
    repaired[rows[outlier], columns[outlier]] = np.median(ring, axis=0)[outlier]
    return repaired


def _lit_blocks(image: NDArray[np.float32]) -> NDArray[np.bool_] | None:
    """Which blocks the beam reaches (by, bx); None when all are lit."""
    block = _block((image.shape[0], image.shape[1]))
    ny, nx = image.shape[0] // block, image.shape[1] // block
    # A quarter of the pixels is enough to tell lit from dark.
    means = image[: ny * block : 2, : nx * block : 2].reshape(ny, block // 2, nx, block // 2).mean(axis=(1, 3))
    bright = float(np.percentile(means, 90))
    lit = means > DARK_FRACTION * bright
    # Shot noise alone must not make a block dark: 5σ of a Poisson mean.
    if lit.all() or bright * block * block / 4 < (5 / (1 - DARK_FRACTION)) ** 2:
        return None
    return np.asarray(lit)


def _block(shape: tuple[int, int]) -> int:
    """Side of the blocks that are judged lit or dark, an even number of pixels."""
    return min(BLOCK, max(2, min(shape) // 32 * 2))


def _smooth_mask(lit: NDArray[np.bool_], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Block decisions as a smooth weight (ny, nx): a hard edge would correlate with itself.

    Blocks next to dark ones, which the edge may cross, have no weight.
    """
    block = _block(shape)
    rows = np.clip((np.arange(shape[0]) + 0.5) / block - 0.5, 0, lit.shape[0] - 1)
    columns = np.clip((np.arange(shape[1]) + 0.5) / block - 0.5, 0, lit.shape[1] - 1)
    inner = ndimage.binary_erosion(lit, structure=_NEIGHBOURS, iterations=2, border_value=1).astype(np.float32)
    y0, x0 = np.floor(rows).astype(int), np.floor(columns).astype(int)
    y1, x1 = np.minimum(y0 + 1, lit.shape[0] - 1), np.minimum(x0 + 1, lit.shape[1] - 1)
    fy, fx = (rows - y0).astype(np.float32)[:, None], (columns - x0).astype(np.float32)[None]
    top = inner[y0][:, x0] * (1 - fx) + inner[y0][:, x1] * fx
    bottom = inner[y1][:, x0] * (1 - fx) + inner[y1][:, x1] * fx
    linear = top * (1 - fy) + bottom * fy
    return np.asarray(np.sin(0.5 * np.pi * linear) ** 2, np.float32)
