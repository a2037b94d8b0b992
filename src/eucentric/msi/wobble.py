"""How a goniometer's wobble at one tilt resembles that at another. Pure."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def wobble_correlation(apart_rad: Array | float, length_rad: float) -> Array:
    """Correlation of the wobble over a difference of tilt: Matérn 5/2, of functions with two derivatives."""
    away = math.sqrt(5) * np.abs(apart_rad) / length_rad
    return np.asarray((1 + away + away**2 / 3) * np.exp(-away), dtype=np.float64)
