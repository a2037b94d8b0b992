"""The way to a unit: stage, preset and lens, absolute, each arriving from the side from which it always comes."""

from __future__ import annotations

from eucentric.calibration.instrument import Calibration
from eucentric.focus.acquisition import approach_defocus
from eucentric.focus.hands import approach_z
from eucentric.microscope.lens import lens_of
from eucentric.microscope.preserved import STAGE_FLICKER_M
from eucentric.msi.found import go_alpha, z_room
from eucentric.msi.shared import Shared
from eucentric.msi.units import Vector

_SAME_ALPHA_RAD = 1e-5  # what an encoder flickers


def go_to(shared: Shared, place_m: Vector, z_m: float, alpha_rad: float, *, settle_s: float, approach_m: float) -> None:
    """Take the stage to (y, x), z and alpha, and wait `settle_s` where it moved. Raises LimitError, InstrumentError."""
    scope, (y, x) = shared.scope, place_m
    at, moved = scope.stage(), False
    with shared.activities.during("moving"):
        if abs(at.alpha_rad - alpha_rad) > _SAME_ALPHA_RAD:
            go_alpha(scope, alpha_rad)
            moved = True
        if max(abs(at.y_m - y), abs(at.x_m - x)) > STAGE_FLICKER_M:
            scope.move_stage(x_m=x, y_m=y)
            moved = True
        if scope.capabilities.stage_z and abs(at.z_m - z_m) > STAGE_FLICKER_M:
            approach_z(scope, z_m, z_room(scope, z_m, approach_m))
            moved = True
    if moved and settle_s:
        with shared.activities.during("waiting"):
            scope.wait(settle_s)


def set_preset(shared: Shared, name: str, *, normalize: bool = False) -> None:
    """Change the preset, and normalise the lenses after it where that is asked for."""
    scope = shared.scope
    if scope.preset().name == name:
        return
    with shared.activities.during("changing presets"):
        scope.set_preset(name)
        if normalize and scope.capabilities.normalize:
            scope.normalize()


def set_lens(shared: Shared, lens_m: float, approach_m: float) -> None:
    """Take the lens to an absolute setting, from below by `approach_m`. Raises LimitError, InstrumentError."""
    scope = shared.scope
    with shared.activities.during("setting the lens"):
        approach_defocus(scope, scope.defocus_m() + lens_m - lens_of(scope), approach_m)
    shared.journal.lens_at(scope.preset().name, lens_m)


def lens_step_m(calibration: Calibration, defocus_m: float, approach_m: float) -> float:
    """By how much the lens is stepped for an intended defocus: of a step some part stays behind.

    Straight it is `focus_hysteresis` h, as focusing takes it. A lens that always arrives from below, from further than
    the step, ends alike wherever it goes: of the first step up to h stays behind, of those after it ever less, h/2 in
    the middle. The spread counts as an error of the lens' scale (msi/beliefs.py).
    """
    behind = calibration.uncertainty.focus_hysteresis
    return defocus_m / (1 - (0.5 * behind if approach_m >= abs(defocus_m) else behind))
