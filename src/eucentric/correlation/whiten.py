"""Images made ready for the search: reduced, whitened ring by ring, weighted by signal above noise, limited.

Strong modes (Bragg spots of a lattice, streaks of an edge) and strong pixels are limited, so that no single feature
decides where the images fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft as sf
from numpy.typing import NDArray

from eucentric.correlation.both import both
from eucentric.correlation.rings import Rings, rings, taper
from eucentric.images.prepare import Prepared
from eucentric.optics.pair import PairOptics, search_phase

Image = NDArray[np.float32]

EDGE = 0.03
"""Taper of the searched images, fraction of each side."""
MODE_LIMIT = 9.0
"""A mode is held to this many times its ring's mean power: of noise e⁻⁹ = 1e-4 of the modes are."""
PIXEL_LIMIT = 4.0
"""Whitened pixels are held to this many standard deviations of the common ones (1.48 of their median size)."""
STRONGEST = 0.7
"""Coherence that a ring is credited with at most, so that none rules alone."""


def whitened(
    first: Prepared, second: Prepared, *, pair: PairOptics | None, factor: int, workers: int
) -> tuple[Image, Image]:
    """Both images at a pixel `factor` times larger, whitened, weighted, limited; the second freed of the coma."""
    ny, nx = first.shape[0] // factor, first.shape[1] // factor
    grid = rings(ny, nx)
    one, two = both(lambda image: _spectrum(image, grid, factor), first, second, workers=workers)
    weight = np.sqrt(signal_weight(one.level, grid) * signal_weight(two.level, grid))
    if pair is not None:
        np.multiply(two.values, search_phase(grid.qy, grid.qx, _at_pixel(pair, factor)), out=two.values)
    return both(lambda spectrum: _white(spectrum, weight, grid, (ny, nx)), one, two, workers=workers)


@dataclass(frozen=True, slots=True, eq=False)
class _Spectrum:
    """A half-plane spectrum, its power, and the mean power per ring."""

    values: NDArray[np.complex64]
    power: Image
    level: NDArray[np.float64]
    lit: Image | None


def _spectrum(image: Prepared, grid: Rings, factor: int) -> _Spectrum:
    """The spectrum of a reduced, windowed image."""
    lit = reduced_mask(image, factor)
    values = np.asarray(sf.rfft2(_windowed(_reduced(image, factor), lit)), np.complex64)
    power = np.asarray(values.real**2 + values.imag**2, np.float32)
    return _Spectrum(values, power, grid.mean(power), lit)


def _white(spectrum: _Spectrum, weight: NDArray[np.float64], grid: Rings, shape: tuple[int, int]) -> Image:
    """The image whitened ring by ring to `weight`, strong modes and pixels limited, common pixels of size one."""
    level = np.where(spectrum.level > 0, spectrum.level, np.inf)  # rings without a mode in use
    gain = grid.spread(np.sqrt(weight / level)) * (grid.multiplicity > 0)
    gain /= np.sqrt(np.maximum(spectrum.power * grid.spread(1 / (MODE_LIMIT * level)), 1))
    white = sf.irfft2(spectrum.values * gain, s=shape)
    if spectrum.lit is not None:
        white *= spectrum.lit
    common = np.abs(white[::4, ::4])
    common = common[common > 0]
    size = max(1.4826 * float(np.median(common)) if common.size else 0.0, 0.1 * float(white.std()), 1e-30)
    return np.asarray(np.clip(white * np.float32(1 / size), -PIXEL_LIMIT, PIXEL_LIMIT), np.float32)


def _reduced(image: Prepared, factor: int) -> Image:
    """Block averages of the image less its mean."""
    values = image.values
    if factor > 1:
        ny, nx = values.shape[0] // factor, values.shape[1] // factor
        rows = values[: ny * factor : factor, : nx * factor].copy()
        for i in range(1, factor):
            rows += values[i : ny * factor : factor, : nx * factor]
        values = rows[:, ::factor].copy()
        for i in range(1, factor):
            values += rows[:, i::factor]
        values /= factor * factor
    return values - np.float32(values.mean())


def reduced_mask(image: Prepared, factor: int) -> Image | None:
    """The lit part at the reduced pixel."""
    if image.lit is None:
        return None
    ny, nx = image.shape[0] // factor, image.shape[1] // factor
    return np.ascontiguousarray(image.lit[factor // 2 : ny * factor : factor, factor // 2 : nx * factor : factor])


def _windowed(image: Image, lit: Image | None) -> Image:
    """The image tapered at its edges and held to the lit part, where its mean is taken."""
    window = taper(image.shape[0], EDGE)[:, None] * taper(image.shape[1], EDGE)[None]
    if lit is not None:
        inside = float(lit.sum())
        if inside < 0.01 * lit.size:
            return np.zeros_like(image)
        image = image - np.float32((image * lit).sum() / inside)
        window = window * lit
    return np.asarray(image * window, np.float32)


def _at_pixel(pair: PairOptics, factor: int) -> PairOptics:
    """The pair as seen with a reduced pixel."""
    return PairOptics(
        pair.pixel_m * factor, pair.column, pair.first_tilt, pair.second_tilt, pair.lens, pair.defocus_sigma_m
    )


def signal_weight(level: NDArray[np.float64], grid: Rings) -> NDArray[np.float64]:
    """Weight per ring from the share of signal in its power: γ/(1−γ²), γ at most `STRONGEST`.

    The noise is the lowest level among the rings (a running mean of five); a small floor keeps what is hidden in it.
    """
    used = grid.count > 0
    smoothed = np.convolve(np.where(used, level, 0), np.ones(5), "same") / np.maximum(
        np.convolve(used.astype(float), np.ones(5), "same"), 1
    )
    noise = smoothed[used].min() if used.any() else 1.0
    gamma = np.clip(1 - noise / np.maximum(smoothed, 1e-30), 0.0, STRONGEST)
    return np.asarray(np.where(used, gamma / (1 - gamma**2) + 0.03, 0.0))
