"""The bounds against what an efficient estimator reaches, and against sums done by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from eucentric.errors import InputError
from eucentric.optics.aberrations import Aberrations
from eucentric.optics.column import Column
from eucentric.optics.detector import Detector
from eucentric.optics.information import (
    PairExposure,
    defocus_sigma_m,
    depth_coherence,
    frequency_plane,
    pair_coherence,
    predicted_coherence,
    predicted_defocus_sigma_m,
    predicted_shift_covariance_px2,
    shift_covariance_px2,
    shift_information,
)
from eucentric.optics.object_spectrum import ObjectSpectrum, amorphous_carbon
from eucentric.optics.tilt_shift import shift_between
from eucentric.optics.transfer import TiltedPair, tilted_transfer

Plane = NDArray[np.float64]

_N = 48
_REPEATS = 600
_COLUMN = Column(voltage_v=200e3, c3_m=2.7e-3)
_PAIR = TiltedPair((0.0, -5e-3), (1e-3, 5e-3), Aberrations(c1_m=-0.6e-6, a1_m=(0.1e-6, 0.05e-6), c3_m=2.7e-3), _COLUMN)
_PIXEL_M = 0.25e-9
_TRUE_SHIFT_PX = np.array([0.31, -0.17])


def _gamma() -> Plane:
    first, second = _transfers()
    return pair_coherence(_signal_power(), first, second, 1.0)


def _signal_power() -> Plane:
    """Falling with frequency, so that coherence runs from near one to near none."""
    qy, qx = frequency_plane((_N, _N))
    return np.asarray(3.0 * np.exp(-((np.hypot(qy, qx) / 0.25) ** 2)))


def _transfers() -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    qy, qx = frequency_plane((_N, _N))
    x, y = np.broadcast_to(qx / _PIXEL_M, (_N, _N)), np.broadcast_to(qy / _PIXEL_M, (_N, _N))
    first, second = (tilted_transfer(x, y, t, _PAIR.lens, _PAIR.column) for t in (_PAIR.first, _PAIR.second))
    return first, second


def _simulated_cross(rng: np.random.Generator) -> NDArray[np.complex128]:
    """conj(I₁)·I₂ of images with exactly these spectra (noise power 1), the phase of the transfers taken off."""
    qy, qx = frequency_plane((_N, _N))
    first, second = _transfers()
    white = [np.fft.fft2(rng.normal(size=(_N, _N))) / _N for _ in range(3)]
    thing = white[0] * np.sqrt(_signal_power())
    ramp = np.exp(-2j * np.pi * (qy * _TRUE_SHIFT_PX[0] + qx * _TRUE_SHIFT_PX[1]))
    one, two = thing * first + white[1], thing * second * ramp + white[2]
    return np.asarray(np.conj(one) * two * np.exp(-1j * np.angle(np.conj(first) * second)))


def _most_likely_shift(cross: NDArray[np.complex128], weight: Plane) -> Plane:
    """Maximum of Σ w Re[C e^{2πi q·s}] by Newton from the truth: which maximum is no part of this bound."""
    qy, qx = frequency_plane((_N, _N))
    at = _TRUE_SHIFT_PX.copy()
    for _ in range(4):
        turned = weight * cross * np.exp(2j * np.pi * (qy * at[0] + qx * at[1]))
        slope = -2 * np.pi * np.array([(turned.imag * qy).sum(), (turned.imag * qx).sum()])
        cc = turned.real * (2 * np.pi) ** 2
        curve = np.array([[(cc * qy * qy).sum(), (cc * qy * qx).sum()], [(cc * qy * qx).sum(), (cc * qx * qx).sum()]])
        at = at + np.linalg.solve(curve, slope)
    return at


def test_the_most_likely_shift_scatters_as_the_bound_says() -> None:
    gamma = _gamma()
    first, second = _transfers()
    whiten = np.sqrt((np.abs(first) ** 2 * _signal_power() + 1) * (np.abs(second) ** 2 * _signal_power() + 1))
    qy, qx = frequency_plane((_N, _N))
    below_nyquist = (np.abs(qy) < 0.5) & (np.abs(qx) < 0.5)
    weight = np.where(below_nyquist, gamma / (1 - gamma**2), 0) / whiten
    rng = np.random.default_rng(20)
    errors = np.array([_most_likely_shift(_simulated_cross(rng), weight) for _ in range(_REPEATS)]) - _TRUE_SHIFT_PX
    information = shift_information(gamma, qy, qx)
    # eᵀFe is χ² with two degrees of freedom at the bound: its half has mean 1 and variance 1.
    chi2 = np.einsum("ki,ij,kj->k", errors, information, errors) / 2
    four_sigma = 4 / np.sqrt(_REPEATS)
    assert chi2.mean() == pytest.approx(1, abs=four_sigma)
    bias = errors.mean(axis=0) * np.sqrt(_REPEATS)
    assert bias @ information @ bias < 2 * 10  # χ² of two degrees of freedom: e^{−10} of all seeds
    covariance = shift_covariance_px2(gamma, qy, qx)
    direction = np.array([1.0, -1.0])
    spread = (errors @ direction).var() / (direction @ covariance @ direction)
    assert spread == pytest.approx(1, abs=4 * np.sqrt(2 / _REPEATS))


def test_a_single_pair_of_modes_informs_as_by_hand() -> None:
    # ±q along x with γ = 0.6: 2·0.36/0.64·(2π·0.1)²
    information = shift_information(np.array([0.6, 0.6]), np.zeros(2), np.array([0.1, -0.1]))
    assert information == pytest.approx(np.array([[0, 0], [0, 2 * 0.36 / 0.64 * (0.2 * np.pi) ** 2]]))
    with pytest.raises(InputError, match="does not fix"):
        shift_covariance_px2(np.array([0.6, 0.6]), np.zeros(2), np.array([0.1, -0.1]))


def test_coherence_by_hand() -> None:
    assert pair_coherence(2.0, 1j, -1.0, 1.0, 3.0) == pytest.approx(2 / np.sqrt(3 * 5))
    assert pair_coherence(0.0, 1.0, 1.0, 0.0) == 0


@given(st.floats(0.01, 100), st.floats(0.01, 100), st.floats(0.01, 2), st.floats(0.01, 2), st.floats(1e-6, 1e6))
def test_coherence_is_symmetric_and_knows_no_scale(p: float, n: float, a: float, b: float, scale: float) -> None:
    gamma = float(pair_coherence(p, a, b, n))
    assert 0 <= gamma <= 1
    assert float(pair_coherence(p, b, a, n)) == pytest.approx(gamma)
    assert float(pair_coherence(p * scale, a, b, n * scale)) == pytest.approx(gamma)


@pytest.mark.parametrize("gamma", [1.0, -0.1, float("nan")])
def test_an_impossible_coherence_is_refused(gamma: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        shift_information(np.array([gamma]), np.array([0.1]), np.array([0.1]))


def test_depth_decorrelates_as_slices_at_random_do() -> None:
    # A film of many independent slices, seen from β₁ and β₂: slice z is displaced by Δβ·z.
    thickness, separation, pixel, slices = 100e-9, (0.0, 10e-3), 0.5e-9, 400
    qx = np.array([0.1, 0.2, 0.45])
    z = (np.arange(slices) + 0.5) / slices * thickness - thickness / 2
    mean = np.exp(-2j * np.pi * qx[:, None] / pixel * separation[1] * z).mean(axis=1)
    found = depth_coherence(np.zeros(3), qx, separation, thickness_m=thickness, pixel_m=pixel)
    assert found == pytest.approx(np.abs(mean), abs=1e-4)  # the midpoint sum: (phase per slice)²/24 < 1e-6
    assert depth_coherence(qx, np.zeros(3), separation, thickness_m=thickness, pixel_m=pixel) == pytest.approx(1.0)


def _exposure(dose_e_per_a2: float = 20.0) -> PairExposure:
    return PairExposure(
        pair=replace(_PAIR, first=(0.0, -5e-3), second=(0.0, 5e-3)),
        pixel_m=_PIXEL_M,
        dose_e_per_m2=dose_e_per_a2 * 1e20,
        spectrum=amorphous_carbon(8e-9, 200e3),
    )


def test_the_predicted_coherence_is_made_of_its_parts() -> None:
    exposure = replace(_exposure(), detector=Detector(dqe_zero=1.0, mtf_nyquist=1.0))
    qy, qx = frequency_plane((32, 32))
    x, y = np.broadcast_to(qx / _PIXEL_M, (32, 32)), np.broadcast_to(qy / _PIXEL_M, (32, 32))
    pair = exposure.pair
    first, second = (tilted_transfer(x, y, t, pair.lens, pair.column) for t in (pair.first, pair.second))
    power = exposure.spectrum.density(np.hypot(x, y)) / _PIXEL_M**2
    plain = pair_coherence(power, first, second, 1 / (20e20 * _PIXEL_M**2))
    depth = depth_coherence(qy, qx, (0.0, 10e-3), thickness_m=8e-9, pixel_m=_PIXEL_M)
    assert predicted_coherence(qy, qx, exposure) == pytest.approx(plain * depth, rel=1e-12)


def test_the_bound_counts_modes_and_overlap() -> None:
    exposure, shape = _exposure(), (128, 96)
    qy, qx = frequency_plane(shape)
    whole = shift_covariance_px2(predicted_coherence(qy, qx, exposure), qy, qx)
    # d = C1·2β + 2C3β³ + a·2β along x, b·2β along y
    along = abs(-0.6e-6 * 10e-3 + 2 * 2.7e-3 * 125e-9 + 0.1e-6 * 10e-3) / _PIXEL_M
    across = 0.05e-6 * 10e-3 / _PIXEL_M
    overlap = (1 - across / 128) * (1 - along / 96)
    assert predicted_shift_covariance_px2(exposure, shape) == pytest.approx(whole / overlap, rel=1e-9)


def test_large_images_are_sampled_without_changing_the_bound() -> None:
    exposure, shape = _exposure(), (1024, 1024)
    qy, qx = frequency_plane(shape)
    whole = shift_covariance_px2(predicted_coherence(qy, qx, exposure), qy, qx)
    moved = np.abs(shift_between(exposure.pair.first, exposure.pair.second, exposure.pair.lens)) / _PIXEL_M
    overlap = float(np.prod(1 - moved / 1024))
    found = np.diag(predicted_shift_covariance_px2(exposure, shape)) * overlap / np.diag(whole)
    # Every second frequency in both directions: the sums differ by the one row at the Nyquist frequency that each
    # leaves out, 1/512 of the plane instead of 1/1024, where (q² weighs three times the mean) γ is below average.
    assert found == pytest.approx(np.ones(2), abs=3 / 1024)


@given(st.floats(1, 50), st.floats(1.1, 10))
def test_more_dose_never_tells_less(dose: float, factor: float) -> None:
    little, more = (predicted_defocus_sigma_m(_exposure(d), (48, 48)) for d in (dose, dose * factor))
    assert more < little


def test_defocus_is_the_shift_along_the_tilt_over_the_separation() -> None:
    covariance = np.array([[4.0, 0.0], [0.0, 1.0]])  # y, x
    assert defocus_sigma_m(covariance, (0.0, -5e-3), (0.0, 5e-3), pixel_m=1e-10) == pytest.approx(1e-10 / 10e-3)
    assert defocus_sigma_m(covariance, (5e-3, 0.0), (-5e-3, 0.0), pixel_m=1e-10) == pytest.approx(2e-10 / 10e-3)
    with pytest.raises(InputError, match="same beam tilt"):
        defocus_sigma_m(covariance, (0.0, 5e-3), (0.0, 5e-3), pixel_m=1e-10)


def test_images_that_move_apart_or_show_nothing_are_refused() -> None:
    far = replace(_exposure(), pair=replace(_PAIR, lens=Aberrations(c1_m=50e-6)))
    with pytest.raises(InputError, match="move apart"):
        predicted_shift_covariance_px2(far, (64, 64))
    empty = replace(_exposure(), spectrum=ObjectSpectrum(np.zeros_like))
    with pytest.raises(InputError, match="does not fix"):
        predicted_shift_covariance_px2(empty, (64, 64))
