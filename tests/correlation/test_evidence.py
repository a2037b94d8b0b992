"""Student's t of the blocks: what noise gives, what a signal gives, and what a single feature can't."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from eucentric.correlation.evidence import (
    Candidate,
    Compared,
    chance,
    judged,
    odds_against,
    ranked,
)


def candidate(
    mean: float, error: float = 0.01, *, at: tuple[float, float] = (0.0, 0.0), blocks: int = 257
) -> Candidate:
    """A candidate of given evidence."""
    return Candidate(at, 1, mean, error, blocks)


def noise(seed: int, shape: tuple[int, int] = (192, 160)) -> np.ndarray:
    """White noise of unit rms."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_of_noise_t_is_a_standard_normal() -> None:
    """Lags of white noise are independent trials. Mean 0 ± 1/√n, sd 1 ± 1/√(2n); four of each. Kolmogorov–Smirnov."""
    a, b = noise(0), noise(1)
    lags = [(y, x, 1) for y in range(-80, 81, 8) for x in range(-60, 61, 6)]
    seen = [c for c in (judged(a, b, lag, 1) for lag in lags) if c is not None]
    t = np.array([c.t for c in seen])
    assert t.size == len(lags)
    assert abs(t.mean()) < 4 / np.sqrt(t.size)
    assert abs(t.std() - 1) < 4 / np.sqrt(2 * t.size)
    assert stats.kstest(t, "norm").pvalue > 1e-4


def test_signal_gives_its_coherence() -> None:
    """Images sharing a fraction γ of their variance: the mean product is γ; its error √((1 + γ²)/pixels)."""
    common, gamma, shift = noise(2, (240, 240)), 0.2, (17, -23)
    one = np.sqrt(gamma) * common + np.sqrt(1 - gamma) * noise(3, (240, 240))
    two = np.sqrt(gamma) * np.roll(common, shift, (0, 1)) + np.sqrt(1 - gamma) * noise(4, (240, 240))
    found = judged(one.astype(np.float32), two.astype(np.float32), (*shift, 1), 2)
    assert found is not None
    error = np.sqrt((1 + gamma**2) / ((240 - 17) * (240 - 23)))
    assert found.mean == pytest.approx(gamma, abs=4 * error + 0.01)  # 0.01: 4σ of both images' variance
    assert found.error == pytest.approx(error, rel=4 / np.sqrt(2 * found.blocks) + 0.05)  # 5 %: pixels left over
    assert found.shift_px == (34.0, -46.0)  # two full pixels each


def test_reversed_contrast_has_the_other_sign() -> None:
    a = noise(5)
    plus, minus = judged(a, -a, (0, 0, 1), 1), judged(a, -a, (0, 0, -1), 1)
    assert plus is not None
    assert minus is not None
    assert minus.t == pytest.approx(-plus.t)
    assert minus.t > 50  # γ = 1: t ≈ √(pixels/2) = 124


def test_a_single_spot_is_no_evidence() -> None:
    """A strong blob common to both lies in few blocks: whatever its strength, t stays below √k for k of its blocks.

    (One block of n holding all: mean m/n, error m/n: t = 1.)
    """
    a, b = noise(6), noise(7)
    a[70:78, 60:68] += 50
    b[70:78, 60:68] += 50
    found = judged(a, b, (0, 0, 1), 1)
    assert found is not None
    assert found.t < np.sqrt(4) + 1.0  # an 8 × 8 spot meets at most 4 blocks of 10; 1: noise


def test_a_strong_edge_in_a_few_blocks_hides_no_texture_that_is_in_all() -> None:
    """Texture of half the noise's rms: γ = 1/5, t ≈ γ·√pixels = 35 (less in t's own scatter). The edge of a hole, ten
    times the noise, in a twelfth of the blocks would leave t = √n/√(12 n) · n ≈ √(n/12) = 4.6 of n = 256.
    """
    common = 0.5 * noise(21)
    common[:, 40:53] += 10 * noise(22)[:, 40:53]
    found = judged(common + noise(23), common + noise(24), (0, 0, 1), 1)
    assert found is not None
    assert found.t > 15


def test_too_little_in_common_is_not_judged() -> None:
    a = noise(8)
    assert judged(a, a, (192, 0, 1), 1) is None
    assert judged(a, a, (0, -500, 1), 1) is None
    assert judged(a, a, (188, 156, 1), 1) is None  # 4 × 4 pixels


def test_chance_is_two_tails_of_student_times_the_lags() -> None:
    one = candidate(0.05)
    expected = 2 * float(stats.t.sf(5.0, 256))
    assert chance(one, 1) == pytest.approx(expected, rel=1e-6)
    assert chance(one, 1000) == pytest.approx(1000 * expected, rel=1e-6)
    assert chance(one, 10**9) == 1.0


def test_more_evidence_comes_first_where_the_images_say_nothing_else() -> None:
    images = (noise(9), noise(10))
    wide, better = candidate(0.30, 0.01, at=(0, 0)), candidate(0.90, 0.05, at=(50, 0))
    assert wide.t > better.t
    assert ranked(Compared(*images), [better, wide], factor=1, lags=1000)[0] is wide


def lattice_with_dirt(seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A lattice of period 32 in noise, and what is of no lattice in its left third: some dirt, the next grid bar."""
    y, x = np.mgrid[:192, :160]
    holes = (np.cos(2 * np.pi * y / 32) * np.cos(2 * np.pi * x / 32)).astype(np.float32) * 2
    dirt = 2 * noise(seed) * (x < 54)
    return (holes + dirt + noise(seed + 1), holes + dirt + noise(seed + 2))


@pytest.mark.parametrize("seed", [11, 14, 17])
def test_the_cell_goes_first_in_which_more_agrees_than_the_lattice(seed: int) -> None:
    """Other cells agree as evenly as the lattice is: their scatter is small, and t larger than in the right one."""
    images = lattice_with_dirt(seed)
    true, alias = judged(*images, (0, 0, 1), 1), judged(*images, (32, 0, 1), 1)
    assert true is not None
    assert alias is not None
    assert alias.t > true.t
    for order in ([true, alias], [alias, true]):
        assert ranked(Compared(*images), order, factor=1, lags=10000)[0] is true
    assert odds_against(Compared(*images), true, alias, factor=1, lags=10000) > 1e3
    assert odds_against(Compared(*images), alias, true, factor=1, lags=10000) == 1.0


def test_odds_against_noise_are_the_evidence() -> None:
    """Where the images do not repeat themselves a chance rival loses by exp(½(t² − t'²))."""
    images = (noise(9), noise(10))
    best, rival = candidate(0.08), candidate(0.03, at=(40.0, 24.0))
    assert odds_against(Compared(*images), best, rival, factor=1, lags=10000) == pytest.approx(np.exp(0.5 * (64 - 9)))


def lattice_odds(texture_rms: float, seed: int) -> tuple[float, float]:
    """Odds of the true lag against the one a period away, and the other way round."""
    y, x = np.mgrid[:192, :160]
    holes = (np.cos(2 * np.pi * y / 32) * np.cos(2 * np.pi * x / 32)).astype(np.float32) * 2
    common = holes + texture_rms * noise(seed)
    images = (common + noise(seed + 1), common + noise(seed + 2))
    true, alias = judged(*images, (0, 0, 1), 1), judged(*images, (32, 0, 1), 1)
    assert true is not None
    assert alias is not None
    return (
        odds_against(Compared(*images), true, alias, factor=1, lags=10000),
        odds_against(Compared(*images), alias, true, factor=1, lags=10000),
    )


@pytest.mark.parametrize("seed", [11, 14, 17])
def test_odds_on_a_bare_lattice_are_near_one(seed: int) -> None:
    """Both lags agree as well: what is between them is chance, beyond 3.5σ once in 2000: exp(½·3.5²) = 457."""
    assert max(lattice_odds(0.0, seed)) < 457


@pytest.mark.parametrize("seed", [11, 14, 17])
def test_texture_tells_the_cells_apart(seed: int) -> None:
    """Texture as strong as the noise is common at the true lag alone: odds beyond doubt, and none for the alias."""
    true, alias = lattice_odds(1.0, seed)
    assert true > 1e6
    assert alias == 1.0
