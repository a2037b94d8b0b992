"""Random objects with a known spectrum: the projected phase of amorphous films.

A spectrum S(q) is in rad²·m² per (cycles/m)²: the mean square of the phase is ∫S d²q.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import numpy as np
from scipy import constants, fft

from benchmarks.physics import Array, wavelength


class Texture(StrEnum):
    """Kinds of amorphous object."""

    CARBON = "carbon"
    STAIN = "stain"
    ICE = "ice"


def interaction(voltage_v: float) -> float:
    """σ in rad/(V·m): phase of the wave per projected volt; 2π m e λ / h² with the relativistic mass."""
    gamma = 1 + constants.e * voltage_v / (constants.m_e * constants.c**2)
    return float(2 * np.pi * gamma * constants.m_e * constants.e * wavelength(voltage_v) / constants.h**2)


def _carbon(q: Array, thickness_m: float, voltage_v: float) -> Array:
    """Atoms of carbon, 100 per nm³, each 120 V·Å³ strong and about 0.6 Å⁻¹ wide, ordered at short range.

    S = ρ t (σ·V_atom(q))² s(q): independent atoms times a liquid's structure factor (0.3 at small angles, 1 at large).
    """
    atom = 120e-30 / (1 + (q / 6e9) ** 2) * interaction(voltage_v)  # rad·m²
    order = 0.3 + 0.7 / (1 + np.exp(-(q - 2.5e9) / 0.5e9))
    return np.asarray(100e27 * thickness_m * atom**2 * order)


def _stain(q: Array, thickness_m: float, voltage_v: float) -> Array:
    """Grains of heavy metal of about 1 nm, clustered: 0.15 rad rms at 20 nm and 300 kV, S ∝ (1 + (q·2 nm)²)^−1.5."""
    rms = 0.15 * np.sqrt(thickness_m / 20e-9) * interaction(voltage_v) / interaction(300e3)
    grain = 2e-9
    # ∫ (1 + (q g)²)^−3/2 d²q = 2π / g².
    return np.asarray(rms**2 * grain**2 / (2 * np.pi) * (1 + (q * grain) ** 2) ** -1.5)


def _ice(q: Array, thickness_m: float, voltage_v: float) -> Array:
    """Weak low-density texture: a quarter of carbon's."""
    return _carbon(q, thickness_m, voltage_v) / 4


_SPECTRA: dict[Texture, Callable[[Array, float, float], Array]] = {
    Texture.CARBON: _carbon,
    Texture.STAIN: _stain,
    Texture.ICE: _ice,
}


def spectrum(texture: Texture, q: Array, *, thickness_m: float, voltage_v: float) -> Array:
    """S(q) of the projected phase, rad²·m²; q in cycles per metre."""
    return _SPECTRA[texture](q, thickness_m, voltage_v)


def frequencies(shape: tuple[int, int], pixel_m: float) -> tuple[Array, Array]:
    """(qy, qx) of `rfft2`, cycles per metre, shapes (ny, 1) and (1, nx//2+1)."""
    return fft.fftfreq(shape[0], pixel_m)[:, None], fft.rfftfreq(shape[1], pixel_m)[None, :]


def random_spectrum(density: Array, shape: tuple[int, int], pixel_m: float, rng: np.random.Generator) -> Array:
    """rfft2 of one real Gaussian field (periodic) whose spectral density is `density`, on the rfft2 grid."""
    white = rng.standard_normal(shape, dtype=np.float32)
    return np.asarray(fft.rfft2(white, workers=2) * np.sqrt(density).astype(np.float32) / pixel_m)
