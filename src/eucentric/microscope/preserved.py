"""What a measurement found and must leave behind: a snapshot of the microscope, and the way back to it."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from types import FrameType

from eucentric.errors import TimedOutError
from eucentric.microscope.changes import Changes
from eucentric.microscope.lens import lens_of, zero_of
from eucentric.microscope.protocol import Microscope, Vector

_ATTEMPTS = 3
_INTERRUPTS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Part(StrEnum):
    """What a correction may be meant to change. Beam tilt and preset are not here: they are always restored.

    In this order they are brought back: the zero of defocus moves the lens, the stage goes last. Whoever keeps or
    accepts the defocus means its zero too.
    """

    IMAGE_SHIFT = "image shift"
    DEFOCUS_ZERO = "defocus zero"
    DEFOCUS = "defocus"
    STIGMATOR = "stigmator"
    STAGE_ALPHA = "stage alpha"
    STAGE_XY = "stage x and y"
    STAGE_Z = "stage z"


PRESET, BEAM_TILT = "preset", "beam tilt"
WITH_PRESET = (PRESET, BEAM_TILT, Part.IMAGE_SHIFT, Part.DEFOCUS_ZERO, Part.DEFOCUS, Part.STIGMATOR)
"""What a change of preset may bring with it on some instruments."""

# What counts as unchanged. Stage encoders flicker: a move for less would only start the drift anew, and move by the
# play what was just measured. The lens' two readings are numbers that round.
STAGE_FLICKER_M = 20e-9
_FLICKER = {
    Part.DEFOCUS_ZERO: 1e-10,
    Part.DEFOCUS: 1e-13,
    Part.STAGE_XY: STAGE_FLICKER_M,
    Part.STAGE_Z: STAGE_FLICKER_M,
    Part.STAGE_ALPHA: 1e-5,
}
# Z and alpha arrive from below, as all who measure make them arrive: else the reading is back and the height is not,
# by the play. Further than the play of worn stages (1 µm, half a degree). The lens goes straight, as it does in a run.
Z_APPROACH_M, ALPHA_APPROACH_RAD = 3e-6, math.radians(0.5)


@contextmanager
def held_interrupts() -> Iterator[list[int]]:
    """Ctrl-C, SIGTERM and SIGHUP are noted in the list instead of raised: between two calls they would leave something
    half done. Those that are ignored stay so.

    Only the main thread gets signals, and only there can they be held.
    """
    held: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield held
        return

    def note(number: int, _frame: FrameType | None) -> None:
        held.append(number)

    handlers = {number: signal.getsignal(number) for number in _INTERRUPTS}
    before = {number: handler for number, handler in handlers.items() if handler not in (None, signal.SIG_IGN)}
    for number in before:
        signal.signal(number, note)
    try:
        yield held
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def unbroken() -> Iterator[None]:
    """What is done inside is done to its end: an interrupt meanwhile is raised after it, as KeyboardInterrupt."""
    held: list[int] = []
    try:
        with held_interrupts() as held:
            yield
    finally:
        if held:
            raise KeyboardInterrupt


class _DeadError(TimedOutError):
    """Not even a reading comes back."""


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except TimedOutError as error:
        raise _DeadError(str(error)) from error


def _attempted(step: Callable[[], None], interruptions: list[KeyboardInterrupt]) -> BaseException | None:
    """Why it failed, None where it did not. What hangs is not tried again: each try would take its whole time-out."""
    failed: BaseException | None = None
    for _ in range(_ATTEMPTS):
        try:
            step()
        except TimedOutError as error:
            return error
        except KeyboardInterrupt as stop:
            interruptions.append(stop)
            failed = stop
        except Exception as error:  # whatever one part does, the others must still be restored
            failed = error
        else:
            return None
    return failed


class Preserved:
    """What will be restored; made by `Guarded.preserved`.

    Only what was set since (through the guard, as `changes` tells) is: what flickers by itself is left alone, and so is
    what the operator changed by hand.
    """

    def __init__(self, microscope: Microscope, changes: Changes, keep: frozenset[Part]) -> None:
        self._microscope = microscope
        self._changes = changes
        self._since = changes.now()
        self._again: frozenset[str] = frozenset()  # to be set again, whatever they read
        self._keep = keep | {Part.DEFOCUS_ZERO} if Part.DEFOCUS in keep else keep
        can = microscope.capabilities
        self._preset = microscope.preset().name
        self._tilt = microscope.beam_tilt_rad() if can.beam_tilt else None
        self._values = {part: self._read(part) for part in Part if self._there(part)}
        self._accepted: set[Part] = set()
        self._moment: dict[str, int] = {}  # when a part's value was accepted

    @property
    def accepted(self) -> dict[Part, Vector]:
        """What was accepted, and the values (y, x; of single ones the first number) to which it is brought back.

        Defocus is told as it will read, from the defocus zero that will be.
        """
        zero = self._values.get(Part.DEFOCUS_ZERO, (0.0, 0.0))[0]
        return {
            part: (value[0] - zero, 0.0) if part is Part.DEFOCUS else value
            for part, value in self._values.items()
            if part in self._accepted
        }

    def accept(self, *parts: Part) -> None:
        """From now on the present values of `parts` are those to return to: all, or none where a reading fails."""
        also = {Part.DEFOCUS_ZERO} if Part.DEFOCUS in parts else set()
        every = {*parts, *(also & self._values.keys())}
        now = self._changes.now()
        self._values |= {part: self._read(part) for part in every}
        self._moment |= dict.fromkeys(every, now)
        self._accepted |= set(parts)

    def restore(self, late_s: float) -> list[str]:
        """Bring everything back; a sentence for each part that could not be.

        What was sent and has not returned is waited for, `late_s` seconds in all: landing later it would undo what is
        restored now. A Ctrl-C meanwhile is held back and raised last, with these sentences as its notes.
        """
        with held_interrupts() as held:
            self._again = self._changes.late()
            self._changes.settle(late_s)
            failures, interruption = self._bring_all()
            failures += [
                f"What was sent to set the {part} has not returned and may still arrive: check the instrument."
                for part in sorted(self._again & self._changes.late())
            ]
        stop = interruption or (KeyboardInterrupt() if held else None)
        if stop is None:
            return failures
        for failure in failures:
            stop.add_note(failure)
        raise stop

    def _bring_all(self) -> tuple[list[str], KeyboardInterrupt | None]:
        # Preset first: on some instruments it brings a tilt and a defocus of its own.
        steps: list[tuple[str, Callable[[], None]]] = [(PRESET, self._bring_preset), (BEAM_TILT, self._bring_tilt)]
        for part, value in self._values.items():
            if part not in self._keep:
                steps.append((part, partial(self._bring, part, value)))
        failures: list[str] = []
        interruptions: list[KeyboardInterrupt] = []
        for at, (name, step) in enumerate(steps):
            failed = _attempted(step, interruptions)
            if isinstance(failed, _DeadError):
                left = [other for other, _ in steps[at:] if self._was_set(other)]
                failures.append(
                    f"The instrument answers no longer, so these could not be restored: {', '.join(left)}. {failed} "
                    "Restore them by hand."
                )
                break
            if failed is not None:
                why = "it was interrupted." if isinstance(failed, KeyboardInterrupt) else str(failed)
                failures.append(f"The {name} could not be restored: {why} Restore it by hand.")
        return failures, interruptions[-1] if interruptions else None

    def _there(self, part: Part) -> bool:
        can = self._microscope.capabilities
        there = {
            **{Part.STIGMATOR: can.stigmator, Part.STAGE_Z: can.stage_z, Part.STAGE_ALPHA: can.stage_alpha},
            **{Part.IMAGE_SHIFT: can.image_shift, Part.DEFOCUS_ZERO: can.defocus_zero},
        }
        return there.get(part, True)

    def _read(self, part: Part) -> Vector:
        """The present value; of the defocus the lens' absolute setting, which a reset of its zero leaves alone."""
        scope = self._microscope
        if part is Part.DEFOCUS:
            return (lens_of(scope), 0.0)
        if part is Part.DEFOCUS_ZERO:
            return (zero_of(self._microscope), 0.0)
        if part is Part.STIGMATOR:
            return scope.stigmator()
        if part is Part.IMAGE_SHIFT:
            return scope.image_shift_m()
        stage = scope.stage()
        if part is Part.STAGE_XY:
            return (stage.y_m, stage.x_m)
        return (stage.z_m if part is Part.STAGE_Z else stage.alpha_rad, 0.0)

    def _was_set(self, part: str) -> bool:
        return part in self._again or self._changes.since(self._moment.get(part, self._since), part)

    def _bring_tilt(self) -> None:
        if self._tilt is None or not self._was_set(BEAM_TILT):
            return
        with _reading():
            now = self._microscope.beam_tilt_rad()
        if now != self._tilt or BEAM_TILT in self._again:
            self._microscope.set_beam_tilt(self._tilt)

    def _bring_preset(self) -> None:
        if not self._was_set(PRESET):
            return
        with _reading():
            now = self._microscope.preset().name
        if now != self._preset or PRESET in self._again:
            self._microscope.set_preset(self._preset)

    def _bring(self, part: Part, value: Vector) -> None:
        if not self._was_set(part):
            return
        with _reading():
            now = self._read(part)
        if math.dist(now, value) > _FLICKER.get(part, 0.0) or part in self._again:
            self._set(part, value, now)

    def _set(self, part: Part, value: Vector, now: Vector) -> None:
        scope = self._microscope
        if part is Part.DEFOCUS:
            scope.set_defocus(value[0] - zero_of(self._microscope))
        elif part is Part.DEFOCUS_ZERO:
            # Only the present setting can be made zero: the lens goes there, and with the next part back.
            scope.set_defocus(value[0] - zero_of(self._microscope))
            scope.reset_defocus()
        elif part is Part.STIGMATOR:
            scope.set_stigmator(value)
        elif part is Part.IMAGE_SHIFT:
            scope.set_image_shift(value)
        elif part is Part.STAGE_XY:
            scope.move_stage(x_m=value[1], y_m=value[0])
        elif part is Part.STAGE_Z:
            for z_m in _from_below(now[0], value[0], Z_APPROACH_M, scope.limits.stage_z_max_m):
                scope.move_stage(z_m=z_m)
        else:
            for alpha in _from_below(now[0], value[0], ALPHA_APPROACH_RAD, scope.limits.stage_alpha_max_rad):
                scope.move_stage(alpha_rad=alpha)


def _from_below(now: float, goal: float, approach: float, bound: float) -> tuple[float, ...]:
    """Where to go: straight from far enough below, else by a place below the goal, as far as the limit allows."""
    start = max(goal - approach, -bound)
    return (goal,) if now <= start or start >= goal else (start, goal)
