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
from eucentric.optics.pair import PairOptics

TILE = 288
"""Longest side of a tile, pixels: short enough to stay in cache."""
DISPLACEMENTS = 24
"""A tile is at least this many times longer than the coma of the tilt displaces fine detail (2 % is then lost)."""
LONGEST = 1024
"""A tile is never longer than this, pixels."""
FINEST_PER_M = 2e9
"""Detail finer than 0.5 nm is little of an amorphous specimen's signal."""
SMALLEST = 12
"""Shortest side of an overlap, pixels, that can be transformed with any use."""
EDGE = 0.05
"""Taper of each tile, fraction of its side."""
LIT_ENOUGH = 0.25
"""A tile less lit than this in either image is left out."""


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


@dataclass(frozen=True, slots=True)
class _Cutting:
    """Where tiles (ty, tx) are cut: their places in the overlap, and the overlap's corner in both images."""

    shape: tuple[int, int]
    places: tuple[tuple[int, int], ...]
    at_first: tuple[int, int]
    at_second: tuple[int, int]
    shared: float  # independent share of the tiles' pixels where tiles overlap each other


def tile_spectra(
    first: Prepared,
    second: Prepared,
    whole: tuple[int, int],
    *,
    pair: PairOptics | None,
    workers: int,
    at_most: int | None = None,
) -> TileSpectra | None:
    """Averaged spectra of the overlap at the shift `whole`; None when less than `SMALLEST` pixels overlap on a side.

    `at_most` takes so many of the tiles only, evenly spread: a quick look.
    """
    (ny, nx), (height, width) = first.shape, (first.shape[0] - abs(whole[0]), first.shape[1] - abs(whole[1]))
    if min(height, width) < SMALLEST:
        return None
    cut = _cutting(height, width, whole, _side(pair))
    places = cut.places
    if at_most is not None and len(places) > at_most:
        places = places[:: -(-len(places) // at_most)]
    window = taper(cut.shape[0], EDGE)[:, None] * taper(cut.shape[1], EDGE)[None]
    sums, more = both(
        lambda some: _summed(first, second, cut, some, window), places[0::2], places[1::2], workers=workers
    )
    sums.add(more)
    if sums.weight <= 0:
        return None
    norm = np.float32(1 / sums.weight)
    efficiency = window_efficiency(taper(cut.shape[0], EDGE)) * window_efficiency(taper(cut.shape[1], EDGE))
    return TileSpectra(
        sums.cross * norm,
        (sums.first[:, 0::2] + sums.first[:, 1::2]) * norm,
        (sums.second[:, 0::2] + sums.second[:, 1::2]) * norm,
        shape=cut.shape,
        whole=whole,
        tiles=sums.weight,
        efficiency=efficiency * cut.shared,
        overlap=height * width / (ny * nx),
        window_power=float((window**2).mean()),
    )


def _side(pair: PairOptics | None) -> int:
    """Longest side of a tile."""
    return TILE if pair is None else int(np.clip(DISPLACEMENTS * coma_px(pair), TILE, LONGEST))


def coma_px(pair: PairOptics) -> float:
    """Pixels by which the coma of the tilts displaces the finest detail θ: 2π/λ·C3·θ²(θ·2β) by 3·C3·θ²·2β."""
    finest = pair.column.wavelength_m * min(0.3 / pair.pixel_m, FINEST_PER_M)
    return 3 * abs(pair.column.c3_m) * finest**2 * pair.separation_rad / pair.pixel_m


def _cutting(height: int, width: int, whole: tuple[int, int], side: int) -> _Cutting:
    """Tiles of one size that cover an overlap (height, width)."""
    ky, kx = -(-height // side), -(-width // side)
    ty, tx = sf.prev_fast_len(height // ky), sf.prev_fast_len(width // kx)
    rows = [i * (height - ty) // max(ky - 1, 1) for i in range(ky)]
    columns = [j * (width - tx) // max(kx - 1, 1) for j in range(kx)]
    (sy, sx) = whole
    return _Cutting(
        shape=(ty, tx),
        places=tuple((y, x) for y in rows for x in columns),
        at_first=(max(0, -sy), max(0, -sx)),
        at_second=(max(0, sy), max(0, sx)),
        shared=min(1.0, height * width / (ky * kx * ty * tx)),
    )


class _Sums:
    """Running sums of spectra over tiles; powers as squares of real and imaginary parts side by side."""

    def __init__(self, ty: int, tx: int) -> None:
        half = tx // 2 + 1
        self.cross = np.zeros((ty, half), np.complex64)
        self.first = np.zeros((ty, 2 * half), np.float32)
        self.second = np.zeros((ty, 2 * half), np.float32)
        self.weight = 0.0

    def add(self, more: _Sums) -> None:
        """Add another's sums."""
        self.cross += more.cross
        self.first += more.first
        self.second += more.second
        self.weight += more.weight


def _summed(
    first: Prepared, second: Prepared, cut: _Cutting, places: tuple[tuple[int, int], ...], window: NDArray[np.float32]
) -> _Sums:
    """Sums over the tiles at `places`."""
    sums = _Sums(*cut.shape)
    square = np.empty_like(sums.first)
    for y, x in places:
        tile_a, lit_a = _tile(first, (cut.at_first[0] + y, cut.at_first[1] + x), window)
        tile_b, lit_b = _tile(second, (cut.at_second[0] + y, cut.at_second[1] + x), window)
        if min(lit_a, lit_b) < LIT_ENOUGH:
            continue
        a = np.ascontiguousarray(sf.rfft2(tile_a), np.complex64)
        b = np.ascontiguousarray(sf.rfft2(tile_b), np.complex64)
        np.square(a.view(np.float32), out=square)
        sums.first += square
        np.square(b.view(np.float32), out=square)
        sums.second += square
        np.conjugate(a, out=a)
        a *= b
        sums.cross += a
        sums.weight += min(lit_a, lit_b)
    return sums


def _tile(image: Prepared, corner: tuple[int, int], window: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """A tile less its own mean, times the window and the lit part; and how much of it is lit."""
    rows = slice(corner[0], corner[0] + window.shape[0])
    columns = slice(corner[1], corner[1] + window.shape[1])
    values = image.values[rows, columns]
    if image.lit is None:
        return (values - values[::4, ::4].mean()) * window, 1.0  # a sixteenth of the pixels tells the mean
    lit = image.lit[rows, columns]
    share = float(lit.mean())
    mean = float((values * lit).sum()) / max(share * lit.size, 1e-9)
    return (values - np.float32(mean)) * lit * window, share
