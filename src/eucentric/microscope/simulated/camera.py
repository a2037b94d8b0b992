"""The camera: electrons in, counts out.

Expected electrons per pixel, averaged over the pixel and smeared by drift → Poisson of those counted (DQE) → MTF →
counts with gain residual, dark residual, read noise, hot pixels and x-ray spikes → clipped at saturation. The fixed
parts are the same in every image.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import zoom

from eucentric.microscope.simulated.magnitudes import CameraMagnitudes
from eucentric.microscope.simulated.threads import THREADS

Float = NDArray[np.float32]
_REFERENCE_PIXELS = 1024 * 1024  # hot pixels and spikes are counted per 1k image
_NORMAL_FROM = 1000.0  # electrons per pixel above which Poisson is drawn as a normal number (skewness below 3 %)


@dataclass(frozen=True, slots=True, eq=False)
class _Fixed:
    gain: Float
    dark: Float


class Camera:
    """One camera with its fixed pattern."""

    def __init__(self, magnitudes: CameraMagnitudes, seed: int) -> None:
        self.m = magnitudes
        self._seed = seed
        self._lottery = np.random.default_rng((seed, 8))
        self._last: Float | None = None
        self._patterns: dict[tuple[int, tuple[int, int]], _Fixed] = {}

    def expose(
        self, electrons: Float, *, binning: int, exposure_s: float, smear_px: complex, rng: np.random.Generator
    ) -> Float:
        """Counts (ny, nx) for expected electrons per pixel; `smear_px` is the drift during the exposure (x + iy)."""
        m, shape = self.m, (electrons.shape[0], electrons.shape[1])
        last = self._last
        if m.stale_images and self._lottery.uniform() < m.stale_images and last is not None and last.shape == shape:
            return last.copy()
        if m.dead_shutter:
            electrons = np.zeros_like(electrons)
        counts = _poisson(_average(electrons, smear_px) * np.float32(m.dqe), rng)
        counts /= np.float32(m.dqe)
        if m.mtf_nyquist < 1:
            counts = fft.irfft2(
                fft.rfft2(counts, workers=THREADS) * mtf(shape, binning, m.mtf_nyquist), s=shape, workers=THREADS
            )
        fixed = self._fixed(binning, shape)
        counts *= np.float32(m.counts_per_electron)
        counts *= fixed.gain
        counts += fixed.dark
        if m.read_noise_counts:
            counts += np.float32(m.read_noise_counts) * rng.standard_normal(shape, dtype=np.float32)
        self._spikes(counts, exposure_s, rng)
        pixels = np.asarray(np.minimum(counts, np.float32(m.saturation_counts)), dtype=np.float32)
        self._last = pixels if m.stale_images else None
        return pixels

    def _fixed(self, binning: int, shape: tuple[int, int]) -> _Fixed:
        """Gain: pixels, columns and a slow part; dark: pixels, and the hot ones."""
        key = (binning, shape)
        if key not in self._patterns:
            rng = np.random.default_rng((self._seed, 4, binning, *shape))
            pixels = rng.standard_normal(shape, dtype=np.float32)
            columns = rng.standard_normal((1, shape[1]), dtype=np.float32)
            slow = _stretched(rng.standard_normal((12, 12), dtype=np.float32), shape)
            # The three add up to the stated rms: mostly single pixels.
            gain = 1 + self.m.gain_residual * (0.9 * pixels + 0.3 * columns + 0.3 * slow)
            dark = self.m.dark_residual_counts * rng.standard_normal(shape, dtype=np.float32)
            hot = round(self.m.hot_pixels * shape[0] * shape[1] / _REFERENCE_PIXELS)
            where = tuple(rng.integers(0, n, hot) for n in shape)
            dark[where] += np.exp(rng.uniform(np.log(100), np.log(20000), hot)).astype(np.float32)
            self._patterns[key] = _Fixed(np.asarray(gain, np.float32), np.asarray(dark, np.float32))
        return self._patterns[key]

    def _spikes(self, counts: Float, exposure_s: float, rng: np.random.Generator) -> None:
        mean = self.m.spikes * exposure_s * counts.size / _REFERENCE_PIXELS
        for _ in range(int(rng.poisson(mean))):
            y, x = (int(rng.integers(0, n - 1)) for n in counts.shape)
            counts[y : y + 2, x : x + 2] += rng.uniform(1000, 30000) * rng.dirichlet(np.ones(4)).reshape(2, 2)


def _stretched(coarse: Float, shape: tuple[int, int]) -> Float:
    """A coarse grid as a smooth image: cubic splines along one axis after the other."""
    along_y, along_x = (zoom(np.eye(m), (n / m, 1), order=3) for m, n in zip(coarse.shape, shape, strict=True))
    return np.asarray(along_y @ coarse @ along_x.T, dtype=np.float32)


@lru_cache(maxsize=8)
def mtf(shape: tuple[int, int], binning: int, at_nyquist: float) -> Float:
    """MTF (ny, nx//2+1) of the detector in a binned image, Lorentzian in unbinned frequency (scintillator's spread).

    1/(1 + (f/f0)²), with its value at the unbinned Nyquist frequency given. The pixel's own box is not in it.
    """
    y, x = fft.fftfreq(shape[0])[:, None] / binning, fft.rfftfreq(shape[1])[None] / binning
    f0_squared = 0.25 * at_nyquist / (1 - at_nyquist)
    return np.asarray(1 / (1 + (y**2 + x**2) / f0_squared), dtype=np.float32)


def _average(electrons: Float, smear_px: complex) -> Float:
    """The mean over each pixel's area, and along the way that the specimen drifts during the exposure."""
    y, x = fft.fftfreq(electrons.shape[0])[:, None], fft.rfftfreq(electrons.shape[1])[None]
    box = (np.sinc(y) * np.sinc(x)).astype(np.float32)
    if abs(smear_px) > 0.05:  # below: less than 0.5 % at the Nyquist frequency
        box *= np.sinc((y * smear_px.imag + x * smear_px.real).astype(np.float32))
    spectrum = fft.rfft2(electrons, workers=THREADS)
    spectrum *= box
    mean = fft.irfft2(spectrum, s=electrons.shape, workers=THREADS)
    return np.asarray(np.maximum(mean, 0, out=mean))


def _poisson(mean: Float, rng: np.random.Generator) -> Float:
    if float(mean.mean()) > _NORMAL_FROM:
        return np.asarray(mean + np.sqrt(mean) * rng.standard_normal(mean.shape, dtype=np.float32))
    return np.asarray(rng.poisson(mean), dtype=np.float32)
