"""Noise that belongs to a place: the same coordinates give the same values on every visit, and nothing repeats.

Two kinds. `white` is one normal number per point of an endless lattice, made in tiles seeded by their integer
coordinates: the atoms' scale, one lattice per pixel size. `rough` is a sum of octaves of hashed value noise in
metres of the specimen: all that is coarser than 10 nm, shared by every magnification.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
OCTAVES_M = tuple(10e-9 * 2**k for k in range(8))  # lattice constants, 10 nm to 1.28 µm
_TILE = 256
_OFFSET = 1 << 31  # tile coordinates may be negative, seeds may not


@lru_cache(maxsize=256)
def _white_tile(seed: int, lattice: int, row: int, column: int) -> Float:
    rng = np.random.default_rng((seed, lattice, row + _OFFSET, column + _OFFSET))
    return rng.standard_normal((_TILE, _TILE), dtype=np.float32)


def white(seed: int, lattice: int, origin: tuple[int, int], shape: tuple[int, int]) -> Float:
    """Normal numbers of lattice points origin … origin + shape (row, column), independent from point to point."""
    out = np.empty(shape, dtype=np.float32)
    for row in range(origin[0] // _TILE, (origin[0] + shape[0] - 1) // _TILE + 1):
        for column in range(origin[1] // _TILE, (origin[1] + shape[1] - 1) // _TILE + 1):
            y, x = row * _TILE - origin[0], column * _TILE - origin[1]
            y0, x0, y1, x1 = max(y, 0), max(x, 0), min(y + _TILE, shape[0]), min(x + _TILE, shape[1])
            out[y0:y1, x0:x1] = _white_tile(seed, lattice, row, column)[y0 - y : y1 - y, x0 - x : x1 - x]
    return out


def hashed(seed: int, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
    """A number in [0, 1) for every pair of integers; SplitMix64's finaliser on a mix of the three."""
    with np.errstate(over="ignore"):
        z = rows.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + columns.astype(np.uint64) * np.uint64(
            0xC2B2AE3D27D4EB4F
        )
        z += np.uint64(seed % 2**63) * np.uint64(0x165667B19E3779F9)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return np.asarray((z >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def value_noise(seed: int, y: NDArray[np.float64], x: NDArray[np.float64]) -> Float:
    """Smooth noise of lattice constant 1, zero mean, unit variance at its nodes; y and x of one shape."""
    row, column = np.floor(y), np.floor(x)
    v, u = (y - row).astype(np.float32), (x - column).astype(np.float32)
    top, left = int(row.min()), int(column.min())
    i, j = (row - top).astype(np.int32), (column - left).astype(np.int32)
    nodes_y, nodes_x = np.arange(top, top + int(i.max()) + 2), np.arange(left, left + int(j.max()) + 2)
    nodes = ((hashed(seed, nodes_y[:, None], nodes_x[None]) - 0.5) * np.sqrt(12)).astype(np.float32)
    u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
    flat, width = nodes.ravel(), nodes.shape[1]
    at = i * width + j
    upper = flat[at] * (1 - u) + flat[at + 1] * u
    lower = flat[at + width] * (1 - u) + flat[at + width + 1] * u
    return np.asarray(upper * (1 - v) + lower * v, dtype=np.float32)


def rough(seed: int, y_m: NDArray[np.float64], x_m: NDArray[np.float64], spacing_m: tuple[float, float]) -> Float:
    """Octaves with lattice constants in [low, high) of `spacing_m`, equal in size; all eight make unit variance."""
    total = np.zeros(y_m.shape, dtype=np.float32)
    for k, octave in enumerate(OCTAVES_M):
        if spacing_m[0] <= octave < spacing_m[1]:
            total += value_noise(seed + 7919 * (k + 1), y_m / octave, x_m / octave)
    return total / np.float32(np.sqrt(len(OCTAVES_M)))
