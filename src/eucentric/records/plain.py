"""Anything that the core hands out, as plain values for JSON: dicts, lists, strings, numbers, None.

Not-finite numbers become None (JSON has none), or, where they must be told apart, {"not finite": "inf"}. Images and
correlation maps are left out: they are files of their own.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any

import numpy as np
from pydantic import BaseModel

from eucentric.correlation.shift import CorrelationMap
from eucentric.images.frame import Frame

NOT_FINITE = "not finite"
_LEFT_OUT = (CorrelationMap,)

Instead = Callable[[Any], Any]
"""What stands for an object in place of its own plain value; None: nothing does."""


def plain(value: Any) -> Any:
    """`value` as JSON would have it; dataclasses and settings become dicts by field name."""
    return without_marks(exact(value))


def exact(value: Any, instead: Instead = lambda _value: None) -> Any:
    """The same, with not-finite numbers marked, so that `unplain.made` gives back what it was."""
    other = instead(value)
    if other is not None:
        return other
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _fields(value, instead)
    if isinstance(value, Mapping):
        return {str(_scalar(k)): exact(v, instead) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset | np.ndarray):
        values = [exact(v, instead) for v in value]
        return sorted(values) if isinstance(value, set | frozenset) else values
    return _scalar(value)


def without_marks(value: Any) -> Any:
    """Exact plain values with None for what is not finite."""
    if isinstance(value, dict):
        return None if set(value) == {NOT_FINITE} else {k: without_marks(v) for k, v in value.items()}
    if isinstance(value, list):
        return [without_marks(v) for v in value]
    return value


def _scalar(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return value if math.isfinite(value) else {NOT_FINITE: str(value)}
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _fields(value: Any, instead: Instead) -> dict[str, Any]:
    pairs = ((f.name, getattr(value, f.name)) for f in dataclasses.fields(value))
    if isinstance(value, Frame):  # its pixels are a file: their shape instead
        kept = {name: exact(v, instead) for name, v in pairs if name != "pixels"}
        return {"shape": list(value.shape), **kept}
    return {name: exact(v, instead) for name, v in pairs if not isinstance(v, _LEFT_OUT)}
