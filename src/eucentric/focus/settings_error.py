"""What is wrong with settings, in one sentence: which one, what it is, what it may be, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from eucentric.errors import SettingsError
from eucentric.focus.fields import plain_value, si_unit, without_unit
from eucentric.units import exactly

_LIKE = 0.6  # how alike two names must be to be taken for a slip of the pen (difflib's own default)
_HOISTED = "sequence"  # in a file, the sequence's settings stand at the top
_BOUNDS = {"greater_than": "gt", "greater_than_equal": "ge", "less_than": "lt", "less_than_equal": "le"}
_MUST_BE = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}


def settings_error(
    error: ValidationError, model: type[BaseModel], *, values: Mapping[str, Any] | None = None, source: str = ""
) -> SettingsError:
    """The first thing that pydantic found in `values`, as a sentence; `source` is the file that it stands in."""
    details = error.errors(include_url=False)
    # A step that is wrong makes the list of steps look empty: that is no news.
    telling = [d for d in details if d["type"] != "too_short" or len(details) == 1]
    at = _place(telling[0]["loc"], model)
    step = _step_name(telling[0]["loc"], values)
    if step is not None and at.last != "name":
        at = replace(at, path=f"{at.path} (step {step!r})")
    said = f"{source + ': ' if source else ''}{_sentence(telling[0], at)}"
    more = len({d["loc"] for d in telling}) - 1
    return SettingsError(said if not more else f"{said} ({more} more to mend after this.)")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the settings: its path as the operator writes it, its model and its field (None: there is none)."""

    path: str
    last: str
    model: type[BaseModel]
    name: str
    field: FieldInfo | None


def _place(loc: tuple[int | str, ...], model: type[BaseModel]) -> _Place:
    path, name, owner, field = "", "", model, None
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
            continue
        name = part
        if field is not None:
            owner = _model_in(field.annotation) or owner
        found = next((n for n in owner.model_fields if part in {n, without_unit(n)}), None)
        field = None if found is None else owner.model_fields[found]
        name = found or part
        if without_unit(name) != _HOISTED:
            path += f"{'.' if path else ''}{without_unit(name) if found else part}"
    if field is not None and isinstance(loc[-1], int):
        owner = _model_in(field.annotation) or owner
    return _Place(path or "The settings", without_unit(name), owner, name, field)


def _step_name(loc: tuple[int | str, ...], values: Any) -> str | None:
    """The name of the step that a path goes through, where it has one."""
    for part in loc:
        try:
            values = values[part]
        except (LookupError, TypeError):
            return None
        if isinstance(part, int):
            name = values.get("name") if isinstance(values, Mapping) else None
            return name if isinstance(name, str) else None
    return None


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model in tuple[Model, ...], Model | None or Model."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for m in map(_model_in, get_args(annotation)) if m is not None), None)


def _sentence(detail: ErrorDetails, at: _Place) -> str:
    kind, value = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        return _unknown(at)
    if kind == "value_error":
        return f"{at.path}: {detail['msg'].removeprefix('Value error, ')}"
    if kind in {"enum", "literal_error"}:
        return f"{at.path} is {value!r}; use one of {_choices(at, detail)}.{_meant(str(value), _words(at))}"
    if kind == "string_pattern_mismatch":
        return (
            f'{at.path} is {value!r}. It becomes part of file names: write it without / \\ : * ? " < > |, '
            "and not beginning with a dot."
        )
    return f"{at.path} {_found(detail, at)} {_help(at)}".rstrip()


def _found(detail: ErrorDetails, at: _Place) -> str:
    """What is there, and what should be."""
    kind, value = detail["type"], detail["input"]
    if kind == "missing":
        return "is missing."
    if kind.endswith("too_short"):
        return "is empty. Give at least one."
    if kind in _BOUNDS:
        return f"is {_shown(value, at)}; it must be {_bounds(at, detail)}."
    return f"is {value!r}; {_wanted(kind, at)}."


def _unknown(at: _Place) -> str:
    known = [without_unit(n) for n in at.model.model_fields if n != _HOISTED]
    inner = at.model.model_fields.get(_HOISTED)
    deeper = None if inner is None else _model_in(inner.annotation)
    known += [without_unit(n) for n in deeper.model_fields] if deeper is not None else []
    guess = _meant(at.last, known)
    return f"There is no setting {at.path}.{guess or ' There are: ' + ', '.join(sorted(known)) + '.'}"


def _meant(written: str, known: list[str]) -> str:
    tidy = written.strip().lower().replace(" ", "_").replace("-", "_")
    by_form = {k.lower().replace(" ", "_"): k for k in known}
    near = difflib.get_close_matches(without_unit(tidy), by_form, n=1, cutoff=_LIKE)
    return f" Did you mean {by_form[near[0]]}?" if near else ""


def _shown(value: Any, at: _Place) -> str:
    """What was given: a number without a unit is SI."""
    unit = si_unit(at.name)
    if isinstance(value, str | bool) or not isinstance(value, int | float):
        return repr(value)
    return f"{value:g}{'' if unit is None else ' px²' if unit == 'px2' else f' {unit}'}"


def _bounds(at: _Place, detail: ErrorDetails) -> str:
    """Both bounds of the field, or the one that was broken."""
    found: list[str] = []
    for constraint in at.field.metadata if at.field is not None else ():
        for kind, words in _MUST_BE.items():
            bound = getattr(constraint, kind, None)
            if bound is not None:
                found.append(f"{words} {_bound(bound, at)}")
    return " and ".join(found) or _MUST_BE[_BOUNDS[detail["type"]]] + f" {detail.get('ctx', {})}"


def _bound(value: float, at: _Place) -> str:
    unit = si_unit(at.name)
    return f"{value:g}" if unit in {None, "px2"} or value == 0 else exactly(float(value), unit or "")


def _help(at: _Place) -> str:
    """The first sentence of the field's own help."""
    text = (at.field.description or "") if at.field is not None else ""
    return " ".join(text.split())


def _words(at: _Place) -> list[str]:
    annotation = at.field.annotation if at.field is not None else None
    kinds = [a for a in (annotation, *get_args(annotation)) if isinstance(a, type) and issubclass(a, Enum)]
    return [str(plain_value(member)) for kind in kinds for member in kind]


def _choices(at: _Place, detail: ErrorDetails) -> str:
    words = _words(at)
    return ", ".join(f'"{w}"' for w in words) if words else str(detail.get("ctx", {}).get("expected", ""))


_KINDS = {"float": "a number", "finite": "a number", "int": "a whole number", "string": "a text in quotes",
          "bool": "true or false", "tuple": "a list", "list": "a list"}  # fmt: skip


def _wanted(kind: str, at: _Place) -> str:
    unit = si_unit(at.name)
    what = next((words for start, words in _KINDS.items() if kind.startswith(start)), "a table of settings")
    return f"{what} is wanted{f' with a unit of {unit}' if unit and unit != 'px2' and 'number' in what else ''}"
