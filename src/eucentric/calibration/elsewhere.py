"""What a calibration is worth at another lens setting than that at which it was measured, and on another day.

The optics change with the lens: tilt scale by 1 %, rotation by 1° and the coma-free axis by 0.3 mrad per 100 µm of
excursion, as DESIGN.md section 2 has them for objective lenses. Calibrations are told where they were measured, at the
specimen's focus, and used where focus is then: within the distance from defocus zero, as far as anybody knows.
"""

from __future__ import annotations

import math
from dataclasses import replace

from eucentric.calibration.instrument import Uncertainty

SCALE_PER_M = 100.0
TURN_RAD_PER_M = math.radians(1.0) / 100e-6
AXIS_RAD_PER_M = 3.0

KEPT_SCALE, KEPT_TURN_RAD, KEPT_AXIS_RAD, KEPT_A1_M = 3e-4, 1e-4, 3e-6, 0.5e-9
"""1σ of what lenses and power supplies keep: nothing is known better than it comes back."""

_HARMLESS_M = 1e-9
"""What an axis that nobody aligned may bias focus by, and Cs still be called too small to need it."""


def needs_axis(c3_m: float, off_rad: float) -> bool:
    """Whether an axis that is off by `off_rad` biases focus by more than a nanometre, 3·C3·ω²."""
    return 3 * abs(c3_m) * off_rad**2 > _HARMLESS_M


def scale_sigma(measured: float, away_m: float) -> float:
    """1σ of a relative scale, used up to `away_m` from where it was measured."""
    return math.hypot(measured, KEPT_SCALE, SCALE_PER_M * away_m)


def turn_sigma(measured_rad: float, away_m: float) -> float:
    """1σ of a direction in rad."""
    return math.hypot(measured_rad, KEPT_TURN_RAD, TURN_RAD_PER_M * away_m)


def axis_sigma(measured_rad: float, away_m: float) -> float:
    """1σ of a coma-free axis or rotation centre in rad, per component."""
    return math.hypot(measured_rad, KEPT_AXIS_RAD, AXIS_RAD_PER_M * away_m)


def away_from(sure: Uncertainty, excursion_m: float) -> Uncertainty:
    """What is left of a calibration with the lens `excursion_m` away from eucentric focus, where it was made."""
    away = abs(excursion_m)
    return replace(
        sure,
        tilt_scale=math.hypot(sure.tilt_scale, SCALE_PER_M * away),
        tilt_rotation_rad=math.hypot(sure.tilt_rotation_rad, TURN_RAD_PER_M * away),
        axis_rad=math.hypot(sure.axis_rad, AXIS_RAD_PER_M * away),
    )
