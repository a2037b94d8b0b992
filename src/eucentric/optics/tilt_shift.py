"""Beam tilt and image shift, both ways.

A beam tilted by β moves the image by d(β) = ∇W(β); on one axis, with C1 and C3 alone, d = C3·a³ + C1·a.
Vectors are (y, x); tilts in radians from the optical axis of the aberrations, shifts in metres at the specimen.
An overfocused image (C1 > 0) moves by +d when the beam tilts by +β.
Koster, van den Bos & van der Mast, Ultramicroscopy 21 (1987) 209-222.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from eucentric.errors import InputError
from eucentric.optics.aberrations import Aberrations, Tilt, about_axis, direction, image_shift

Vector = tuple[float, float]

_NEWTON_STEPS = 60
_RELATIVE_PRECISION = 1e-12
# A C3 without effect at any tilt; its quotients would overflow.
_NEGLIGIBLE_M = 1e-100


@dataclass(frozen=True, slots=True)
class DefocusFit:
    """What the shift between two tilts says of the lens.

    `c1_m` is the least-squares defocus; `perpendicular_m` what remains of the shift across the tilt, in metres,
    positive turned from +x towards +y from the direction of second − first. Along the tilt nothing remains.
    """

    c1_m: float
    perpendicular_m: float


def shift_at(tilt: Tilt, lens: Aberrations) -> Vector:
    """(y, x) in metres by which a tilt moves the image from where the untilted beam puts it: ∇W(β)."""
    moved = complex(image_shift(direction(tilt), lens))
    return (moved.imag, moved.real)


def shift_between(first: Tilt, second: Tilt, lens: Aberrations) -> Vector:
    """Shift (y, x) in metres of the image at `second` relative to the one at `first`: ∇W(second) − ∇W(first)."""
    moved = complex(image_shift(direction(second), lens) - image_shift(direction(first), lens))
    return (moved.imag, moved.real)


def defocus_from_pair_shift(shift_m: float, tilt_rad: float, *, c3_m: float) -> float:
    """C1 in metres that separates a ±tilt pair by `shift_m`, both along the tilt.

    The pair separates by 2(C1·β + C3·β³), so C1 = d/2β − C3·β². C1 > 0 is overfocus.
    Raises InputError when the tilt is zero.
    Koster, van den Bos & van der Mast, Ultramicroscopy 21 (1987) 209-222.
    """
    if tilt_rad == 0:
        raise InputError("A pair at zero tilt does not show defocus. Give the tilt of each image, for example 5 mrad.")
    return shift_m / (2 * tilt_rad) - c3_m * tilt_rad**2


def defocus_from_shift(shift_m: Vector, first: Tilt, second: Tilt, lens: Aberrations) -> DefocusFit:
    """C1 from the shift (y, x) in metres between any two tilts, all other coefficients of `lens` being known.

    The shift is linear in defocus, d = C1·(β₂ − β₁) + (what A1, B2 and C3 do), so the least-squares C1 is the rest
    of the shift projected on β₂ − β₁. `lens.c1_m` is not used.
    Raises InputError when the two tilts are the same.
    """
    baseline = direction(second) - direction(first)
    if baseline == 0:
        raise InputError(
            f"Both images have the same beam tilt ({first[0] * 1e3:g}, {first[1] * 1e3:g}) mrad, so their shift does "
            "not show defocus. Give two different tilts."
        )
    rest = complex(shift_m[1], shift_m[0]) - direction(shift_between(first, second, lens.with_defocus(0.0)))
    along = baseline.conjugate() * rest
    return DefocusFit(c1_m=along.real / abs(baseline) ** 2, perpendicular_m=along.imag / abs(baseline))


def tilt_for_shift(shift_m: float, *, c1_m: float, c3_m: float) -> float:
    """The smallest tilt in radians that moves the image by `shift_m` along the tilt: C3·a³ + C1·a = d.

    With C1 and C3 of opposite sign the shift turns round at a² = −C1/3C3, and a larger shift than it reaches there
    needs a tilt of the other sign, beyond 2·sqrt(−C1/3C3): that tilt is returned, it is the only one.
    Raises InputError when no tilt moves the image (no defocus and no C3).
    """
    if shift_m == 0:
        return 0.0
    if c1_m == 0 and abs(c3_m) <= _NEGLIGIBLE_M:
        raise InputError("With no defocus and no Cs a beam tilt does not move the image. Give one of them.")
    # In units of the smaller of the tilts at which C1 or C3 alone makes this shift, no coefficient exceeds one.
    linear = abs(shift_m / c1_m) if c1_m else math.inf
    cubic = math.cbrt(abs(shift_m / c3_m)) if abs(c3_m) > _NEGLIGIBLE_M else math.inf
    unit = min(linear, cubic)
    third, first = c3_m * unit**3 / shift_m, c1_m * unit / shift_m
    if abs(third) < _RELATIVE_PRECISION**2:  # below rounding, even for the smallest root
        return shift_m / c1_m
    roots = np.roots([third, 0.0, first, -1.0])
    real = roots.real[np.abs(roots.imag) < 1e-7 * (1 + np.abs(roots))]
    return _polished(float(real[np.argmin(np.abs(real))]) * unit, shift_m, c1_m, c3_m)


def _polished(tilt: float, shift_m: float, c1_m: float, c3_m: float) -> float:
    """One Newton step: the companion matrix loses digits where defocus dwarfs C3·a²."""
    slope = 3 * c3_m * tilt**2 + c1_m
    error = c3_m * tilt**3 + c1_m * tilt - shift_m
    # At the turning point the slope vanishes and the step would leave the root.
    return tilt - error / slope if abs(slope) > 1e-3 * abs(c1_m) else tilt


def tilt_for_shift_vector(shift_m: Vector, lens: Aberrations) -> Tilt:
    """The tilt (y, x) in radians at which ∇W is `shift_m` (y, x) in metres, for a lens with A1 and B2 as well.

    Newton from the solution for C1 and C3 alone; the Jacobian is the lens seen about the tilt, δd = C1'δ + A1'δ̄.
    Raises InputError when it does not converge: the shift is not reached near there (a caustic lies between).
    """
    wanted = complex(shift_m[1], shift_m[0])
    if wanted == 0:
        return (0.0, 0.0)
    unit = wanted / abs(wanted)
    tilt = unit * tilt_for_shift(abs(wanted), c1_m=lens.c1_m, c3_m=lens.c3_m)
    for _ in range(_NEWTON_STEPS):
        error = complex(image_shift(tilt, lens)) - wanted
        if abs(error) <= _RELATIVE_PRECISION * abs(wanted):
            return (tilt.imag, tilt.real)
        local = about_axis(lens, tilt)
        twofold = complex(*local.a1_m)
        determinant = local.c1_m**2 - abs(twofold) ** 2
        if determinant == 0:
            break
        tilt -= (local.c1_m * error - twofold * error.conjugate()) / determinant
    raise InputError(
        f"No beam tilt was found that moves the image by ({shift_m[0] * 1e9:.3g}, {shift_m[1] * 1e9:.3g}) nm (y, x) at "
        f"a defocus of {lens.c1_m * 1e6:.3g} µm. Ask for a smaller shift or use more defocus."
    )
