"""Where a camera's own pattern stands between two images, and whether a shift is what it would make.

As taken, both images have it at the same pixels: at zero shift. In un-stretched images (optics/stretch.py) what the
camera shows at r is shifted by K·r, K = B₂ − B₁ of rank one: its pattern is spread along a line through zero shift, in
the direction of the beam tilt, and no longer adds up at one shift.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eucentric.correlation.rings import Rings

PATTERN_SIZE_PX = 2.0
"""A fixed pattern's peak is this wide at most, pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class PatternPlace:
    """Where the camera's pattern is: `spread` is K (2, 2), None for images as taken; `shape` (ny, nx) of the images."""

    spread: NDArray[np.float64] | None = None
    shape: tuple[int, int] = (0, 0)

    def seen(self, grid: Rings, whole: tuple[int, int]) -> NDArray[np.complex64] | None:
        """⟨e^{−2πi q·K r}⟩ over the overlap at the shift `whole`: the pattern's part beside the phase of a zero shift.

        The overlap of `reference` with `moving` is a rectangle about −whole/2: a product of two sines over their arcs.
        None where the pattern is at zero shift: 1.
        """
        if self.spread is None:
            return None
        qy, qx = grid.qy.astype(np.float64), grid.qx.astype(np.float64)
        along = [self.spread[0, axis] * qy + self.spread[1, axis] * qx for axis in (0, 1)]  # Kᵀq
        sides = [n - abs(s) for n, s in zip(self.shape, whole, strict=True)]
        turns = 0.5 * (along[0] * whole[0] + along[1] * whole[1])
        return np.asarray(
            np.exp(2j * np.pi * turns) * np.sinc(along[0] * sides[0]) * np.sinc(along[1] * sides[1]), np.complex64
        )

    def distance(self, y: NDArray[np.generic] | float, x: NDArray[np.generic] | float) -> NDArray[np.float64]:
        """How far a shift (y, x) is from the nearest one that the pattern has, pixels."""
        if self.spread is None:
            return np.asarray(np.hypot(y, x), np.float64)
        # K = −v slopeᵀ: its columns are parallel, and the corners of the image reach furthest.
        half = np.abs(self.spread) @ (0.5 * np.array(self.shape))
        ends = half * np.where(self._direction() < 0, -1, 1)
        square = max(float(ends @ ends), 1e-12)
        at = np.clip((y * ends[0] + x * ends[1]) / square, -1, 1)
        return np.asarray(np.hypot(y - at * ends[0], x - at * ends[1]), np.float64)

    def _direction(self) -> NDArray[np.float64]:
        """The column of K that is the longer."""
        assert self.spread is not None
        return np.asarray(self.spread[:, int(np.argmax(np.abs(self.spread).sum(axis=0)))])
