"""What is wrong with settings, in one sentence: which one, what it is, what it may be, and what to do."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from eucentric.errors import SettingsError
from eucentric.focus.fields import NO_UNIT, plain_value, si_unit, without_unit
from eucentric.units import exactly, parse

_LIKE = 0.6  # how alike two names must be to be taken for a slip of the pen (difflib's own default)
_BEGINS_ALIKE = 0.01  # for each letter that is right from the beginning: "correction" is correction_type
_IS_A_WORD = 0.6  # how alike "max" is to delta_max, and "stage_tilt" to tilt, at the least
_HOISTED = "sequence"  # in a file, the sequence's settings stand at the top
_BOUNDS = {"greater_than": "gt", "greater_than_equal": "ge", "less_than": "lt", "less_than_equal": "le"}
_MUST_BE = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}


def settings_error(
    error: ValidationError, model: type[BaseModel], *, values: Mapping[str, Any] | None = None, source: str = ""
) -> SettingsError:
    """The first thing that pydantic found in `values`, as a sentence; `source` is the file that it stands in."""
    other = other_kind(values or {}, model, source)
    if other:
        return SettingsError(other)
    details = error.errors(include_url=False)
    # A step that is wrong makes the list of steps look empty: that is no news. Nor is, beside a misspelt name, that
    # the right one is missing.
    no_news = {"too_short"} | ({"missing"} if any(d["type"] == "extra_forbidden" for d in details) else set())
    telling = [d for d in details if d["type"] not in no_news] or details
    at = _place(_loc(telling[0]), model)
    at = replace(at, bare=_is_bare(telling[0]["loc"], values))
    entry = _entry(telling[0]["loc"], values)
    if entry is not None and at.last != "name":
        at = replace(at, path=f"{at.path} ({entry})")
    said = f"{source + ': ' if source else ''}{_sentence(telling[0], at)}"
    more = len({d["loc"] for d in telling}) - 1
    return SettingsError(said if not more else f"{said} ({more} more to mend after this.)")


def other_kind(values: Mapping[str, Any], model: type[BaseModel], source: str) -> str:
    """What to do with a file of the other kind, which is known by its [[nodes]] or [[steps]]; empty: it is none."""
    file, start = source or "FILE", f"{source}: " if source else ""
    if "nodes" in values and "nodes" not in model.model_fields:
        return f"{start}This is an application: use it with eucentric run --application {file}"
    if "steps" in values and "nodes" in model.model_fields and "nodes" not in values:
        return (
            f"{start}These are settings of a focus node: use them with eucentric focus --settings {file}, or in a "
            f"session with eucentric run --settings NODE={file}"
        )
    return ""


def _loc(detail: ErrorDetails) -> tuple[int | str, ...]:
    """Where it is: a number without a unit is found in its table, and belongs to its setting."""
    return (*detail["loc"], detail["ctx"]["name"]) if detail["type"] == NO_UNIT else detail["loc"]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the settings: its path as the operator writes it, its model and its field (None: there is none).

    `bare` says that a number without a unit stands there.
    """

    path: str
    last: str
    model: type[BaseModel]
    name: str
    field: FieldInfo | None
    bare: bool = False


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


def _is_bare(loc: tuple[int | str, ...], values: Any) -> bool:
    """Whether what was written there is a number without a unit, in quotes or not."""
    for part in loc:
        try:
            values = values[part]
        except (LookupError, TypeError):
            return False
    return isinstance(values, int | float) or (isinstance(values, str) and not any(c.isalpha() for c in values))


def _entry(loc: tuple[int | str, ...], values: Any) -> str | None:
    """The entry of a list that a path goes through, by its name where it has one: "step 'fine'"."""
    listed = ""
    for part in loc:
        try:
            values = values[part]
        except (LookupError, TypeError):
            return None
        if isinstance(part, int):
            name = values.get("name") if isinstance(values, Mapping) else None
            return f"{listed.removesuffix('s')} {name!r}" if isinstance(name, str) else None
        listed = part
    return None


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model in tuple[Model, ...], Model | None or Model."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for m in map(_model_in, get_args(annotation)) if m is not None), None)


def _sentence(detail: ErrorDetails, at: _Place) -> str:
    kind, value = detail["type"], detail["input"]
    if kind == NO_UNIT:
        return _no_unit(detail["ctx"]["value"], at)
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
        return f"is {_shown(value, at)}; it must be {_bounds(at, detail)}.{_with_a_unit(value, at)}"
    return f"is {value!r}; {_wanted(kind, at)}."


_USUAL = {"m": ("um", "nm", "mm"), "rad": ("mrad", "deg"), "m/s": ("A/s", "nm/s"), "1/m2": ("e/A2",)}
"""In which units people count what is not SI for them, the usual one first."""
_USUAL_OF = {"cs_m": ("mm", "um"), "pixel_m": ("nm", "um"), "arrival_m": ("nm", "um"), "focal_spread_m": ("nm",)}
"""… and where a quantity has one of its own."""


_SI_MEANT_BELOW = 0.1
"""Numbers below that are taken for SI in an example: nobody counts 0.005 mrad, or 0.00002 µm."""


def _no_unit(value: float, at: _Place) -> str:
    """A number without a unit: what to write instead, in a unit in which it is within the bounds."""
    return (
        f"{at.path} is {value:g} without a unit. Write it with its unit, for example {at.last} = {_example(value, at)}."
    )


def _example(value: float, at: _Place) -> str:
    """The number with the unit that is most likely meant; of a pair, both numbers."""
    unit = si_unit(at.name) or ""
    if abs(value) < _SI_MEANT_BELOW and _within(value, at):
        text = exactly(value, unit)
    else:
        usual = _USUAL_OF.get(at.name, _USUAL.get(unit, (unit,)))
        inside = next((u for u in usual if _within(parse(f"{value:.12g} {u}", unit), at)), usual[0])
        text = f"{value:g} {inside}"
    pair = at.field is not None and "tuple" in str(at.field.annotation)
    return f'["{text}", "{text}"]' if pair else f'"{text}"'


def _with_a_unit(value: Any, at: _Place) -> str:
    """What to write where a bare number, under a name that has its unit, is out of bounds."""
    unit = si_unit(at.name)
    if not at.bare or unit not in _USUAL or isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return f" A number without a unit is in {unit}. Give a unit: {at.last} = {_example(value, at)}."


def _within(value: float, at: _Place) -> bool:
    keeps = {"gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le}
    limits = [
        (keeps[k], getattr(c, k, None)) for c in (at.field.metadata if at.field is not None else ()) for k in keeps
    ]
    return all(keep(value, bound) for keep, bound in limits if bound is not None)


def _unknown(at: _Place) -> str:
    fields = _shown_fields(at.model)
    known = [without_unit(n) for n in fields]
    for name, field in fields.items():
        inner = _model_in(field.annotation)
        if inner is not None and at.last in {without_unit(n) for n in inner.model_fields}:
            return f"There is no setting {at.path} here; it belongs to {name}."
    guess = _meant(at.last, known)
    return f"There is no setting {at.path}.{guess or ' There are: ' + ', '.join(sorted(known)) + '.'}"


def _shown_fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a table as it stands in a file: with those of the sequence, which stand at the top."""
    fields = dict(model.model_fields)
    hoisted = fields.pop(_HOISTED, None)
    inner = None if hoisted is None else _model_in(hoisted.annotation)
    return fields if inner is None else {**fields, **inner.model_fields}


def _meant(written: str, known: list[str]) -> str:
    """The nearest of what is known, where one is near."""
    tidy = without_unit(written.strip().lower().replace(" ", "_").replace("-", "_"))
    by_form = {k.lower().replace(" ", "_"): k for k in known}
    alike, near = max((_alike(tidy, form), form) for form in by_form) if by_form else (0.0, "")
    return f" Did you mean {by_form[near]}?" if alike >= _LIKE else ""


def _alike(written: str, name: str) -> float:
    """From 0 to somewhat above 1."""
    pairs = zip(written, name, strict=False)
    begins = next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(written), len(name)))
    ratio = difflib.SequenceMatcher(None, written, name).ratio()
    is_a_word = written in name.split("_") or name in written.split("_")
    # Of several that have the word the shortest: with little else.
    return (max(ratio, _IS_A_WORD + 0.1 * ratio) if is_a_word else ratio) + _BEGINS_ALIKE * begins


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
