"""A microscope with a guard: limits before anything moves, read-back after, and everything restored at the end.

`Guarded` implements the same protocol as what it wraps. All vectors (y, x), SI. Its calls into the instrument run on
one thread of their own (worker.py), so that none can hang the session; its clock is asked directly. What it is, can do
and may do is asked once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import TypeVar

from eucentric.errors import InputError, InstrumentError, NotArrivedError
from eucentric.images.frame import Frame
from eucentric.microscope import answers, checks
from eucentric.microscope.changes import Changes
from eucentric.microscope.fresh import Fresh
from eucentric.microscope.preserved import BEAM_TILT, WITH_PRESET, Part, Preserved
from eucentric.microscope.protocol import Capabilities, Limits, Microscope, Preset, StagePosition, Vector
from eucentric.microscope.worker import Timeouts, Worker

T = TypeVar("T")
_AXES = {"x_m": Part.STAGE_XY, "y_m": Part.STAGE_XY, "z_m": Part.STAGE_Z, "alpha_rad": Part.STAGE_ALPHA}
_SLICE_S = 0.25  # a wait is cut into these: between two of them it can be aborted


class Guarded:
    """Wraps any microscope: `Guarded(open_microscope("simulated"))`.

    `checkpoint` is called before everything that moves, waits or exposes, and each second while a call takes long, on
    the caller's thread; it may block (a pause) or raise (an abort). While something is being restored it is not called.
    All calls may raise TimedOutError, and InstrumentError for whatever goes wrong inside.
    """

    def __init__(
        self,
        inner: Microscope,
        *,
        checkpoint: Callable[[], None] | None = None,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
    ) -> None:
        self.inner = inner
        self.checkpoint = checkpoint
        self._timeouts = timeouts
        self._worker = Worker("The microscope", timeouts)
        self._fresh = Fresh()
        self._changes = Changes()
        self._restoring = 0
        # Read once: what an instrument is does not change, and restoring must not depend on asking again.
        self._name = self._worker.name = self._identity("name", str)
        self._capabilities = self._identity("capabilities", Capabilities)
        self._limits = self._identity("limits", Limits)

    def with_checkpoint(self, checkpoint: Callable[[], None] | None) -> Guarded:
        """The same guarded instrument for a caller with a checkpoint of its own.

        Thread, last image and what was set are shared.
        """
        other = copy(self)
        other.checkpoint, other._restoring = checkpoint, 0
        return other

    @property
    def name(self) -> str:
        """Name of the instrument."""
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        return self._capabilities

    @property
    def limits(self) -> Limits:
        """How far it may go."""
        return self._limits

    @property
    def voltage_v(self) -> float:
        """High tension in volts."""
        return answers.number("voltage_v", self._read("voltage_v", lambda: self.inner.voltage_v))

    def now_s(self) -> float:
        """The microscope's clock."""
        return answers.number("now_s", self._worker.direct("now_s", self.inner.now_s))

    def wait(self, seconds: float) -> None:
        """Let time pass, in slices between which it can be stopped. Raises InputError for a negative time."""
        if not 0 <= seconds < math.inf:
            raise InputError(f"Can't wait {seconds} s. Give a time of 0 s or more.")
        left = seconds
        while left > 0:
            self._check()
            part = min(left, _SLICE_S)
            self._call("wait", lambda part=part: self.inner.wait(part), part + self._timeouts.wait_s)  # type: ignore[misc]
            left -= part

    def presets(self) -> tuple[Preset, ...]:
        """All presets."""
        found = answers.instance("presets", self._read("presets", self.inner.presets), tuple)
        return tuple(answers.instance("presets", preset, Preset) for preset in found)

    def preset(self) -> Preset:
        """The present one."""
        return answers.instance("preset", self._read("preset", self.inner.preset), Preset)

    def set_preset(self, name: str) -> None:
        """Change the preset. Raises InputError for an unknown one, NotArrivedError when it did not change."""
        checks.known_preset(self.name, name, self.presets())
        self._set("set_preset", WITH_PRESET, lambda: self.inner.set_preset(name), self._timeouts.preset_s)
        arrived = self.preset().name
        if arrived != name:
            raise NotArrivedError(
                f"Preset '{name}' was set, but the microscope is still at '{arrived}'. {checks.RETRY}"
            )

    def define_preset(self, preset: Preset, like: str) -> None:
        """Add a preset. Raises LimitError and InputError before, NotArrivedError when it is not there after."""
        checks.takes_presets(self.name, self.capabilities, preset, like)
        checks.within(checks.IMAGE_SHIFT, math.hypot(*preset.image_shift_m), self.limits.image_shift_max_m)
        checks.known_preset(self.name, like, self.presets())
        self._set("define_preset", [], lambda: self.inner.define_preset(preset, like), self._timeouts.preset_s)
        checks.defined(preset, self.presets())

    def beam_tilt_rad(self) -> Vector:
        """The beam tilt."""
        return answers.vector("beam_tilt_rad", self._read("beam_tilt_rad", self.inner.beam_tilt_rad))

    def set_beam_tilt(self, tilt_rad: Vector) -> None:
        """Tilt the beam. Raises LimitError before, NotArrivedError after."""
        self._require(self.capabilities.beam_tilt, "a beam tilt")
        checks.within(checks.TILT, math.hypot(*tilt_rad), self.limits.tilt_max_rad)
        before = self.beam_tilt_rad()
        self._set("set_beam_tilt", [BEAM_TILT], lambda: self.inner.set_beam_tilt(tilt_rad))
        checks.arrived(checks.TILT, before, tilt_rad, self.beam_tilt_rad())

    def defocus_m(self) -> float:
        """The lens' defocus, from defocus zero."""
        return answers.number("defocus_m", self._read("defocus_m", self.inner.defocus_m))

    def set_defocus(self, defocus_m: float) -> None:
        """Set the defocus. Raises LimitError before, NotArrivedError after.

        The limit is one of the lens: where the absolute setting can be read it counts, whatever defocus zero is.
        """
        before = self.defocus_m()
        zero = self.focus_m() - before if self.capabilities.defocus_zero else 0.0
        checks.within(checks.DEFOCUS, zero + defocus_m, self.limits.defocus_max_m)
        self._set("set_defocus", [Part.DEFOCUS], lambda: self.inner.set_defocus(defocus_m))
        checks.arrived(checks.DEFOCUS, (before,), (defocus_m,), (self.defocus_m(),))

    def focus_m(self) -> float:
        """The absolute lens setting."""
        self._require(self.capabilities.defocus_zero, "an absolute focus")
        return answers.number("focus_m", self._read("focus_m", self.inner.focus_m))

    def reset_defocus(self) -> None:
        """Make the present setting defocus zero. Raises NotArrivedError when it then does not read 0."""
        self._require(self.capabilities.defocus_zero, "a defocus zero")
        before = self.defocus_m()
        self._set("reset_defocus", [Part.DEFOCUS_ZERO, Part.DEFOCUS], self.inner.reset_defocus)
        checks.arrived(checks.DEFOCUS, (before,), (0.0,), (self.defocus_m(),))

    def normalize(self) -> None:
        """Run the lenses through their cycle."""
        self._require(self.capabilities.normalize, "a lens normalisation")
        self._set("normalize", [], self.inner.normalize, self._timeouts.preset_s)

    def image_shift_m(self) -> Vector:
        """The image shift."""
        return answers.vector("image_shift_m", self._read("image_shift_m", self.inner.image_shift_m))

    def set_image_shift(self, shift_m: Vector) -> None:
        """Shift the image. Raises LimitError before, NotArrivedError after."""
        self._require(self.capabilities.image_shift, "an image shift")
        checks.within(checks.IMAGE_SHIFT, math.hypot(*shift_m), self.limits.image_shift_max_m)
        before = self.image_shift_m()
        self._set("set_image_shift", [Part.IMAGE_SHIFT], lambda: self.inner.set_image_shift(shift_m))
        checks.arrived(checks.IMAGE_SHIFT, before, shift_m, self.image_shift_m())

    def stigmator(self) -> Vector:
        """The stigmator's setting."""
        return answers.vector("stigmator", self._read("stigmator", self.inner.stigmator))

    def set_stigmator(self, value: Vector) -> None:
        """Set the stigmator, each component in ±1. Raises LimitError before, NotArrivedError after."""
        self._require(self.capabilities.stigmator, "a stigmator")
        for component in value:
            checks.within(checks.STIGMATOR, component, 1.0)
        before = self.stigmator()
        self._set("set_stigmator", [Part.STIGMATOR], lambda: self.inner.set_stigmator(value))
        checks.arrived(checks.STIGMATOR, before, value, self.stigmator())

    def stage(self) -> StagePosition:
        """Where the stage says it is."""
        return answers.stage("stage", self._read("stage", self.inner.stage))

    def move_stage(
        self,
        *,
        x_m: float | None = None,
        y_m: float | None = None,
        z_m: float | None = None,
        alpha_rad: float | None = None,
    ) -> None:
        """Move the given axes. All limits are checked before any axis moves; NotArrivedError after."""
        limits = self.limits
        asked = {"x_m": x_m, "y_m": y_m, "z_m": z_m, "alpha_rad": alpha_rad}
        bound = {
            **{"x_m": limits.stage_xy_max_m, "y_m": limits.stage_xy_max_m},
            **{"z_m": limits.stage_z_max_m, "alpha_rad": limits.stage_alpha_max_rad},
        }
        goal = {axis: value for axis, value in asked.items() if value is not None}
        self._require("z_m" not in goal or self.capabilities.stage_z, "a stage Z")
        self._require("alpha_rad" not in goal or self.capabilities.stage_alpha, "a stage tilt")
        for axis, value in goal.items():
            checks.within(checks.STAGE[axis], value, bound[axis])
        before = self.stage()
        self._set(
            "move_stage", {_AXES[axis] for axis in goal}, lambda: self.inner.move_stage(**goal), self._timeouts.stage_s
        )
        after = self.stage()
        for axis, value in goal.items():
            checks.arrived(checks.STAGE[axis], (getattr(before, axis),), (value,), (getattr(after, axis),))

    def acquire(self) -> Frame:
        """One image. Raises NoImageError when the camera gave no image, one of another shape or one not new."""
        self._check()
        preset = self.preset()
        limits = self._timeouts
        limit_s = preset.exposure_s + limits.exposure_s + preset.size[0] * preset.size[1] * limits.readout_s
        frame = self._call("acquire", self.inner.acquire, limit_s)
        self._fresh.check(frame, preset)
        return frame

    @contextmanager
    def preserved(self, *, keep: Collection[Part] = ()) -> Iterator[Preserved]:
        """Restore preset, beam tilt, image shift, defocus and its zero, stigmator and stage at the end, whatever comes.

        Of these what was set inside, through this guard. Stage Z and tilt come back from below.
        Parts in `keep` stay where they are at the end. Inside, `accept(part)` makes the present value the one to
        return to: call it after each correction. Restoring goes on after an error or a Ctrl-C in the middle of it;
        what can't be restored is told in an InstrumentError, or as a note on the exception that is on its way.
        """
        memory = Preserved(self, self._changes, frozenset(keep))
        try:
            yield memory
        except BaseException as error:
            for failure in self._restore(memory):
                error.add_note(failure)
            raise
        failures = self._restore(memory)
        if failures:
            raise InstrumentError(" ".join(failures))

    def _restore(self, memory: Preserved) -> list[str]:
        self._restoring += 1
        try:
            return memory.restore(self._timeouts.after_hang_s)
        finally:
            self._restoring -= 1

    def _check(self) -> None:
        if self.checkpoint is not None and not self._restoring:
            self.checkpoint()

    def _call(self, name: str, act: Callable[[], T], limit_s: float) -> T:
        return self._worker.call(name, act, limit_s, self._check)

    def _identity(self, name: str, kind: type[T]) -> T:
        return answers.instance(
            name, self._worker.call(name, lambda: getattr(self.inner, name), self._timeouts.read_s), kind
        )

    def _read(self, name: str, act: Callable[[], T]) -> T:
        return self._call(name, act, self._timeouts.read_s)

    def _set(self, name: str, parts: Iterable[str], act: Callable[[], None], limit_s: float | None = None) -> None:
        self._check()
        self._call(name, self._changes.sending(parts, act), self._timeouts.set_s if limit_s is None else limit_s)
        self._fresh.something_was_set(self.now_s())

    def _require(self, there: bool, part: str) -> None:
        if not there:
            raise InstrumentError(f"{self.name} has not {part} that can be set. Choose another method. Nothing moved.")
