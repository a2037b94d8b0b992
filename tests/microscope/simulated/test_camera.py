"""The camera's statistics: mean, variance, MTF, fixed pattern, smear, saturation."""

from __future__ import annotations

import numpy as np
import pytest

from eucentric.microscope.simulated.camera import Camera, mtf
from eucentric.microscope.simulated.magnitudes import CameraMagnitudes, perfect

N = 256
IDEAL = perfect().camera


def shot(magnitudes: CameraMagnitudes, electrons: float, seed: int = 0, **more: object) -> np.ndarray:
    camera = Camera(magnitudes, 1)
    options = {"binning": 4, "exposure_s": 0.5, "smear_px": 0j, **more}
    flat = np.full((N, N), electrons, dtype=np.float32)
    return camera.expose(flat, rng=np.random.default_rng(seed), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("electrons", [0.5, 40.0, 3000.0])
def test_dose_noise_is_poisson(electrons: float) -> None:
    """Ideal camera: mean and variance are the electrons, within 5σ of N² pixels."""
    counts = shot(IDEAL, electrons).astype(float) / IDEAL.counts_per_electron
    assert counts.mean() == pytest.approx(electrons, abs=5 * np.sqrt(electrons) / N)
    # Var of a sample variance of Poisson: (2λ² + λ)/n.
    assert counts.var() == pytest.approx(electrons, abs=5 * np.sqrt(2 * electrons**2 + electrons) / N)


def test_noise_is_shaped_by_the_mtf() -> None:
    """The power spectrum of the dose noise is MTF², ring by ring, and the mean stays."""
    m = IDEAL.model_copy(update={"mtf_nyquist": 0.3})
    spectra = [np.abs(np.fft.rfft2(shot(m, 50.0, seed, binning=1))) ** 2 for seed in range(8)]
    power = np.mean(spectra, axis=0) / (50 * m.counts_per_electron**2 * N**2)
    q = np.hypot(np.fft.fftfreq(N)[:, None], np.fft.rfftfreq(N)[None])
    for low in (0.05, 0.2, 0.4):
        ring = (q >= low) & (q < low + 0.05)
        # Exponentially distributed power: 1/√(pixels · 8) each, 5σ.
        tolerance = 5 / np.sqrt(8 * ring.sum())
        assert power[ring].mean() == pytest.approx((mtf((N, N), 1, 0.3)[ring] ** 2).mean(), rel=tolerance)
    assert shot(m, 50.0).mean() == pytest.approx(400, rel=5 / np.sqrt(50) / N)


def test_mtf_has_its_value_at_nyquist() -> None:
    """0.3 at half a cycle per unbinned pixel; binned by 4 the Nyquist frequency is a quarter of that."""
    assert mtf((64, 64), 1, 0.3)[0, 32] == pytest.approx(0.3)
    # 1/(1 + f²/f0²), f0² = 0.25·0.3/0.7, f = 0.125.
    assert mtf((64, 64), 4, 0.3)[0, 32] == pytest.approx(1 / (1 + 0.125**2 / (0.25 * 0.3 / 0.7)))


def test_gain_residual_is_the_same_in_every_image() -> None:
    """At a high dose two images share a pattern of the stated rms."""
    m = IDEAL.model_copy(update={"gain_residual": 0.01, "saturation_counts": 1e9})
    first, second = (shot(m, 1e6, seed).astype(float) / 8e6 - 1 for seed in (1, 2))
    # Pixels, columns and a slow part in quadrature: 0.9² + 0.3² + (0.3 of an interpolated noise)² ≈ 0.95².
    assert np.sqrt((first * second).mean()) == pytest.approx(0.0096, rel=0.06)
    assert first.std() == pytest.approx(np.sqrt(0.0096**2 + 1e-6), rel=0.06)


def test_hot_pixels_stay_and_spikes_do_not() -> None:
    """Hot pixels are in both images, spikes in one."""
    hot = IDEAL.model_copy(update={"hot_pixels": 400})
    bright = [shot(hot, 1.0, seed) > 90 for seed in (1, 2)]
    assert 15 <= bright[0].sum() <= 25  # 400 per 1k image, one sixteenth of it; two may coincide
    assert np.array_equal(*bright)
    spiky = IDEAL.model_copy(update={"spikes": 1000.0})
    first, second = (shot(spiky, 1.0, seed) > 500 for seed in (1, 2))
    assert first.sum() > 5
    assert not (first & second).any()


def test_saturation_clips() -> None:
    """Nothing above the full well."""
    assert shot(IDEAL, 1e5).max() == IDEAL.saturation_counts


def test_drift_smears() -> None:
    """A grating of period 8, smeared by 3 pixels along x, keeps sinc(3/8) of its contrast; the pixel sinc(1/8)."""
    x = np.arange(N)
    electrons = (1e6 * (1 + 0.5 * np.cos(2 * np.pi * x / 8)))[None].repeat(N, axis=0).astype(np.float32)
    m = IDEAL.model_copy(update={"saturation_counts": 1e9})
    camera = Camera(m, 1)
    for smear, kept in ((3 + 0j, np.sinc(3 / 8)), (3j, 1.0)):
        rng = np.random.default_rng(0)
        counts = camera.expose(electrons, binning=4, exposure_s=1.0, smear_px=smear, rng=rng)
        contrast = 2 * abs(np.fft.fft(counts.mean(axis=0))[N // 8]) / counts.sum() * N
        assert contrast == pytest.approx(0.5 * kept * np.sinc(1 / 8), rel=1e-3)


def test_what_is_not_counted_is_noise() -> None:
    """The mean as it was, the variance 1/DQE of Poisson's, within 5σ of N² pixels."""
    counts = shot(IDEAL.model_copy(update={"dqe": 0.5}), 100.0).astype(float) / IDEAL.counts_per_electron
    assert counts.mean() == pytest.approx(100, abs=5 * np.sqrt(200) / N)
    assert counts.var() == pytest.approx(200, rel=5 * np.sqrt(2 + 1 / 50) / N)  # of 50 counted
