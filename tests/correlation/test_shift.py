"""Signs and places in a correlation map, as DESIGN.md section 1 fixes them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucentric.correlation.register import register
from eucentric.correlation.shift import CorrelationMap, Method
from tests.correlation.pairs import distance, shifted_pair

WHOLE_PEAK_PX = 0.5
"""The highest element of a map is within half a pixel of the peak on each axis."""
NOISE_PX = 0.3
"""Noise of a 10 % contrast pair at 50 e/px: the Cramér–Rao bound is 0.02 px at 256²; no wrong sign hides in it."""


def blank_map(shape: tuple[int, int], step: tuple[float, float]) -> CorrelationMap:
    """A map of zeros with 1 at its origin."""
    values = np.zeros(shape, np.float32)
    values[0, 0] = 1
    return CorrelationMap(values, step, (0.0, 0.0))


@pytest.mark.parametrize("shape", [(8, 8), (9, 7), (8, 5)])
def test_centred_puts_no_shift_in_the_middle(shape: tuple[int, int]) -> None:
    centred = blank_map(shape, (1.0, 1.0)).centred()
    assert np.unravel_index(int(centred.argmax()), shape) == (shape[0] // 2, shape[1] // 2)


@given(
    st.tuples(st.integers(8, 40), st.integers(8, 40)),
    st.tuples(st.floats(-0.49, 0.49), st.floats(-0.49, 0.49)),
    st.sampled_from([1.0, 2.0, 4.0]),
)
def test_place_and_shift_are_inverse(shape: tuple[int, int], part: tuple[float, float], step: float) -> None:
    """A shift below half the period, written as a place in the wrapped map, is read back (rounding 1e-9)."""
    view = blank_map(shape, (step, step))
    shift = (part[0] * shape[0] * step, part[1] * shape[1] * step)
    place = [(s / step) % n for s, n in zip(shift, shape, strict=True)]
    assert view.shift_of(*place) == pytest.approx(shift, abs=1e-9 * step * max(shape))


@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize("shift", [(-11.0, -23.0), (17.0, -9.0), (-14.0, 21.0), (12.0, 19.0)])
def test_moving_is_the_reference_at_r_minus_s(method: Method, shift: tuple[float, float]) -> None:
    """Every type has the same sign, and its map the same peak as its answer."""
    pair = shifted_pair(3, shift)
    found = register(pair.reference, pair.moving, method=method)
    assert distance(found.shift_px, shift) < NOISE_PX
    assert found.method is method
    assert found.map is not None
    assert found.map.shift_of(*found.map.peak) == pytest.approx(found.shift_px, abs=1e-9)
    highest = np.unravel_index(int(found.map.values.argmax()), found.map.values.shape)
    at = found.map.shift_of(float(highest[0]), float(highest[1]))
    reach = (WHOLE_PEAK_PX + NOISE_PX) * found.map.step_px[0]
    assert abs(at[0] - shift[0]) <= reach
    assert abs(at[1] - shift[1]) <= reach


@pytest.mark.parametrize("method", list(Method))
def test_towards_the_top_left_peaks_near_the_bottom_right(method: Method) -> None:
    """Moved up and to the left: the peak is in the last rows and columns; centred, above and left of the middle."""
    pair = shifted_pair(4, (-6.0, -10.0))
    found = register(pair.reference, pair.moving, method=method)
    assert found.map is not None
    ny, nx = found.map.values.shape
    row, column = np.unravel_index(int(found.map.values.argmax()), (ny, nx))
    assert ny - 8 <= row < ny
    assert nx - 12 <= column < nx
    row, column = np.unravel_index(int(found.map.centred().argmax()), (ny, nx))
    assert ny // 2 - 8 <= row < ny // 2
    assert nx // 2 - 12 <= column < nx // 2


def test_what_is_printed_names_the_axes() -> None:
    pair = shifted_pair(5, (3.0, -30.0))
    text = repr(register(pair.reference, pair.moving))
    assert "y +3.0" in text or "y +2.9" in text
    assert "x -30.0" in text or "x -29.9" in text
    assert "overlap 87%" in text  # (1 − 3/256)(1 − 30/256)
