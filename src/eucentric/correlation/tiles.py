"""The overlap of two images cut into tiles, whose spectra are averaged: all later work is on one small plane.

The two images are cut at the same places of the specimen (whole pixels of the shift taken out), so that only a fraction
of a pixel is left between the tiles of a pair, and nothing wraps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft as sf
from numpy.typing import NDArray

from eucentric.correlation.both import both
from eucentric.correlation.rings import taper, window_efficiency
from eucentric.images.prepare import Prepared

TILE = 400
"""Longest side of a tile, pixels: long enough for the coma's displacement, short enough to stay in cache."""
SMALLEST = 12
"""Shortest side of an overlap, pixels, that can be transformed with any use."""
EDGE = 0.05
"""Taper of each tile, fraction of its side."""
LIT_ENOUGH = 0.25
"""A tile less lit than this in either image is left out."""
BATCH = 12
"""Tiles transformed at a time; bounds the memory of large images."""


@dataclass(frozen=True, slots=True, eq=False)
class TileSpectra:
    """Averages over tiles: cross-spectrum conj(A)·B and powers, half plane of a (ny, nx) transform.

    `whole` is the shift (y, x) in whole pixels already taken out; `tiles` how many were averaged (lit part counted),
    `efficiency` the independent share of them (tapers, shared pixels); `overlap` the common area as a fraction of the
    image; `window_power` the mean square of a tile's window.
    """

    cross: NDArray[np.complex64]
    power_first: NDArray[np.float32]
    power_second: NDArray[np.float32]
    shape: tuple[int, int]
    whole: tuple[int, int]
    tiles: float
    efficiency: float
    overlap: float
    window_power: float

    @property
    def looks(self) -> float:
        """Number of independent tiles."""
        return self.tiles * self.efficiency


def tile_spectra(first: Prepared, second: Prepared, whole: tuple[int, int], *, workers: int) -> TileSpectra | None:
    """Averaged spectra of the overlap at the shift `whole`; None when less than `SMALLEST` pixels overlap on a side."""
    (ny, nx), (sy, sx) = first.shape, whole
    height, width = ny - abs(sy), nx - abs(sx)
    if min(height, width) < SMALLEST:
        return None
    ky, kx = -(-height // TILE), -(-width // TILE)
    ty, tx = sf.prev_fast_len(height // ky, real=True), sf.prev_fast_len(width // kx, real=True)
    places = [
        (i * (height - ty) // max(ky - 1, 1), j * (width - tx) // max(kx - 1, 1)) for i in range(ky) for j in range(kx)
    ]
    at_first, at_second = (max(0, -sy), max(0, -sx)), (max(0, sy), max(0, sx))
    window = taper(ty, EDGE)[:, None] * taper(tx, EDGE)[None]
    total = _Sums(ty, tx)
    for start in range(0, len(places), BATCH):
        some = places[start : start + BATCH]
        a, b = both(
            lambda image: _transformed(image[0], image[1], some, window),  # noqa: B023 - used before the next turn
            (first, at_first),
            (second, at_second),
            workers=workers,
        )
        weights = _lit_weights(first, at_first, some, (ty, tx)) * _lit_weights(second, at_second, some, (ty, tx))
        total.add(a, b, weights)
    if total.weight <= 0:
        return None
    efficiency = window_efficiency(taper(ty, EDGE)) * window_efficiency(taper(tx, EDGE))
    # Tiles that overlap each other share pixels: count area, not tiles.
    efficiency *= min(1.0, height * width / (len(places) * ty * tx))
    norm = np.float32(1 / total.weight)
    return TileSpectra(
        total.cross * norm,
        total.first * norm,
        total.second * norm,
        shape=(ty, tx),
        whole=whole,
        tiles=total.weight,
        efficiency=efficiency,
        overlap=height * width / (ny * nx),
        window_power=float((window**2).mean()),
    )


class _Sums:
    """Running sums of spectra over tiles."""

    def __init__(self, ty: int, tx: int) -> None:
        self.cross = np.zeros((ty, tx // 2 + 1), np.complex64)
        self.first = np.zeros((ty, tx // 2 + 1), np.float32)
        self.second = np.zeros((ty, tx // 2 + 1), np.float32)
        self.weight = 0.0

    def add(self, a: NDArray[np.complex64], b: NDArray[np.complex64], weights: NDArray[np.float64]) -> None:
        """Add spectra of tiles (k, ty, tx//2+1), each with its weight (0: unlit)."""
        for one, two, weight in zip(a, b, weights, strict=True):
            if weight <= LIT_ENOUGH:
                continue
            w = np.float32(weight)
            self.cross += np.conj(one) * two * w
            self.first += (one.real**2 + one.imag**2) * w
            self.second += (two.real**2 + two.imag**2) * w
            self.weight += float(weight)


def _transformed(
    image: Prepared, origin: tuple[int, int], places: list[tuple[int, int]], window: NDArray[np.float32]
) -> NDArray[np.complex64]:
    """Spectra (k, ty, tx//2+1) of tiles."""
    return np.asarray(sf.rfft2(_cut(image, origin, places, window)), np.complex64)


def _cut(
    image: Prepared, origin: tuple[int, int], places: list[tuple[int, int]], window: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Tiles (k, ty, tx), each less its own mean, times the window and the lit part."""
    ty, tx = window.shape
    tiles = np.empty((len(places), ty, tx), np.float32)
    for k, (y, x) in enumerate(places):
        rows, columns = slice(origin[0] + y, origin[0] + y + ty), slice(origin[1] + x, origin[1] + x + tx)
        values = image.values[rows, columns]
        if image.lit is None:
            np.multiply(values - values.mean(), window, out=tiles[k])
            continue
        lit = image.lit[rows, columns] * window
        mean = float((values * lit).sum()) / max(float(lit.sum()), 1e-9)
        np.multiply(values - np.float32(mean), lit, out=tiles[k])
    return tiles


def _lit_weights(
    image: Prepared, origin: tuple[int, int], places: list[tuple[int, int]], shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Lit fraction of each tile."""
    if image.lit is None:
        return np.ones(len(places))
    y0, x0 = origin
    return np.array([image.lit[y0 + y : y0 + y + shape[0], x0 + x : x0 + x + shape[1]].mean() for y, x in places])
