"""The benchmarks' own simulations must be right before anything is measured against them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import fft

from benchmarks.physics import Lens, wavelength
from benchmarks.texture import Texture
from benchmarks.weak_phase import Case, bound, make_pair, transfer


def test_wavelength_of_the_books() -> None:
    """Kirkland (2010), table of electron wavelengths: 2.508 pm at 200 kV, 1.969 pm at 300 kV, to the digits given."""
    assert wavelength(200e3) == pytest.approx(2.508e-12, abs=0.0005e-12)
    assert wavelength(300e3) == pytest.approx(1.969e-12, abs=0.0005e-12)


def test_slope_is_the_derivative_of_the_path() -> None:
    """Central differences of W; the step of 1e-5 rad leaves C3·step² = 3e-13 m, far below 1e-10."""
    lens = Lens(voltage_v=300e3, c3_m=2.7e-3, c1_m=-1e-6, a1_m=(20e-9, -30e-9))
    y, x, step = 3e-3, -4e-3, 1e-5
    dy = (lens.path(y + step, x) - lens.path(y - step, x)) / (2 * step)
    dx = (lens.path(y, x + step) - lens.path(y, x - step)) / (2 * step)
    assert lens.slope(y, x) == pytest.approx((float(dy), float(dx)), abs=1e-10 * 1e-3)


def test_overfocused_image_moves_with_the_tilt() -> None:
    """d = C1·β + C3·β³ on one axis (DESIGN.md): to the second image from the first, twice that."""
    case = Case(c1_m=1e-6, c3_m=2e-3, tilt_rad=5e-3, pixel_m=1e-10)
    assert case.shift_px == pytest.approx((0.0, 2 * (1e-6 * 5e-3 + 2e-3 * 125e-9) / 1e-10))
    assert case.defocus_of(case.shift_px) == pytest.approx(1e-6)


def test_images_move_as_the_truth_says() -> None:
    """Plain correlation of a bright pair without Cs finds the true shift to the half pixel that whole peaks allow."""
    case = Case(c1_m=2e-6, c3_m=0.0, tilt_rad=4e-3, tilt_angle_rad=2.0, pixel_m=0.4e-9, electrons_per_px=500)
    case = replace(case.with_size(256, 320), texture=Texture.STAIN)
    pair = make_pair(case, np.random.default_rng(1))
    first, second = pair.first - pair.first.mean(), pair.second - pair.second.mean()
    correlation = fft.irfft2(np.conj(fft.rfft2(first)) * fft.rfft2(second), s=first.shape)
    row, column = np.unravel_index(int(correlation.argmax()), correlation.shape)
    found = [(p + n // 2) % n - n // 2 for p, n in zip((row, column), correlation.shape, strict=True)]
    assert np.abs(np.subtract(found, case.shift_px)).max() <= 0.5 + 0.1  # 0.1: noise on the side of the peak


def test_wave_and_linear_images_agree_for_a_weak_object() -> None:
    """The full wave differs from the linear image by terms of second order in the phase.

    Both are made from different fields (half the pixel), so their spectra are compared: the power in the band of both,
    for a phase of 0.01 rad rms the next order is 1e-4 of it; 64² modes and more leave a scatter of 1.5 % each.
    """
    case = Case(c1_m=-1e-6, pixel_m=0.3e-9, electrons_per_px=1e9, thickness_m=1e-11, size=(256, 256))
    powers = [
        float(make_pair(replace(case, wave=wave), np.random.default_rng(3)).first.std()) / 1e9 for wave in (False, True)
    ]
    assert powers[1] == pytest.approx(powers[0], rel=0.06)


def test_transfer_of_an_untilted_beam_is_the_textbooks() -> None:
    """Without tilt, damping and camera T = −2 sin χ … here i(e^{−iχ} − e^{iχ}) = 2 sin χ, κ = 0."""
    case = Case(c1_m=-1e-6, absorption=0.0, mtf_nyquist=1.0)
    qx = np.linspace(0, 1e9, 50)
    lam = case.lens.wavelength_m
    chi = 2 * np.pi / lam * case.lens.path(0.0, lam * qx)
    undamped = transfer(case, np.zeros(50), qx, (0.0, 0.0))
    damping = np.abs(case.lens.sideband(np.zeros(50), qx, (0.0, 0.0)))
    assert undamped == pytest.approx(2 * np.sin(chi) * damping, abs=1e-9)


def test_bound_grows_as_dose_falls() -> None:
    """At low dose γ² goes as dose², so σ as 1/dose."""
    case = Case(electrons_per_px=1e-3, size=(256, 256))
    low, lower = bound(case), bound(replace(case, electrons_per_px=1e-4))
    assert lower.along_px / low.along_px == pytest.approx(10, rel=0.01)
