"""Wave aberration W, phase χ and image shift ∇W of the objective lens, up to axial coma and C3.

    W(θ) = ½C1 θ² + ½a(θx² − θy²) + b θxθy + Re(B2 ω² ω̄) + ¼C3 θ⁴,   ω = θx + iθy,   χ = (2π/λ) W

Directions are complex here, ω = θx + iθy: one number per direction, and rotations are products.
All lengths in metres, all angles in radians. C1 > 0 is overfocus.
Signs: DESIGN.md section 1; notation of Typke & Dierksen, Optik 99 (1995) 155-166.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Directions: TypeAlias = "NDArray[np.complexfloating[Any, Any]] | complex"
Tilt: TypeAlias = tuple[float, float]
"""A beam tilt (y, x) in radians, from the optical axis of the aberrations."""


@dataclass(frozen=True, slots=True)
class Aberrations:
    """Coefficients of W, metres. `a1_m` = (a, b); `b2_m` = (Re B2, Im B2)."""

    c1_m: float = 0.0
    a1_m: tuple[float, float] = (0.0, 0.0)
    b2_m: tuple[float, float] = (0.0, 0.0)
    c3_m: float = 0.0

    def with_defocus(self, c1_m: float) -> Aberrations:
        """The same lens at another defocus."""
        return replace(self, c1_m=c1_m)


def direction(tilt: Tilt) -> complex:
    """ω = θx + iθy of a tilt (y, x)."""
    return complex(tilt[1], tilt[0])


def wave_aberration(omega: Directions, lens: Aberrations) -> NDArray[np.float64]:
    """W(ω) in metres·rad², the shape of `omega`."""
    w = np.asarray(omega, dtype=np.complex128)
    x, y, square = w.real, w.imag, np.abs(w) ** 2
    a, b = lens.a1_m
    twofold = 0.5 * a * (x**2 - y**2) + b * x * y
    coma = (complex(*lens.b2_m) * w).real * square
    return np.asarray(0.5 * lens.c1_m * square + twofold + coma + 0.25 * lens.c3_m * square**2)


def image_shift(omega: Directions, lens: Aberrations) -> NDArray[np.complex128]:
    """∇W(ω) = dx + i·dy in metres: where a beam tilted by ω moves the image, at the specimen.

    With C1, A1 and C3 alone d = C1 β + A β + C3 |β|² β. An overfocused image moves by +d under +β.
    The gradient as a complex number is 2 ∂W/∂ω̄; of the coma term Re(B2 ω² ω̄) it is B2 ω² + 2 B̄2 |ω|².
    """
    w = np.asarray(omega, dtype=np.complex128)
    square = np.abs(w) ** 2
    a1, b2 = complex(*lens.a1_m), complex(*lens.b2_m)
    coma = b2 * w**2 + 2 * np.conj(b2) * square
    return np.asarray(lens.c1_m * w + a1 * np.conj(w) + coma + lens.c3_m * square * w)


def about_axis(lens: Aberrations, axis: complex) -> Aberrations:
    """The coefficients as seen with directions counted from another axis: W(axis + ω) − W(axis) − ∇W·ω.

    A pure C3 seen from an axis off by ω1 has B2 = C3·ω̄1, and the induced C1 = 2C3|ω1|², A1 = C3 ω1².
    (Equivalently: a coma-free axis at ω0 is B2 = −C3 ω̄0 in the coordinates of the optical axis.)
    """
    c3, b2 = lens.c3_m, complex(*lens.b2_m)
    c1 = lens.c1_m + 2 * c3 * abs(axis) ** 2 + 4 * (b2 * axis).real
    a1 = complex(*lens.a1_m) + c3 * axis**2 + 2 * np.conj(b2) * axis
    coma = b2 + c3 * np.conj(axis)
    return Aberrations(c1_m=float(c1), a1_m=(a1.real, a1.imag), b2_m=(coma.real, coma.imag), c3_m=c3)
