"""What a calibration procedure hands back: the quantity, whether it is good enough, and what shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eucentric.calibration.quantities import AnyQuantity
from eucentric.calibration.record import Level

__all__ = ["Array", "Evidence", "Level", "Outcome", "Progress", "Series", "silent"]

Array = NDArray[np.float64]
Progress = Callable[[str, float], None]
"""Told what is going on, and the fraction (0 to 1) that is done."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Measured points of one colour, and the line through them. One-dimensional, in the units of the axes' labels.

    `sigma` is 1σ of y (None: none known); `fit_x`, `fit_y` the fitted curve, empty where there is none.
    """

    label: str
    x: Array
    y: Array
    sigma: Array | None = None
    fit_x: Array | None = None
    fit_y: Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What one generic figure draws: labelled axes with units, and series of points with their fits."""

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """The result of one calibration procedure.

    `quantity` is None when it could not be told (the sentence says why); `sentence` says whether it is good enough and
    what to do if not. `dose_per_m2` is what the specimen got in all, `seconds` the microscope's time.
    """

    quantity: AnyQuantity | None
    good: Level
    sentence: str
    evidence: tuple[Evidence, ...]
    dose_per_m2: float
    seconds: float


def silent(_what: str, _fraction: float) -> None:
    """Progress that nobody listens to."""
