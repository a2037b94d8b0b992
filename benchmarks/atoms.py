"""Random atoms that keep a distance: sequential addition with cell lists (numba comes with abTEM)."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.physics import Array


def _add_atoms(count: int, side: float, depth: float, distance: float, seed: int) -> Array:
    """Positions (count, 3) in the box side × side × depth, periodic in the first two, none closer than `distance`."""
    np.random.seed(seed)  # noqa: NPY002  (inside numba: its own generator, seeded here)
    wide, deep = int(side / distance), max(1, int(depth / distance))
    head = np.full((wide, wide, deep), -1, np.int32)
    following = np.full(count, -1, np.int32)
    places = np.empty((count, 3))
    placed = 0
    while placed < count:
        a, b, c = np.random.random() * side, np.random.random() * side, np.random.random() * depth  # noqa: NPY002
        i, j, k = (
            min(int(a / side * wide), wide - 1),
            min(int(b / side * wide), wide - 1),
            min(int(c / depth * deep), deep - 1),
        )
        free = True
        for di in range(-1, 2):
            for dj in range(-1, 2):
                for kk in range(max(0, k - 1), min(deep, k + 2)):
                    other = head[(i + di) % wide, (j + dj) % wide, kk]
                    while other >= 0 and free:
                        da = abs(a - places[other, 0])
                        db = abs(b - places[other, 1])
                        da, db = min(da, side - da), min(db, side - db)
                        if da * da + db * db + (c - places[other, 2]) ** 2 < distance * distance:
                            free = False
                        other = following[other]
        if free:
            places[placed, 0], places[placed, 1], places[placed, 2] = a, b, c
            following[placed] = head[i, j, k]
            head[i, j, k] = placed
            placed += 1
    return places


def scatter_atoms(side: float, depth: float, *, per_a3: float, distance: float, seed: int) -> Array:
    """Atom positions (n, 3), all lengths in Å. At 0.1 per Å³ and 1.3 Å a ninth of the space is filled: no jamming."""
    import numba  # noqa: PLC0415  (there when abTEM is)

    count = round(side * side * depth * per_a3)
    compiled: Any = numba.njit(_add_atoms)
    return np.asarray(compiled(count, side, depth, distance, seed))
