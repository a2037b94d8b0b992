"""Measurements as rows of a table for other programs: SI units, as the names of the columns say."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

from eucentric.records.kept import KeptMeasurement, Moved

_PAIRS = {
    "stage_yx_m": ("stage_y_m", "stage_x_m"),
    "stigmator": ("stigmator_y", "stigmator_x"),
    "a1_m": ("a1_a_m", "a1_b_m"),
    "a1_sigma_m": ("a1_a_sigma_m", "a1_b_sigma_m"),
    "drift_m_per_s": ("drift_y_m_per_s", "drift_x_m_per_s"),
}
_MOVED = {
    "channel": "correction",
    **{name: name for name in ("change_c1_m", "moved_m", "moved_to_m", "arrived_m", "probe", "taken_back")},
}


def _columns() -> tuple[str, ...]:
    names: list[str] = []
    for field in fields(KeptMeasurement):
        if field.name == "moved":
            names += _MOVED.values()
        else:
            names += _PAIRS.get(field.name, (field.name,))
    return tuple(names)


COLUMNS = _columns()


def row(one: KeptMeasurement) -> tuple[Any, ...]:
    """Its values in the order of COLUMNS; empty for what is not known, times in UTC."""
    values: dict[str, Any] = {}
    for field in fields(KeptMeasurement):
        value = getattr(one, field.name)
        if field.name in _PAIRS:
            values |= dict(zip(_PAIRS[field.name], value or (None, None), strict=True))
        elif field.name == "moved":
            values |= _moved(value)
        else:
            values[field.name] = value
    return tuple(_text(values[name]) for name in COLUMNS)


def _moved(moved: Moved | None) -> dict[str, Any]:
    return {column: None if moved is None else getattr(moved, name) for name, column in _MOVED.items()}


def _text(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else value
