"""Where stage and lens go at a place: what is believed of its focus, from every focus found so far."""

from __future__ import annotations

import math
from dataclasses import dataclass

from eucentric.msi.beliefs import At
from eucentric.msi.film import SAME_ALPHA_RAD
from eucentric.msi.known import Known
from eucentric.msi.outcome import FocusFound
from eucentric.msi.shared import Shared
from eucentric.msi.units import Unit


@dataclass(frozen=True, slots=True)
class Belief:
    """With the stage at `z_m`, the lens' absolute setting that is in focus at a place, its 1σ, and the bounds of both.

    `sigma_m` is None where no focus was found yet: then the lens is at eucentric focus, and z as it was found.
    """

    lens_m: float
    sigma_m: float | None
    z_m: float
    known: Known


def believed(shared: Shared, unit: Unit, preset: str) -> Belief:
    """What is believed at a unit's place: from what was found at the same grid target, else anywhere on the grid.

    Raises CalibrationError where the preset, or its difference to the one that was focused, is not calibrated.
    """
    alpha_rad = shared.node(unit).alpha_rad
    found = found_near(shared, unit)
    z_m = shared.z_before_m() if not found else _nearest(found, unit, alpha_rad).z_m
    at = At(unit.place_m, preset, z_m, alpha_rad)
    known = shared.beliefs.known(found, at)
    if not found:
        return Belief(shared.beliefs.eucentric_focus(preset)[0], None, z_m, known)
    focus = shared.beliefs.focus(found, at)
    return Belief(focus.lens_m, focus.sigma_m, z_m, known)


def found_near(shared: Shared, unit: Unit) -> tuple[FocusFound, ...]:
    """What was found at the same target of the grid; at all of them where nothing was."""
    every = shared.found()
    return tuple(f for u, f in every if u.group == unit.group) or tuple(f for _, f in every)


def _nearest(found: tuple[FocusFound, ...], unit: Unit, alpha_rad: float) -> FocusFound:
    """The one whose stage height is taken: nearest in stage tilt, then in place; of those at one place the last."""

    def far(one: FocusFound) -> tuple[float, float]:
        apart = abs(one.alpha_rad - alpha_rad)
        return (apart if apart > SAME_ALPHA_RAD else 0.0, math.dist(one.place_m, unit.place_m))

    return min(reversed(found), key=far)
