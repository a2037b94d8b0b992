"""Where stage and lens go at a place: what is believed of its focus, from every focus found so far."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from eucentric.errors import CalibrationError
from eucentric.microscope.preserved import STAGE_FLICKER_M
from eucentric.msi.beliefs import At, eucentric_focus
from eucentric.msi.film import SAME_ALPHA_RAD, Now
from eucentric.msi.known import Known
from eucentric.msi.outcome import FocusFound
from eucentric.msi.shared import Shared
from eucentric.msi.units import Unit

Near = tuple[tuple[Unit, FocusFound], ...]
_FORGOTTEN_M = 20e-6
"""An excursion of the lens such as a session makes (offsets at low magnification). What one leaves behind is not known
of a lens that is not where it was left."""


@dataclass(frozen=True, slots=True)
class Belief:
    """With the stage at `z_m`, the lens' absolute setting that is in focus at a place, its 1σ, and the bounds of both.

    `sigma_m` is None where no focus was found yet: then the lens is at eucentric focus, and z as it was found. `doubt`
    says that what was found near it does not fit together; `shared_m` is what of `sigma_m` all measurements share.
    """

    lens_m: float
    sigma_m: float | None
    z_m: float
    known: Known
    doubt: str = ""
    shared_m: float = 0.0


def believed(shared: Shared, unit: Unit, preset: str, defocus_m: float = 0.0) -> Belief:
    """What is believed at a unit's place: from what was found at the same grid target, else anywhere on the grid.

    `sigma_m` is that of C1 with the lens `defocus_m` away from focus. Raises CalibrationError where the preset, or its
    difference to the one that was focused, is not calibrated.
    """
    alpha_rad, near = shared.node(unit).alpha_rad, _near(shared, unit)
    z_m = shared.first().z_m if not near else _nearest(tuple(f for _, f in near), unit).z_m
    at = At(unit.place_m, preset, z_m, alpha_rad, defocus_m, _now(shared, unit, preset, z_m))
    found = _remembered(shared, tuple((u, _before(shared, u, f)) for u, f in near), at)
    known = shared.beliefs.known(found, at)
    if not found:
        return Belief(eucentric_focus(shared.book, preset)[0], None, z_m, known)
    focus = shared.beliefs.focus(found, at)
    return Belief(focus.lens_m, focus.sigma_m, z_m, known, focus.doubt, focus.shared_sigma_m)


def believed_if_calibrated(shared: Shared, unit: Unit, preset: str) -> Belief:
    """The same for an image whose defocus does not matter: at a preset that is not calibrated the lens stays put."""
    try:
        return believed(shared, unit, preset)
    except CalibrationError:
        near = tuple(f for _, f in _near(shared, unit))
        grid, first = shared.application.grid, shared.first()
        unknown = Known(grid.height_within_m, grid.height_within_m)
        if not near:
            return Belief(first.lens_m, None, first.z_m, unknown)
        found = _nearest(near, unit)
        return Belief(found.lens_m, None, found.z_m, unknown)


def _now(shared: Shared, unit: Unit, preset: str, z_m: float) -> Now:
    """The time, and since when the stage stands where it is to stand."""
    scope, alpha_rad = shared.scope, shared.node(unit).alpha_rad
    at = scope.stage()
    there = abs(at.z_m - z_m) <= STAGE_FLICKER_M and abs(at.alpha_rad - alpha_rad) <= SAME_ALPHA_RAD
    play_m = 0.0 if shared.approach(unit).z_m else shared.book.of(preset).uncertainty.z_play_m
    return Now(scope.now_s(), scope.standing.since_s if there else math.inf, play_m)


def _near(shared: Shared, unit: Unit) -> Near:
    """What was found at the same target of the grid; at all of them where nothing was."""
    every = shared.found()
    return tuple((u, f) for u, f in every if u.group == unit.group) or every


def _nearest(found: tuple[FocusFound, ...], unit: Unit) -> FocusFound:
    """The one whose stage height is taken: the nearest; of those at one place the last."""
    return min(reversed(found), key=lambda one: math.dist(one.place_m, unit.place_m))


def _before(shared: Shared, unit: Unit, found: FocusFound) -> FocusFound:
    """What an earlier run found is older than this one, also where a clock began anew (a simulated one)."""
    noted = shared.journal.noted
    if found.time_s is None or noted.run_of[unit.key] == noted.runs:
        return found
    return replace(found, time_s=min(found.time_s, noted.run_s - 1.0))


def _remembered(shared: Shared, near: Near, at: At) -> tuple[FocusFound, ...]:
    """What was found, as it holds for the lens as it is now.

    After a restart on a lens that is not where it was left, what its last excursions left behind differs (uniform in
    ± `focus_hysteresis` of one): that is added to what was found before, and where something was found since at the
    same magnification and tilt, that alone counts. Lenses that are normalised have nothing to remember.
    """
    since = tuple(f for u, f in near if not shared.forgotten(u))
    beliefs = shared.beliefs
    if any(
        abs(f.alpha_rad - at.alpha_rad) <= SAME_ALPHA_RAD and beliefs.same_optics(f.preset, at.preset) for f in since
    ):
        return since
    unsure_m = shared.book.of(at.preset).uncertainty.focus_hysteresis * _FORGOTTEN_M / math.sqrt(3)
    return tuple(
        replace(f, total_sigma_m=math.hypot(f.total_sigma_m, unsure_m)) if shared.forgotten(u) else f for u, f in near
    )
