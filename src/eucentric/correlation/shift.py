"""A Shift: where `moving` stands relative to `reference`, with all that is needed to judge it.

Sign: moving(r) = reference(r − shift). Vectors are (y, x) in pixels of the images as given.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Vector = tuple[float, float]


class Method(StrEnum):
    """Correlation types, in the words that users know."""

    MATCHED = "matched"
    PHASE = "phase"
    CROSS = "cross"


class FixedPattern(StrEnum):
    """Whether the camera's own pattern (the same in both images, at zero shift) plays a part."""

    NONE = "none"  # nothing at zero shift beyond the specimen
    REMOVED = "removed"  # present, told apart from the specimen, and taken out
    INDISTINGUISHABLE = "indistinguishable"  # the peak at zero may be the camera's


@dataclass(frozen=True, slots=True)
class Rival:
    """The second-best shift, and the odds of the best one against it (1: they can't be told apart)."""

    shift_px: Vector
    odds: float


@dataclass(frozen=True, slots=True, eq=False)
class Coherence:
    """γ of the two images per ring. `frequency` in cycles/pixel; `used` marks the rings that carry weight."""

    frequency: NDArray[np.float64]
    gamma: NDArray[np.float64]
    noise: NDArray[np.float64]  # 1σ of gamma where nothing is in common
    used: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class CorrelationMap:
    """A correlation map as people know it: origin (no shift) top-left, wrapped around.

    Element [i, j] belongs to the shift (i·step, j·step) pixels, minus the period for the far half; a moving image
    shifted towards the top-left has its peak near the bottom-right. `peak` is (row, column) in the map.
    """

    values: NDArray[np.float32]
    step_px: Vector
    peak: Vector

    def centred(self) -> NDArray[np.float32]:
        """The same map with its origin in the middle, element (ny//2, nx//2)."""
        return np.fft.fftshift(self.values)

    def shift_of(self, row: float, column: float) -> Vector:
        """The shift in pixels that a place in the wrapped map stands for."""
        ny, nx = self.values.shape
        y = row - ny if row > ny / 2 else row
        x = column - nx if column > nx / 2 else column
        return (y * self.step_px[0], x * self.step_px[1])


@dataclass(frozen=True, slots=True, eq=False)
class Shift:
    """The whole result of a registration.

    `covariance_px2` (2, 2) in (y, x), statistical only; None for methods that can't state it.
    `overlap` is the common area as a fraction of the image. `false_lock_probability` is the chance that noise alone
    produces this coherence anywhere in the searched range. `contrast_sign` is −1 where one image is the other's
    negative. On a tilted specimen the shift is that of the image's centre, and `map` that of the un-stretched images;
    `centroid_px` (y, x) is where on the specimen, from the image's centre, the two agree on average (0: not asked for).
    `lit` is the illuminated fraction of (reference, moving); `seconds` the time it took.
    """

    shift_px: Vector
    covariance_px2: NDArray[np.float64] | None
    method: Method
    overlap: float
    false_lock_probability: float
    runner_up: Rival | None
    coherence: Coherence | None
    fixed_pattern: FixedPattern
    contrast_sign: int
    lit: tuple[float, float]
    map: CorrelationMap | None
    seconds: float
    centroid_px: Vector = (0.0, 0.0)

    @property
    def sigma_px(self) -> Vector | None:
        """1σ of (y, x) in pixels, statistical."""
        if self.covariance_px2 is None:
            return None
        return (float(np.sqrt(self.covariance_px2[0, 0])), float(np.sqrt(self.covariance_px2[1, 1])))

    def __repr__(self) -> str:
        sigma = self.sigma_px or (float("nan"), float("nan"))
        y, x = self.shift_px
        return (
            f"Shift(y {y:+.3f} ± {sigma[0]:.3f} px, x {x:+.3f} ± {sigma[1]:.3f} px, {self.method}, "
            f"overlap {self.overlap:.0%}, false lock {self.false_lock_probability:.1e})"
        )
