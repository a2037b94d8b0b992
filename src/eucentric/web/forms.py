"""Forms from the settings models: each field with its title, unit, bounds and help; and settings in a form's words.

A form's values have the shape of a settings file: the sequence's fields stand at the top, quantities are texts with
their unit ("20 um"), None is what is not set.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import NoneType
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from eucentric.focus.fields import OFF, Settings, plain_value, si_unit, without_unit
from eucentric.focus.preset_settings import NamedPreset
from eucentric.focus.settings import CorrectionLimits, FocusSequence, FocusSettings, FocusStep, Thresholds
from eucentric.focus.toml import settings_from, written
from eucentric.units import exactly, minus

_INNER = {"sequence", "steps", "limits", "thresholds", "presets"}
_TITLES = {
    "fit_limit": "Fit limit",
    "chi2_per_dof_max": "χ² max",
    "recheck_drift": "Recheck drift",
    "z_approach": "Z approach",
    "on_phase_plate": "On phase plate",
}
_PRESETS = {"preset", "like", "melt_preset", "manual_focus_preset", "final_preset"}
_UNIT_WORDS = {"px2": "px²"}
GROUPS = {
    "What": ("name", "switch", "preset", "focus_method", "tilt", "tilt_direction", "pattern", "tilts",
             "correlation_type"),
    "Correct": ("correction_type", "delta_min", "delta_max", "tolerance", "iterations", "looks_min", "look_again",
                "retries", "settle", "offset", "reset_defocus"),
    "Drift": ("check_drift", "drift_threshold", "drift_timeout", "recheck_drift"),
    "Astigmatism": ("stig_correction", "stig_defocus_min", "stig_defocus_max"),
    "Judge": ("fit_limit",),
}  # fmt: skip
"""How the fields of a step stand together; those of its thresholds stand with the last."""


def forms() -> dict[str, Any]:
    """All forms of focus settings."""
    return {
        "settings": _fields(FocusSettings),
        "sequence": _fields(FocusSequence),
        "limits": _fields(CorrectionLimits),
        "step": _fields(FocusStep),
        "thresholds": _fields(Thresholds),
        "preset": _fields(NamedPreset),
        "groups": _groups(),
    }


def _groups() -> list[dict[str, Any]]:
    """Each field of a step in one group; those that are in none come last."""
    grouped = {name for names in GROUPS.values() for name in names}
    rest = [key for name in FocusStep.model_fields if name not in _INNER and (key := without_unit(name)) not in grouped]
    groups = [*GROUPS.items(), *([("Further", tuple(rest))] if rest else [])]
    return [{"title": title, "fields": list(names)} for title, names in groups]


def values_of(settings: FocusSettings) -> dict[str, Any]:
    """Settings as a form shows them: every field."""
    sequence = settings.sequence
    steps = [{**_values(step), "thresholds": _values(step.thresholds)} for step in sequence.steps]
    presets = [_values(preset) for preset in settings.presets]
    inner = {"limits": _values(sequence.limits), "steps": steps, "presets": presets}
    return {**_values(settings), **_values(sequence), **inner}


def settings_of(values: Mapping[str, Any]) -> FocusSettings:
    """What a form says. Raises SettingsError, as of a file; `wrong_in` tells what is wrong in the form."""
    return settings_from(_given(values))


def _given(values: Any) -> Any:
    """Without what is not set: a file has no word for it."""
    if isinstance(values, Mapping):
        return {name: _given(value) for name, value in values.items() if value is not None}
    return [_given(value) for value in values] if isinstance(values, list) else values


def _values(settings: Settings) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, field in type(settings).model_fields.items():
        if name in _INNER:
            continue
        value = getattr(settings, name)
        off = value is None and field.default is not None
        out[without_unit(name)] = OFF if off else None if value is None else _value(name, value, settings)
    return out


def _value(name: str, value: Any, settings: Settings) -> Any:
    told = written(name, value, settings)
    return [list(one) if isinstance(one, list | tuple) else one for one in told] if isinstance(value, tuple) else told


def _fields(model: type[BaseModel]) -> list[dict[str, Any]]:
    return [described(name, field) for name, field in model.model_fields.items() if name not in _INNER]


def described(name: str, field: FieldInfo) -> dict[str, Any]:
    """A field as a form shows it."""
    key, unit = without_unit(name), si_unit(name)
    kinds = _kinds(field)
    return {
        "name": key,
        "title": _TITLES.get(key) or key.replace("_", " ").capitalize(),
        "help": " ".join((field.description or "").split()),
        "kind": _kind(name, kinds),
        "optional": NoneType in kinds,
        "off": OFF if NoneType in kinds and field.default is not None else None,
        "unit": _UNIT_WORDS.get(unit or "", unit),
        "bounds": "any angle" if name == "tilt_direction_rad" else _bounds(field, unit),
        "choices": [str(plain_value(m)) for k in kinds if isinstance(k, type) and issubclass(k, Enum) for m in k],
    }


def _kinds(field: FieldInfo) -> tuple[Any, ...]:
    """The types that a field may have, without what is annotated to them."""
    args = [a for a in get_args(field.annotation) if a is not Ellipsis] if _is_union(field) else [field.annotation]
    return tuple(get_args(a)[0] if hasattr(a, "__metadata__") else a for a in args)


def _is_union(field: FieldInfo) -> bool:
    return NoneType in get_args(field.annotation)


def _kind(name: str, kinds: tuple[Any, ...]) -> str:
    """What is filled in."""
    if name in _PRESETS:
        return "preset"
    if any(isinstance(k, type) and issubclass(k, Enum) for k in kinds):
        return "choice"
    number = "number" if si_unit(name) in {None, "px2"} else "quantity"
    by_type = {bool: "switch", str: "text", int: "integer", float: number}
    several = any(get_origin(part) is tuple for kind in kinds for part in get_args(kind))
    return next((word for kind, word in by_type.items() if kind in kinds), "pairs" if several else "pair")


_WORDS = {"gt": "above", "ge": "from", "lt": "below", "le": "to"}


def _bounds(field: FieldInfo, unit: str | None) -> str:
    """ "from 0 to 20 um": in words."""
    said = []
    for constraint in field.metadata:
        for kind, words in _WORDS.items():
            bound = getattr(constraint, kind, None)
            if bound is not None:
                said.append(f"{words} {_bound(float(bound), unit)}")
    return " ".join(said)


def _bound(value: float, unit: str | None) -> str:
    if unit in {None, "px2"} or value == 0:
        return minus(f"{value:g}")
    return minus(exactly(value, unit or "")).replace("um", "µm").replace("e/A2", "e/Å²")
