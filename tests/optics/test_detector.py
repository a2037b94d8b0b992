"""The camera's formulas against images put through a camera made by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from eucentric.errors import InputError
from eucentric.optics.detector import Detector

_SIDE = 96


def _blurred(image: NDArray[np.float64], at_nyquist: float) -> NDArray[np.float64]:
    f = np.fft.fftfreq(image.shape[0])
    factor = at_nyquist ** ((2 * f[:, None]) ** 2 + (2 * f[None, :]) ** 2)
    return np.asarray(np.fft.ifft2(np.fft.fft2(image) * factor).real)


def _binned(image: NDArray[np.float64], binning: int) -> NDArray[np.float64]:
    n = image.shape[0] // binning
    return np.asarray(image.reshape(n, binning, n, binning).mean(axis=(1, 3)))


@pytest.mark.parametrize("binning", [1, 2, 3])
def test_a_wave_comes_out_of_the_camera_with_the_stated_contrast(binning: int) -> None:
    detector = Detector(mtf_nyquist=0.4, binning=binning)
    ky, kx = 3, 11  # periods in the field: below the binned Nyquist frequency of 16 (binning 3)
    y, x = np.mgrid[:_SIDE, :_SIDE]
    wave = _blurred(np.cos(2 * np.pi * (ky * y + kx * x) / _SIDE), 0.4)
    seen = np.fft.fft2(_binned(wave, binning))
    n = _SIDE // binning
    amplitude = 2 * abs(seen[ky, kx]) / n**2
    expected = detector.signal_transfer(np.array(ky / n), np.array(kx / n))
    assert amplitude == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize("binning", [1, 2, 3])
def test_noise_comes_out_with_the_stated_power(binning: int) -> None:
    detector = Detector(dqe_zero=0.5, mtf_nyquist=0.3, ntf_nyquist=0.6, binning=binning, read_noise_e=0.7)
    electrons, repeats, n = 40.0, 60, _SIDE // binning  # per binned pixel
    per_camera_pixel = electrons / binning**2
    rng = np.random.default_rng(3)
    power = np.zeros((n, n))
    for _ in range(repeats):
        shot = _blurred(rng.normal(size=(_SIDE, _SIDE)), 0.6) / np.sqrt(per_camera_pixel * 0.5)
        read = rng.normal(size=(_SIDE, _SIDE)) * 0.7 / per_camera_pixel
        power += np.abs(np.fft.fft2(_binned(shot + read, binning))) ** 2 / n**2 / repeats
    f = np.fft.fftfreq(n)
    expected = detector.noise_power(f[:, None], f[None, :], electrons)
    ratio = power / expected
    # Each mode has relative variance 1/repeats (2/repeats on the four real ones), and is counted twice.
    sigma_of_mean = np.sqrt(2 / repeats) / n
    assert ratio.mean() == pytest.approx(1, abs=4 * sigma_of_mean)
    inner = np.hypot(f[:, None], f[None, :]) < 0.25
    assert ratio[inner].mean() == pytest.approx(1, abs=4 * np.sqrt(2 / repeats / inner.sum()))


def test_white_noise_stays_white_in_any_binning() -> None:
    f = np.linspace(-0.5, 0.5, 11)
    power = Detector(dqe_zero=0.8, binning=4).noise_power(f, np.zeros(11), 10.0)
    assert power == pytest.approx(np.full(11, 1 / 8.0), rel=1e-12)


@pytest.mark.parametrize("wrong", [{"dqe_zero": 0.0}, {"mtf_nyquist": 1.2}, {"binning": 0}, {"read_noise_e": -1.0}])
def test_an_impossible_camera_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        Detector(**wrong)


def test_no_electrons_no_image() -> None:
    with pytest.raises(InputError, match="dose"):
        Detector().noise_power(np.zeros(1), np.zeros(1), 0.0)
