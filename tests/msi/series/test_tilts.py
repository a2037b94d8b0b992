"""The order of tilts, and when focus is measured."""

from __future__ import annotations

import math

import pytest

from eucentric.msi.application import SeriesSettings
from eucentric.msi.series.tilts import focus_first, tilts


def degrees(first: float, last: float, step: float) -> list[float]:
    settings = SeriesSettings(first_rad=math.radians(first), last_rad=math.radians(last), step_rad=math.radians(step))
    return [round(math.degrees(alpha), 6) + 0.0 for alpha in tilts(settings)]


def test_from_zero_outwards_both_sides_in_turn() -> None:
    """Each tilt once, positive first; the first one is nearest to zero."""
    assert degrees(-9, 9, 3) == [0, 3, -3, 6, -6, 9, -9]
    assert len(degrees(-45, 45, 3)) == 31
    assert degrees(9, -9, 3) == degrees(-9, 9, 3)


def test_what_is_not_symmetric_goes_on_alone() -> None:
    """A range to one side, and one whose steps do not meet zero or the last angle."""
    assert degrees(-3, 9, 3) == [0, 3, -3, 6, 9]
    assert degrees(10, 40, 10) == [10, 20, 30, 40]
    assert degrees(-5, 6, 4) == [-1, 3, -5]


@pytest.mark.parametrize(
    ("sigma_m", "before", "wanted"),
    [
        (90e-9, [], False),
        (110e-9, [], True),  # the first image would make the rms worse than 100 nm
        (140e-9, [30e-9] * 3, False),  # √((3·30² + 140²)/4) = 75
        (160e-9, [30e-9] * 30, True),  # no image alone worse than 150 nm
        (120e-9, [100e-9] * 3, True),
    ],
)
def test_focus_is_measured_where_the_series_would_else_be_worse_than_allowed(
    sigma_m: float, before: list[float], wanted: bool
) -> None:
    """By the rms over the images so far and this one, 100 nm allowed."""
    assert focus_first(sigma_m, before, 100e-9) is wanted
