"""A microscope with a guard: limits before anything moves, read-back after, and everything restored at the end.

`Guarded` implements the same protocol as what it wraps. All vectors (y, x), SI.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import numpy as np

from eucentric.errors import InputError, InstrumentError, NoImageError, NotArrivedError
from eucentric.images.frame import Frame
from eucentric.microscope import checks
from eucentric.microscope.preserved import Part, Preserved
from eucentric.microscope.protocol import Capabilities, Limits, Microscope, Preset, StagePosition, Vector


class Guarded:
    """Wraps any microscope: `Guarded(open_microscope("simulated"))`."""

    def __init__(self, inner: Microscope) -> None:
        self.inner = inner

    @property
    def name(self) -> str:
        """Name of the instrument."""
        return self.inner.name

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        return self.inner.capabilities

    @property
    def limits(self) -> Limits:
        """How far it may go."""
        return self.inner.limits

    @property
    def voltage_v(self) -> float:
        """High tension in volts."""
        return self.inner.voltage_v

    def now_s(self) -> float:
        """The microscope's clock."""
        return self.inner.now_s()

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.inner.wait(seconds)

    def presets(self) -> tuple[Preset, ...]:
        """All presets."""
        return self.inner.presets()

    def preset(self) -> Preset:
        """The present one."""
        return self.inner.preset()

    def set_preset(self, name: str) -> None:
        """Change the preset. Raises InputError for an unknown one, NotArrivedError when it did not change."""
        known = [p.name for p in self.inner.presets()]
        if name not in known:
            raise InputError(
                f"{self.name} has no preset '{name}'. Use one of: {', '.join(known)}. Nothing was changed."
            )
        self.inner.set_preset(name)
        arrived = self.inner.preset().name
        if arrived != name:
            raise NotArrivedError(
                f"Preset '{name}' was set, but the microscope is still at '{arrived}'. {checks.RETRY}"
            )

    def beam_tilt_rad(self) -> Vector:
        """The beam tilt."""
        return self.inner.beam_tilt_rad()

    def set_beam_tilt(self, tilt_rad: Vector) -> None:
        """Tilt the beam. Raises LimitError before, NotArrivedError after."""
        self._require(self.capabilities.beam_tilt, "a beam tilt")
        checks.within(checks.TILT, math.hypot(*tilt_rad), self.limits.tilt_max_rad)
        before = self.inner.beam_tilt_rad()
        self.inner.set_beam_tilt(tilt_rad)
        after = self.inner.beam_tilt_rad()
        checks.arrived(checks.TILT, before, tilt_rad, after)

    def defocus_m(self) -> float:
        """The lens' defocus, from defocus zero."""
        return self.inner.defocus_m()

    def set_defocus(self, defocus_m: float) -> None:
        """Set the defocus. Raises LimitError before, NotArrivedError after.

        The limit is one of the lens: where the absolute setting can be read it counts, whatever defocus zero is.
        """
        before = self.inner.defocus_m()
        zero = self.inner.focus_m() - before if self.capabilities.defocus_zero else 0.0
        checks.within(checks.DEFOCUS, zero + defocus_m, self.limits.defocus_max_m)
        self.inner.set_defocus(defocus_m)
        after = self.inner.defocus_m()
        checks.arrived(checks.DEFOCUS, (before,), (defocus_m,), (after,))

    def focus_m(self) -> float:
        """The absolute lens setting."""
        self._require(self.capabilities.defocus_zero, "an absolute focus")
        return self.inner.focus_m()

    def reset_defocus(self) -> None:
        """Make the present setting defocus zero. Raises NotArrivedError when it then does not read 0."""
        self._require(self.capabilities.defocus_zero, "a defocus zero")
        before = self.inner.defocus_m()
        self.inner.reset_defocus()
        after = self.inner.defocus_m()
        checks.arrived(checks.DEFOCUS, (before,), (0.0,), (after,))

    def normalize(self) -> None:
        """Run the lenses through their cycle."""
        self._require(self.capabilities.normalize, "a lens normalisation")
        self.inner.normalize()

    def image_shift_m(self) -> Vector:
        """The image shift."""
        return self.inner.image_shift_m()

    def set_image_shift(self, shift_m: Vector) -> None:
        """Shift the image. Raises LimitError before, NotArrivedError after."""
        self._require(self.capabilities.image_shift, "an image shift")
        checks.within(checks.IMAGE_SHIFT, math.hypot(*shift_m), self.limits.image_shift_max_m)
        before = self.inner.image_shift_m()
        self.inner.set_image_shift(shift_m)
        after = self.inner.image_shift_m()
        checks.arrived(checks.IMAGE_SHIFT, before, shift_m, after)

    def stigmator(self) -> Vector:
        """The stigmator's setting."""
        return self.inner.stigmator()

    def set_stigmator(self, value: Vector) -> None:
        """Set the stigmator, each component in ±1. Raises LimitError before, NotArrivedError after."""
        self._require(self.capabilities.stigmator, "a stigmator")
        for component in value:
            checks.within(checks.STIGMATOR, component, 1.0)
        before = self.inner.stigmator()
        self.inner.set_stigmator(value)
        after = self.inner.stigmator()
        checks.arrived(checks.STIGMATOR, before, value, after)

    def stage(self) -> StagePosition:
        """Where the stage says it is."""
        return self.inner.stage()

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
        before = self.inner.stage()
        self.inner.move_stage(**goal)
        after = self.inner.stage()
        for axis, value in goal.items():
            checks.arrived(checks.STAGE[axis], (getattr(before, axis),), (value,), (getattr(after, axis),))

    def acquire(self) -> Frame:
        """One image. Raises NoImageError when the camera gave nothing that is an image."""
        frame = self.inner.acquire()
        if frame.pixels.ndim != 2 or frame.pixels.size == 0 or not np.isfinite(frame.pixels).all():
            raise NoImageError(
                f"The camera gave an array of shape {frame.pixels.shape} with missing or non-finite values instead of "
                "an image. Check the camera and its readout, then acquire again."
            )
        return frame

    @contextmanager
    def preserved(self, *, keep: Collection[Part] = ()) -> Iterator[Preserved]:
        """Restore preset, beam tilt, image shift, defocus and its zero, stigmator and stage at the end, whatever comes.

        Parts in `keep` stay where they are at the end. Inside, `accept(part)` makes the present value the one to
        return to: call it after each correction. Restoring goes on after an error or a Ctrl-C in the middle of it;
        what can't be restored is told in an InstrumentError, or as a note on the exception that is on its way.
        """
        memory = Preserved(self, frozenset(keep))
        try:
            yield memory
        except BaseException as error:
            for failure in memory.restore():
                error.add_note(failure)
            raise
        failures = memory.restore()
        if failures:
            raise InstrumentError(" ".join(failures))

    def _require(self, there: bool, part: str) -> None:
        if not there:
            raise InstrumentError(f"{self.name} has not {part} that can be set. Choose another method. Nothing moved.")
