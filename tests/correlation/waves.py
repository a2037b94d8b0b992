"""Scenes of plane waves: known exactly at any place, so that an affine map of them is exact too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Waves:
    """A sum of plane waves of rms one: `q` (k, 2) in cycles/pixel, (y, x), and complex amplitudes (k,)."""

    q: Array
    amplitude: NDArray[np.complex128]

    def seen(self, matrix: Array, shift_px: Array, shape: tuple[int, int]) -> Array:
        """The image I(r) that shows the scene's point p at r = `matrix` p + shift, r from the image's middle.

        Re Σ a e^{2πi q·A⁻¹(r − d)}: each wave is one along y times one along x, so the sum is a product of matrices.
        """
        inverse = np.linalg.inv(matrix)
        q = self.q @ inverse
        start = self.amplitude * np.exp(-2j * np.pi * (q @ shift_px))
        y, x = (np.arange(n) - (n - 1) / 2 for n in shape)
        rows = (np.exp(2j * np.pi * np.outer(y, q[:, 0])) * start).astype(np.complex64)
        columns = np.exp(2j * np.pi * np.outer(q[:, 1], x)).astype(np.complex64)
        return np.asarray((rows @ columns).real, np.float64)


def waves(rng: np.random.Generator, *, count: int = 4500, finest: float = 0.25) -> Waves:
    """Waves of all directions with equally many per area of the frequency plane, up to `finest`, amplitudes falling.

    `count` should be near the number of modes of an image, or what is known of a ring holds for few of its modes.
    """
    size = finest * np.sqrt(rng.uniform(0.002, 1, count))
    angle = rng.uniform(0, 2 * np.pi, count)
    amplitude = np.exp(-2 * (size / finest) ** 2) * np.exp(2j * np.pi * rng.uniform(size=count))
    amplitude /= np.sqrt(0.5 * np.sum(np.abs(amplitude) ** 2))
    return Waves(np.stack([size * np.sin(angle), size * np.cos(angle)], axis=1), amplitude)
