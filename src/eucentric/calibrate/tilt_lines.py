"""What the tilt calibration tried out at three known defoci means: lines of the pre-flight."""

from __future__ import annotations

import math

from eucentric.calibrate.known_defoci import Tried
from eucentric.calibrate.report import Line, graded
from eucentric.calibration.record import Level
from eucentric.calibration.words import with_sigma
from eucentric.units import minus

_RATIO = (0.03, 0.1)
"""SerialEM's users want a ratio above 0.9; one correction leaves |1 − ratio| of the error, so 3 % is 0.6 µm of 20."""
_TURN_RAD = (math.radians(0.5), math.radians(3.0))
_SETTLING = (0.01, 0.03)
_A1_M = (40e-9, 150e-9)
_SIGMAS = 3.0
"""A deviation within so many of its own σ is not one."""


def tilt_lines(tried: Tried, preset: str) -> list[Line]:
    """Ratio, direction, settling, astigmatism."""
    return [_ratio(tried, preset), _turn(tried, preset), *_settling(tried), _astigmatism(tried)]


def _ratio(tried: Tried, preset: str) -> Line:
    off = tried.ratio - 1
    sure = abs(off) > _SIGMAS * tried.ratio_sigma
    level = graded(off, *_RATIO) if sure else graded(tried.ratio_sigma, *_RATIO)
    value = with_sigma(tried.ratio, tried.ratio_sigma, "measured ÷ actual").strip()
    if level is Level.GREEN:
        said = "Beam tilt measures defocus as the lens counts it."
    elif not sure:
        said = "The ratio is too uncertain to judge. Go to a place with more contrast, or expose longer."
    else:
        said = (
            f"Beam tilt measures {tried.ratio:.0%} of a known change of defocus: the calibration of beam tilt × focus "
            f"scale ÷ pixel size is off. Run: eucentric calibrate tilt --preset {preset}"
        )
    return Line("ratio", level, value, said, tried.ratio, tried.ratio_sigma)


def _turn(tried: Tried, preset: str) -> Line:
    sure = abs(tried.turn_rad) > _SIGMAS * tried.turn_sigma_rad
    level = graded(tried.turn_rad, *_TURN_RAD) if sure else graded(tried.turn_sigma_rad, *_TURN_RAD)
    value = minus(with_sigma(tried.turn_rad, tried.turn_sigma_rad, "°", 180 / math.pi))
    said = "The beam tilts in the direction that is believed."
    if level is not Level.GREEN:
        said = (
            f"The beam tilts {math.degrees(abs(tried.turn_rad)):.1f}° beside the direction that is believed. "
            f"Run: eucentric calibrate tilt --preset {preset}"
        )
    return Line("tilt rotation", level, value, said, tried.turn_rad, tried.turn_sigma_rad)


def _settling(tried: Tried) -> list[Line]:
    if tried.fast is None:
        return []
    missing = 1 - tried.fast
    sure = abs(missing) > _SIGMAS * tried.fast_sigma
    level = graded(missing, *_SETTLING) if sure else Level.GREEN
    value = minus(with_sigma(missing, tried.fast_sigma, "% missing", 100))
    said = "The beam has settled when the image begins."
    if level is not Level.GREEN:
        said = (
            f"{abs(missing):.1%} of a beam tilt is still missing when the image begins: raise the beam tilt "
            f"settle time. "
            "How long it takes: eucentric calibrate settling"
        )
    return [Line("tilt settling", level, value, said, missing, tried.fast_sigma)]


def _astigmatism(tried: Tried) -> Line:
    size = math.hypot(*tried.a1_m)
    level = graded(size, *_A1_M) if size > _SIGMAS * tried.a1_sigma_m else Level.GREEN
    value = with_sigma(size, tried.a1_sigma_m, "nm", 1e9)
    said = "Astigmatism is small."
    if level is not Level.GREEN:
        said = (
            "Along one axis astigmatism is taken for defocus. Correct the objective stigmator, or measure with a "
            "pattern of "
            "two directions (cross)."
        )
    return Line("astigmatism", level, value, said, size, tried.a1_sigma_m)
