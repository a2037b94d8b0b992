"""Images looked at through an affine map, against waves that are known everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from eucentric.images.prepare import Prepared
from eucentric.images.stretch import common_shape, unstretched

SHAPE = (200, 240)
MATRIX = np.array([[1.004, -0.012], [0.009, 1.02]])


def wave(place_y: np.ndarray, place_x: np.ndarray, period_px: float) -> np.ndarray:
    """A plane wave at places from the image's middle, its direction on no axis."""
    return np.cos(2 * np.pi * (0.8 * place_x + 0.6 * place_y) / period_px + 0.7)


def from_middle(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return y - (shape[0] - 1) / 2, x - (shape[1] - 1) / 2


def prepared(values: np.ndarray, lit: np.ndarray | None = None) -> Prepared:
    return Prepared(values.astype(np.float32), lit, 1.0, float(values.mean()), positive=True)


@pytest.mark.parametrize(("period_px", "loss"), [(8.0, 1e-3), (4.0, 0.02)])
def test_the_wave_is_seen_where_the_map_says(period_px: float, loss: float) -> None:
    """J(u) = I(A u). A spline of fifth order passes all but 4e-5 of a wave of 8 pixels half way between them and all
    but 0.003 of one of 4, along each axis; edges, where the image is mirrored, excepted."""
    image = 50 + wave(*from_middle(SHAPE), period_px)
    shape = common_shape(SHAPE, (MATRIX,))
    got = unstretched(prepared(image), MATRIX, shape)
    y, x = from_middle(shape)
    expected = 50 + wave(MATRIX[0, 0] * y + MATRIX[0, 1] * x, MATRIX[1, 0] * y + MATRIX[1, 1] * x, period_px)
    inner = np.s_[8:-8, 8:-8]
    assert np.abs(got.values - expected)[inner].max() < loss
    assert got.values.dtype == np.float32
    assert got.mean == pytest.approx(50, abs=0.01)


def test_the_common_rectangle_stays_inside_both_images() -> None:
    other = np.linalg.inv(MATRIX)
    shape = common_shape(SHAPE, (MATRIX, other))
    corners = [np.array([sy * (shape[0] - 1) / 2, sx * (shape[1] - 1) / 2]) for sy in (-1, 1) for sx in (-1, 1)]
    for matrix in (MATRIX, other):
        for corner in corners:
            assert (np.abs(matrix @ corner) <= np.array(SHAPE) / 2).all()
    assert shape[0] > 0.9 * SHAPE[0]  # 2.2 % to either side are lost to the map, the rest to sides that transforms like


def test_the_lit_part_goes_with_the_image() -> None:
    y, x = from_middle(SHAPE)
    lit = (np.hypot(y, x) < 80).astype(np.float32)
    got = unstretched(prepared(np.ones(SHAPE), lit), MATRIX, common_shape(SHAPE, (MATRIX,))).lit
    assert got is not None
    assert 0 <= got.min() <= got.max() <= 1
    # The disc's area is divided by the map's determinant; its outline is known to a pixel: 2/80.
    assert got.sum() == pytest.approx(np.pi * 80**2 / np.linalg.det(MATRIX), rel=0.025)
