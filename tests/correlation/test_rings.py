"""The bookkeeping on half planes against the full plane, and windows against their closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eucentric.correlation.rings import rings, smooth, taper, window_efficiency

SHAPES = [(64, 64), (65, 63), (48, 81), (100, 32)]


@pytest.mark.parametrize("shape", SHAPES)
def test_counts_are_those_of_the_full_plane(shape: tuple[int, int]) -> None:
    """Modes off the axes and beyond 2.5 periods, counted one by one on the full plane."""
    grid = rings(*shape)
    qy, qx = np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None]
    used = (qy != 0) & (qx != 0) & (np.hypot(qy * shape[0], qx * shape[1]) >= 2.5)
    assert grid.count.sum() == used.sum()
    width = 2 * grid.centre[0]
    # On a ring's border float32 and float64 may round differently: compare where they can't.
    place = np.hypot(qy, qx) / width
    clear = used & (np.abs(place - np.round(place)) > 1e-4)
    number = np.bincount(place[clear].astype(int), minlength=grid.count.size)
    unsure = np.bincount(np.round(place[used & ~clear]).astype(int), minlength=grid.count.size + 1)
    off = np.abs(grid.count - number)
    assert (off <= unsure[:-1] + unsure[1:]).all()


@given(st.sampled_from(SHAPES), st.integers(0, 10))
@settings(max_examples=10, deadline=None)
def test_totals_are_full_plane_sums(shape: tuple[int, int], seed: int) -> None:
    """Parseval: the sum over all rings of |F|² of a real image, axes and lowest modes taken out, is n times its energy.

    float32 planes of 1e4 terms: 1e-4 relative.
    """
    image = np.random.default_rng(seed).standard_normal(shape)
    grid = rings(*shape)
    half = np.fft.rfft2(image)
    half[grid.multiplicity == 0] = 0
    energy = float((np.fft.irfft2(half, s=shape) ** 2).sum()) * image.size
    total = grid.total((np.abs(half) ** 2).astype(np.float32)).sum()
    assert total == pytest.approx(energy, rel=1e-4)


def test_ring_mean_of_a_radial_function_is_the_function() -> None:
    """The mean of q over a ring is within half a ring's width of its centre."""
    grid = rings(128, 128)
    mean = grid.mean(np.hypot(grid.qy, grid.qx))
    used = grid.count > 0
    assert np.abs(mean - grid.centre)[used].max() <= grid.centre[0] + 1e-6


def test_empty_rings_have_mean_zero() -> None:
    grid = rings(64, 64)
    assert grid.count[0] == 0
    assert grid.mean(np.ones_like(grid.multiplicity))[0] == 0


def test_spread_gives_each_mode_its_ring() -> None:
    grid = rings(40, 50)
    numbers = np.arange(grid.centre.size, dtype=float)
    assert (grid.spread(numbers) == grid.index).all()


@pytest.mark.parametrize("fraction", [0.03, 0.05, 0.25])
def test_efficiency_of_a_tukey_window(fraction: float) -> None:
    """(Σw²)²/(nΣw⁴) with raised-cosine edges covering a fraction f on either side.

    Mean of w² over an edge is 3/8 and of w⁴ 35/128, so it is (1 − 2f + 2f·3/8)²/(1 − 2f + 2f·35/128). Midpoint sums of
    cosines over whole half periods are exact; 1e-6 for float32.
    """
    n = 400
    edges = 2 * fraction
    expected = (1 - edges * 5 / 8) ** 2 / (1 - edges * 93 / 128)
    assert window_efficiency(taper(n, fraction)) == pytest.approx(expected, rel=1e-6)


def test_efficiency_of_a_flat_window_is_one() -> None:
    assert window_efficiency(np.ones(77, np.float32)) == pytest.approx(1, rel=1e-12)


def test_taper_is_symmetric_and_flat_in_the_middle() -> None:
    window = taper(101, 0.1)
    assert (window == window[::-1]).all()
    assert (window[10:91] == 1).all()
    assert (np.diff(window[:11]) > 0).all()


def test_smooth_sums_neighbours() -> None:
    assert smooth(np.array([0.0, 0, 0, 1, 0, 0, 0, 0]), 2).tolist() == [0, 1, 1, 1, 1, 1, 0, 0]
