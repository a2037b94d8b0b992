"""Accuracy of the matched registration: imposed shifts, independent noise, stated errors against true ones."""

from __future__ import annotations

import numpy as np
import pytest

from eucentric.correlation.register import register
from eucentric.correlation.shift import FixedPattern, Method
from eucentric.errors import InputError
from tests.correlation.pairs import distance, pulls, shifted_pair
from tests.correlation.scenes import with_camera

FOUR_SIGMAS = 4.0
"""Of 40 Gaussian errors none is expected beyond four sigmas (chance 0.3 %)."""
FINE_GRAIN_PX = 1.5
LOCKING_PX = 3e-3
"""Peak locking allowed; parabola peaks lock by 20e-3."""


def around(seed: int, low_px: float, high_px: float) -> tuple[float, float]:
    """A drawn shift of any direction, between two lengths."""
    rng = np.random.default_rng(seed)
    angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(low_px, high_px)
    return (length * np.sin(angle), length * np.cos(angle))


def bound_px(*, shape: tuple[int, int], dose: float, contrast: float, grain_px: float, overlap: float) -> float:
    """Cramér–Rao bound of one component: F = Σ γ²/(1−γ²) (2πq)² with γ = SNR/(1 + SNR), over the full plane.

    SNR = contrast²·dose·S(q), S the texture's power of mean 1 over the plane.
    """
    qy, qx = np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None]
    power = np.exp(-((np.pi * grain_px) ** 2) * (qy**2 + qx**2))
    snr = contrast**2 * dose * power / power.mean()
    gamma = snr / (1 + snr)
    fisher = float((gamma**2 / (1 - gamma**2) * (2 * np.pi * qx) ** 2).sum()) * overlap
    return 1 / np.sqrt(fisher)


def test_errors_are_within_four_stated_sigmas() -> None:
    """Twenty drawn shifts by fractions of a pixel; the rms of 40 pulls scatters by 11 %: three times that above 1.3."""
    seen = []
    for seed in range(20):
        pair = shifted_pair(seed, around(seed, 15, 70), grain_px=FINE_GRAIN_PX, shape=(224, 256))
        found = register(pair.reference, pair.moving, with_map=False)
        assert found.false_lock_probability < 1e-6
        seen.append(pulls(found, pair.shift_px))
    assert np.abs(seen).max() < FOUR_SIGMAS
    assert np.sqrt(np.mean(np.square(seen))) < 1.3 * (1 + 3 * 0.11)


@pytest.mark.parametrize(("dose", "contrast", "grain_px"), [(50, 0.1, 1.5), (200, 0.1, 3.0), (5, 0.1, 3.0)])
def test_scatter_is_near_the_bound(dose: float, contrast: float, grain_px: float) -> None:
    """rms error ≤ 1.5 Cramér–Rao bounds where coherence is well above its noise, also where the spectrum is steep.

    12 pairs, 24 errors: their rms scatters by 14 %, three times that on top.
    """
    errors = []
    for seed in range(12):
        pair = shifted_pair(seed, (40.0, -45.0), dose=dose, contrast=contrast, grain_px=grain_px)
        errors.append(np.subtract(register(pair.reference, pair.moving, with_map=False).shift_px, pair.shift_px))
    overlap = (1 - 40 / 256) * (1 - 45 / 256)
    bound = bound_px(shape=(256, 256), dose=dose, contrast=contrast, grain_px=grain_px, overlap=overlap)
    assert np.sqrt(np.mean(np.square(errors))) <= 1.5 * bound * (1 + 3 * 0.14)


def test_no_peak_locking() -> None:
    """The error has no part that goes with the fraction of a pixel, sin(2πf): the amplitude over 8 fractions, averaged
    over 6 fields on both axes, is below a few millipixel (statistics leave 0.02 px/√(8·12/2) = 1e-3 at this dose)."""
    fractions = np.arange(8) / 8
    errors = []
    for seed in range(6):
        for f in fractions:
            pair = shifted_pair(seed, (20 + f, -30 + f), dose=1000, grain_px=1.0, contrast=0.15, shape=(192, 192))
            found = register(pair.reference, pair.moving, with_map=False)
            errors.append(np.subtract(found.shift_px, pair.shift_px))
    mean = np.reshape(errors, (6, 8, 2)).mean(axis=(0, 2))
    amplitude = 2 * np.abs((mean * np.exp(-2j * np.pi * fractions)).mean())
    assert amplitude < LOCKING_PX
    assert abs(mean.mean()) < LOCKING_PX


@pytest.mark.parametrize(
    "length_px",
    [0.0, 0.5, 1.0, 3.0, 6.0, pytest.param(12.0), pytest.param(25.0)],
)
def test_short_shifts_are_not_pulled(length_px: float) -> None:
    """A clean camera: near zero, where its pattern would stand, the answer is as good as elsewhere."""
    errors = []
    for seed in range(6):
        angle = 0.8 * seed
        shift = (length_px * np.sin(angle), length_px * np.cos(angle))
        pair = shifted_pair(seed, shift, contrast=0.05, dose=100, grain_px=FINE_GRAIN_PX)
        found = register(pair.reference, pair.moving, with_map=False)
        assert distance(found.shift_px, shift) < FOUR_SIGMAS * np.hypot(*found.sigma_px or (0, 0)) + 0.02
        errors.append(np.subtract(found.shift_px, shift) @ (np.sin(angle), np.cos(angle)))
    # Scatter of one is 0.06 px (measured without any pattern fit): the mean of six to three sigmas.
    assert abs(np.mean(errors)) < 3 * 0.06 / np.sqrt(6)


@pytest.mark.parametrize("shift", [(20.0, 0.0), (-12.0, 16.0)])
@pytest.mark.parametrize("rms", [0.005, 0.02])
def test_pattern_of_the_camera_does_not_win(shift: tuple[float, float], rms: float) -> None:
    """Specimen of 5 % contrast and a gain residual at zero shift: the specimen's shift, not the camera's."""
    for seed in range(3):
        pair = with_camera(shifted_pair(seed, shift, contrast=0.05, dose=100, grain_px=FINE_GRAIN_PX), seed + 5, rms)
        found = register(pair.reference, pair.moving)
        assert found.false_lock_probability < 1e-6
        assert distance(found.shift_px, shift) < FOUR_SIGMAS * np.hypot(*found.sigma_px or (0, 0))
        assert found.fixed_pattern is not FixedPattern.INDISTINGUISHABLE


@pytest.mark.parametrize("shift", [(3.0, 0.0), (-1.8, 2.4)])
def test_pattern_of_the_camera_close_by(shift: tuple[float, float]) -> None:
    """Three pixels from zero the peaks of specimen and camera are apart (each 1.5 px wide)."""
    for seed in range(3):
        pair = with_camera(shifted_pair(seed, shift, contrast=0.05, dose=100, grain_px=FINE_GRAIN_PX), seed + 5, 0.01)
        found = register(pair.reference, pair.moving)
        assert found.fixed_pattern is not FixedPattern.INDISTINGUISHABLE
        assert distance(found.shift_px, shift) < FOUR_SIGMAS * np.hypot(*found.sigma_px or (0, 0))


def test_covariance_knows_directions() -> None:
    """A texture correlated over 8 px along y, 1 px along x: the error along y is larger, and stated so."""
    rng = np.random.default_rng(1)
    qy, qx = np.fft.fftfreq(512)[:, None], np.fft.rfftfreq(512)[None]
    gain = np.exp(-0.5 * (2 * np.pi) ** 2 * ((8 * qy) ** 2 + (1 * qx) ** 2))
    seen, sigmas = [], []
    for _ in range(6):
        field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((512, 512))) * gain)
        field *= 0.1 / field.std()
        one, two = field[100:356, 100:356], field[90:346, 130:386]  # s = (10, −30)
        found = register(rng.poisson(50 * (1 + one)), rng.poisson(50 * (1 + two)), with_map=False)
        seen.append(pulls(found, (10.0, -30.0)))
        sigmas.append(found.sigma_px)
    assert np.abs(seen).max() < FOUR_SIGMAS
    mean = np.mean(sigmas, axis=0)
    assert mean[0] > 2 * mean[1]  # the frequencies reach 8 times less far along y; noise evens some of that out


def test_more_electrons_smaller_error() -> None:
    sigmas = []
    for dose in (2, 20, 200):
        pair = shifted_pair(0, (30.0, 20.0), dose=dose, grain_px=FINE_GRAIN_PX)
        sigma = register(pair.reference, pair.moving).sigma_px
        assert sigma is not None
        sigmas.append(np.hypot(*sigma))
    assert sigmas[0] > 2 * sigmas[1] > 4 * sigmas[2]


def test_coherence_says_where_the_signal_is() -> None:
    """γ is high where the texture is, consistent with zero beyond it; within [−1, 1] everywhere."""
    pair = shifted_pair(1, (30.0, 20.0), dose=200, grain_px=3.0)
    coherence = register(pair.reference, pair.moving).coherence
    assert coherence is not None
    assert np.abs(coherence.gamma).max() <= 1
    low = (coherence.frequency > 0.03) & (coherence.frequency < 0.08)
    assert (coherence.gamma[low] > 0.5).all()  # SNR there is above 5
    # Beyond q = 0.4 the power is e⁻¹⁴ of its peak, SNR 1e-5.
    far = (coherence.frequency > 0.4) & (coherence.frequency < 0.6)
    assert np.abs(coherence.gamma[far]).mean() < 4 * coherence.noise[far].mean()
    assert not coherence.used[far].all()


@pytest.mark.parametrize("method", [Method.CROSS, Method.PHASE])
def test_plain_correlators_state_no_error(method: Method) -> None:
    """They have no covariance and no coherence; the evidence for their peak is that of the same search."""
    pair = shifted_pair(0, (9.0, -14.0))
    found = register(pair.reference, pair.moving, method=method)
    assert found.covariance_px2 is None
    assert found.sigma_px is None
    assert found.coherence is None
    assert found.false_lock_probability < 1e-6
    assert distance(found.shift_px, pair.shift_px) < 0.5


def test_map_only_when_asked() -> None:
    pair = shifted_pair(0, (9.0, -14.0), shape=(128, 128))
    assert register(pair.reference, pair.moving, with_map=False).map is None


def test_sizes_must_agree() -> None:
    pair = shifted_pair(0, (0.0, 0.0), shape=(128, 128))
    with pytest.raises(InputError, match=r"128 × 128 and 128 × 96 .* same camera settings"):
        register(pair.reference, pair.moving[:, :96])


def test_a_specimen_that_did_not_move_is_not_taken_for_a_pattern_and_its_side_maximum() -> None:
    """Two images of a band of frequencies (strong side maxima), in one place, with independent noise."""
    rng = np.random.default_rng(31)
    q = np.hypot(*np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256), indexing="ij"))
    ring = np.exp(-(((q - 0.1) / 0.02) ** 2)) + np.exp(-(((q - 0.2) / 0.03) ** 2))
    scene = np.fft.ifft2(np.fft.fft2(rng.normal(size=(256, 256))) * ring).real
    scene *= 20 / scene.std()
    first, second = (400 + scene + 10 * rng.normal(size=scene.shape) for _ in range(2))
    found = register(first, second)
    assert np.hypot(*found.shift_px) < 0.1  # σ is a hundredth of a pixel
