"""How fast the specimen moves: just after a stage move, and some time later."""

from __future__ import annotations

import numpy as np

from eucentric.calibrate.report import Line, graded, worst
from eucentric.calibrate.shots import Shots, approach_z
from eucentric.calibration.record import Level
from eucentric.units import show_length

_LATER_S = 30.0
_GAP_S = 2.0
_JUST_M_PER_S = (1.0e-9, 5e-9)
_LATER_M_PER_S = (0.3e-9, 1.0e-9)
"""Leginon waits for 3 Å/s, SerialEM for 1 nm/s."""


def drift_line(shots: Shots, tilt_rad: float) -> Line:
    """Drift a few seconds after a move of stage Z, and half a minute later. Z is approached from below, and stays.

    Raises NotMeasuredError, InstrumentError.
    """
    scope = shots.microscope
    if scope.capabilities.stage_z:
        approach_z(scope, scope.stage().z_m)
    just, sigma = drift_speed(shots, tilt_rad)
    scope.wait(_LATER_S)
    later, _ = drift_speed(shots, tilt_rad)
    level = worst(graded(just, *_JUST_M_PER_S), graded(later, *_LATER_M_PER_S))
    value = f"{just * 1e9:.2f} nm/s just after a stage move, {later * 1e9:.2f} nm/s {_LATER_S:g} s later"
    if level is Level.GREEN:
        return Line("drift", level, value, "The specimen is still enough.", later, sigma)
    if graded(later, *_LATER_M_PER_S) is Level.GREEN:
        said = "The specimen drifts after a stage move: switch the drift check on, or wait half a minute after moves."
    else:
        said = (
            f"The specimen moves by {show_length(later)} each second. Wait until it is still (a new grid takes "
            f"minutes to "
            "hours), check the cooling, and measure with patterns that cancel drift (quad)."
        )
    return Line("drift", level, value, said, later, sigma)


def drift_speed(shots: Shots, tilt_rad: float) -> tuple[float, float]:
    """Speed (m/s) and its 1σ: tilts −, +, +, −, so that the focus in both pairs is the same and drift is not.

    The first pair moves by d + v·Δt₁, the second, told from its − to its +, by d − v·Δt₂.
    """
    y, x = shots.calibration.coma_free_rad
    low, high = (y, x - tilt_rad), (y, x + tilt_rad)
    taken = []
    for number, tilt in enumerate((low, high, high, low)):
        if number in (1, 3):
            shots.microscope.wait(_GAP_S)
        taken.append(shots.take(tilt))
    one, two = shots.between(taken[0], taken[1]), shots.between(taken[3], taken[2])
    seconds = one.seconds - two.seconds  # the second pair is told backwards in time
    speed = float(np.hypot(*(one.vector - two.vector))) * shots.pixel_m / seconds
    variance = float(np.trace(one.covariance_px2) + np.trace(two.covariance_px2)) / 2
    return speed, float(np.sqrt(variance)) * shots.pixel_m / seconds
