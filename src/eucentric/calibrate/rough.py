"""A first look at an unknown instrument: which way and how far a tilt moves the image, and where focus is.

Images are compared without a model of the optics: at small tilts the slope against defocus needs none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eucentric.calibrate.least_squares import Array
from eucentric.calibrate.shots import Moved, Shots, approach_defocus, step_up
from eucentric.calibration.instrument import Vector
from eucentric.calibration.quantities import Matrix
from eucentric.errors import NotMeasuredError

AXES: tuple[Vector, Vector] = ((0.0, 1.0), (1.0, 0.0))
"""Tilts along the instrument's x, then along its y, as (y, x)."""
_SWING = 0.15  # of the view: how much further a pair moves by the first change of defocus
_TILTS = (1.0, 0.5, 0.25)  # smaller ones reach further: a pair shares nothing beyond 0.9 of the view
_SKEWED = 4.0  # the two directions' responses differ by less on any instrument whose tilts are counted in rad


@dataclass(frozen=True, slots=True)
class Rough:
    """Response in pixels per rad and metre [[yy, yx], [xy, xx]], to some per cent, and the lens' defocus at focus."""

    matrix_px_per_rad_m: Matrix
    focus_m: float


def rough_response(shots: Shots, tilt_rad: float, *, nominal: float | None = None) -> Rough:
    """The response about instrument tilt 0 from three defoci around the present one; smaller tilts where needed.

    Raises NotMeasuredError when no tilt shows it: too far from focus, or nothing to see.
    """
    start = shots.microscope.defocus_m()
    nominal = nominal or 1 / shots.pixel_m
    failed: NotMeasuredError | None = None
    for factor in _TILTS:
        tilt = tilt_rad * factor
        swing = _SWING * shots.field_m / (2 * tilt * nominal * shots.pixel_m)
        try:
            return _fitted(_pairs(shots, tilt, start, swing), start, tilt)
        except NotMeasuredError as error:
            failed = error
    assert failed is not None
    raise failed


def pair_along(shots: Shots, axis: Vector, tilt_rad: float, *, backwards: bool = False) -> list[Moved]:
    """One pair at ∓`tilt_rad` along `axis` about the believed coma-free axis, empty when refused.

    `backwards` takes the + first: the shift is then told from + to −.
    """
    y0, x0 = shots.calibration.coma_free_rad
    low, high = ((y0 + s * tilt_rad * axis[0], x0 + s * tilt_rad * axis[1]) for s in (-1, 1))
    first, second = (high, low) if backwards else (low, high)
    one, two = shots.take(first), shots.take(second)
    moved = shots.try_between(one, two)
    return [] if moved is None else [moved]


def _pairs(shots: Shots, tilt_rad: float, start_m: float, swing_m: float) -> list[list[Moved]]:
    """Pairs along x and y at three defoci, upwards."""
    approach_defocus(shots.microscope, start_m - swing_m, range_m=2 * swing_m)
    seen: list[list[Moved]] = [[], []]
    for step in (-1, 0, 1):
        step_up(shots.microscope, start_m + step * swing_m)
        for number, axis in enumerate(AXES):
            seen[number].extend(pair_along(shots, axis, tilt_rad))
    return seen


def _fitted(seen: list[list[Moved]], start_m: float, tilt_rad: float) -> Rough:
    """A line through each direction's shifts; focus is where both lines come nearest to zero."""
    slopes, intercepts = np.zeros((2, 2)), np.zeros((2, 2))  # [direction, (y, x)]
    for number, pairs in enumerate(seen):
        at = np.array([m.first.defocus_m - start_m for m in pairs])
        if np.unique(at).size < 2:
            raise NotMeasuredError(
                f"Tilting the beam by ±{tilt_rad * 1e3:.1f} mrad along {'xy'[number]} did not show how the image "
                f"moves: {3 - len(pairs)} of 3 pairs could not be compared. Go nearer to focus or to a lower "
                "magnification, and to a place with contrast."
            )
        shifts: Array = np.array([m.shift_px for m in pairs])
        slopes[number], intercepts[number] = np.polyfit(at, shifts, 1)
    focus = start_m - float(np.sum(slopes * intercepts) / np.sum(slopes**2))
    matrix = np.stack([slopes[1], slopes[0]], axis=1) / (2 * tilt_rad)  # columns: tilt along y, along x
    if np.linalg.cond(matrix) > _SKEWED:
        raise NotMeasuredError(
            "Tilts along x and y move the image by very different amounts or in the same direction: one of the shifts "
            "is wrong, or a tilt coil is not connected. Move to another place; if it stays, check the beam tilt."
        )
    (yy, yx), (xy, xx) = matrix.tolist()
    return Rough(((yy, yx), (xy, xx)), focus)
