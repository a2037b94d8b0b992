"""Anything that the core hands out, as plain values for JSON: dicts, lists, strings, numbers, None.

Not-finite numbers become None (JSON has none). Images and correlation maps are left out: they are files of their own.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from enum import Enum
from typing import Any

import numpy as np
from pydantic import BaseModel

from eucentric.correlation.shift import CorrelationMap
from eucentric.images.frame import Frame

_LEFT_OUT = (CorrelationMap,)


def plain(value: Any) -> Any:
    """`value` as JSON would have it; dataclasses and settings become dicts by field name."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Frame):
        return plain_frame(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    if isinstance(value, Mapping):
        return {str(plain(k)): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset | np.ndarray):
        values = [plain(v) for v in value]
        return sorted(values) if isinstance(value, set | frozenset) else values
    return _scalar(value)


def _scalar(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def plain_frame(frame: Frame) -> dict[str, Any]:
    """A frame without its pixels: their shape instead."""
    kept = {f.name: plain(getattr(frame, f.name)) for f in dataclasses.fields(frame) if f.name != "pixels"}
    return {"shape": list(frame.shape), **kept}


def _fields(value: Any) -> dict[str, Any]:
    pairs = ((f.name, getattr(value, f.name)) for f in dataclasses.fields(value))
    return {name: plain(v) for name, v in pairs if not isinstance(v, _LEFT_OUT)}
