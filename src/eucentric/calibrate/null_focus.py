"""The lens setting at which C1 = 0, read from both sides of it: it does not depend on the scale of the tilts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from eucentric.calibrate.reading import Order, Reading, read_c1
from eucentric.calibrate.shots import Shots, approach_defocus, step_up
from eucentric.errors import NotMeasuredError

LEAST_HALF_M = 1e-6
"""Nearer to focus a thin specimen shows little, and the camera's own pattern lies where the shift is."""
SEEN_PX = 24.0
"""The images of a reading are this far apart: beyond the pattern's peak and the specimen's own."""

_FOLLOWS = 0.05
"""C1 must follow the lens' step within this, beyond 5 σ of the scales: else a shift was no shift of the specimen."""
_FARTHER = 1.7
_LEAST_A1_M = 50e-9  # prior of each component of A1 at the least: the two directions of tilt tell it
_FAR_PER_M = 100.0
"""Relative change of the tilts' scale per metre of lens excursion to reckon with: the two sides differ by it."""


@dataclass(frozen=True, slots=True)
class Null:
    """The commanded defocus (m) at which C1 = 0, its 1σ (noise, A1, axis and Cs), and the readings to either side."""

    defocus_m: float
    sigma_m: float
    below: Reading
    above: Reading


def half_range(pixel_m: float, tilt_rad: float) -> float:
    """How far from focus to read at this pixel size: at least 1 µm, and so far that the shift is 24 pixels."""
    return max(LEAST_HALF_M, SEEN_PX * pixel_m / (2 * tilt_rad))


def find_null(shots: Shots, tilt_rad: float) -> Null:
    """From a lens setting some `half_range` below focus, where the lens stands: read there and as far above.

    Farther away where the images tell nothing so near. The lens is approached from below, and left above focus.
    Raises NotMeasuredError, LimitError.
    """
    half = half_range(shots.pixel_m, tilt_rad)
    focus = shots.microscope.defocus_m() + half
    try:
        return _between_sides(shots, tilt_rad, focus, half)
    except NotMeasuredError:
        return _between_sides(shots, tilt_rad, focus, _FARTHER * half)


def _between_sides(shots: Shots, tilt_rad: float, focus_m: float, half_m: float) -> Null:
    scope, sure = shots.microscope, shots.calibration.uncertainty
    a1_sigma = max(sure.a1_m, _LEAST_A1_M)
    approach_defocus(scope, focus_m - half_m, range_m=2 * half_m)
    below = read_c1(shots, tilt_rad, Order.CROSS, a1_sigma_m=a1_sigma)
    step_up(scope, focus_m + half_m)
    above = read_c1(shots, tilt_rad, Order.CROSS, a1_sigma_m=a1_sigma)
    slope = (above.c1_m - below.c1_m) / (above.defocus_m - below.defocus_m)
    if abs(slope - 1) > _FOLLOWS + 5 * math.hypot(sure.tilt_scale, sure.focus_scale):
        raise NotMeasuredError(
            f"A lens step of {2e6 * half_m:.1f} µm changed C1 by {slope:.2f} of itself. Measure again on carbon film, "
            f"or calibrate the beam tilt first: eucentric calibrate tilt --preset {scope.preset().name}"
        )
    share = -below.c1_m / (above.c1_m - below.c1_m)
    at = below.defocus_m + share * (above.defocus_m - below.defocus_m)
    noise = math.hypot((1 - share) * below.sigma_m, share * above.sigma_m) / slope
    c3 = abs(shots.calibration.column.c3_m)
    # A misaligned axis adds 2·C3·|β0|², a wrong scale of the tilts 2·δ·C3·β²: DESIGN.md section 2.
    optics = math.hypot(4 * c3 * sure.axis_rad**2, 2 * sure.tilt_scale * c3 * tilt_rad**2)
    return Null(at, math.hypot(noise, optics, _FAR_PER_M * half_m**2), below, above)
