"""A microscope with a guard: limits before anything moves, read-back after, and everything restored at the end.

`Guarded` implements the same protocol as what it wraps. All vectors (y, x), SI.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from eucentric.errors import InputError, InstrumentError, LimitError, NoImageError, NotArrivedError
from eucentric.images.frame import Frame
from eucentric.microscope.preserved import Part, Preserved
from eucentric.microscope.protocol import Capabilities, Limits, Microscope, Preset, StagePosition, Vector
from eucentric.units import show_angle, show_length


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a read-back may be from what was set; `resolution` is what counts as no difference at all."""

    resolution: float
    largest: float

    def allows(self, error: float, move: float) -> bool:
        """Whether it arrived. A dropped write is off by the whole move, so half a move is never allowed."""
        return error <= max(self.resolution, min(self.largest, 0.5 * move))


_TILT = Tolerance(1e-7, 50e-6)
_DEFOCUS = Tolerance(1e-10, 20e-9)
_STIGMATOR = Tolerance(1e-6, 1e-3)
_LENGTH = Tolerance(1e-9, 200e-9)
_ALPHA = Tolerance(1e-5, 2e-3)


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
            raise NotArrivedError(f"Preset '{name}' was set, but the microscope is still at '{arrived}'. {_RETRY}")

    def beam_tilt_rad(self) -> Vector:
        """The beam tilt."""
        return self.inner.beam_tilt_rad()

    def set_beam_tilt(self, tilt_rad: Vector) -> None:
        """Tilt the beam. Raises LimitError before, NotArrivedError after."""
        self._require(self.capabilities.beam_tilt, "a beam tilt")
        _within("Beam tilt", math.hypot(*tilt_rad), self.limits.tilt_max_rad, show_angle)
        before = self.inner.beam_tilt_rad()
        self.inner.set_beam_tilt(tilt_rad)
        after = self.inner.beam_tilt_rad()
        _arrived("beam tilt", (before, tilt_rad, after), _TILT, show_angle)

    def defocus_m(self) -> float:
        """The lens' defocus."""
        return self.inner.defocus_m()

    def set_defocus(self, defocus_m: float) -> None:
        """Set the defocus. Raises LimitError before, NotArrivedError after."""
        _within("Defocus", defocus_m, self.limits.defocus_max_m, show_length)
        before = self.inner.defocus_m()
        self.inner.set_defocus(defocus_m)
        after = self.inner.defocus_m()
        _arrived("defocus", ((before,), (defocus_m,), (after,)), _DEFOCUS, show_length)

    def stigmator(self) -> Vector:
        """The stigmator's setting."""
        return self.inner.stigmator()

    def set_stigmator(self, value: Vector) -> None:
        """Set the stigmator, each component in ±1. Raises LimitError before, NotArrivedError after."""
        self._require(self.capabilities.stigmator, "a stigmator")
        for component in value:
            _within("Stigmator", component, 1.0, _plain)
        before = self.inner.stigmator()
        self.inner.set_stigmator(value)
        after = self.inner.stigmator()
        _arrived("stigmator", (before, value, after), _STIGMATOR, _plain)

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
            _within(_AXES[axis], value, bound[axis], _show(axis))
        before = self.inner.stage()
        self.inner.move_stage(**goal)
        after = self.inner.stage()
        for axis, value in goal.items():
            tolerance = _ALPHA if axis == "alpha_rad" else _LENGTH
            values = ((getattr(before, axis),), (value,), (getattr(after, axis),))
            _arrived(_AXES[axis].lower(), values, tolerance, _show(axis))

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
        """Restore beam tilt, preset, defocus, stigmator, stage z and alpha at the end, whatever happens.

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


_RETRY = "Try again; if it stays, check that the microscope is not locked or in another mode."
_AXES = {"x_m": "Stage x", "y_m": "Stage y", "z_m": "Stage z", "alpha_rad": "Stage tilt"}


def _plain(value: float) -> str:
    return f"{value:.4f}"


def _show(axis: str) -> Callable[[float], str]:
    return _degrees if axis == "alpha_rad" else show_length


def _degrees(value: float) -> str:
    return f"{math.degrees(value):.2f}°"


def _within(what: str, value: float, bound: float, show: Callable[[float], str]) -> None:
    if math.isfinite(value) and abs(value) <= bound:
        return
    shown = show(value) if math.isfinite(value) else str(value)
    raise LimitError(
        f"{what} of {shown} was asked for; the limit is ±{show(bound)}. Nothing was moved. "
        "Ask for less, or change the limit if the instrument allows it."
    )


def _arrived(
    what: str,
    before_goal_after: tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]],
    tolerance: Tolerance,
    show: Callable[[float], str],
) -> None:
    before, goal, after = before_goal_after
    if tolerance.allows(math.dist(after, goal), math.dist(before, goal)):
        return
    asked, found = (" / ".join(show(v) for v in values) for values in (goal, after))
    raise NotArrivedError(f"The {what} was set to {asked} and reads {found}. {_RETRY}")
