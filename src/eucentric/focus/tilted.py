"""A tilted specimen: how its defocus grows across the image, how well that is known, and what it puts on the answer."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from eucentric.calibration.instrument import Calibration, Uncertainty
from eucentric.correlation.shift import Shift
from eucentric.errors import CalibrationError
from eucentric.focus.measurement import Measurement, with_error
from eucentric.optics.aberrations import Tilt
from eucentric.optics.stretch import stage_slope

_LITTLE_RAD = 0.02
"""Below this stage tilt (1.1°) the specimen counts as untilted: its film is no flatter than that."""


@dataclass(frozen=True, slots=True)
class Slope:
    """How C1 grows across the image (y, x), metres per metre in image axes, and the 1σ of each component."""

    per_m: Tilt = (0.0, 0.0)
    sigma: float = 0.0


FLAT = Slope()
"""A specimen that is not tilted."""


def stage_tilt_slope(alpha_rad: float, axis_rad: float, sure: Uncertainty) -> Slope:
    """The slope on a stage tilted by `alpha_rad` about an axis in direction `axis_rad` of the image (+x towards +y).

    An axis wrong by δ turns the slope: tan α·δ. A film that lies on the stage at an angle ε adds d(tan α) = ε/cos² α.
    """
    of_film = sure.film_tilt_rad / math.cos(alpha_rad) ** 2
    return Slope(stage_slope(alpha_rad, axis_rad), math.hypot(math.tan(alpha_rad) * sure.stage_tilt_axis_rad, of_film))


def slope_at(alpha_rad: float, calibration: Calibration) -> Slope:
    """The slope that a calibration expects at stage tilt `alpha_rad`; none for a stage that is hardly tilted.

    Raises CalibrationError on a tilted stage whose axis in the image is not known.
    """
    if abs(alpha_rad) < _LITTLE_RAD:
        return FLAT
    if calibration.stage_tilt_axis_rad is None:
        raise CalibrationError(
            f"The stage is tilted by {math.degrees(alpha_rad):.1f}°, and the direction of its tilt axis in the image "
            "is not known. Run `eucentric calibrate alpha`, or tilt the stage back."
        )
    return stage_tilt_slope(alpha_rad, calibration.stage_tilt_axis_rad, calibration.uncertainty)


def with_slope_error(
    measured: Measurement, shifts: tuple[Shift, ...], pixel_m: float, slope_sigma: float
) -> Measurement:
    """The measurement with what an error of the slope puts on the C1 of the image's centre.

    The shift is that of the place p where the images agree on average: a slope wrong by δ makes δ·p of C1. For images
    that are alike all over, p is their middle and nothing is left; where the light, the overlap or the texture is on
    one side, it is not.
    """
    if slope_sigma == 0.0:
        return measured
    place = np.mean([shift.centroid_px for shift in shifts], axis=0)
    return with_error(measured, "specimen tilt", slope_sigma * float(np.hypot(*place)) * pixel_m)
