"""An image has to be one, of this preset, and new."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from eucentric.errors import NoImageError
from eucentric.images.frame import Frame
from eucentric.microscope.fresh import Fresh
from eucentric.microscope.protocol import Preset

SIZE = (20, 30)
PRESET = Preset("fa", 5e4, 3e-10, SIZE, 4, 0.5, 5e20)


def frame(seed: int, time_s: float, shape: tuple[int, ...] = SIZE) -> Frame:
    return Frame(np.random.default_rng(seed).normal(100, 10, shape).astype(np.float32), time_s=time_s)


def refuses(fresh: Fresh, one: Frame, words: str) -> None:
    with pytest.raises(NoImageError, match=words):
        fresh.check(one, PRESET)


def test_new_images_pass() -> None:
    fresh = Fresh()
    for k in range(3):
        fresh.something_was_set(k - 0.5)
        fresh.check(frame(k, float(k)), PRESET)


@pytest.mark.parametrize("shape", [(30, 20), (20, 31), (0, 30), (20, 30, 1), (600,)])
def test_the_shape_is_that_of_the_preset(shape: tuple[int, ...]) -> None:
    refuses(Fresh(), frame(0, 0.0, shape), r"acquire again")


def test_pixels_are_numbers() -> None:
    one = frame(0, 0.0)
    one.pixels[3, 4] = np.nan
    refuses(Fresh(), one, "non-finite")


@pytest.mark.parametrize(
    "nothing", [None, "image", Frame([1, 2]), Frame(np.full(SIZE, None)), Frame(np.ones(SIZE, bool))]
)  # type: ignore[arg-type]
def test_what_is_no_image_is_refused(nothing: Any) -> None:
    refuses(Fresh(), nothing, "instead of an image")


def test_a_stale_buffer_is_refused_until_it_is_new_again() -> None:
    """The same pixels with a new time; one pixel of another value makes a new image."""
    fresh, first = Fresh(), frame(0, 1.0)
    fresh.check(first, PRESET)
    again = replace(first, pixels=first.pixels.copy(), time_s=2.0)
    for _ in range(2):
        refuses(fresh, again, "stale")
    again.pixels[7, 8] += 1
    fresh.check(again, PRESET)


def test_an_overwritten_buffer_is_refused() -> None:
    """The image before would be lost without notice."""
    fresh, first = Fresh(), frame(0, 1.0)
    fresh.check(first, PRESET)
    refuses(fresh, replace(first, pixels=first.pixels[::-1], time_s=2.0), "copy")


def test_blank_images_are_left_to_the_verdict() -> None:
    """Two images of nothing may agree in every pixel."""
    fresh = Fresh()
    for time_s in (1.0, 2.0):
        fresh.check(Frame(np.zeros(SIZE, dtype=np.float32), time_s=time_s), PRESET)


@pytest.mark.parametrize("time_s", [1.0, 0.9, float("nan")])
def test_an_image_is_later_than_the_one_before_and_than_the_last_change(time_s: float) -> None:
    fresh = Fresh()
    fresh.check(frame(0, 1.0), PRESET)
    refuses(fresh, frame(1, time_s), "microscope's clock")
    changed = Fresh()
    changed.something_was_set(1.0)
    refuses(changed, frame(1, time_s), "microscope's clock")
