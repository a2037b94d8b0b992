"""How fast the specimen moves: just after a stage move, and some time later."""

from __future__ import annotations

import numpy as np

from eucentric.calibrate.report import Line, graded, worst
from eucentric.calibrate.shots import Shots, approach_z
from eucentric.calibration.record import Level
from eucentric.focus.settings import FocusStep
from eucentric.units import show_length

_LATER_S = 30.0
_GAP_S = 2.0
THRESHOLD_M_PER_S = float(FocusStep.model_fields["drift_threshold_m_per_s"].default)
"""Focus' own: where it checks the drift it waits until the specimen is slower (Leginon's 3 Å/s)."""
_JUST_M_PER_S = (THRESHOLD_M_PER_S, 5e-9)
_LATER_M_PER_S = (THRESHOLD_M_PER_S, 1.0e-9)
"""Half a minute after a move nobody waits on: SerialEM's 1 nm/s."""


def drift_line(shots: Shots, tilt_rad: float) -> Line:
    """Drift a few seconds after a move of stage Z, and half a minute later. Z is approached from below, and stays.

    Raises NotMeasuredError, InstrumentError.
    """
    scope = shots.microscope
    if scope.capabilities.stage_z:
        approach_z(scope, scope.stage().z_m)
    just, _ = drift_speed(shots, tilt_rad)
    scope.wait(_LATER_S)
    later, sigma = drift_speed(shots, tilt_rad)
    return judged_drift(just, later, sigma)


def judged_drift(just_m_per_s: float, later_m_per_s: float, sigma_m_per_s: float) -> Line:
    """What drift just after a move and half a minute later means; `sigma` is that of the later one."""
    just, later, limit = (f"{v * 1e9:.2f} nm/s" for v in (just_m_per_s, later_m_per_s, THRESHOLD_M_PER_S))
    level = worst(graded(just_m_per_s, *_JUST_M_PER_S), graded(later_m_per_s, *_LATER_M_PER_S))
    if level is Level.GREEN:
        said = f"The specimen is slower than {limit}, for which focus waits."
    elif later_m_per_s <= THRESHOLD_M_PER_S:
        said = (
            f"After a stage move focus will wait until the specimen is slower than {limit}: keep the drift check on, "
            f"or wait {_LATER_S:g} s after moves."
        )
    else:
        said = (
            f"The specimen moves by {show_length(later_m_per_s)} each second, and focus will wait until it is slower "
            f"than {limit}, or refuse. Wait until it is still (a new grid takes minutes to hours), check the cooling, "
            "and measure with patterns that cancel drift (quad)."
        )
    value = f"{just} just after a stage move, {later} {_LATER_S:g} s later"
    return Line("drift", level, value, said, later_m_per_s, sigma_m_per_s)


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
