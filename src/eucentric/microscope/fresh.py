"""Whether an image is one, and a new one: what a camera may get wrong without saying so."""

from __future__ import annotations

import numpy as np

from eucentric.errors import NoImageError
from eucentric.images.frame import Frame
from eucentric.microscope.protocol import Preset

_SOME = 64  # every so many pixels are compared first


class Fresh:
    """Remembers the last image, and when something was last set. An image that says nothing is left to the verdict."""

    def __init__(self) -> None:
        self._last: Frame | None = None
        self._set_s = -np.inf

    def something_was_set(self, now_s: float) -> None:
        """An image is to be later than this time on the microscope's clock."""
        self._set_s = now_s

    def check(self, frame: Frame, preset: Preset) -> None:
        """Raise NoImageError when this is no image, none of this preset, or none of this moment."""
        pixels = frame.pixels if isinstance(frame, Frame) else None
        if not isinstance(pixels, np.ndarray) or pixels.dtype.kind not in "iuf":
            raise NoImageError(
                f"The camera gave {type(frame).__name__} instead of an image of numbers. Check the camera and its "
                "readout, then acquire again."
            )
        if pixels.ndim != 2 or pixels.size == 0 or not np.isfinite(pixels).all():
            raise NoImageError(
                f"The camera gave an array of shape {pixels.shape} with missing or non-finite values instead of "
                "an image. Check the camera and its readout, then acquire again."
            )
        if frame.shape != preset.size:
            raise NoImageError(
                f"The camera gave an image of {frame.shape[0]} × {frame.shape[1]} pixels; preset '{preset.name}' has "
                f"{preset.size[0]} × {preset.size[1]}. Check the camera's binning and area, then acquire again."
            )
        if not frame.time_s > self._set_s:
            raise NoImageError(
                f"The camera gave an image of {frame.time_s:.3f} s on the microscope's clock, taken before the last "
                f"change at {self._set_s:.3f} s. Check the camera's readout, then acquire again."
            )
        if self._last is not None:
            self._newer(frame, self._last)
        self._last = frame

    def _newer(self, frame: Frame, last: Frame) -> None:
        if not frame.time_s > last.time_s:
            raise NoImageError(
                f"The camera gave an image of {frame.time_s:.3f} s on the microscope's clock, not later than the one "
                f"before ({last.time_s:.3f} s). Check the camera's readout, then acquire again."
            )
        if np.may_share_memory(frame.pixels, last.pixels):
            raise NoImageError(
                "The camera gave an image in the memory of the one before, which is lost by that. "
                "The adapter has to copy each image that it hands out."
            )
        if _same(frame.pixels, last.pixels):
            raise NoImageError(
                "The camera gave the image before once more, the same in every pixel: its buffer is stale. "
                "Check the camera and its readout, then acquire again."
            )


def _same(
    one: np.ndarray[tuple[int, ...], np.dtype[np.generic]], other: np.ndarray[tuple[int, ...], np.dtype[np.generic]]
) -> bool:
    """Whether two images agree in every pixel, and have something in them: two blank ones may."""
    if one.shape != other.shape or not np.array_equal(one.ravel()[::_SOME], other.ravel()[::_SOME]):
        return False
    return bool((one != one.flat[0]).any()) and np.array_equal(one, other)
