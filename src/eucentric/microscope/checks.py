"""What the guard asks of a value before it is set, and of a read-back after."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

from eucentric.errors import InputError, InstrumentError, LimitError, NotArrivedError
from eucentric.microscope.protocol import Capabilities, Preset
from eucentric.units import show_angle, show_length

Show = Callable[[float], str]

RETRY = "Try again; if it stays, check that the microscope is not locked or in another mode."
# A setting restored at its limit is a sum of two numbers: rounding is not beyond it.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a read-back may be from what was set; `resolution` is what counts as no difference at all."""

    resolution: float
    largest: float

    def allows(self, error: float, move: float) -> bool:
        """Whether it arrived. A dropped write is off by the whole move, so half a move is never allowed."""
        return error <= max(self.resolution, min(self.largest, 0.5 * move))


def plain(value: float) -> str:
    """A number without a unit."""
    return f"{value:.4f}"


def degrees(value: float) -> str:
    """Radians as degrees."""
    return f"{math.degrees(value):.2f}°"


@dataclass(frozen=True, slots=True)
class Kind:
    """What is set: its name in a sentence, how its values are shown, how exactly it arrives."""

    name: str
    show: Show
    tolerance: Tolerance


TILT = Kind("beam tilt", show_angle, Tolerance(1e-7, 50e-6))
DEFOCUS = Kind("defocus", show_length, Tolerance(1e-10, 20e-9))
IMAGE_SHIFT = Kind("image shift", show_length, Tolerance(1e-10, 20e-9))
STIGMATOR = Kind("stigmator", plain, Tolerance(1e-6, 1e-3))
_LENGTH = Tolerance(10e-9, 200e-9)  # an encoder's step: a stage sent where it is arrives there
STAGE = {
    "x_m": Kind("stage x", show_length, _LENGTH),
    "y_m": Kind("stage y", show_length, _LENGTH),
    "z_m": Kind("stage z", show_length, _LENGTH),
    "alpha_rad": Kind("stage tilt", degrees, Tolerance(1e-5, 2e-3)),
}


def within(kind: Kind, value: float, bound: float) -> None:
    """Raise LimitError when `value` is beyond ±`bound` or no number."""
    if math.isfinite(value) and abs(value) <= bound * (1 + _ROUNDING):
        return
    shown = kind.show(value) if math.isfinite(value) else str(value)
    raise LimitError(
        f"{kind.name.capitalize()} of {shown} was asked for; the limit is ±{kind.show(bound)}. Nothing was moved. "
        "Ask for less, or change the limit if the instrument allows it."
    )


def arrived(kind: Kind, before: tuple[float, ...], goal: tuple[float, ...], after: tuple[float, ...]) -> None:
    """Raise NotArrivedError when the read-back `after` is not what was set. All values of one length."""
    if kind.tolerance.allows(math.dist(after, goal), math.dist(before, goal)):
        return
    asked, found = (" / ".join(kind.show(v) for v in values) for values in (goal, after))
    raise NotArrivedError(f"The {kind.name} was set to {asked} and reads {found}. {RETRY}")


def known_preset(instrument: str, name: str, presets: tuple[Preset, ...]) -> None:
    """Raise InputError when none of `presets` is called `name`."""
    known = [p.name for p in presets]
    if name not in known:
        raise InputError(f"{instrument} has no preset '{name}'. Use one of: {', '.join(known)}. Nothing was changed.")


def takes_presets(instrument: str, can: Capabilities, preset: Preset, like: str) -> None:
    """Raise InstrumentError when presets can't be defined from outside."""
    if not can.define_presets:
        raise InstrumentError(
            f"{instrument} takes no presets from outside. Define '{preset.name}' there by hand, like '{like}'."
        )


def defined(preset: Preset, presets: tuple[Preset, ...]) -> None:
    """Raise NotArrivedError when `preset` is not among `presets` as it was asked for."""
    found = next((p for p in presets if p.name == preset.name), None)
    if found == preset:
        return
    differs = "none of that name" if found is None else f"another one of that name ({_differing(preset, found)})"
    raise NotArrivedError(f"Preset '{preset.name}' was defined, but the microscope has {differs}. {RETRY}")


def _differing(asked: Preset, found: Preset) -> str:
    pairs = ((f.name, getattr(asked, f.name), getattr(found, f.name)) for f in fields(Preset))
    return ", ".join(f"{name} {there} instead of {wanted}" for name, wanted, there in pairs if wanted != there)
