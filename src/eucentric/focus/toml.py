"""Settings of a focus node as a TOML file that an operator reads and edits: words and values with units.

The sequence's own settings stand at the top of the file, its steps as [[steps]]. Written is what the node does: all
that differs from the defaults, and of each step what it is known by. The rest follows as comments, each setting once,
with its default and its help: take the # away to change it. What is read back is exactly what was written.
"""

from __future__ import annotations

import re
import textwrap
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import tomlkit
from pydantic import ValidationError
from tomlkit.items import Comment, Table, Trivia
from tomlkit.toml_document import TOMLDocument

from eucentric.errors import InputError, SettingsError
from eucentric.focus.fields import OFF, Settings, plain_value, si_unit, without_unit
from eucentric.focus.settings import FocusMethod, FocusSequence, FocusSettings, FocusStep
from eucentric.focus.settings_error import other_kind, settings_error
from eucentric.units import exactly

_ALWAYS = ("name", "preset", "focus_method", "tilt_rad", "pattern", "correction_type")
"""What each step is known by: written even where it is the default."""
_METHODS_OF = {
    "tilt_rad": (FocusMethod.BEAM_TILT, FocusMethod.STAGE_TILT),
    "pattern": (FocusMethod.BEAM_TILT,),
}
"""The methods that use what others do not."""
_WIDTH = 88
_T = TypeVar("_T", Table, TOMLDocument)
_IN_SEQUENCE = tuple(FocusSequence.model_fields)


def read_toml(text: str, *, source: str = "") -> FocusSettings:
    """The settings in a TOML text; `source` names the file in errors. Raises SettingsError with a sentence."""
    return settings_from(toml_values(text, source=source), source=source)


def toml_values(text: str, *, source: str = "") -> dict[str, Any]:
    """What stands in a TOML text, as plain values. Raises SettingsError with a sentence where it is none."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            f"{source + ': ' if source else ''}this is not TOML: {error}. Texts and values with units stand in quotes: "
            'delta_max = "20 um".'
        ) from error


def settings_from(values: Mapping[str, Any], *, source: str = "") -> FocusSettings:
    """The settings in a table whose words are those of a file. Raises SettingsError with a sentence."""
    other = other_kind(values, FocusSettings, source)
    if other:
        raise SettingsError(other)
    top = {name: value for name, value in values.items() if name not in _IN_SEQUENCE_KEYS}
    inner = {name: value for name, value in values.items() if name in _IN_SEQUENCE_KEYS}
    try:
        return FocusSettings.model_validate({**top, "sequence": inner})
    except ValidationError as error:
        raise settings_error(error, FocusSettings, values={**top, "sequence": inner}, source=source) from error


_IN_SEQUENCE_KEYS = {key for name in _IN_SEQUENCE for key in (name, without_unit(name))}


def read_settings(path: Path) -> FocusSettings:
    """The settings in a file. Raises InputError when it can't be read, SettingsError for what stands in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}. Make one with: eucentric sequences copy focus {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise InputError(f"The settings in {path} can't be read: {why}. Give a TOML file.") from error
    return read_toml(text, source=str(path))


def to_toml(settings: FocusSettings, *, explained: bool = True) -> str:
    """The settings as TOML; `explained` adds help, and the settings that are at their defaults as comments."""
    sequence = settings.sequence
    write = _Writer(explained)
    document = tomlkit.document()
    for line in _HEAD if explained else ():
        document.add(tomlkit.comment(line))
    write.given(document, sequence, always=("name", "accuracy_m"), leave=("steps", "limits"))
    write.given(document, settings, leave=("sequence", "presets"))
    write.defaults(document, settings, leave=("sequence", "presets"))
    limits = write.given(tomlkit.table(), sequence.limits)
    write.defaults(limits, sequence.limits)
    if explained or len(limits):
        document.add("limits", limits)
    if settings.presets:
        presets = tomlkit.aot()
        for preset in settings.presets:
            presets.append(write.given(tomlkit.table(), preset, always=("name", "like")))
        document.add("presets", presets)
    steps = tomlkit.aot()
    for number, step in enumerate(sequence.steps, start=1):
        steps.append(_step(step, write, last=number == len(sequence.steps)))
    document.add("steps", steps)
    return tomlkit.dumps(document).rstrip("\n") + "\n"


_HEAD = (
    "Settings of a focus node: its steps in the order in which they are done. Values carry",
    "their units; defocus is positive for overfocus. What begins with # is at its default:",
    "take the # away to change it.",
)


def _step(step: FocusStep, write: _Writer, *, last: bool) -> Table:
    replaced = ("tilt_rad", "pattern") if step.tilts_rad else ()
    always = tuple(n for n in _ALWAYS if step.focus_method in _METHODS_OF.get(n, FocusMethod) and n not in replaced)
    table = write.given(tomlkit.table(), step, always=always, leave=("thresholds",))
    if last:
        write.note(table, "Every further setting of a step, at its default. Copy a line to the step that it is for.")
        write.defaults(table, step, leave=("thresholds",))
    thresholds = write.given(tomlkit.table(), step.thresholds)
    if last:
        write.defaults(thresholds, step.thresholds)
    if (last and write.explained) or len(thresholds):
        table.add("thresholds", thresholds)
    return table


class _Writer:
    """Adds settings to tables, and says of each once what it is."""

    def __init__(self, explained: bool) -> None:
        self.explained = explained
        self._said: set[str] = set()

    def given(self, table: _T, settings: Settings, *, always: tuple[str, ...] = (), leave: tuple[str, ...] = ()) -> _T:
        """Add what differs from the defaults, and what is always written."""
        for name, field in type(settings).model_fields.items():
            value = getattr(settings, name)
            if name in leave or (value == field.default and (name not in always or value is None)):
                continue
            item = tomlkit.item(written(name, value, settings))
            if self.explained and name not in self._said:
                brief = _brief(field.description)
                if len(f"{without_unit(name)} = {item.as_string()}  # {brief}") <= _WIDTH:
                    item.comment(brief)
            self._said.add(name)
            table.add(without_unit(name), item)
        return table

    def defaults(self, table: Table | TOMLDocument, settings: Settings, *, leave: tuple[str, ...] = ()) -> None:
        """Add the settings that are at their defaults, as comments with their help."""
        if not self.explained:
            return
        for name, field in type(settings).model_fields.items():
            value = getattr(settings, name)
            if name in leave or name in _ALWAYS or value != field.default:
                continue
            for line in textwrap.wrap(" ".join((field.description or "").split()), _WIDTH - 2):
                table.add(tomlkit.comment(line))
            example = _EXAMPLES.get(name) if value in (None, ()) else value
            if value in (None, ()):
                table.add(tomlkit.comment("Not set. For example:"))
            text = tomlkit.item(written(name, example, settings)).as_string()
            table.add(Comment(Trivia(comment=f"#{without_unit(name)} = {text}")))

    def note(self, table: Table, text: str) -> None:
        """Add a remark."""
        if self.explained:
            table.add(tomlkit.nl())
            table.add(tomlkit.comment(text))


_EXAMPLES: dict[str, Any] = {
    "fit_limit_px2": 1000.0,
    "delta_max_m": 20e-6,
    "melt_preset": "fa",
    "manual_focus_preset": "fa",
    "final_preset": "en",
    "dose_max_per_m2": 50e20,
    "tilts_rad": ((0.0, -5e-3), (0.0, 5e-3)),
    "phase_plate_tilts_rad": ((0.0, -5e-3), (0.0, 5e-3)),
}
"""What a setting that is not set by default could be."""


def _brief(description: str | None) -> str:
    """The first clause of a help text."""
    return re.split(r"[.,;:] |\.$", " ".join((description or "").split()))[0]


def written(name: str, value: Any, settings: Settings) -> Any:
    """The value of a field as files and forms have it: quantities as text with their unit."""
    unit = si_unit(name)
    if value is None:
        return OFF
    if isinstance(value, tuple):
        return [written(name, v, settings) for v in value]
    if isinstance(value, float) and unit is not None and unit != "px2":
        return exactly(value, unit, _unit(name, settings))
    return plain_value(value)


def _unit(name: str, settings: Settings) -> str | None:
    """Stage tilts and directions are read in degrees; what else there is chooses its unit by its size."""
    stage = isinstance(settings, FocusStep) and settings.focus_method is FocusMethod.STAGE_TILT
    return "deg" if name == "tilt_direction_rad" or (stage and name == "tilt_rad") else None
