"""What a quantity measured in a pre-flight says beside what is believed: one line each. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from eucentric.calibrate.report import Line, graded
from eucentric.calibration.believed import AXIS_UNKNOWN_RAD
from eucentric.calibration.commands import command_for
from eucentric.calibration.elsewhere import needs_axis
from eucentric.calibration.instrument import Calibration
from eucentric.calibration.quantities import (
    AnyQuantity,
    ComaFreeAxis,
    HeightResponse,
    LensHysteresis,
    Parfocality,
    PivotPoint,
    RotationCentre,
    StageBacklash,
)
from eucentric.calibration.record import Level
from eucentric.calibration.words import with_sigma
from eucentric.units import minus, show_length

_AXIS_RAD = (0.5e-3, 1.0e-3)
_UNTOLD_AXIS_RAD = 1e-3
"""An axis told no better than this is not told."""
_CENTRE_RAD = (2e-3, 8e-3)
_PIVOT_M_PER_RAD = (40e-6, 150e-6)
_LEFT_BEHIND = (0.01, 0.05)
_PARFOCAL_M = (2e-6, 20e-6)
_HEIGHT = (0.015, 0.1)
_BACKLASH_M = (0.5e-6, 2e-6)
_SIGMAS = 3.0
_UNSURE = "Too uncertain to judge: measure again at a place with more contrast, with longer exposures, after the drift."

KEYS: Mapping[str, str] = {
    "pivot point": "pivot",
    "coma-free axis": "coma-free axis",
    "rotation centre": "rotation centre",
    "lens hysteresis": "hysteresis",
    "parfocality": "parfocality",
    "stage Z": "stage Z",
    "stage backlash": "backlash",
}
"""Kind of quantity → name of its line, in the order of a pre-flight."""


def judged(quantity: AnyQuantity, believed: Calibration, stored: AnyQuantity | None, preset: str) -> Line:
    """The line of a quantity; `stored` is what its calibration said, None where there is none."""
    return _JUDGES[quantity.kind](quantity, believed, stored, preset)


def _axis(found: ComaFreeAxis, believed: Calibration, _stored: AnyQuantity | None, preset: str) -> Line:
    off = math.dist(found.tilt_rad, believed.coma_free_rad)
    value = f"{with_sigma(off, found.tilt_sigma_rad, 'mrad', 1e3)} beside the believed one"
    if found.tilt_sigma_rad >= _UNTOLD_AXIS_RAD and not needs_axis(believed.column.c3_m, AXIS_UNKNOWN_RAD):
        coma = math.hypot(*found.b2_m)
        value = f"B2 is {with_sigma(coma, found.b2_sigma_m, 'nm', 1e9)}"
        said = "Cs is too small to tell the axis, and to need it."
        return Line("coma-free axis", Level.GREEN, value, said, coma, found.b2_sigma_m)
    level = _sure(off, found.tilt_sigma_rad, _AXIS_RAD)
    bias = 3 * abs(believed.column.c3_m) * off**2
    said = "The tilts are symmetric about the coma-free axis."
    if level is not Level.GREEN and _unsure(off, found.tilt_sigma_rad):
        said = _UNSURE
    elif level is not Level.GREEN:
        said = (
            f"The believed coma-free axis is off by {off * 1e3:.1f} mrad: that biases focus by up to "
            f"{show_length(bias)} and makes images of opposite tilts unlike. Run: {command_for(found.kind, preset)}"
        )
    return Line("coma-free axis", level, value, said, off, found.tilt_sigma_rad)


def _centre(found: RotationCentre, believed: Calibration, _stored: AnyQuantity | None, _preset: str) -> Line:
    off = math.dist(found.tilt_rad, believed.coma_free_rad)
    level = _sure(off, found.tilt_sigma_rad, _CENTRE_RAD)
    value = f"{with_sigma(off, found.tilt_sigma_rad, 'mrad', 1e3)} from the coma-free axis"
    said = "A change of focus hardly moves the image."
    if level is not Level.GREEN and _unsure(off, found.tilt_sigma_rad):
        said = _UNSURE
    elif level is not Level.GREEN:
        said = (
            f"The rotation centre is misaligned: a change of focus of 1 µm moves the image by {off * 1e3:.1f} nm. "
            f"Align "
            "the rotation centre, then calibrate the coma-free axis."
        )
    return Line("rotation centre", level, value, said, off, found.tilt_sigma_rad)


def _pivot(found: PivotPoint, _believed: Calibration, _stored: AnyQuantity | None, _preset: str) -> Line:
    size = float(np.linalg.norm(np.asarray(found.matrix_m_per_rad), 2))
    level = _sure(size, found.sigma_m_per_rad, _PIVOT_M_PER_RAD)
    value = with_sigma(size, found.sigma_m_per_rad, "nm per mrad", 1e6)
    said = "The lit area stays in place when the beam tilts."
    if level is not Level.GREEN and _unsure(size, found.sigma_m_per_rad):
        said = _UNSURE
    elif level is not Level.GREEN:
        said = (
            f"The lit area moves by {show_length(size * 10e-3)} when the beam tilts by 10 mrad. Align the beam "
            f"tilt pivot "
            "points (in x and y), or spread the beam."
        )
    return Line("pivot", level, value, said, size, found.sigma_m_per_rad)


def _hysteresis(found: LensHysteresis, _believed: Calibration, _stored: AnyQuantity | None, _preset: str) -> Line:
    part = abs(found.width_m) / (2 * found.excursion_m)
    level = _sure(part, found.width_sigma_m / (2 * found.excursion_m), _LEFT_BEHIND)
    value = minus(f"{with_sigma(found.width_m, found.width_sigma_m, 'nm', 1e9)} after ±{found.excursion_m * 1e6:g} µm")
    said = "The lens arrives nearly alike from either side."
    if level is not Level.GREEN and _unsure(part, found.width_sigma_m / (2 * found.excursion_m)):
        said = _UNSURE
    elif level is not Level.GREEN:
        said = (
            f"The lens leaves {part:.1%} of an excursion behind (hysteresis). Approach focus from one side "
            "(focus_approach), normalise the lenses, and keep excursions small."
        )
    return Line("hysteresis", level, value, said, found.width_m, found.width_sigma_m)


def _parfocal(found: Parfocality, _believed: Calibration, stored: AnyQuantity | None, preset: str) -> Line:
    before = stored.difference_m if isinstance(stored, Parfocality) else 0.0
    off = found.difference_m - before
    level = _sure(off, found.difference_sigma_m, _PARFOCAL_M)
    against = f"calibrated was {show_length(before)}" if isinstance(stored, Parfocality) else "never calibrated"
    value = f"{with_sigma(found.difference_m, found.difference_sigma_m, 'µm', 1e6)} ({against})"
    said = f"Presets {preset} and {found.reference} focus alike."
    if level is not Level.GREEN and _unsure(off, found.difference_sigma_m):
        said = _UNSURE
    elif level is not Level.GREEN:
        said = (
            f"Presets {preset} and {found.reference} are not parfocal by {show_length(off)}: what is in focus in "
            f"one is "
            f"not in the other. Run: {command_for(found.kind, preset)}"
        )
    return Line("parfocality", level, minus(value), said, found.difference_m, found.difference_sigma_m)


def _height(found: HeightResponse, believed: Calibration, _stored: AnyQuantity | None, preset: str) -> Line:
    ratio = found.c1_per_z / believed.height_per_z
    sigma = abs(found.c1_per_z_sigma / believed.height_per_z)
    level = _sure(ratio - 1, sigma, _HEIGHT)
    value = f"{with_sigma(ratio, sigma, 'moved ÷ asked').strip()}"
    said = "The stage's Z moves as far as is believed."
    if level is not Level.GREEN and _unsure(ratio - 1, sigma):
        said = _UNSURE
    elif level is not Level.GREEN:
        said = f"Stage Z moves focus by {ratio:.1%} of what is believed. Run: {command_for(found.kind, preset)}"
    return Line("stage Z", level, value, said, ratio, sigma)


def _backlash(found: StageBacklash, _believed: Calibration, _stored: AnyQuantity | None, _preset: str) -> Line:
    level = _sure(found.z_m, found.z_sigma_m, _BACKLASH_M)
    value = minus(with_sigma(found.z_m, found.z_sigma_m, "nm", 1e9))
    said = "Z arrives nearly alike from either side."
    if level is not Level.GREEN and _unsure(found.z_m, found.z_sigma_m):
        said = _UNSURE
    elif level is not Level.GREEN:
        said = (
            f"Z arrives {show_length(abs(found.z_m))} apart from above and below (backlash). Approach Z from "
            f"below, from "
            f"more than that (z_approach), and never correct by less."
        )
    return Line("backlash", level, value, said, found.z_m, found.z_sigma_m)


def _sure(off: float, sigma: float, limits: tuple[float, float]) -> Level:
    """Graded by what is sure: within its own errors nothing is off, and nothing is better than its errors."""
    return graded(sigma if _unsure(off, sigma) else off, *limits)


def _unsure(off: float, sigma: float) -> bool:
    return abs(off) <= _SIGMAS * sigma


_JUDGES: dict[str, Callable[..., Line]] = {
    "coma-free axis": _axis,
    "rotation centre": _centre,
    "pivot point": _pivot,
    "lens hysteresis": _hysteresis,
    "parfocality": _parfocal,
    "stage Z": _height,
    "stage backlash": _backlash,
}
