"""What a verdict needs to know of an image's pixels: blank, saturated. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eucentric.images.frame import Frame


@dataclass(frozen=True, slots=True)
class Pixels:
    """Those of one image."""

    blank: bool
    saturated: float  # fraction of the pixels at the camera's maximum


def inspect(frame: Frame) -> Pixels:
    """Blank and saturated pixels of a frame. Of large images every n-th row is looked at: fractions need no more.

    Without a known saturation value, a pile-up at the maximum counts as saturated: honest histograms fall towards their
    maximum, so one shared by more pixels than the levels just below it is a ceiling. Images of few grey levels
    (counted electrons) repeat their maximum honestly and prove nothing.
    """
    rows = max(1, frame.shape[0] * frame.shape[1] // _ENOUGH_PX)
    pixels: NDArray[np.generic] = frame.pixels[::rows]
    top, bottom = float(np.max(pixels)), float(np.min(pixels))
    if top == bottom:
        return Pixels(blank=bool(np.max(frame.pixels) == np.min(frame.pixels)), saturated=0.0)
    if frame.saturation is not None:
        return Pixels(blank=False, saturated=float(np.mean(pixels >= frame.saturation)))  # type: ignore[operator]
    at_top = float(np.mean(pixels == top))
    below = float(np.mean((pixels >= top - _LEVELS * (top - bottom) / 256) & (pixels < top)))  # type: ignore[operator]
    piled = at_top > max(_PILE_UP * below, _RARE) and top - bottom > _FEW_COUNTS
    return Pixels(blank=False, saturated=at_top if piled else 0.0)


_ENOUGH_PX = 1_000_000
_LEVELS = 4  # the next grey levels below the maximum, of 256, that the maximum is compared with
_PILE_UP = 2.0  # the maximum of an honest histogram holds less than the levels just below it
_RARE = 1e-3  # a maximum held by fewer pixels than this is nobody's ceiling (hot pixels, spikes, the tail itself)
_FEW_COUNTS = 32.0  # below this many grey levels a repeated maximum is ordinary counting statistics
