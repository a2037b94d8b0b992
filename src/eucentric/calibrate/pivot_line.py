"""Whether the light stays on the view when the beam tilts, where the edge of the beam itself is not seen."""

from __future__ import annotations

import math

import numpy as np

from eucentric.calibrate.report import Line
from eucentric.calibrate.shots import Shots
from eucentric.calibration.instrument import Vector
from eucentric.calibration.record import Level

_TILTS_RAD = (5e-3, 7.5e-3, 10e-3, 15e-3)
_DIRECTIONS: tuple[Vector, ...] = ((0.0, 1.0), (0.0, -1.0), (1.0, 0.0), (-1.0, 0.0))
_GONE = 0.7
_PARTLY = (0.05, 0.95)
_HALVINGS = 5
_USED_RAD = 10e-3
"""Tilts up to this are used: by focusing twice over, by the calibration of the axis."""


def light_line(shots: Shots) -> Line:
    """Tilt further and further, in four directions, until the light leaves the view. The beam tilt is left there.

    Between where it is there and where it is gone the beam's edge crosses the view when the lit area moves (pivot); an
    aperture takes the whole beam away at once.
    """
    centre = shots.calibration.coma_free_rad
    full = _light(shots, centre)
    reach = shots.microscope.limits.tilt_max_rad - math.hypot(*centre)
    before = 0.0
    for tilt in (t for t in _TILTS_RAD if t <= reach):
        for direction in _DIRECTIONS:
            left = _light(shots, _at(centre, direction, tilt)) / full
            if left < _GONE:
                partly = _PARTLY[0] < left or _edge_between(shots, full, direction, (before, tilt))
                return _gone(tilt, left, partly)
        before = tilt
    value = f"all light stays at tilts up to {before * 1e3:g} mrad"
    return Line("pivot", Level.GREEN, value, "The beam's edge is not in view, and stays out of it.")


def _gone(tilt: float, left: float, partly: bool) -> Line:
    level = Level.RED if tilt <= _USED_RAD else Level.AMBER
    value = f"{left:.0%} of the light is left at a tilt of {tilt * 1e3:g} mrad"
    if partly:
        said = (
            "The lit area moves off the view when the beam tilts. Align the beam tilt pivot points (in x and y), or "
            "spread the beam."
        )
        return Line("pivot", level, value, said, tilt)
    return Line(
        "aperture",
        level,
        value,
        "The objective aperture cuts the tilted beam off. Centre it, or take a larger one.",
        tilt,
    )


def _edge_between(shots: Shots, full: float, direction: Vector, tilts: tuple[float, float]) -> bool:
    """Whether some tilt between a lit and a dark one shows a part of the light."""
    centre = shots.calibration.coma_free_rad
    low, high = tilts
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        left = _light(shots, _at(centre, direction, middle)) / full
        if _PARTLY[0] < left < _PARTLY[1]:
            return True
        low, high = (middle, high) if left >= _PARTLY[1] else (low, middle)
    return False


def _light(shots: Shots, tilt: Vector) -> float:
    return float(np.mean(np.asarray(shots.take(tilt).frame.pixels, np.float64)))


def _at(centre: Vector, direction: Vector, tilt: float) -> Vector:
    return (centre[0] + tilt * direction[0], centre[1] + tilt * direction[1])
