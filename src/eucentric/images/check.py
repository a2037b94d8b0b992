"""Whether an array is one usable image: said once for files, arrays and frames.

Every error is an InputError: a sentence that begins with the image's name ("The first image", a path).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eucentric.errors import InputError

SMALLEST_SIDE = 32
"""Pixels along a side. Below this no ring of coherence can be told from noise."""


def check_image(pixels: NDArray[Any], name: str) -> None:
    """Raises InputError where `pixels` are not one image: see `check_kind` and `check_values`."""
    check_kind(pixels, name)
    check_values(pixels, name)


def check_kind(pixels: NDArray[Any], name: str) -> None:
    """Raises InputError for what is no array of rows and columns of real numbers, or too small; values are not read."""
    if not isinstance(pixels, np.ndarray):
        raise InputError(f"{name} is a {type(pixels).__name__}. Give a NumPy array: numpy.asarray(image).")
    if pixels.dtype.kind == "c":
        raise InputError(
            f"{name} holds complex numbers ({pixels.dtype}): a transform or a wave. Give the image itself."
        )
    if pixels.dtype.kind not in "buif":
        raise InputError(f"{name} holds {pixels.dtype}, not real numbers. Give an image of integers or floats.")
    if pixels.ndim != 2:
        raise InputError(f"{name} has the shape {pixels.shape}, not rows and columns. Give one image at a time.")
    if min(pixels.shape) < SMALLEST_SIDE:
        raise InputError(
            f"{name} has {pixels.shape[0]} × {pixels.shape[1]} pixels (rows × columns), too few to compare. "
            f"Give at least {SMALLEST_SIDE} along each side."
        )


def check_values(pixels: NDArray[Any], name: str) -> tuple[float, float]:
    """The lowest and the highest pixel. Raises InputError where a pixel is not finite, or all are the same."""
    low, high = float(pixels.min()), float(pixels.max())  # NaN and infinities come through
    if not (math.isfinite(low) and math.isfinite(high)):
        count = int(pixels.size - np.isfinite(pixels).sum())
        raise InputError(
            f"{name} has NaN or infinite values in {count} pixels. Mend them (median of their neighbours), or save it "
            "again; nothing was guessed."
        )
    if low == high:
        raise InputError(
            f"{name} has the value {low:g} in all its pixels: there is nothing to compare. Check that the beam is on "
            "and the right file was given."
        )
    return low, high
