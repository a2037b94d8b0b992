"""C1 from Thon rings: the radially averaged power spectrum of untilted images against sin²(χ − φ).

    P(q) = background(q) + B(q)·sin²(χ(q) − φ),   χ = (2π/λ)(½ C1 θ² + ¼ C3 θ⁴),  θ = λq,  sin φ = amplitude contrast

The background and the rings' strength are smooth: both are taken as short polynomials in q, so only the rings'
positions count. Amplitude contrast and C3 tell the sides of focus apart only weakly: the side must be known.
Thon, Z. Naturforsch. 21a (1966) 476-478.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.signal.windows import tukey

from eucentric.optics.column import Column

Array = NDArray[np.float64]

_ORDER = 5
"""Degree of the background's polynomial."""
_STRENGTH_ORDER = 2
"""Degree of the polynomial of the rings' strength."""
_FIRST_RING = 0.8  # phases below this (in units of π) are the specimen's own envelope rather than rings
_STEPS = 241
_COUPLED = 1.25  # n·Σw⁴/(Σw²)² of the window, 1.12 along each axis
_SIGNIFICANT = 25.0
"""Fall of χ² by the rings below which there are none: 5 σ."""


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """Radially averaged log power against frequency (1/m), with the 1σ of each ring."""

    frequency_per_m: Array
    power: Array
    sigma: Array


@dataclass(frozen=True, slots=True)
class Rings:
    """C1 in metres of the declared pixel, 1σ of it, and by how much the rings lower χ²."""

    c1_m: float
    sigma_m: float
    evidence: float


def radial_spectrum(images: Sequence[NDArray[np.generic]], pixel_m: float) -> Spectrum:
    """Mean power of the images in rings one Fourier pixel wide, as a logarithm; images of one shape."""
    total: Array | None = None
    for image in images:
        pixels = np.asarray(image, dtype=np.float64)
        low, high = np.percentile(pixels, [0.05, 99.95])  # spikes and hot pixels are white: they hide the rings
        pixels = np.clip(pixels, low, high) - pixels.mean()
        window = tukey(pixels.shape[0], 0.2)[:, None] * tukey(pixels.shape[1], 0.2)[None]
        power = np.abs(fft.fft2(pixels * window)) ** 2
        total = power if total is None else total + power
    assert total is not None
    ny, nx = total.shape
    side = min(ny, nx)
    y, x = fft.fftfreq(ny)[:, None], fft.fftfreq(nx)[None]
    ring = np.rint(np.hypot(y, x) * side).astype(np.int64)
    # The camera's columns and rows lie on the axes.
    keep = (np.abs(y) * ny > 1.5) & (np.abs(x) * nx > 1.5) & (ring < side // 2)
    number = np.bincount(ring[keep], minlength=side // 2)
    mean = np.bincount(ring[keep], total[keep], minlength=side // 2) / np.maximum(number, 1)
    used = np.flatnonzero((number > 8) & (mean > 0))
    # Power is exponentially distributed; opposite frequencies are the same, and the window couples neighbours.
    independent = number[used] * len(images) / (2 * _COUPLED)
    return Spectrum(used / (side * pixel_m), np.log(mean[used]), 1 / np.sqrt(independent))


def fit_rings(spectrum: Spectrum, column: Column, *, expected_m: float, reach_m: float) -> Rings | None:
    """C1 within `reach_m` of `expected_m`; None where there are no rings.

    At each C1 the polynomials are fitted by weighted least squares; 1σ is where χ² rises by one, raised by the misfit.
    """
    low = math.sqrt(_FIRST_RING / (column.wavelength_m * abs(expected_m)))
    used = spectrum.frequency_per_m > low
    if int(used.sum()) < 24:
        return None
    q, power, sigma = spectrum.frequency_per_m[used], spectrum.power[used], spectrum.sigma[used]
    trials = expected_m + np.linspace(-reach_m, reach_m, _STEPS)
    without = _chi2(None, q, power, sigma)
    curve = np.array([_chi2(_rings(q, float(c1), column), q, power, sigma) for c1 in trials])
    best = int(np.argmin(curve))
    misfit = max(1.0, float(curve[best]) / max(1, q.size - _ORDER - _STRENGTH_ORDER - 2))
    if not 0 < best < _STEPS - 1 or (without - curve[best]) / misfit < _SIGNIFICANT:
        return None
    step = float(trials[1] - trials[0])
    bend = float(curve[best - 1] - 2 * curve[best] + curve[best + 1]) / step**2
    if bend <= 0:
        return None
    offset = 0.5 * float(curve[best - 1] - curve[best + 1]) / (bend * step**2) * step
    sigma_m = math.sqrt(2 * misfit / bend)
    return Rings(float(trials[best]) + offset, sigma_m, (without - float(curve[best])) / misfit)


def _rings(q: Array, c1_m: float, column: Column) -> Array:
    """sin²(χ − φ) − ½."""
    theta = column.wavelength_m * q
    chi = 2 * math.pi / column.wavelength_m * (0.5 * c1_m * theta**2 + 0.25 * column.c3_m * theta**4)
    return np.asarray(-0.5 * np.cos(2 * (chi - math.asin(column.amplitude_contrast))))


def _chi2(rings: Array | None, q: Array, power: Array, sigma: Array) -> float:
    t = 2 * (q - q.min()) / (q.max() - q.min()) - 1
    design = [t**k for k in range(_ORDER + 1)]
    if rings is not None:
        design += [rings * t**k for k in range(_STRENGTH_ORDER + 1)]
    columns = np.stack(design, axis=-1) / sigma[:, None]
    values, *_ = np.linalg.lstsq(columns, power / sigma, rcond=None)
    return float(np.sum((power / sigma - columns @ values) ** 2))
