"""What a screen shows of images, maps and spectra."""

from __future__ import annotations

import numpy as np
import pytest

from eucentric.correlation.shift import CorrelationMap
from eucentric.web.pictures import (
    MAP_PX,
    NEAR_CELLS,
    equal_contrast,
    lit_moved,
    map_picture,
    peak_picture,
    power_spectrum,
)

RNG = np.random.default_rng(3)


def test_black_and_white_are_the_same_values_in_both_images() -> None:
    first = RNG.normal(1000, 50, (256, 256)).astype(np.float32)
    one, two = equal_contrast([first, first + 100])
    assert one.dtype == np.uint8
    assert float(two.mean()) - float(one.mean()) > 60  # 100 of some 400 counts between black and white
    levels = equal_contrast([first, first])
    np.testing.assert_array_equal(levels[0], levels[1])


def test_large_images_are_binned_and_small_ones_stay() -> None:
    (large,) = equal_contrast([RNG.normal(0, 1, (4096, 4096)).astype(np.float32)])
    assert large.shape == (1024, 1024)
    (small,) = equal_contrast([RNG.integers(0, 9, (96, 128))])
    assert small.shape == (96, 128)


def test_a_flat_image_is_shown_without_complaint() -> None:
    (flat,) = equal_contrast([np.full((64, 64), 7.0)])
    assert flat.max() == flat.min()


def _map(row: int, column: int, n: int = 2048) -> CorrelationMap:
    values = RNG.normal(0, 1, (n, n)).astype(np.float32)
    values[row, column] = 60
    return CorrelationMap(values, (1.0, 1.0), (float(row), float(column)))


def test_a_maps_peak_is_where_its_axes_say() -> None:
    found = _map(2000, 30)  # −48 rows, +30 columns
    picture, (left, right, bottom, top) = map_picture(found)
    assert max(picture.shape) <= MAP_PX
    row, column = np.unravel_index(int(picture.argmax()), picture.shape)
    y = top + (row + 0.5) / picture.shape[0] * (bottom - top)
    x = left + (column + 0.5) / picture.shape[1] * (right - left)
    assert (y, x) == (pytest.approx(-48, abs=3), pytest.approx(30, abs=3))  # within a cell of the reduced map


def test_around_the_peak_it_is_shown_cell_by_cell() -> None:
    picture, (left, right, bottom, top) = peak_picture(_map(2000, 30))
    assert picture.shape == (2 * NEAR_CELLS + 1, 2 * NEAR_CELLS + 1)
    assert picture[NEAR_CELLS, NEAR_CELLS] == 255
    assert ((left + right) / 2, (top + bottom) / 2) == (30, -48)


def test_a_grating_is_a_spot_at_its_frequency() -> None:
    y, x = np.mgrid[:512, :512]
    made = power_spectrum(np.sin(2 * np.pi * x / 8) + 0.3 * RNG.normal(0, 1, y.shape), 1e-9)  # a period of 8 nm
    assert made.edge_per_m == pytest.approx(0.5e9)
    middle = made.picture.shape[0] // 2
    at = middle // 4  # 1/8 nm of 1/2 nm
    assert made.picture[middle, middle + at] == made.picture[middle, middle - at] == 255
    assert made.picture[middle + at, middle] < 255


def test_a_beam_that_moves_is_seen_in_parts_of_the_field() -> None:
    y, x = np.mgrid[:256, :256]

    def lit(cx: float) -> np.ndarray:  # type: ignore[type-arg]
        beam = np.hypot(x - cx, y - 128) < 90
        return np.asarray(RNG.poisson(np.where(beam, 100.0, 0.5)).astype(np.float32))

    moved = lit_moved(lit(110), lit(110 + 46))
    assert moved == pytest.approx(46 / 256, abs=0.05)
    everywhere = RNG.poisson(100, (256, 256)).astype(np.float32)
    assert lit_moved(everywhere, everywhere) is None
