"""What is wrong in a form, field by field: in the words that stand in the form, not in those of a file. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from eucentric.errors import SettingsError
from eucentric.focus.fields import NO_UNIT, si_unit, without_unit
from eucentric.focus.settings import FocusSettings
from eucentric.units import minus
from eucentric.web.forms import described

_USUAL = {"m": "µm", "rad": "mrad", "s": "s", "m/s": "nm/s", "1/m2": "e/Å²"}
_BOUNDS = {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}
_KINDS = {"int": "a whole number", "float": "a number", "finite": "a number", "bool": "yes or no"}
_STEPS = ("sequence", "steps")
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Wrong:
    """A field by its path in the form's values, and the sentence that stands beside it.

    A path that ends at a step, or is empty, is of what several fields say together.
    """

    path: Path
    sentence: str


def wrong_in(error: SettingsError, values: Mapping[str, Any]) -> tuple[Wrong, ...]:
    """All that is wrong in a form's `values`; empty where an error is not about fields."""
    cause = error.__cause__
    if not isinstance(cause, ValidationError):
        return ()
    found: dict[Path, Wrong] = {}
    details = cause.errors(include_url=False)
    # A step that is wrong makes the list of steps look empty: that is no news.
    for detail in [d for d in details if d["loc"] != _STEPS] or details:
        for one in _wrong(detail, values):
            found.setdefault(one.path, one)
    return tuple(found.values())


def _wrong(detail: ErrorDetails, values: Mapping[str, Any]) -> Iterator[Wrong]:
    bare = detail["type"] == NO_UNIT
    loc: tuple[str | int, ...] = (*detail["loc"], detail["ctx"]["name"]) if bare else detail["loc"]
    owner, name, rest = _field_at(loc)
    base = tuple(without_unit(p) if isinstance(p, str) else p for p in loc if p != "sequence")
    if name is None:  # of a model as a whole: told at each field that it names
        said = _shown(detail["msg"].removeprefix("Value error, "))
        named = [key for key in owner.model_fields if _names(said, key)]
        for key in named:
            yield Wrong((*base, without_unit(key)), said)
        if not named:
            yield Wrong(base, said)
        return
    path = base[: len(base) - rest]
    yield Wrong(path, _sentence(detail, (owner, name), _value_at(path, values)))


def _names(said: str, key: str) -> bool:
    """Whether a sentence speaks of a field of more than one word by its name."""
    words = without_unit(key).replace("_", " ")
    return " " in words and words in said.lower().replace("_", " ")


def _field_at(loc: Path) -> tuple[type[BaseModel], str | None, int]:
    """The model and the field that a path leads to, and how many parts lead further, into the field's value."""
    owner: type[BaseModel] = FocusSettings
    name: str | None = None
    for k, part in enumerate(loc):
        if isinstance(part, int):
            continue
        name = next((key for key in owner.model_fields if part in {key, without_unit(key)}), None)
        inner = None if name is None else _model_in(owner.model_fields[name].annotation)
        if name is None or inner is None:
            return owner, name, len(loc) - k - 1
        owner, name = inner, None
    return owner, name, 0


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in get_args(annotation) if (found := _model_in(one)) is not None), None)


def _value_at(path: Path, values: Any) -> str:
    for part in path:
        try:
            values = values[part]
        except (LookupError, TypeError):
            return ""
    return _typed(values)


def _typed(value: Any) -> str:
    """As it stands in the form."""
    if isinstance(value, list | tuple):
        return ("; " if any(isinstance(v, list | tuple) for v in value) else ", ").join(map(_typed, value))
    return "" if value is None else minus(str(value)).replace("um", "µm")


def _sentence(detail: ErrorDetails, field: tuple[type[BaseModel], str], value: str) -> str:
    owner, name = field
    told = described(name, owner.model_fields[name])
    title, kind = told["title"], detail["type"]
    if kind == "value_error":
        said = _shown(detail["msg"].removeprefix("Value error, "))
        return said if said.lower().startswith(title.lower()) else f"{title}: {said}"
    if kind == "string_pattern_mismatch":
        return f'{title} becomes part of file names: write it without / \\ : * ? " < > |, and not beginning with a dot.'
    if value == "":
        return f"{title} is empty."
    return f"{title} is {_wanted(kind, value, told, _USUAL.get(si_unit(name) or ''))}."


def _wanted(kind: str, value: str, told: Mapping[str, Any], unit: str | None) -> str:
    """What a value is, and what it should be."""
    if kind == NO_UNIT:
        return f"{value}, without a unit. Write for example {value} {unit}"
    if kind in _BOUNDS:
        low, to, high = told["bounds"].partition(" to ")
        return f"{value}; it must be {low}{' and at most ' if to and low.startswith('above') else to}{high}"
    if kind in {"enum", "literal_error"}:
        return f"'{value}'; use one of {', '.join(told['choices'])}"
    if kind == "missing" or kind.endswith("too_short"):
        return f"'{value}': something is missing"
    wanted = next((words for start, words in _KINDS.items() if kind.startswith(start)), "something else")
    return f"'{value}'; {wanted} is wanted{f', with its unit: 5 {unit}' if unit else ''}"


def _shown(said: str) -> str:
    """A sentence with units as they stand on screen."""
    return re.sub(r"\bum\b", "µm", said).replace("A/s", "Å/s").replace("e/A2", "e/Å²")
