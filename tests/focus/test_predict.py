"""The capture range of a step."""

from __future__ import annotations

import math

import pytest

from eucentric.focus.predict import OVERLAP_FOR_RANGE, capture_range_m


@pytest.mark.parametrize("direction", [0.0, 0.4, math.pi / 4, math.pi / 2, 2.5])
def test_the_range_leaves_the_overlap_that_it_is_stated_for(direction: float) -> None:
    ny, nx, pixel_m, tilt = 900, 1024, 5e-9, 4e-3
    shift_m = capture_range_m((ny, nx), pixel_m, tilt, direction_rad=direction) * 2 * tilt
    along_x, along_y = shift_m * abs(math.cos(direction)), shift_m * abs(math.sin(direction))
    left = (1 - along_x / (nx * pixel_m)) * (1 - along_y / (ny * pixel_m))
    assert left == pytest.approx(OVERLAP_FOR_RANGE, abs=1e-9)
    assert along_x < nx * pixel_m
    assert along_y < ny * pixel_m


def test_along_one_axis_it_is_that_part_of_the_side() -> None:
    assert capture_range_m((512, 1024), 1e-9, 5e-3) == pytest.approx(0.8 * 1024e-9 / 10e-3)
