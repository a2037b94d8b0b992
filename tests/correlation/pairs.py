"""Pairs of images whose true shift is known because it was imposed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from eucentric.correlation.tiles import TileSpectra, tile_spectra
from eucentric.images.prepare import Prepared

Array = NDArray[np.float64]


def texture(rng: np.random.Generator, shape: tuple[int, int], *, grain_px: float = 3.0) -> Array:
    """Periodic Gaussian field of unit rms, its amplitudes falling as exp(−(π·grain·q)²/2): e⁻⁴ at q = 0.3 for 3 px.

    Band-limited: no aliasing when it is shifted by a fraction of a pixel.
    """
    qy, qx = fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1])[None]
    gain = np.exp(-0.5 * (np.pi * grain_px) ** 2 * (qy**2 + qx**2))
    field = fft.irfft2(fft.rfft2(rng.standard_normal(shape)) * gain, s=shape)
    return np.asarray(field / field.std())


def moved(field: Array, shift_px: tuple[float, float]) -> Array:
    """field(r − s), periodic, exact for a band-limited field: its transform times e^{−2πi q·s}."""
    qy, qx = fft.fftfreq(field.shape[0])[:, None], fft.rfftfreq(field.shape[1])[None]
    ramp = np.exp(-2j * np.pi * (qy * shift_px[0] + qx * shift_px[1]))
    return np.asarray(fft.irfft2(fft.rfft2(field) * ramp, s=field.shape))


def middle(field: Array, shape: tuple[int, int]) -> Array:
    """The middle of a field."""
    y, x = (field.shape[0] - shape[0]) // 2, (field.shape[1] - shape[1]) // 2
    return field[y : y + shape[0], x : x + shape[1]]


def exposed(rng: np.random.Generator, light: Array | float, dose: float, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Electrons counted where `light` (mean 1) times `dose` are expected per pixel."""
    expected = np.clip(np.broadcast_to(np.asarray(light, float), shape), 0, None) * dose
    return rng.poisson(expected).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Reference, moving image and the imposed shift (y, x) in pixels."""

    reference: NDArray[np.float32]
    moving: NDArray[np.float32]
    shift_px: tuple[float, float]


def shifted_pair(
    seed: int,
    shift_px: tuple[float, float],
    *,
    shape: tuple[int, int] = (256, 256),
    dose: float = 50.0,
    contrast: float = 0.1,
    grain_px: float = 3.0,
) -> Pair:
    """Windows of one twice larger field, the second moved, each with noise of its own: nothing wraps in view."""
    rng = np.random.default_rng(seed)
    field = texture(rng, (2 * shape[0] + 16, 2 * shape[1] + 16), grain_px=grain_px)
    one, two = middle(field, shape), middle(moved(field, shift_px), shape)
    return Pair(exposed(rng, 1 + contrast * one, dose, shape), exposed(rng, 1 + contrast * two, dose, shape), shift_px)


def distance(found: tuple[float, float], true: tuple[float, float]) -> float:
    """Pixels between two shifts."""
    return float(np.hypot(found[0] - true[0], found[1] - true[1]))


def pulls(found: Any, true: tuple[float, float]) -> Array:
    """Error of a Shift over its stated sigma, (y, x)."""
    return (np.asarray(found.shift_px) - np.asarray(true)) / np.asarray(found.sigma_px)


def cut(first: Prepared, second: Prepared, whole: tuple[int, int]) -> TileSpectra | None:
    """Tiles of two images that differ by a shift alone."""
    return tile_spectra(first, second, whole, pair=None, workers=1)
