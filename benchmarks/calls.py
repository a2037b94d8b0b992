"""Every call that moved a simulated microscope, set something or exposed, and how it read after that: what a session
really did, whatever it says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from eucentric.microscope.preserved import STAGE_FLICKER_M
from eucentric.microscope.protocol import Limits, Microscope, StagePosition, Vector
from eucentric.microscope.simulated.truth import truth

_CHANGES = ("set_", "move_", "reset_", "define_", "normalize", "acquire")
"""How their names begin."""
_ROUNDING = 1 + 1e-9


@dataclass(frozen=True, slots=True)
class State:
    """What the instrument reads."""

    preset: str
    beam_tilt_rad: Vector
    image_shift_m: Vector
    stigmator: Vector
    focus_m: float
    defocus_m: float
    stage: StagePosition


@dataclass(frozen=True, slots=True)
class Call:
    """A call that moved, set or exposed, with what, and how the instrument read after it.

    `client` is the process that called, `number` counts all its calls from 1, also those that only read. `beyond`
    names the limits that are passed; an exposure has its dose, and its true C1.
    """

    client: int
    number: int
    name: str
    given: tuple[Any, ...]
    time_s: float
    state: State
    beyond: str = ""
    dose_e_per_m2: float = 0.0
    true_c1_m: float | None = None


def state_of(scope: Microscope) -> State:
    """What it reads now."""
    return State(
        preset=scope.preset().name,
        beam_tilt_rad=scope.beam_tilt_rad(),
        image_shift_m=scope.image_shift_m(),
        stigmator=scope.stigmator(),
        focus_m=scope.focus_m(),
        defocus_m=scope.defocus_m(),
        stage=scope.stage(),
    )


def left_changed(before: State, after: State) -> tuple[str, ...]:
    """What is not as it was, of what nobody may leave changed; lens, its zero and height are there to be corrected."""
    pairs = {
        "preset": (before.preset, after.preset),
        "beam tilt": (before.beam_tilt_rad, after.beam_tilt_rad),
        "image shift": (before.image_shift_m, after.image_shift_m),
        "stigmator": (before.stigmator, after.stigmator),
        "stage tilt": (before.stage.alpha_rad, after.stage.alpha_rad),
    }
    moved_m = math.dist((before.stage.y_m, before.stage.x_m), (after.stage.y_m, after.stage.x_m))
    stage = ("stage x, y",) if moved_m > STAGE_FLICKER_M else ()
    return (*(name for name, (was, is_) in pairs.items() if was != is_), *stage)


def beyond(state: State, limits: Limits) -> str:
    """The limits that are passed, by name."""
    at = state.stage
    values = {
        "beam tilt": (_length(state.beam_tilt_rad), limits.tilt_max_rad),
        "image shift": (_length(state.image_shift_m), limits.image_shift_max_m),
        "focus": (abs(state.focus_m), limits.defocus_max_m),
        "stage x, y": (max(abs(at.x_m), abs(at.y_m)), limits.stage_xy_max_m),
        "stage z": (abs(at.z_m), limits.stage_z_max_m),
        "stage tilt": (abs(at.alpha_rad), limits.stage_alpha_max_rad),
    }
    return ", ".join(name for name, (value, bound) in values.items() if value > bound * _ROUNDING)


class Recorded:
    """Passes every call on to a simulated microscope, and keeps those that change something."""

    def __init__(self, inner: Microscope) -> None:
        self.inner = inner
        self.calls: list[Call] = []
        self.client = self.number = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        if not name.startswith(_CHANGES):
            return found

        def kept(*given: Any, **options: Any) -> Any:
            scope, exposed = self.inner, name == "acquire"
            true_m = truth(scope).c1_m if exposed else None
            back = found(*given, **options)
            state, dose = state_of(scope), scope.preset().dose_e_per_m2 if exposed else 0.0
            far = beyond(state, scope.limits)
            everything = (*given, *options.items())
            self.calls.append(Call(self.client, self.number, name, everything, scope.now_s(), state, far, dose, true_m))
            return back

        return kept


def _length(vector: Vector) -> float:
    return abs(complex(*vector))
