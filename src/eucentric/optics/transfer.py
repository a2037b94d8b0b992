"""Linear image transfer of a weak object under a tilted beam, and what a pair of tilts has in common.

The image spectrum at tilt β is I(q) = V(q)·T(q; β), V that of the object's phase, with θ = λq and the sign of
the Fourier transform as in NumPy, ∫ f(r) e^{−2πi q·r}:

    T = i [ E₊ e^{iφ} e^{−i(χ(β+θ) − χ(β))} − E₋ e^{−iφ} e^{+i(χ(β−θ) − χ(β))} ],   sin φ = amplitude contrast
    E± = exp[−(πα/λ)² |∇W(β±θ) − ∇W(β)|²] · exp[−½(πΔ/λ)² (|β±θ|² − |β|²)²]  where the aperture passes β±θ, else 0

With χ(β±θ) − χ(β) = even(θ) ± odd(θ) the odd part comes out of the bracket exactly:

    T = e^{−i·odd} [ (E₊ + E₋) sin(even − φ) + i (E₊ − E₋) cos(even − φ) ]

and odd(θ) = 2π q·∇W(β) + (2π/λ) Re(B2'ω)θ²: the shift's ramp, and the coma that the tilt makes.
Untilted, T = 2E sin(χ − φ): −2 sin φ at q = 0, dark where the object absorbs, and darker with underfocus.
The lens is `lens` alone, its C3 included; `column` gives wavelength, envelopes, amplitude contrast and aperture.
Frequencies in cycles per metre at the specimen, arrays of one shape or broadcastable.
Envelopes: Wade & Frank, Optik 49 (1977) 81-92. Reimer & Kohl, Transmission Electron Microscopy, 5th ed. (2008).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eucentric.optics.aberrations import Aberrations, Tilt, about_axis, direction, image_shift, wave_aberration
from eucentric.optics.column import Column

Frequencies = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TiltedPair:
    """Two images of the same object at tilts (y, x) in radians from the optical axis, through the same lens."""

    first: Tilt
    second: Tilt
    lens: Aberrations
    column: Column


def tilted_transfer(
    qx_per_m: Frequencies, qy_per_m: Frequencies, tilt: Tilt, lens: Aberrations, column: Column
) -> NDArray[np.complex128]:
    """T(q; β) of a weak object, dimensionless (2 at most), the broadcast shape of the frequencies.

    Where the aperture stops the undiffracted beam itself nothing interferes: T = 0 (dark field).
    """
    omega = _scattered(qx_per_m, qy_per_m, column)
    moved = complex(image_shift(direction(tilt), lens))
    ramp = 2 * np.pi / column.wavelength_m * (np.conj(moved) * omega).real
    phase = ramp + _coma_phase(omega, tilt, lens, column)
    return np.asarray(np.exp(-1j * phase) * _without_odd_part(omega, tilt, lens, column))


def coma_phase(qx_per_m: Frequencies, qy_per_m: Frequencies, pair: TiltedPair) -> NDArray[np.float64]:
    """−(odd₂ − odd₁) in radians without the ramp of the shift: the phase that the coma of the tilts puts on the pair.

    With C3 alone it is −(2π/λ) C3 θ² θ·(β₂ − β₁); the lens's own B2 cancels.
    """
    omega = _scattered(qx_per_m, qy_per_m, pair.column)
    first = _coma_phase(omega, pair.first, pair.lens, pair.column)
    return np.asarray(first - _coma_phase(omega, pair.second, pair.lens, pair.column))


def pair_product(qx_per_m: Frequencies, qy_per_m: Frequencies, pair: TiltedPair) -> NDArray[np.complex128]:
    """conj(T₁)·T₂ without the linear ramp of the shift, |product| ≤ 4.

    The cross-spectrum conj(I₁)·I₂ of a pair is |V|²·product·e^{−2πi q·d}, d = shift_between(first, second).
    Multiplying it by conj(product)/|product| leaves the ramp alone.
    """
    return np.asarray(_bare_product(qx_per_m, qy_per_m, pair) * np.exp(1j * coma_phase(qx_per_m, qy_per_m, pair)))


def pair_phase(qx_per_m: Frequencies, qy_per_m: Frequencies, pair: TiltedPair) -> NDArray[np.float64]:
    """Phase of conj(T₁)·T₂ without its linear ramp, radians in (−π, π]; where contrast is reversed π is in it."""
    return np.asarray(np.angle(pair_product(qx_per_m, qy_per_m, pair)))


def pair_contrast(qx_per_m: Frequencies, qy_per_m: Frequencies, pair: TiltedPair) -> NDArray[np.float64]:
    """Signed contrast of the pair, −4 to 4: the part of conj(T₁)·T₂ that is in phase with the coma of the tilts.

    With equal sidebands it is 4E₁E₂ sin(even₁ − φ) sin(even₂ − φ), negative where one image is the other's negative.
    With unequal sidebands some of the product is out of phase, and only `pair_product` has it whole.
    """
    return np.asarray(_bare_product(qx_per_m, qy_per_m, pair).real)


def _bare_product(qx_per_m: Frequencies, qy_per_m: Frequencies, pair: TiltedPair) -> NDArray[np.complex128]:
    omega = _scattered(qx_per_m, qy_per_m, pair.column)
    first = _without_odd_part(omega, pair.first, pair.lens, pair.column)
    return np.asarray(np.conj(first) * _without_odd_part(omega, pair.second, pair.lens, pair.column))


def _scattered(qx_per_m: Frequencies, qy_per_m: Frequencies, column: Column) -> NDArray[np.complex128]:
    """ω = λ(qx + i·qy): the direction into which a frequency scatters, from the beam."""
    return np.asarray(column.wavelength_m * (np.asarray(qx_per_m) + 1j * np.asarray(qy_per_m)), dtype=np.complex128)


def _coma_phase(omega: NDArray[np.complex128], tilt: Tilt, lens: Aberrations, column: Column) -> NDArray[np.float64]:
    """The odd part of χ(β+θ) − χ(β) beyond the ramp: (2π/λ) Re(B2'ω) θ²."""
    b2 = complex(*about_axis(lens, direction(tilt)).b2_m)
    return np.asarray(2 * np.pi / column.wavelength_m * (b2 * omega).real * np.abs(omega) ** 2)


def _without_odd_part(
    omega: NDArray[np.complex128], tilt: Tilt, lens: Aberrations, column: Column
) -> NDArray[np.complex128]:
    """T·e^{i·odd} = (E₊ + E₋) sin(even − φ) + i (E₊ − E₋) cos(even − φ)."""
    if not _passes(np.asarray(direction(tilt)), column):
        return np.zeros(omega.shape, dtype=np.complex128)
    local = about_axis(lens, direction(tilt))
    # W' is counted from the tilted beam; without its coma it is even.
    symmetric = Aberrations(c1_m=local.c1_m, a1_m=local.a1_m, c3_m=local.c3_m)
    even = 2 * np.pi / column.wavelength_m * wave_aberration(omega, symmetric) - np.arcsin(column.amplitude_contrast)
    plus = _envelope(omega, tilt, local, column)
    minus = _envelope(-omega, tilt, local, column)
    return np.asarray((plus + minus) * np.sin(even) + 1j * (plus - minus) * np.cos(even))


def _envelope(omega: NDArray[np.complex128], tilt: Tilt, local: Aberrations, column: Column) -> NDArray[np.float64]:
    """E of the sideband at β + ω; `local` is the lens about β, so ∇W(β+ω) − ∇W(β) is its ∇W'(ω), small numbers."""
    beam = direction(tilt)
    spread = (np.pi * column.convergence_rad / column.wavelength_m) ** 2 * np.abs(image_shift(omega, local)) ** 2
    longer = 2 * (np.conj(beam) * omega).real + np.abs(omega) ** 2  # |β+ω|² − |β|²
    focal = 0.5 * (np.pi * column.focal_spread_m / column.wavelength_m * longer) ** 2
    return np.asarray(np.exp(-spread - focal) * _passes(beam + omega, column))


def _passes(angle: NDArray[np.complex128], column: Column) -> NDArray[np.bool_]:
    """Where the objective aperture lets a direction through."""
    if column.aperture_rad is None:
        return np.ones(angle.shape, dtype=np.bool_)
    return np.asarray(np.abs(angle - direction(column.aperture_centre_rad)) <= column.aperture_rad)
