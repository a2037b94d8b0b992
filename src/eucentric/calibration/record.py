"""A Record: one calibration as it is kept, with when, on what and in which optics state it was measured."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from eucentric.calibration.quantities import AnyQuantity
from eucentric.errors import InputError
from eucentric.microscope.protocol import Microscope, Preset

_SAME = 1e-3  # high tensions and magnifications nearer than this, relatively, are the same state


class Level(StrEnum):
    """Whether a calibration is good enough."""

    GREEN = "green"  # good enough
    AMBER = "amber"  # usable with care; the sentence says what to do
    RED = "red"  # not to be used


class _Kept(BaseModel):
    """Frozen, no unknown names, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class OpticsState(_Kept):
    """The optics in which a calibration holds."""

    voltage_v: float = Field(gt=0)
    preset: str
    magnification: float = Field(gt=0)
    probe_mode: str = "micro"
    camera: str = "camera"
    binning: int = Field(ge=1)
    pixel_m: float = Field(gt=0)
    """Nominal pixel size of the binned image at the specimen."""

    @classmethod
    def of(cls, voltage_v: float, preset: Preset) -> Self:
        """The state of a preset."""
        return cls(
            voltage_v=voltage_v,
            preset=preset.name,
            magnification=preset.magnification,
            probe_mode=preset.probe_mode,
            camera=preset.camera,
            binning=preset.binning,
            pixel_m=preset.pixel_m,
        )

    def __str__(self) -> str:
        return f"{self.preset}, {self.voltage_v * 1e-3:g} kV, {self.magnification:.6g} ×, {self.probe_mode} probe"


def optics_of(microscope: Microscope, preset: str | None = None) -> OpticsState:
    """The optics state of a preset (None: the present one). Raises InputError for an unknown preset."""
    if preset is None:
        return OpticsState.of(microscope.voltage_v, microscope.preset())
    return OpticsState.of(microscope.voltage_v, preset_of(microscope, preset))


def preset_of(microscope: Microscope, name: str) -> Preset:
    """The preset of that name. Raises InputError where there is none."""
    for preset in microscope.presets():
        if preset.name == name:
            return preset
    known = ", ".join(p.name for p in microscope.presets())
    raise InputError(f"{microscope.name} has no preset '{name}'. Use one of: {known}.")


def _in_utc(when: datetime) -> datetime:
    if when.tzinfo is None:
        raise ValueError("a time without its zone: give it in UTC")
    return when.astimezone(UTC)


class Record(_Kept):
    """One calibration, kept."""

    quantity: AnyQuantity
    instrument: str
    taken: Annotated[datetime, AfterValidator(_in_utc)]
    """When it was measured, UTC."""
    optics: OpticsState
    level: Level
    sentence: str
    """Whether it is good enough, and what to do if not."""
    dose_e_per_m2: float = Field(default=0.0, ge=0)
    """What measuring it put on the specimen."""
    software: str
    """Version of eucentric."""
    figure: str | None = None
    """File name of its figure, beside the record."""
    rough: bool = False
    """Measured on the way, far from eucentric height: good enough to come near, not to focus with."""
    transferred: bool = False
    """Not measured in this optics state, but computed from another one's."""
    source: str | None = None
    """Where a transferred one comes from."""

    @property
    def kind(self) -> str:
        """What it calibrates: "tilt response", "coma-free axis", …"""
        return self.quantity.kind


_EVERYWHERE: tuple[str, ...] = ()
_COLUMN = ("voltage_v", "probe_mode")
_LENS = ("voltage_v", "probe_mode", "magnification")
_IMAGE = ("voltage_v", "probe_mode", "magnification", "camera")

SCOPES: dict[str, tuple[str, ...]] = {
    "tilt response": _IMAGE,
    "stage alpha": _IMAGE,
    "stigmator response": _IMAGE,
    "pivot point": _IMAGE,
    "parfocality": _LENS,
    "eucentric focus": _LENS,
    "focus scale": _COLUMN,
    "stage Z": _COLUMN,
    "coma-free axis": _COLUMN,
    "rotation centre": _COLUMN,
    "lens hysteresis": _COLUMN,
    "tilt settling": _EVERYWHERE,
    "stage backlash": _EVERYWHERE,
}
"""In what the optics must agree for a calibration to hold: whatever is in image axes needs magnification and camera,
the column's directions need high tension and probe mode, and the stage does not see the optics."""


def holds(kind: str, first: OpticsState, second: OpticsState) -> bool:
    """Whether a calibration of `kind` made in one state holds in the other."""
    return agree(first, second, SCOPES[kind])


def agree(first: OpticsState, second: OpticsState, names: Iterable[str]) -> bool:
    """Whether both states are the same in these fields."""
    return all(_alike(getattr(first, name), getattr(second, name)) for name in names)


def _alike(one: float | str, other: float | str) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return abs(one - other) <= _SAME * max(abs(one), abs(other))
