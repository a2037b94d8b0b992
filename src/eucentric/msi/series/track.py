"""How far the feature in the middle of one image of a tilt series has moved in another one. Pure.

At stage tilt α a specimen is foreshortened across the tilt axis by cos α: of two images the one that is tilted less is
compressed to the other's scale before they are registered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from eucentric.calibration.instrument import Calibration
from eucentric.correlation.register import register
from eucentric.correlation.shift import FixedPattern, Shift
from eucentric.errors import CalibrationError
from eucentric.focus.settings import Thresholds
from eucentric.images.frame import Frame
from eucentric.images.stretch import common_shape

Array = NDArray[np.float64]
Vector = tuple[float, float]

PIXEL_SIGMA = 0.01
"""1σ of a nominal pixel size, relative."""
FLOOR_PX = 0.1
"""1σ that a registration of images at different tilts has at least, pixels: they do not show quite the same."""


@dataclass(frozen=True, slots=True)
class View:
    """An image of the series: at `alpha_rad`, its tilt axis in direction `axis_rad` of the image (+x towards +y), taken
    with the image shift `shift_m` (across the tilt axis, along it)."""

    frame: Frame
    alpha_rad: float
    axis_rad: float
    shift_m: Vector


@dataclass(frozen=True, slots=True)
class Place:
    """Where the feature lies, (across, along) the tilt axis in metres as the column sees it, and 1σ of each."""

    at_m: Vector
    sigma_m: float


def axis_of(calibration: Calibration, preset: str) -> float:
    """The direction of the tilt axis in a preset's images. Raises CalibrationError where it is not known."""
    if calibration.stage_tilt_axis_rad is None:
        raise CalibrationError(
            f"The direction of the stage's tilt axis in images of preset '{preset}' is not known, and a tilt series "
            f"follows its feature across it. Run `eucentric calibrate alpha --preset {preset}`."
        )
    return calibration.stage_tilt_axis_rad


def in_image(at_m: Vector, axis_rad: float) -> Vector:
    """(across, along) the tilt axis told as (y, x) of the image. Across is a quarter turn further on than along."""
    across, along = at_m
    cos, sin = math.cos(axis_rad), math.sin(axis_rad)
    return (along * sin + across * cos, along * cos - across * sin)


def from_image(at: Vector, axis_rad: float) -> Vector:
    """(y, x) of the image told as (across, along) the tilt axis."""
    (y, x), cos, sin = at, math.cos(axis_rad), math.sin(axis_rad)
    return (y * cos - x * sin, y * sin + x * cos)


def found_again(reference: View, feature: Place, moving: View, *, workers: int = 2) -> Place | None:
    """Where the feature lies in `moving`, from where it lay in `reference`; None where the images don't tell it."""
    pixel_m = reference.frame.pixel_m
    assert pixel_m is not None
    first, second = _scales(reference.alpha_rad, moving.alpha_rad)
    one, two = (_squeezing(scale, view.axis_rad) for scale, view in ((first, reference), (second, moving)))
    shape = common_shape(reference.frame.shape, (one, two))
    shift = register(
        _through(reference.frame, one, shape), _through(moving.frame, two, shape), with_map=False, workers=workers
    )
    if not believed(shift):
        return None
    # From the middle of each image: in the common scale, and back in that of `moving`.
    off = tuple(a - b for a, b in zip(feature.at_m, reference.shift_m, strict=True))
    moved = from_image((shift.shift_px[0] * pixel_m, shift.shift_px[1] * pixel_m), moving.axis_rad)
    across, along = (off[0] / first + moved[0]) * second, off[1] + moved[1]
    noise = math.hypot(FLOOR_PX, *(shift.sigma_px or (FLOOR_PX, FLOOR_PX))) * pixel_m
    sigma = math.hypot(feature.sigma_m, noise, PIXEL_SIGMA * math.hypot(*moved))
    return Place((moving.shift_m[0] + across, moving.shift_m[1] + along), sigma)


def believed(shift: Shift, thresholds: Thresholds | None = None) -> bool:
    """Whether a registration is one of the specimen, and of this place of it."""
    limits = thresholds or Thresholds()
    sure = shift.runner_up is None or shift.runner_up.odds >= limits.odds_min
    seen = shift.false_lock_probability <= limits.false_lock_max and shift.overlap >= limits.overlap_min
    return sure and seen and shift.contrast_sign > 0 and shift.fixed_pattern is not FixedPattern.INDISTINGUISHABLE


def _scales(reference_rad: float, moving_rad: float) -> Vector:
    """By how much each image is larger across the tilt axis than the common scale, that of the one tilted more."""
    one, other = math.cos(reference_rad), math.cos(moving_rad)
    common = min(one, other)
    return one / common, other / common


def _squeezing(scale: float, axis_rad: float) -> Array:
    """(2, 2) matrix from the common scale's pixels to the image's (y, x), from the middle."""
    across = np.array([math.cos(axis_rad), -math.sin(axis_rad)])
    return np.asarray(np.eye(2) + (scale - 1) * np.outer(across, across), dtype=np.float64)


def _through(frame: Frame, matrix: Array, shape: tuple[int, int]) -> NDArray[np.float32]:
    """The image on the common scale's pixels."""
    offset = (np.array(frame.shape) - 1) / 2 - matrix @ ((np.array(shape) - 1) / 2)
    pixels = np.asarray(frame.pixels, np.float32)
    return np.asarray(ndimage.affine_transform(pixels, matrix, offset, output_shape=shape, order=3, mode="mirror"))
