"""One setting of a map at a value: what the chosen plan has there, and everything with it changed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from eucentric.errors import SettingsError
from eucentric.focus.fields import without_unit
from eucentric.focus.patterns import PatternName
from eucentric.focus.settings import CorrectionType
from eucentric.focus.settings_error import settings_error
from eucentric.optimize.instrument import Instrument
from eucentric.optimize.planning.asked import Asked
from eucentric.optimize.planning.candidate import Candidate, magnification_named
from eucentric.optimize.planning.plan import Plan
from eucentric.optimize.sweeping.axes import MAGNIFICATIONS, Of, Setting, Value

_OF_ASKED = {"start": "start_m", "accuracy": "accuracy_m", "probability": "probability", "tilt_max": "tilt_max_rad"}


@dataclass(frozen=True, slots=True)
class Change:
    """A setting at a value."""

    setting: Setting
    value: Value


def value_now(setting: Setting, made: Plan, instrument: Instrument, step: int | None) -> Value | None:
    """The value that a plan, its instrument or one of its steps has; None where it has none."""
    if setting.of is Of.INSTRUMENT:
        table, name = _place(instrument.model_dump(), setting)
        value: Value | None = table[name]
        return value
    if setting.of is Of.ASKED:
        asked: Value | None = getattr(made.asked, _OF_ASKED[setting.name])
        return asked
    candidate = made.steps[step or 0].candidate
    of_step: dict[str, Value] = {
        "tilt": candidate.tilt_rad,
        "magnification": candidate.magnification.name,
        "binning": candidate.binning,
        "pixel": candidate.pixel_m,
        "size": candidate.size_px,
        "pattern": str(candidate.pattern),
        "offset": candidate.offset_m,
        "dose": candidate.image_dose_per_m2,
        "exposure": candidate.exposure_s,
        "correction": str(candidate.correction),
    }
    return of_step[setting.name]


def asked_with(asked: Asked, change: Change) -> Asked:
    """The same with one thing asked otherwise."""
    changed: dict[str, Any] = {_OF_ASKED[change.setting.name]: change.value}
    return replace(asked, **changed)


def instrument_with(instrument: Instrument, change: Change) -> Instrument:
    """The instrument with one value changed. Raises SettingsError for one that it can't have."""
    try:
        return _validated(instrument, change)
    except ValidationError as error:
        raise settings_error(error, Instrument) from error


def check_bounds(instrument: Instrument, change: Change) -> None:
    """Raise SettingsError for a value that is out of its own bounds; whether it fits the others, each point says."""
    try:
        _validated(instrument, change)
    except ValidationError as error:
        if any(detail["loc"] for detail in error.errors()):
            raise settings_error(error, Instrument) from error


def _validated(instrument: Instrument, change: Change) -> Instrument:
    body = instrument.model_dump()
    table, name = _place(body, change.setting)
    table[name] = change.value
    return Instrument.model_validate(body)


def _place(body: dict[str, Any], setting: Setting) -> tuple[dict[str, Any], str]:
    """The table that has the setting, in an instrument's values, and its name there."""
    path, _, last = setting.name.rpartition(".")
    if path.startswith(MAGNIFICATIONS):
        table = next(m for m in body["magnifications"] if MAGNIFICATIONS + m["name"] == path)
    else:
        table = body[path]
    return table, next(name for name in table if without_unit(name) == last)


_FIRST = ("magnification", "binning", "pixel")
"""What others are told of, in this order: a size is one of the binned image, a pixel that of its magnification."""


def candidate_with_all(candidate: Candidate, instrument: Instrument, changes: Sequence[Change]) -> Candidate:
    """The candidate with these settings changed, each to its value whatever their order."""
    for change in sorted(changes, key=lambda one: (*_FIRST, one.setting.name).index(one.setting.name)):
        candidate = candidate_with(candidate, instrument, change)
    return candidate


def candidate_with(candidate: Candidate, instrument: Instrument, change: Change) -> Candidate:
    """The candidate with one setting changed; at another binning its field stays.

    Its pixel is changed in the magnification; electrons and time of its exposure go along with each other.
    """
    name, value = change.setting.name, change.value
    if name == "pattern":
        return replace(candidate, pattern=PatternName(str(value)))
    if name == "correction":
        return replace(candidate, correction=CorrectionType(str(value)))
    if name == "magnification":
        return replace(candidate, magnification=magnification_named(instrument, str(value)))
    return _with_number(candidate, name, float(value))


def _with_number(candidate: Candidate, name: str, value: float) -> Candidate:
    shot = candidate.magnification
    if name == "tilt":
        return replace(candidate, tilt_rad=value)
    if name == "offset":
        return replace(candidate, offset_m=value)
    if name == "pixel":
        return replace(candidate, magnification=shot.model_copy(update={"pixel_m": value / candidate.binning}))
    if name in {"dose", "exposure"}:
        return replace(candidate, exposure=value / (shot.dose_per_m2 if name == "dose" else shot.exposure_s))
    if name == "binning":
        size = max(candidate.size_px * candidate.binning // int(value), 1)
        return replace(candidate, binning=int(value), size_px=size)
    return replace(candidate, size_px=int(value))


def check_fits(candidate: Candidate, instrument: Instrument) -> None:
    """Raise SettingsError for an image that the camera does not have."""
    most = instrument.camera.size // candidate.binning
    if candidate.size_px > most:
        raise SettingsError(f"At binning {candidate.binning} the camera has {most} pixels, not {candidate.size_px}.")
