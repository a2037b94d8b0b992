"""An application as TOML again, whole: a session's folder keeps the application exactly as it ran."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

import tomlkit

from eucentric.focus.fields import Settings, plain_value, si_unit, without_unit
from eucentric.focus.settings import FocusSettings
from eucentric.focus.toml import to_toml as focus_toml
from eucentric.msi.application import Application
from eucentric.units import exactly


def to_toml(application: Application) -> str:
    """The application as TOML, without comments and with every focus setting in it: read back it is the same.

    What is at its default is left out.
    """
    return tomlkit.dumps(_table(application)).rstrip("\n") + "\n"


def _table(settings: Settings) -> dict[str, Any]:
    """What differs from the defaults, tables last: in TOML, what follows a table belongs to it."""
    if isinstance(settings, FocusSettings):
        return tomllib.loads(focus_toml(settings, explained=False))
    given = {
        without_unit(name): _written(name, getattr(settings, name))
        for name, field in type(settings).model_fields.items()
        if getattr(settings, name) not in (None, {}, field.default)
    }
    return dict(sorted(given.items(), key=lambda item: _depth(item[1])))


def _depth(value: Any) -> int:
    """0 for plain values, 1 for tables, 2 for lists of tables."""
    if isinstance(value, dict):
        return 1
    return 2 if isinstance(value, list) and value and isinstance(value[0], dict) else 0


def _written(name: str, value: Any) -> Any:
    """A value as TOML has it: quantities as text with their unit, angles of stage and lattice in degrees."""
    if isinstance(value, Settings):
        return _table(value)
    if isinstance(value, Mapping):
        return {key: _written("", one) for key, one in value.items()}
    if isinstance(value, tuple):
        return [_written(name, one) for one in value]
    unit = si_unit(name)
    if isinstance(value, float) and unit is not None:
        return exactly(value, unit, "deg" if unit == "rad" else None)
    return plain_value(value)
