"""The model of a pair of tilted images: what phase and what contrast they share, mode by mode, in fast real arithmetic.

With a_j = E₊, b_j = E₋ and e_j the even part of χ(β_j + θ) − χ(β_j) (amplitude contrast included), the transfer without
its odd phase is i(a e^{−ie} − b e^{ie}), so

    conj(T₁)·T₂ = e^{−i(odd₂ − odd₁)} [ a₁a₂ e^{i(e₁−e₂)} + b₁b₂ e^{−i(e₁−e₂)}
                                        − d (a₁b₂ e^{i(e₁+e₂)} + b₁a₂ e^{−i(e₁+e₂)}) ]

The ramp in the odd part is the shift, taken out here; its coma (B2 seen from each tilt) stays. e₁ − e₂ does not depend
on defocus; e₁ + e₂ does, and is damped by d where defocus, or the frequency itself, is not known well enough to say
where the Thon rings are. DESIGN.md section 2; tests hold it against the full transfer of transfer.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from eucentric.errors import InputError
from eucentric.optics.aberrations import Aberrations, Tilt, about_axis, direction, image_shift
from eucentric.optics.column import Column

Plane = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PairOptics:
    """How a pair was taken: pixel size in metres, column, both tilts (y, x) in radians from the optical axis.

    `lens` holds what is known of C1 (a first guess), A1 and B2; its C3 is the column's. `defocus_sigma_m` is how well
    defocus is known within one image beyond what the shift tells: astigmatism, thickness (what a slope does is added).
    `slope` (y, x) is how C1 grows across the image, metres per metre in image axes: tan α across the axis of a stage
    tilted by α.
    Raises InputError where the numbers can't be a pair's.
    """

    pixel_m: float
    column: Column
    first_tilt: Tilt
    second_tilt: Tilt
    lens: Aberrations = field(default_factory=Aberrations)
    defocus_sigma_m: float = 25e-9
    slope: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if not 1e-12 <= self.pixel_m <= 1e-4:
            raise InputError(f"A pixel of {self.pixel_m * 1e9:g} nm is no TEM image's. Give its size in nm: 0.14.")
        if self.separation_rad == 0:
            raise InputError("Both images have the same beam tilt: no shift can tell the defocus. Tilt the beam.")
        if max(abs(direction(self.first_tilt)), abs(direction(self.second_tilt))) > 0.2:
            raise InputError("A beam tilt above 200 mrad is beyond any TEM. Give tilts in mrad: 5.")

    @property
    def separation_rad(self) -> float:
        """Angle between the two images."""
        return abs(direction(self.second_tilt) - direction(self.first_tilt))

    def at(self, c1_m: float) -> Aberrations:
        """The lens with the column's C3 and this defocus."""
        return Aberrations(c1_m=c1_m, a1_m=self.lens.a1_m, b2_m=self.lens.b2_m, c3_m=self.column.c3_m)

    def defocus_of(self, shift_px: tuple[float, float]) -> float:
        """C1 in metres whose pair shift comes nearest to `shift_px` (y, x), least squares over both components.

        The shift is linear in C1: s = s(0) + C1·(β₂ − β₁), so C1 is a projection on the tilt difference.
        """
        first, second = direction(self.first_tilt), direction(self.second_tilt)
        zero = complex(image_shift(second, self.at(0.0)) - image_shift(first, self.at(0.0)))
        seen = complex(shift_px[1], shift_px[0]) * self.pixel_m
        step = second - first
        return float(((seen - zero) * np.conj(step)).real / abs(step) ** 2)

    def shift_of(self, c1_m: float) -> tuple[float, float]:
        """The pair's shift (y, x) in pixels at defocus `c1_m`."""
        first, second = direction(self.first_tilt), direction(self.second_tilt)
        d = complex(image_shift(second, self.at(c1_m)) - image_shift(first, self.at(c1_m))) / self.pixel_m
        return (d.imag, d.real)


@dataclass(frozen=True, slots=True, eq=False)
class PairModel:
    """conj(T₁)T₂ without its ramp, and |T₁|², |T₂|², on a plane of frequencies."""

    cross: NDArray[np.complex64]
    power_first: Plane
    power_second: Plane


@dataclass(frozen=True, slots=True, eq=False)
class _Tilted:
    even: Plane
    plus: Plane
    minus: Plane
    coma: complex


def _tilted(x: Plane, y: Plane, square: Plane, tilt: Tilt, *, lens: Aberrations, column: Column) -> _Tilted:
    """Even phase and sideband envelopes of one image; x, y, square are θx, θy, θ² in radians."""
    beta = direction(tilt)
    local = about_axis(lens, beta)
    k = 2 * math.pi / column.wavelength_m
    a, b = local.a1_m
    w = 0.5 * local.c1_m * square + 0.25 * local.c3_m * square * square
    if a or b:
        w = w + 0.5 * a * (x * x - y * y) + b * x * y
    # Absorption turns the scattered wave the other way than underfocus does: T = 2 sin(χ − φ), dark at q = 0.
    even = np.asarray(k * w - math.asin(column.amplitude_contrast), np.float32)
    plus, minus = (_envelope(sign * x, sign * y, square, beta, lens=lens, column=column) for sign in (1, -1))
    return _Tilted(even, plus, minus, complex(*local.b2_m))


def _mixed(one: _Tilted, two: _Tilted, damping: Plane | None) -> tuple[Plane, Plane]:
    """Real and imaginary part of the bracket in the module's formula."""
    same, other = one.plus * two.plus, one.minus * two.minus
    if two.even is one.even:
        real, imag, total = same + other, np.zeros_like(same), 2 * one.even
    else:
        difference, total = one.even - two.even, one.even + two.even
        real, imag = (same + other) * np.cos(difference), (same - other) * np.sin(difference)
    if damping is not None:
        mixed, crossed = one.plus * two.minus, one.minus * two.plus
        real -= damping * (mixed + crossed) * np.cos(total)
        imag -= damping * (mixed - crossed) * np.sin(total)
    return real, imag


def _power(one: _Tilted, damping: Plane | None) -> Plane:
    """|T|² of one image, its Thon rings damped."""
    power = one.plus * one.plus + one.minus * one.minus
    if damping is not None:
        power -= 2 * damping * one.plus * one.minus * np.cos(2 * one.even)
    return power


def _mirrored(pair: PairOptics, lens: Aberrations) -> bool:
    """Whether the second image is the first seen under θ → −θ: opposite tilts in a lens without odd terms."""
    opposite = pair.first_tilt[0] == -pair.second_tilt[0] and pair.first_tilt[1] == -pair.second_tilt[1]
    centred = pair.column.aperture_rad is None or pair.column.aperture_centre_rad == (0.0, 0.0)
    return opposite and centred and lens.b2_m == (0.0, 0.0)


def _envelope(x: Plane, y: Plane, square: Plane, beta: complex, *, lens: Aberrations, column: Column) -> Plane:
    """E of the sideband at β + θ: convergence and focal spread, and the aperture's cut. DESIGN.md section 2."""
    local = about_axis(lens, beta)
    exponent = np.zeros_like(square)
    if column.convergence_rad:
        a, b = local.a1_m
        dot = (local.b2_m[0] * x - local.b2_m[1] * y) * 2  # 2 Re(B2 ω)
        round_part = local.c1_m + local.c3_m * square + dot
        dx = round_part * x + a * x + b * y + local.b2_m[0] * square
        dy = round_part * y + b * x - a * y - local.b2_m[1] * square
        exponent = exponent + (math.pi * column.convergence_rad / column.wavelength_m) ** 2 * (dx * dx + dy * dy)
    if column.focal_spread_m:
        detune = square + 2 * (beta.real * x + beta.imag * y)
        exponent = exponent + 0.5 * (math.pi * column.focal_spread_m / column.wavelength_m) ** 2 * detune * detune
    envelope = np.exp(-np.minimum(exponent, np.float32(60)))
    if column.aperture_rad is not None:
        off = direction(column.aperture_centre_rad)
        inside = (x + (beta - off).real) ** 2 + (y + (beta - off).imag) ** 2 <= column.aperture_rad**2
        envelope = envelope * inside
    return np.asarray(envelope, np.float32)


def search_phase(qy: Plane, qx: Plane, pair: PairOptics) -> NDArray[np.complex64]:
    """The conjugate of the pair's phase as far as it needs no defocus: coma, and reversals by a misaligned axis.

    Frequencies in cycles per pixel as for `pair_model`; envelopes are left out.
    """
    theta = np.float32(pair.column.wavelength_m / pair.pixel_m)
    y, x = np.asarray(qy * theta, np.float32), np.asarray(qx * theta, np.float32)
    square = np.asarray(x * x + y * y, np.float32)
    one, two = (about_axis(pair.at(0.0), direction(tilt)) for tilt in (pair.first_tilt, pair.second_tilt))
    k = 2 * math.pi / pair.column.wavelength_m
    b2 = complex(*two.b2_m) - complex(*one.b2_m)
    coma = np.float32(k * b2.real) * x
    if b2.imag:
        coma = coma - np.float32(k * b2.imag) * y
    coma = coma * square
    phasor = np.empty(square.shape, np.complex64)
    np.cos(coma, out=phasor.real)
    np.sin(coma, out=phasor.imag)
    if one.c1_m != two.c1_m or one.a1_m != two.a1_m:
        a, b = one.a1_m[0] - two.a1_m[0], one.a1_m[1] - two.a1_m[1]
        even = 0.5 * (one.c1_m - two.c1_m) * square + 0.5 * a * (x * x - y * y) + b * x * y
        phasor *= np.sign(np.cos(np.asarray(k * even, np.float32)))
    return phasor


def pair_model(
    qy: Plane, qx: Plane, pair: PairOptics, *, c1_m: float, c1_sigma_m: float | None, frequency_sigma: float = 0.0
) -> PairModel:
    """The pair's model on frequencies qy (ny, 1), qx (1, nx) in cycles per pixel.

    `c1_sigma_m` is how uncertain the defocus is; None means not known at all (the Thon rings average out).
    `frequency_sigma` is the width of one frequency cell (cycles/pixel): rings finer than it average out too.
    """
    theta = np.float32(pair.column.wavelength_m / pair.pixel_m)
    y, x = np.asarray(qy * theta, np.float32), np.asarray(qx * theta, np.float32)
    square = np.asarray(x * x + y * y, np.float32)
    lens = pair.at(c1_m)
    one = _tilted(x, y, square, pair.first_tilt, lens=lens, column=pair.column)
    if _mirrored(pair, lens):
        two = _Tilted(one.even, one.minus, one.plus, -one.coma)
    else:
        two = _tilted(x, y, square, pair.second_tilt, lens=lens, column=pair.column)
    k = 2 * math.pi / pair.column.wavelength_m
    b2 = two.coma - one.coma
    coma = np.asarray((np.float32(k * b2.real) * x - np.float32(k * b2.imag) * y) * square, np.float32)
    damping = None
    if c1_sigma_m is not None:
        width = square * np.float32(k * c1_sigma_m)
        width += np.sqrt(square) * np.float32(2 * k * abs(c1_m) * theta * frequency_sigma)
        damping = np.exp(-np.minimum(0.5 * width * width, np.float32(60)))
    real, imag = _mixed(one, two, damping)
    power_one = _power(one, damping)
    power_two = power_one if two.even is one.even else _power(two, damping)
    turn_real, turn_imag = np.cos(coma), -np.sin(coma)
    cross = np.empty(square.shape, np.complex64)
    cross.real, cross.imag = real * turn_real - imag * turn_imag, real * turn_imag + imag * turn_real
    return PairModel(cross, power_one, power_two)
