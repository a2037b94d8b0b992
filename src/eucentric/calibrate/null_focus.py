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

    The lens is approached from below, and left above focus. Raises NotMeasuredError, LimitError.
    """
    scope, calibration = shots.microscope, shots.calibration
    half = half_range(shots.pixel_m, tilt_rad)
    low = scope.defocus_m()
    sure = calibration.uncertainty
    approach_defocus(scope, low, range_m=2 * half)
    below = read_c1(shots, tilt_rad, Order.CROSS, a1_sigma_m=max(sure.a1_m, 50e-9))
    step_up(scope, low + 2 * half)
    above = read_c1(shots, tilt_rad, Order.CROSS, a1_sigma_m=max(sure.a1_m, 50e-9))
    slope = (above.c1_m - below.c1_m) / (above.defocus_m - below.defocus_m)
    if not 0.5 < slope < 2:
        raise NotMeasuredError(
            f"A lens step of {2e6 * half:.1f} µm changed C1 by {slope:.2f} of itself. Calibrate the beam tilt of "
            f"preset '{scope.preset().name}' first: eucentric calibrate tilt --preset {scope.preset().name}"
        )
    share = -below.c1_m / (above.c1_m - below.c1_m)
    at = below.defocus_m + share * (above.defocus_m - below.defocus_m)
    noise = math.hypot((1 - share) * below.sigma_m, share * above.sigma_m) / slope
    c3 = abs(calibration.column.c3_m)
    # A misaligned axis adds 2·C3·|β0|², a wrong scale of the tilts 2·δ·C3·β²: DESIGN.md section 2.
    optics = math.hypot(4 * c3 * sure.axis_rad**2, 2 * sure.tilt_scale * c3 * tilt_rad**2)
    return Null(at, math.hypot(noise, optics, _FAR_PER_M * half**2), below, above)
