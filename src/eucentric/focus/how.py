"""How a defocus is measured from images: what is believed of the optics, the correlation type, when to believe it."""

from __future__ import annotations

from dataclasses import dataclass, field

from eucentric.calibration.instrument import Uncertainty
from eucentric.correlation.shift import Method
from eucentric.focus.settings import Thresholds
from eucentric.optics.aberrations import Tilt
from eucentric.optics.column import Column


@dataclass(frozen=True, slots=True)
class How:
    """How to measure: what is believed of the optics, the correlation type, and when to believe the answer.

    `offset_m` is a lens defocus that was added for these images alone: the answer is told without it.
    `slope` (y, x) is how C1 grows across the image of a tilted specimen, metres per metre in image axes, `slope_sigma`
    the 1σ of each component (focus/tilted.py makes both of a stage's tilt). `fit_limit_px2` is the largest squared
    misfit of a shift across the tilt in unbinned px², `binning` that of the images.
    """

    column: Column
    uncertainty: Uncertainty = field(default_factory=Uncertainty)
    method: Method = Method.MATCHED
    thresholds: Thresholds = field(default_factory=Thresholds)
    range_m: float | None = None
    offset_m: float = 0.0
    workers: int = 2
    slope: Tilt = (0.0, 0.0)
    slope_sigma: float = 0.0
    fit_limit_px2: float | None = None
    binning: int = 1
