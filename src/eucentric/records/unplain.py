"""From plain values back to what they were: the dataclasses, settings, enumerations and arrays that `plain.py` wrote.

Correlation maps are not among them (None): who wants one measures the images again.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar, cast

import numpy as np
from pydantic import BaseModel

from eucentric.records.plain import NOT_FINITE

T = TypeVar("T")


def made(kind: type[T], value: Any) -> T:
    """An object of `kind` from the plain value that it was written as.

    Raises what is raised for values of another shape (TypeError, ValueError, KeyError): records of another version.
    """
    return cast("T", _made(kind, value))


def _made(kind: Any, value: Any) -> Any:
    origin = typing.get_origin(kind)
    if origin in {types.UnionType, typing.Union}:
        return _one_of(typing.get_args(kind), value)
    if origin is not None:
        return _many(origin, typing.get_args(kind), value)
    if isinstance(kind, type):
        return _single(kind, value)
    return value


def _one_of(kinds: tuple[Any, ...], value: Any) -> Any:
    if value is None:
        return None
    (kind,) = (k for k in kinds if k is not type(None))
    return _made(kind, value)


def _many(origin: Any, kinds: tuple[Any, ...], value: Any) -> Any:
    if origin is typing.Annotated:
        return _made(kinds[0], value)
    if origin is np.ndarray:
        (dtype,) = typing.get_args(kinds[1])
        return np.array(value, dtype=dtype)
    if origin is tuple and (len(kinds) != 2 or kinds[1] is not ...):
        return tuple(_made(k, v) for k, v in zip(kinds, value, strict=True))
    if issubclass(origin, Mapping):
        return {_made(kinds[0], k): _made(kinds[1], v) for k, v in value.items()}
    return origin(_made(kinds[0], v) for v in value)


def _single(kind: type, value: Any) -> Any:
    if issubclass(kind, BaseModel):
        return kind.model_validate(value)
    if is_dataclass(kind):
        return kind(**_fields(kind, value))
    if issubclass(kind, Enum):
        return kind(value)
    if kind is datetime:
        return datetime.fromisoformat(value)
    if kind is float:
        return float(value[NOT_FINITE]) if isinstance(value, dict) else float(value)
    return value


def _fields(kind: type, value: Mapping[str, Any]) -> dict[str, Any]:
    """By name; what was left out and has no default is None."""
    hints, out = _hints(kind), {}
    for field in fields(kind):
        if field.name in value:
            out[field.name] = _made(hints[field.name], value[field.name])
        elif field.default is MISSING and field.default_factory is MISSING:
            out[field.name] = None
    return out


@lru_cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind, include_extras=True)
