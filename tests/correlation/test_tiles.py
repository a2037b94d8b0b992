"""The overlap cut into tiles: which pixels take part, and what their averaged spectra say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eucentric.correlation.tiles import EDGE, SMALLEST, TILE
from eucentric.images.prepare import Prepared
from tests.correlation.pairs import cut

BORDER = 2 * EDGE
"""Fraction of a tile's side, at the overlap's border, where the taper may hide a pixel."""


def ready(values: np.ndarray, lit: np.ndarray | None = None) -> Prepared:
    """An image as prepared, without looking for outliers."""
    fraction = 1.0 if lit is None else float(lit.mean())
    return Prepared(values.astype(np.float32), lit, fraction, float(values.mean()), positive=False)


def cut_pair(seed: int, shape: tuple[int, int], shift: tuple[int, int]) -> tuple[Prepared, Prepared]:
    """Two windows of one noise field, the second moved by whole pixels: moving(r) = reference(r − s)."""
    (ny, nx), (sy, sx) = shape, shift
    field = np.random.default_rng(seed).standard_normal((ny + abs(sy), nx + abs(sx)))
    y, x = max(0, sy), max(0, sx)
    return ready(field[y : y + ny, x : x + nx]), ready(field[y - sy : y - sy + ny, x - sx : x - sx + nx])


@given(
    st.sampled_from([(96, 96), (150, 97), (430, 64), (64, 801)]),
    st.tuples(st.floats(-0.6, 0.6), st.floats(-0.6, 0.6)),
    st.integers(0, 99),
)
@settings(max_examples=12, deadline=None)
def test_same_places_of_the_specimen(shape: tuple[int, int], part: tuple[float, float], seed: int) -> None:
    """Cut at the true shift both images' tiles are the same pixels: the cross-spectrum is the power, to float32."""
    shift = (int(part[0] * shape[0]), int(part[1] * shape[1]))
    first, second = cut_pair(seed, shape, shift)
    spectra = cut(first, second, shift)
    assert spectra is not None
    scale = spectra.power_first.max()
    assert np.abs(spectra.cross - spectra.power_first).max() < 1e-4 * scale
    assert np.abs(spectra.power_second - spectra.power_first).max() < 1e-4 * scale
    assert spectra.whole == shift
    assert spectra.overlap == pytest.approx((1 - abs(shift[0]) / shape[0]) * (1 - abs(shift[1]) / shape[1]))


@given(st.integers(12, 1300), st.integers(12, 200), st.tuples(st.integers(-8, 8), st.integers(-8, 8)))
@settings(max_examples=25, deadline=None)
def test_no_more_data_than_there_are_pixels(ny: int, nx: int, shift: tuple[int, int]) -> None:
    """Looks times the pixels of a tile never exceed the overlap, and use most of it.

    A light taper keeps ((1 − 2f·5/8)²/(1 − 2f·93/128))² = 0.95 for f = 5 %; rounding each side down to a fast length
    and to whole tiles costs at most a tenth per axis at these sizes.
    """
    rng = np.random.default_rng(0)
    image = ready(rng.standard_normal((ny, nx)))
    spectra = cut(image, image, shift)
    height, width = ny - abs(shift[0]), nx - abs(shift[1])
    if min(height, width) < SMALLEST:
        assert spectra is None
        return
    assert spectra is not None
    assert max(spectra.shape) <= TILE
    used = spectra.looks * spectra.shape[0] * spectra.shape[1]
    assert used <= height * width * (1 + 1e-6)
    assert used >= 0.7 * height * width


@pytest.mark.parametrize("shape", [(409, 60), (805, 40), (97, 131), (1201, 33)])
def test_hardly_a_pixel_is_left_out(shape: tuple[int, int]) -> None:
    """A single bright pixel inside the border shows in the power; at most a tenth of the rows fall between tiles.

    (Sides are rounded down to fast lengths: 409 rows make two tiles of 200, and 9 rows are in neither.)
    """
    border = int(np.ceil(BORDER * min(shape[0], TILE)))
    places = range(border, shape[0] - border)
    seen = 0
    for row in places:
        values = np.zeros(shape)
        values[row, shape[1] // 4] = 1
        spectra = cut(ready(values), ready(values), (0, 0))
        assert spectra is not None
        # |F|² = w² of the pixel over the tiles averaged: at least half of full weight.
        seen += bool(spectra.power_first[1:, 1:].max() > 0.5 / spectra.tiles)
    assert seen >= 0.85 * len(places)  # a tenth between tiles, the rest under inner tapers


def test_power_of_white_noise() -> None:
    """E|F|² of unit white noise under a window is Σw² = pixels × window_power; 20 % of 1e4 modes' mean scatter 1 %."""
    image = ready(np.random.default_rng(1).standard_normal((256, 200)))
    spectra = cut(image, image, (0, 0))
    assert spectra is not None
    ny, nx = spectra.shape
    inner = spectra.power_first[3 : ny // 2, 3:-3]
    expected = ny * nx * spectra.window_power
    # Chi-squared of two degrees: 1σ of the mean is 1/sqrt(modes), and less than half of them are independent.
    assert float(inner.mean()) == pytest.approx(expected, rel=4 * np.sqrt(2 / inner.size))


def test_dark_tiles_do_not_count() -> None:
    """Half of a long image unlit: about half the tiles' weight is gone, and what is there is the lit half's."""
    rng = np.random.default_rng(2)
    values = rng.standard_normal((4 * TILE, 128))
    lit = np.zeros((4 * TILE, 128), np.float32)
    lit[: 2 * TILE] = 1
    whole = cut(ready(values), ready(values), (0, 0))
    half = cut(ready(values, lit), ready(values, lit), (0, 0))
    top = cut(ready(values[: 2 * TILE]), ready(values[: 2 * TILE]), (0, 0))
    assert whole is not None
    assert half is not None
    assert top is not None
    assert half.tiles == pytest.approx(whole.tiles / 2)
    # The mean taken off is that of the lit window in one, of the tile in the other: the lowest modes differ.
    inner = np.s_[4:-4, 4:]
    assert np.allclose(half.power_first[inner], top.power_first[inner], rtol=1e-2, atol=1e-4 * top.power_first.max())


def test_nothing_lit_is_nothing() -> None:
    values = np.random.default_rng(3).standard_normal((128, 128))
    dark = np.zeros((128, 128), np.float32)
    assert cut(ready(values, dark), ready(values, dark), (0, 0)) is None
