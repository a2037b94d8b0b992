"""Rings of spatial frequency on a half plane, and tapers: the bookkeeping that every correlator here shares.

Half planes are those of rfft2: shape (ny, nx//2 + 1). A half plane counts as a full one through `multiplicity`: 2 for
modes whose conjugate is not stored, 1 for the columns qx = 0 and qx = 1/2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Rings:
    """Frequencies of a half plane in cycles/pixel and the ring that each belongs to."""

    qy: Plane  # (ny, 1)
    qx: Plane  # (1, nx//2+1)
    index: NDArray[np.intp]  # (ny, nx//2+1)
    multiplicity: Plane  # (ny, nx//2+1); 0 where a mode is not used (axes, centre)
    centre: NDArray[np.float64]  # (rings,) middle of each ring, cycles/pixel
    count: NDArray[np.float64]  # (rings,) full-plane modes in use

    def total(self, values: Plane) -> NDArray[np.float64]:
        """Sum of `values` over each ring, full plane."""
        weighted = np.multiply(values, self.multiplicity).ravel()
        return np.asarray(np.bincount(self.index.ravel(), weighted, self.centre.size), np.float64)

    def mean(self, values: Plane) -> NDArray[np.float64]:
        """Mean of `values` over each ring; 0 for empty rings."""
        return np.asarray(self.total(values) / np.maximum(self.count, 1e-9))

    def spread(self, per_ring: NDArray[np.float64]) -> Plane:
        """A number per ring as a plane."""
        return np.asarray(per_ring, np.float32)[self.index]


@lru_cache(maxsize=16)
def rings(ny: int, nx: int) -> Rings:
    """Rings on the half plane of an (ny, nx) transform, 1/128 cycle/pixel wide (2.5 cells in small images).

    The lowest modes, less than 2.5 periods across the image, are left out: tapers and gradients live there; and modes
    on the frequency axes: rows and columns of a detector do.
    """
    qy = np.fft.fftfreq(ny).astype(np.float32)[:, None]
    qx = np.fft.rfftfreq(nx).astype(np.float32)[None]
    q = np.hypot(qy, qx)
    width = max(2.5 / math.sqrt(ny * nx), 1 / 128)
    index = (q / np.float32(width)).astype(np.intp)
    number = int(index.max()) + 1
    multiplicity = np.full(q.shape, 2, np.float32)
    multiplicity[:, 0] = 1
    if nx % 2 == 0:
        multiplicity[:, -1] = 1
    multiplicity[np.hypot(qy * ny, qx * nx) < 2.5] = 0
    multiplicity[0, :] = 0
    multiplicity[:, 0] = 0
    count = np.asarray(np.bincount(index.ravel(), multiplicity.ravel(), number), np.float64)
    centre = np.asarray((np.arange(number) + 0.5) * width, np.float64)
    return Rings(qy, qx, index, multiplicity, centre, count)


@lru_cache(maxsize=32)
def taper(n: int, fraction: float) -> Plane:
    """A window of n pixels, flat but for raised-cosine edges of `fraction` of n on either side."""
    edge = max(1, round(n * fraction))
    window = np.ones(n, np.float32)
    rise = np.asarray(0.5 - 0.5 * np.cos(np.pi * (np.arange(edge) + 0.5) / edge), np.float32)
    window[:edge], window[n - edge :] = rise, rise[::-1]
    return window


def window_efficiency(window: Plane) -> float:
    """Share of the pixels that a window leaves as independent data, (Σw²)²/(n Σw⁴)."""
    square = window.astype(np.float64) ** 2
    return float(square.sum() ** 2 / (square.size * (square**2).sum()))


def smooth(values: NDArray[np.float64], rings_each_side: int = 2) -> NDArray[np.float64]:
    """Running sum over neighbouring rings, as long as `values`."""
    whole = np.convolve(values, np.ones(2 * rings_each_side + 1))
    return whole[rings_each_side : rings_each_side + values.size]
