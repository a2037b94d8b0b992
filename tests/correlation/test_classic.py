"""Cross and phase correlation as people know them."""

from __future__ import annotations

import numpy as np
import pytest

from eucentric.correlation.classic import classic_map, subpixel_peak
from eucentric.correlation.shift import Method
from tests.correlation.pairs import texture


@pytest.mark.parametrize("method", [Method.CROSS, Method.PHASE])
@pytest.mark.parametrize("shift", [(0, 0), (5, -7), (-20, 31), (31, -24)])
def test_rolled_image_is_found_exactly(method: Method, shift: tuple[int, int]) -> None:
    """A cyclic shift by whole pixels is what these correlators assume: the peak is symmetric about it.

    The phase map is then a single 1; float32 leaves errors of 1e-4 in the parabola of an exact peak.
    """
    field = texture(np.random.default_rng(0), (64, 63)).astype(np.float32)
    view = classic_map(field, np.roll(field, shift, (0, 1)), method, workers=1)
    assert view.shift_of(*view.peak) == pytest.approx(shift, abs=1e-2 if method is Method.PHASE else 1e-3)


def test_phase_map_of_a_copy_is_a_single_point() -> None:
    """Every whitened mode is 1: the map is a delta of height 1, up to the mean's mode, which is left out (1/n), and
    modes below the float32 floor."""
    noise = np.random.default_rng(0).standard_normal((48, 50)).astype(np.float32)
    values = classic_map(noise, noise, Method.PHASE, workers=1).values
    assert values[0, 0] == pytest.approx(1, abs=2 / noise.size)
    assert np.abs(values.ravel()[1:]).max() < 2 / noise.size


@pytest.mark.parametrize("at", [(10.0, 12.0), (10.25, 11.6), (0.3, 29.8), (39.7, 0.2)])
def test_parabola_finds_its_own_top(at: tuple[float, float]) -> None:
    """Of a paraboloid the three-point vertex is exact, also across the wrapped edge (float32 rounding: 1e-4)."""
    ny, nx = 40, 30
    dy = (np.arange(ny)[:, None] - at[0] + ny / 2) % ny - ny / 2
    dx = (np.arange(nx)[None] - at[1] + nx / 2) % nx - nx / 2
    peak = subpixel_peak((-(dy**2) - dx**2).astype(np.float32))
    assert peak == pytest.approx(at, abs=1e-4)
