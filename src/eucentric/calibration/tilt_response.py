"""Between the tilt that the instrument counts and the true tilt from the coma-free axis in image axes.

true = M·(c(t) − c(t₀)), c(t) = t·(1 + k·|t|²): t the instrument tilt, t₀ that of the coma-free axis, M the
calibration's tilt matrix, k its cubic term; vectors (y, x) in radians.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from eucentric.calibration.instrument import Calibration, Vector
from eucentric.errors import CalibrationError

_SINGULAR = 1e-6  # |det M| below which one direction of tilt is as good as missing; a calibrated M has |det| near 1
_ROUNDS = 30  # Newton doubles the digits each round; the first few may be slow where the cubic is large
_RESOLVED = 1e-15


def instrument_tilt(calibration: Calibration, tilt_rad: Vector) -> Vector:
    """What to set for a true tilt (y, x).

    Raises CalibrationError when the tilt matrix can't be inverted, or the cubic term lets no setting reach the tilt.
    """
    matrix = np.array(calibration.tilt_matrix)
    if abs(np.linalg.det(matrix)) < _SINGULAR:
        raise CalibrationError(
            f"The tilt calibration of {calibration.instrument} is singular: {calibration.tilt_matrix}. "
            "Calibrate the beam tilt again."
        )
    cubic = calibration.tilt_cubic_per_rad2
    wanted = np.linalg.solve(matrix, np.array(tilt_rad)) + _coils(np.array(calibration.coma_free_rad), cubic)
    size = float(np.hypot(*wanted))
    if size == 0.0:
        return (0.0, 0.0)
    y, x = wanted * (_amplitude(size, cubic, calibration.instrument) / size)
    return (float(y), float(x))


def true_tilt(calibration: Calibration, instrument_rad: Vector) -> Vector:
    """The true tilt (y, x) from the coma-free axis that an instrument tilt makes, as believed."""
    cubic = calibration.tilt_cubic_per_rad2
    centre = _coils(np.array(calibration.coma_free_rad), cubic)
    y, x = np.array(calibration.tilt_matrix) @ (_coils(np.array(instrument_rad), cubic) - centre)
    return (float(y), float(x))


def _coils(tilt: NDArray[np.float64], cubic: float) -> NDArray[np.float64]:
    """What the coils make of a setting: t·(1 + k·|t|²)."""
    return np.asarray(tilt * (1 + cubic * float(tilt @ tilt)))


def _amplitude(size: float, cubic: float, instrument: str) -> float:
    """The r with r(1 + k r²) = `size`, by Newton from r = size. For k < 0 it exists up to r² = −1/(3k) only."""
    if cubic < 0 and size > 2 / (3 * math.sqrt(-3 * cubic)):
        raise CalibrationError(
            f"A beam tilt of {size * 1e3:.1f} mrad is beyond what the calibrated coils of {instrument} reach "
            f"(cubic term {cubic:g} per rad²). Use a smaller tilt, or calibrate the beam tilt again."
        )
    r = size
    if cubic > 0:  # Newton on a convex function converges from above, where it stays
        r = min(size, (size / cubic) ** (1 / 3))
    for _ in range(_ROUNDS):
        step = (r * (1 + cubic * r * r) - size) / (1 + 3 * cubic * r * r)
        r -= step
        if abs(step) <= _RESOLVED * size:
            break
    return r
