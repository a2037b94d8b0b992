"""Where un-stretching puts a camera's pattern, against the mean over all its pixels."""

from __future__ import annotations

import numpy as np
import pytest

from eucentric.correlation.pattern import PatternPlace
from eucentric.correlation.rings import rings

SPREAD = -np.outer([0.002, 0.01], [1.2, -0.6])  # −(β₂ − β₁)⊗slope
SHAPE = (96, 128)


def pixels(shape: tuple[int, int], whole: tuple[int, int]) -> np.ndarray:
    """Places (2, n) of the overlap's pixels in the first image, from its middle."""
    rows = np.arange(max(0, -whole[0]), shape[0] - max(0, whole[0])) - (shape[0] - 1) / 2
    columns = np.arange(max(0, -whole[1]), shape[1] - max(0, whole[1])) - (shape[1] - 1) / 2
    y, x = np.meshgrid(rows, columns, indexing="ij")
    return np.stack([y.ravel(), x.ravel()])


@pytest.mark.parametrize("whole", [(0, 0), (20, -37)])
def test_the_pattern_seen_is_the_mean_over_its_places(whole: tuple[int, int]) -> None:
    """⟨e^{−2πi q·Kr}⟩ over the pixels of the overlap; the formula's integral differs from the sum by (Kᵀq)²/24·4π²."""
    grid = rings(32, 32)
    seen = PatternPlace(SPREAD, SHAPE).seen(grid, whole)
    assert seen is not None
    shifts = SPREAD @ pixels(SHAPE, whole)
    for row, column in ((3, 5), (30, 9), (12, 16)):
        q = np.array([grid.qy[row, 0], grid.qx[0, column]])
        expected = np.exp(-2j * np.pi * (q @ shifts)).mean()
        assert abs(seen[row, column] - expected) < 1e-3


def test_as_taken_the_pattern_is_at_zero_shift() -> None:
    place = PatternPlace()
    assert place.seen(rings(32, 32), (3, 4)) is None
    assert float(place.distance(3.0, -4.0)) == 5.0


def test_the_distance_is_to_the_line_that_the_pixels_fill() -> None:
    place = PatternPlace(SPREAD, SHAPE)
    shifts = SPREAD @ pixels(SHAPE, (0, 0))
    rng = np.random.default_rng(3)
    for shift in rng.uniform(-3, 3, (40, 2)):
        nearest = np.hypot(*(shifts - shift[:, None])).min()
        # The corner pixels' middles are half a pixel inside of the image: their shifts end 0.01 px early.
        assert float(place.distance(*shift)) == pytest.approx(nearest, abs=0.02)
