"""Between the tilt that the instrument counts and the true tilt from the coma-free axis in image axes.

true = M·(instrument − coma-free axis), vectors (y, x) in radians, M the calibration's tilt matrix.
"""

from __future__ import annotations

import numpy as np

from eucentric.calibration.instrument import Calibration, Vector
from eucentric.errors import CalibrationError

_SINGULAR = 1e-6  # |det M| below which one direction of tilt is as good as missing; a calibrated M has |det| near 1


def instrument_tilt(calibration: Calibration, tilt_rad: Vector) -> Vector:
    """What to set for a true tilt (y, x). Raises CalibrationError when the tilt matrix can't be inverted."""
    matrix = np.array(calibration.tilt_matrix)
    if abs(np.linalg.det(matrix)) < _SINGULAR:
        raise CalibrationError(
            f"The tilt calibration of {calibration.instrument} is singular: {calibration.tilt_matrix}. "
            "Calibrate the beam tilt again."
        )
    y, x = np.linalg.solve(matrix, np.array(tilt_rad)) + np.array(calibration.coma_free_rad)
    return (float(y), float(x))


def true_tilt(calibration: Calibration, instrument_rad: Vector) -> Vector:
    """The true tilt (y, x) from the coma-free axis that an instrument tilt makes, as believed."""
    y, x = np.array(calibration.tilt_matrix) @ (np.array(instrument_rad) - np.array(calibration.coma_free_rad))
    return (float(y), float(x))
