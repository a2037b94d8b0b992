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

from eucentric.microscope.protocol import Microscope, Vector

_ATTEMPTS = 3
# Stage encoders flicker: a move for less would only start the drift anew.
_Z_FLICKER_M = 1e-9
_ALPHA_FLICKER_RAD = 1e-5


class Part(StrEnum):
    """What a correction may be meant to change. Beam tilt and preset are not here: they are always restored."""

    DEFOCUS = "defocus"
    STIGMATOR = "stigmator"
    STAGE_Z = "stage z"
    STAGE_ALPHA = "stage alpha"


@contextmanager
def _held_interrupts() -> Iterator[list[int]]:
    """Ctrl-C is noted in the list instead of raised: between two calls it would leave a restore half done.

    Only the main thread gets signals, and only there can they be held.
    """
    held: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is None:
        yield held
        return

    def note(number: int, _frame: FrameType | None) -> None:
        held.append(number)

    signal.signal(signal.SIGINT, note)
    try:
        yield held
    finally:
        signal.signal(signal.SIGINT, before)


class Preserved:
    """What will be restored; made by `Guarded.preserved`."""

    def __init__(self, microscope: Microscope, keep: frozenset[Part]) -> None:
        self._microscope = microscope
        self._keep = keep
        can = microscope.capabilities
        self._preset = microscope.preset().name
        self._tilt = microscope.beam_tilt_rad() if can.beam_tilt else None
        self._values = {part: self._read(part) for part in Part if self._there(part)}
        self._accepted: set[Part] = set()

    @property
    def accepted(self) -> dict[Part, Vector]:
        """What was accepted, and the values (of lengths and angles the first number) to which it is brought back."""
        return {part: value for part, value in self._values.items() if part in self._accepted}

    def accept(self, part: Part) -> None:
        """From now on the present value of `part` is the one to return to."""
        self._values[part] = self._read(part)
        self._accepted.add(part)

    def restore(self) -> list[str]:
        """Bring everything back; a sentence for each part that could not be.

        A Ctrl-C meanwhile is held back and raised last, with these sentences as its notes.
        """
        with _held_interrupts() as held:
            failures, interruption = self._bring_all()
        stop = interruption or (KeyboardInterrupt() if held else None)
        if stop is None:
            return failures
        for failure in failures:
            stop.add_note(failure)
        raise stop

    def _bring_all(self) -> tuple[list[str], KeyboardInterrupt | None]:
        # Preset first: on some instruments it brings a tilt and a defocus of its own.
        steps: list[tuple[str, Callable[[], None]]] = [("preset", self._bring_preset), ("beam tilt", self._bring_tilt)]
        for part, value in self._values.items():
            if part not in self._keep:
                steps.append((str(part), partial(self._bring, part, value)))
        failures: list[str] = []
        interruption: KeyboardInterrupt | None = None
        for name, step in steps:
            failed: BaseException | None = None
            for _ in range(_ATTEMPTS):
                try:
                    step()
                except KeyboardInterrupt as stop:
                    interruption = failed = stop
                except Exception as error:  # whatever one part does, the others must still be restored
                    failed = error
                else:
                    failed = None
                    break
            if failed is not None:
                why = "it was interrupted." if isinstance(failed, KeyboardInterrupt) else str(failed)
                failures.append(f"The {name} could not be restored: {why} Restore it by hand.")
        return failures, interruption

    def _there(self, part: Part) -> bool:
        can = self._microscope.capabilities
        there = {Part.STIGMATOR: can.stigmator, Part.STAGE_Z: can.stage_z, Part.STAGE_ALPHA: can.stage_alpha}
        return there.get(part, True)

    def _read(self, part: Part) -> Vector:
        scope = self._microscope
        if part is Part.DEFOCUS:
            return (scope.defocus_m(), 0.0)
        if part is Part.STIGMATOR:
            return scope.stigmator()
        stage = scope.stage()
        return (stage.z_m if part is Part.STAGE_Z else stage.alpha_rad, 0.0)

    def _bring_tilt(self) -> None:
        if self._tilt is not None and self._microscope.beam_tilt_rad() != self._tilt:
            self._microscope.set_beam_tilt(self._tilt)

    def _bring_preset(self) -> None:
        if self._microscope.preset().name != self._preset:
            self._microscope.set_preset(self._preset)

    def _bring(self, part: Part, value: Vector) -> None:
        scope = self._microscope
        now = self._read(part)
        flicker = {Part.STAGE_Z: _Z_FLICKER_M, Part.STAGE_ALPHA: _ALPHA_FLICKER_RAD}.get(part, 0.0)
        if math.dist(now, value) <= flicker:
            return
        if part is Part.DEFOCUS:
            scope.set_defocus(value[0])
        elif part is Part.STIGMATOR:
            scope.set_stigmator(value)
        elif part is Part.STAGE_Z:
            scope.move_stage(z_m=value[0])
        else:
            scope.move_stage(alpha_rad=value[0])
