"""Where stage and lens go at a place: what is believed of its focus, from every focus found so far."""

from __future__ import annotations

import math
from dataclasses import dataclass

from eucentric.errors import CalibrationError
from eucentric.focus.outcome import COVERAGE
from eucentric.microscope.preserved import STAGE_FLICKER_M
from eucentric.msi.beliefs import At, eucentric_focus
from eucentric.msi.film import SAME_ALPHA_RAD, Now
from eucentric.msi.known import Known
from eucentric.msi.outcome import FocusFound
from eucentric.msi.shared import Shared
from eucentric.msi.units import Unit

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
    found = tuple(f for _, f in near)
    z_m = shared.first().z_m if not found else _nearest(found, unit).z_m
    at = At(unit.place_m, preset, z_m, alpha_rad, defocus_m, _now(shared, unit, preset, z_m))
    known = shared.beliefs.known(found, at)
    if not found:
        return Belief(eucentric_focus(shared.book, preset)[0], None, z_m, known)
    focus, unsure_m = shared.beliefs.focus(found, at), _forgotten_m(shared, near, preset)
    more = COVERAGE * (math.hypot(focus.sigma_m, unsure_m) - focus.sigma_m)
    known = Known(known.height_within_m + more, known.defocus_within_m + more)
    return Belief(focus.lens_m, math.hypot(focus.sigma_m, unsure_m), z_m, known, focus.doubt, focus.shared_sigma_m)


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


def _near(shared: Shared, unit: Unit) -> tuple[tuple[Unit, FocusFound], ...]:
    """What was found at the same target of the grid; at all of them where nothing was."""
    every = shared.found()
    return tuple((u, f) for u, f in every if u.group == unit.group) or every


def _nearest(found: tuple[FocusFound, ...], unit: Unit) -> FocusFound:
    """The one whose stage height is taken: the nearest; of those at one place the last."""
    return min(reversed(found), key=lambda one: math.dist(one.place_m, unit.place_m))


def _forgotten_m(shared: Shared, near: tuple[tuple[Unit, FocusFound], ...], preset: str) -> float:
    """1σ of how otherwise the lens arrives now than where these were found: nothing on a lens that goes on as it was.

    After a restart on a lens that is not where it was left, what its last excursions left behind differs (uniform in
    ± `focus_hysteresis` of one). Lenses that are normalised at each change of preset have nothing to remember.
    """
    noted = shared.journal.noted
    if all(noted.run_of[u.key] >= noted.forgotten or shared.normalized(u) for u, _ in near):
        return 0.0
    return shared.book.of(preset).uncertainty.focus_hysteresis * _FORGOTTEN_M / math.sqrt(3)
