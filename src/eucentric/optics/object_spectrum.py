"""How strongly a specimen scatters at each spatial frequency: the power spectrum of its phase."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import constants

from eucentric.errors import InputError
from eucentric.optics.electron import wavelength_m

# Carbon, f(s) = Σ a exp(−b s²), s = q/2; a in Å, b in Å². Peng et al., Acta Cryst. A52 (1996) 257-276.
_CARBON_A = (0.0893, 0.2563, 0.7570, 1.0487, 0.3575)
_CARBON_B = (0.2465, 1.7100, 6.4094, 18.6113, 50.2523)
_CARBON_ATOM_KG = 12.011 * constants.atomic_mass

Density = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class ObjectSpectrum:
    """Power spectral density of a specimen's phase, isotropic, and the depth that it is spread over.

    `density` maps |q| in cycles/m to rad²·m² (its integral over the plane, ∫ d²q, is the variance of the phase);
    divided by the pixel's area it is the power per mode, |FFT|²/(number of pixels).
    `thickness_m` is the depth over which the scatterers are spread evenly and at random (0: a thin object).
    """

    density: Density
    thickness_m: float = 0.0


def spectrum_from_rings(q_per_m: ArrayLike, density_rad2_m2: ArrayLike, *, thickness_m: float = 0.0) -> ObjectSpectrum:
    """A spectrum from its values at rising |q| (cycles/m), linear between them, the first value below, 0 beyond.

    Raises InputError when the rings do not rise, or a density is negative.
    """
    q = np.asarray(q_per_m, dtype=np.float64)
    values = np.asarray(density_rad2_m2, dtype=np.float64)
    if q.ndim != 1 or q.shape != values.shape or q.size < 2 or not np.all(np.diff(q) > 0):
        raise InputError(
            f"A spectrum of {q.size} frequencies and {values.size} densities is not a table. "
            "Give one density for each of two or more rising frequencies."
        )
    if not np.all(values >= 0):
        raise InputError(f"A spectral density of {values.min():.3g} rad²m² is negative. Powers are zero or more.")
    return ObjectSpectrum(lambda at: np.asarray(np.interp(at, q, values, right=0.0)), thickness_m)


def amorphous_carbon(thickness_m: float, voltage_v: float, *, density_kg_per_m3: float = 2000.0) -> ObjectSpectrum:
    """The spectrum of carbon atoms placed at random: n·t·(γ_rel λ f(q))², n atoms per m³, f the scattering factor.

    The phase of one atom is γ_rel·λ·f(q) (σ times its projected potential). Real amorphous films are less random than
    this over distances of many atoms, so that below about 2 /nm they scatter less: an upper estimate there.
    """
    relativistic = 1 + voltage_v * constants.e / (constants.m_e * constants.c**2)
    phase_per_metre = relativistic * wavelength_m(voltage_v)
    areal = density_kg_per_m3 / _CARBON_ATOM_KG * thickness_m  # atoms per m²

    def density(q_per_m: NDArray[np.float64]) -> NDArray[np.float64]:
        s2 = (np.asarray(q_per_m) * 1e-10 / 2) ** 2  # Å⁻²
        factor = sum(a * np.exp(-b * s2) for a, b in zip(_CARBON_A, _CARBON_B, strict=True)) * 1e-10  # m
        return np.asarray(areal * (phase_per_metre * factor) ** 2)

    return ObjectSpectrum(density, thickness_m)
