"""Where focus is measured: focus targets, and what a tilted specimen does to those that are reached by image shift."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from eucentric.focus.measurement import Contribution
from eucentric.focus.result import DefocusResult
from eucentric.focus.tilted import Slope

Vector = tuple[float, float]


class Plane(StrEnum):
    """In which plane a distance between two places of a tilted specimen is measured."""

    SPECIMEN = "specimen"  # along the film: Δheight = Δy·sin α
    IMAGE = "image"  # as the image shows it, foreshortened by cos α: Δheight = Δy·tan α


@dataclass(frozen=True, slots=True)
class FocusTarget:
    """A place where focus is measured: vectors (y, x) in metres.

    `stage_m` is where the stage goes, None: where it stands. `image_shift_m` is the place seen from the preset's
    centre, in image axes and measured in `plane`, reached without moving the stage; None: as it is.
    """

    name: str = "here"
    stage_m: Vector | None = None
    image_shift_m: Vector | None = None
    plane: Plane = Plane.IMAGE


HERE = FocusTarget()
"""Where the microscope looks now."""


def tilt_offset_m(target: FocusTarget, alpha_rad: float, slope: Slope) -> tuple[float, float]:
    """How much higher (metres, towards the gun) an image-shifted target lies than the preset's centre, and its 1σ.

    Δy·tan α with Δy across the tilt axis as the image shows it, Δy·sin α with Δy along the specimen; `slope` is tan α
    in that direction. The error is that of the slope, and 1 % of the image shift's length.
    """
    if target.image_shift_m is None:
        return 0.0, 0.0
    (y, x), (across, along) = slope.per_m, target.image_shift_m
    foreshortened = math.cos(alpha_rad) if target.plane is Plane.SPECIMEN else 1.0
    higher = (y * across + x * along) * foreshortened
    return higher, math.hypot(slope.sigma * math.hypot(across, along), IMAGE_SHIFT_SCALE * higher)


def at_centre(result: DefocusResult, higher_m: float, sigma_m: float) -> DefocusResult:
    """What was measured at a target that lies `higher_m` above the preset's centre, told for the centre."""
    if higher_m == 0.0:
        return result
    at = result.measurement
    told = replace(
        at,
        c1_m=at.c1_m - higher_m,
        total_sigma_m=math.hypot(at.total_sigma_m, sigma_m),
        budget=(*at.budget, Contribution("place on the tilted specimen", sigma_m)),
    )
    rivals = tuple(None if r is None else r - higher_m for r in result.rivals_m)
    return replace(result, measurement=told, rivals_m=rivals, height_m=higher_m)


IMAGE_SHIFT_SCALE = 0.01
"""1σ, relative, of what an image shift truly moves, where nothing better is known: that of a nominal magnification."""
