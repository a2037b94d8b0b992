"""A feature found again in an image at another stage tilt."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from eucentric.microscope.registry import open_microscope
from eucentric.msi.series.track import Place, View, found_again, from_image, in_image

AXIS_RAD = 0.7
SIZE, PIXEL_M = 256, 1.2e-9
HEIGHT_M = 0.4e-6


def test_across_and_along_are_a_turn_of_the_image() -> None:
    """Across is a quarter turn further on than along, from +x towards +y; there and back is nothing."""
    assert in_image((0.0, 1.0), 0.0) == pytest.approx((0.0, 1.0))  # along +x
    assert in_image((1.0, 0.0), 0.0) == pytest.approx((1.0, 0.0))  # across: +y
    assert in_image((1.0, 0.0), math.pi / 2) == pytest.approx((0.0, -1.0))
    assert from_image(in_image((0.3, -0.8), AXIS_RAD), AXIS_RAD) == pytest.approx((0.3, -0.8))


def tilted() -> Any:
    """A flat film 0.4 µm high on a perfect stage; pixels of 1.2 nm, 3 µm under focus."""
    scope: Any = open_microscope(
        "simulated",
        seed=2,
        perfect=True,
        size=SIZE,
        magnitudes={
            "specimen": {"height_m": HEIGHT_M},
            "presets": {"fa": {"pixel_m": PIXEL_M, "dose_e_per_m2": 3e20}},
        },
    )
    scope.set_preset("fa")
    scope.set_defocus(-3e-6)
    return scope


def view(scope: Any, alpha_deg: float, shift_m: tuple[float, float] = (0.0, 0.0)) -> View:
    scope.move_stage(alpha_rad=math.radians(alpha_deg))
    scope.set_image_shift(in_image(shift_m, 0.0))
    return View(scope.acquire(), math.radians(alpha_deg), 0.0, shift_m)


@pytest.mark.parametrize(("first_deg", "second_deg"), [(0.0, 3.0), (42.0, 45.0), (-40.0, -43.0)])
def test_a_feature_above_the_axis_moves_as_geometry_says(first_deg: float, second_deg: float) -> None:
    """−h₀(sin α₂ − sin α₁) across the axis and nothing along it, with the second image shifted besides."""
    scope = tilted()
    start = -HEIGHT_M * math.sin(math.radians(first_deg))
    shift = (start + 30e-9, -20e-9)
    reference, moving = view(scope, first_deg, (start, 0.0)), view(scope, second_deg, shift)
    found = found_again(reference, Place((start, 0.0), 0.0), moving)
    assert found is not None
    # Two images of a film that is tilted by 3° more agree to half a pixel: thickness and defocus differ.
    expected = -HEIGHT_M * math.sin(math.radians(second_deg))
    assert found.at_m == pytest.approx((expected, 0.0), abs=0.5 * PIXEL_M)
    assert 0 < found.sigma_m < 2 * PIXEL_M


def test_a_feature_off_the_middle_is_foreshortened() -> None:
    """60 nm across from the middle of an image at 30° is 60·cos 36°/cos 30° at 36°, from where the middle went."""
    scope = tilted()
    middle = [-HEIGHT_M * math.sin(math.radians(a)) for a in (30.0, 36.0)]
    reference, moving = view(scope, 30.0, (middle[0], 0.0)), view(scope, 36.0, (middle[1], 0.0))
    found = found_again(reference, Place((middle[0] + 60e-9, 10e-9), 5e-9), moving)
    assert found is not None
    ratio = math.cos(math.radians(36)) / math.cos(math.radians(30))
    assert found.at_m == pytest.approx((middle[1] + 60e-9 * ratio, 10e-9), abs=0.5 * PIXEL_M)
    assert found.sigma_m >= 5e-9


def test_another_specimen_is_not_found() -> None:
    """Noise has nothing in common with an image: None."""
    scope = tilted()
    reference, moving = view(scope, 0.0), view(scope, 3.0)
    rng = np.random.default_rng(1)
    noise = rng.poisson(100, (SIZE, SIZE)).astype(np.float32)
    other = View(type(moving.frame)(noise, pixel_m=PIXEL_M), moving.alpha_rad, 0.0, (0.0, 0.0))
    assert found_again(reference, Place((0.0, 0.0), 0.0), other) is None
