"""Thon rings in closed form: the spectrum of noise filtered by sin(χ − φ)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import fft

from eucentric.calibrate.thon import fit_rings, radial_spectrum
from eucentric.optics.column import Column

COLUMN = Column(voltage_v=200e3, c3_m=2.7e-3)
PIXEL_M = 0.3e-9
SIDE = 512


def image(c1_m: float, rng: np.random.Generator, *, noise: float = 0.3) -> np.ndarray:
    """White noise seen through |sin(χ − φ)|, with detector noise on it."""
    q = np.hypot(fft.fftfreq(SIDE, PIXEL_M)[:, None], fft.rfftfreq(SIDE, PIXEL_M)[None])
    theta = COLUMN.wavelength_m * q
    chi = 2 * math.pi / COLUMN.wavelength_m * (0.5 * c1_m * theta**2 + 0.25 * COLUMN.c3_m * theta**4)
    transfer = np.sin(chi - math.asin(COLUMN.amplitude_contrast)) * np.exp(-((q * 0.5e-9) ** 2))
    seen = fft.irfft2(fft.rfft2(rng.standard_normal((SIDE, SIDE))) * transfer, s=(SIDE, SIDE))
    return np.asarray(100 + seen + noise * rng.standard_normal((SIDE, SIDE)))


@pytest.mark.parametrize("c1_m", [-3e-6, -1.2e-6, 0.9e-6, 2.5e-6])
def test_c1_of_rings(c1_m: float) -> None:
    rng = np.random.default_rng(5)
    spectrum = radial_spectrum([image(c1_m, rng) for _ in range(2)], PIXEL_M)
    found = fit_rings(spectrum, COLUMN, expected_m=1.2 * c1_m, reach_m=0.5 * abs(c1_m))
    assert found is not None
    # Rings are one Fourier pixel wide (1/150 nm): their mean frequency is off by less than a tenth of that, at the
    # outer rings (1.5/nm) 4e-4, of C1 8e-4.
    assert found.c1_m == pytest.approx(c1_m, abs=4 * found.sigma_m + 8e-4 * abs(c1_m))
    assert found.sigma_m < 0.01 * abs(c1_m)


def test_the_stated_sigma_is_the_scatter() -> None:
    rng = np.random.default_rng(6)
    c1 = []
    sigma = []
    for _ in range(16):
        found = fit_rings(radial_spectrum([image(-2e-6, rng)], PIXEL_M), COLUMN, expected_m=-2e-6, reach_m=1e-6)
        assert found is not None
        c1.append(found.c1_m)
        sigma.append(found.sigma_m)
    # 16 values tell their own scatter to 18 %, 3 of that. The logarithm of a power that falls to the noise between the
    # rings is no sine, and the misfit raises σ: it may be larger than the scatter, not smaller.
    assert 0.2 < float(np.std(c1, ddof=1)) / float(np.mean(sigma)) < 1.5


def test_noise_has_no_rings() -> None:
    rng = np.random.default_rng(7)
    spectrum = radial_spectrum([rng.standard_normal((SIDE, SIDE)) + 100], PIXEL_M)
    assert fit_rings(spectrum, COLUMN, expected_m=-2e-6, reach_m=1e-6) is None


def test_too_little_defocus_has_no_rings_to_fit() -> None:
    rng = np.random.default_rng(8)
    spectrum = radial_spectrum([image(-20e-9, rng)], PIXEL_M)
    assert fit_rings(spectrum, COLUMN, expected_m=-20e-9, reach_m=10e-9) is None
