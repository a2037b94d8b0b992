"""How an instrument is found, how a session leaves it, and the way back to that after a run that was cut off."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from eucentric.focus.hands import approach_z
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.lens import lens_of, zero_of
from eucentric.microscope.preserved import ALPHA_APPROACH_RAD, STAGE_FLICKER_M, Z_APPROACH_M
from eucentric.microscope.protocol import Vector
from eucentric.units import show_angle, show_length

_SAME_M, _SAME_RAD = 1e-9, 1e-8  # readings are numbers that round
_SAME_ALPHA_RAD = 1e-5


@dataclass(frozen=True, slots=True)
class Left:
    """A state of the instrument: vectors (y, x), None for parts that it has not. `lens_m` is the lens' absolute setting
    where that can be read, `zero_m` what of it is called defocus 0.
    """

    preset: str
    beam_tilt_rad: Vector | None
    image_shift_m: Vector | None
    stigmator: Vector | None
    lens_m: float
    zero_m: float
    xy_m: Vector
    z_m: float
    alpha_rad: float


def look(scope: Guarded) -> Left:
    """How the instrument is now."""
    can, stage = scope.capabilities, scope.stage()
    return Left(
        preset=scope.preset().name,
        beam_tilt_rad=scope.beam_tilt_rad() if can.beam_tilt else None,
        image_shift_m=scope.image_shift_m() if can.image_shift else None,
        stigmator=scope.stigmator() if can.stigmator else None,
        lens_m=lens_of(scope),
        zero_m=zero_of(scope),
        xy_m=(stage.y_m, stage.x_m),
        z_m=stage.z_m,
        alpha_rad=stage.alpha_rad,
    )


def put_right(scope: Guarded, wanted: Left, tell: Callable[[str], None]) -> None:
    """Bring the instrument to a state; a sentence is told before each part that moves. Raises InstrumentError."""

    def bring(there: bool, what: str, was: str, to: str, act: Callable[[], None]) -> None:
        if not there:
            tell(f"{what} was found at {was} and is put back to {to}.")
            act()

    preset = scope.preset().name
    bring(
        preset == wanted.preset,
        "The preset",
        f"'{preset}'",
        f"'{wanted.preset}'",
        lambda: scope.set_preset(wanted.preset),
    )
    now = look(scope)  # on some instruments a preset brings a tilt, a shift and a defocus of its own
    for what, is_, goal, act, show in (
        ("Beam tilt", now.beam_tilt_rad, wanted.beam_tilt_rad, scope.set_beam_tilt, show_angle),
        ("Image shift", now.image_shift_m, wanted.image_shift_m, scope.set_image_shift, show_length),
        ("The stigmator", now.stigmator, wanted.stigmator, scope.set_stigmator, lambda v: f"{v:.4f}"),
    ):
        if is_ is not None and goal is not None:
            was, to = (" / ".join(show(v) for v in vector) for vector in (is_, goal))
            bring(math.dist(is_, goal) <= _SAME_RAD, what, was, to, lambda act=act, goal=goal: act(goal))  # type: ignore[misc]
    bring(
        abs(now.zero_m - wanted.zero_m) <= _SAME_M,
        "Defocus zero",
        show_length(now.zero_m),
        show_length(wanted.zero_m),
        lambda: _zero(scope, wanted),
    )
    was, to = show_length(now.lens_m), show_length(wanted.lens_m)
    bring(abs(now.lens_m - wanted.lens_m) <= _SAME_M, "The lens", was, to, lambda: _lens(scope, wanted))
    can = scope.capabilities  # a z that is turned by hand is where the operator wants it
    there = not can.stage_alpha or abs(now.alpha_rad - wanted.alpha_rad) <= _SAME_ALPHA_RAD
    was, to = (f"{math.degrees(state.alpha_rad):.2f}°" for state in (now, wanted))
    bring(there, "Stage tilt", was, to, lambda: go_alpha(scope, wanted.alpha_rad))
    there = math.dist(now.xy_m, wanted.xy_m) <= STAGE_FLICKER_M
    y, x = wanted.xy_m
    was, to = (" / ".join(map(show_length, state.xy_m)) for state in (now, wanted))
    bring(there, "The stage (y, x)", was, to, lambda: scope.move_stage(x_m=x, y_m=y))
    there = not can.stage_z or abs(now.z_m - wanted.z_m) <= STAGE_FLICKER_M
    was, to = show_length(now.z_m), show_length(wanted.z_m)
    bring(there, "Stage z", was, to, lambda: approach_z(scope, wanted.z_m, z_room(scope, wanted.z_m)))


def go_alpha(scope: Guarded, alpha_rad: float) -> None:
    """Tilt the stage, arriving from below: its play is then always the same."""
    start = max(alpha_rad - ALPHA_APPROACH_RAD, -scope.limits.stage_alpha_max_rad)
    if scope.stage().alpha_rad > start and start < alpha_rad:
        scope.move_stage(alpha_rad=start)
    scope.move_stage(alpha_rad=alpha_rad)


def z_room(scope: Guarded, z_m: float, approach_m: float = Z_APPROACH_M) -> float:
    """From how far below a height the stage can arrive: `approach_m`, less where the limit leaves no room."""
    return max(0.0, min(approach_m, z_m + scope.limits.stage_z_max_m))


def _zero(scope: Guarded, wanted: Left) -> None:
    """Only the present setting can be made zero: the lens goes there, and on after it."""
    if not scope.capabilities.defocus_zero:
        return
    scope.set_defocus(scope.defocus_m() + wanted.zero_m - scope.focus_m())
    scope.reset_defocus()
    _lens(scope, wanted)


def _lens(scope: Guarded, wanted: Left) -> None:
    scope.set_defocus(scope.defocus_m() + wanted.lens_m - lens_of(scope))
