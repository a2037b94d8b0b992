"""What a tilted specimen does to a pair: each image is stretched, and how to come back from it.

Where C1 grows across the image by `slope` (metres per metre), the point p of the specimen (p = 0 on the optical axis)
is seen in the image of tilt β at

    r = p + ∇W(β; C1 + slope·p) = A p + d,    A = I + β⊗slope,    d = ∇W(β; C1)

exactly, ∇W being linear in C1. The images registered are J(u) = I(A u): there p stands at p + A⁻¹d, displaced alike
everywhere, and the shift between the two is s' = A₂⁻¹d₂ − A₁⁻¹d₁. Wanted is s = d₂ − d₁, that of the point p = 0. With
the mean m = ½(d₁ + d₂), which the tilts and C1 tell, and B = A⁻¹

    s' = ½(B₁ + B₂) s + (B₂ − B₁) m,    m = m(0) + ½(β₁ + β₂) C1(s)

and C1(s) is linear in s too: s' is an affine function of s. Vectors and matrices are in (y, x), lengths in pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eucentric.errors import InputError
from eucentric.optics.aberrations import Tilt, direction, image_shift
from eucentric.optics.pair import PairOptics

Matrix = NDArray[np.float64]
Vector = tuple[float, float]

_STEEPEST = 5.7
"""tan 80°: no stage tilts further with anything to be seen."""


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """The stretch of a pair. `first`, `second` (2, 2): A of each image, pixels of J → pixels of I, from the middle.

    `matrix` (2, 2) and `offset_px` (2,) take a shift between the un-stretched images to that of the image's centre.
    `mean_px` and `mean_per_px` (2, 2): ½(d₁ + d₂) = mean_px + mean_per_px·s, where on average the centre is seen.
    """

    first: Matrix
    second: Matrix
    matrix: Matrix
    offset_px: Matrix
    mean_px: Matrix
    mean_per_px: Matrix

    def at_centre(self, shift_px: Vector) -> Vector:
        """s of the image's centre from s' between the un-stretched images."""
        s = self.matrix @ np.array(shift_px) + self.offset_px
        return (float(s[0]), float(s[1]))

    def covariance_at_centre(self, covariance_px2: Matrix) -> Matrix:
        """The covariance of s from that of s'."""
        return np.asarray(self.matrix @ covariance_px2 @ self.matrix.T)

    def mean_displacement(self, shift_px: Vector) -> Vector:
        """½(d₁ + d₂) at the image's centre, where s is its shift: the overlap's middle shows the specimen at −this."""
        m = self.mean_px + self.mean_per_px @ np.array(shift_px)
        return (float(m[0]), float(m[1]))

    @property
    def pattern(self) -> Matrix:
        """B₂ − B₁ (2, 2): a camera's pattern at r stands in the un-stretched images at places shifted by this times r.

        It is no longer at one shift (zero) but spread along the beam tilt.
        """
        return np.asarray(np.linalg.inv(self.second) - np.linalg.inv(self.first))


def stretch_of(pair: PairOptics) -> Stretch | None:
    """The stretch that a pair's slope makes; None where it has none.

    Raises InputError for a slope that no specimen has.
    """
    if pair.slope == (0.0, 0.0):
        return None
    if not math.hypot(*pair.slope) < _STEEPEST:
        raise InputError(
            f"Defocus growing by {math.hypot(*pair.slope):g} m per metre is a specimen tilted by more than 80°. "
            "Give the tangent of the stage's tilt: 1.73 at 60°."
        )
    one, two = _vector(direction(pair.first_tilt)), _vector(direction(pair.second_tilt))
    slope = np.array(pair.slope)
    first, second = np.eye(2) + np.outer(one, slope), np.eye(2) + np.outer(two, slope)
    inverse, other = np.linalg.inv(first), np.linalg.inv(second)
    known = [
        _vector(complex(image_shift(direction(t), pair.at(0.0)))) / pair.pixel_m
        for t in (pair.first_tilt, pair.second_tilt)
    ]
    step = two - one
    # m grows by β̄·C1, and C1 by step·s/|step|².
    mean_per_px = np.asarray(np.outer(0.5 * (one + two), step) / (step @ step), np.float64)
    mean_px = 0.5 * (known[0] + known[1]) - mean_per_px @ (known[1] - known[0])
    forward = 0.5 * (inverse + other) + (other - inverse) @ mean_per_px
    matrix = np.asarray(np.linalg.inv(forward), np.float64)
    return Stretch(first, second, matrix, -matrix @ (other - inverse) @ mean_px, mean_px, mean_per_px)


def stage_slope(alpha_rad: float, axis_rad: float) -> Tilt:
    """How C1 grows across the image (y, x), metres per metre, on a stage tilted by `alpha_rad`.

    tan α a quarter turn further on than the tilt axis, whose direction `axis_rad` is counted from +x towards +y.
    """
    return (math.tan(alpha_rad) * math.cos(axis_rad), -math.tan(alpha_rad) * math.sin(axis_rad))


def defocus_spread_m(pair: PairOptics, shape: tuple[int, int]) -> float:
    """The rms by which a tilted specimen's defocus varies over an image (ny, nx): |slope·p| of a rectangle, L/√12."""
    return math.hypot(*(s * n * pair.pixel_m for s, n in zip(pair.slope, shape, strict=True))) / math.sqrt(12)


def _vector(value: complex) -> Matrix:
    return np.array([value.imag, value.real])
