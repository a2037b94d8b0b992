"""Where focus is measured: focus targets, and what a tilted specimen does to those that are reached by image shift."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

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


def slope_of(alpha_rad: float, axis_rad: float) -> Vector:
    """How height grows across the image of a stage tilted by α, metres per metre (y, x): tan α across the axis.

    `axis_rad` is the direction of the tilt axis in the image, from +x towards +y; at α > 0 height grows a quarter turn
    further on, along (x, y) = (−sin, cos) of it.
    """
    grows = math.tan(alpha_rad)
    return (grows * math.cos(axis_rad), -grows * math.sin(axis_rad))


def tilt_offset_m(target: FocusTarget, alpha_rad: float, axis_rad: float) -> float:
    """How much higher (metres, towards the gun) an image-shifted target lies than the preset's centre.

    Δy·tan α with Δy across the tilt axis as the image shows it, Δy·sin α with Δy along the specimen.
    """
    if target.image_shift_m is None:
        return 0.0
    slope = slope_of(alpha_rad, axis_rad)
    higher = slope[0] * target.image_shift_m[0] + slope[1] * target.image_shift_m[1]
    return higher * math.cos(alpha_rad) if target.plane is Plane.SPECIMEN else higher


def tilt_offset_sigma_m(target: FocusTarget, alpha_rad: float, axis_rad: float, *, axis_sigma_rad: float) -> float:
    """1σ of that height: by the axis' direction, and by 1 % of the image shift's length."""
    if target.image_shift_m is None:
        return 0.0
    turned = tilt_offset_m(target, alpha_rad, axis_rad + math.pi / 2)
    return math.hypot(turned * axis_sigma_rad, IMAGE_SHIFT_SCALE * tilt_offset_m(target, alpha_rad, axis_rad))


IMAGE_SHIFT_SCALE = 0.01
"""1σ, relative, of what an image shift truly moves, where nothing better is known: that of a nominal magnification."""
