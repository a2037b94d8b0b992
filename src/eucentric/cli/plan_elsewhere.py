"""A plan's steps as they are typed into SerialEM and Leginon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from eucentric.units import minus, show_bound

if TYPE_CHECKING:
    from eucentric.optimize.planning.sequence import Elsewhere

_MATTERS = 0.05  # of what a step leaves: less is not told


def for_others(steps: Sequence[Elsewhere]) -> list[str]:
    """The steps to be typed into SerialEM and Leginon, and what of the plan does not hold there."""
    serialem = [
        f"  {_typed(one)}, beam tilt {one.tilt_rad * 1e3:g} mrad, change limit {show_bound(one.limit_m)}"
        for one in steps
    ]
    return [
        "To type into SerialEM, which tilts to either side:",
        *serialem,
        "To type into Leginon, which takes one image at 0 and one at its tilt:",
        *(_leginon(one) for one in steps),
    ]


def _typed(one: Elsewhere) -> str:
    offset = minus(f", images at a defocus of {one.offset_m * 1e6:g} µm") if one.offset_m else ""
    other = "" if one.pattern == "pair" else f" (one pair, and the plan takes a {one.pattern}: less is reached)"
    return f"{one.step}{other}: preset {one.preset}{offset}, correction {one.correction}"


def _leginon(one: Elsewhere) -> str:
    tilt = f"{one.leginon_tilt_rad * 1e3:g}"
    if one.leginon_beyond:
        fits = f"--tilt-max-mrad {one.leginon_tilt_max_rad * 0.5e3:g} plans for it"
        return f"  {one.step}: can't be done there, the image at {tilt} mrad is too far from the axis; {fits}"
    said = f"  {_typed(one)}, tilt {tilt} mrad, delta max {show_bound(one.limit_m)}"
    if one.leginon_bias_m > _MATTERS * one.leaves_m:
        said += (
            f"; at that tilt Cs moves what is measured by {show_bound(one.leginon_bias_m)}, where the plan leaves "
            f"{show_bound(one.leaves_m)}: take it off, or less is reached"
        )
    return said
