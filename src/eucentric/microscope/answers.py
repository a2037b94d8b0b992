"""Whether what an adapter answers is what it was asked for: numbers, pairs of numbers, a stage position, a preset."""

from __future__ import annotations

from numbers import Real
from typing import Any, TypeVar

from eucentric.errors import InstrumentError
from eucentric.microscope.protocol import StagePosition, Vector

T = TypeVar("T")


def number(call: str, found: Any) -> float:
    """A number. Raises InstrumentError for anything else."""
    if not isinstance(found, Real):
        raise _unusable(call, found, "a number")
    return float(found)


def vector(call: str, found: Any) -> Vector:
    """Two numbers. Raises InstrumentError for anything else."""
    try:
        y, x = found
    except (TypeError, ValueError):
        raise _unusable(call, found, "two numbers (y, x)") from None
    return (number(call, y), number(call, x))


def stage(call: str, found: Any) -> StagePosition:
    """A stage position of numbers. Raises InstrumentError for anything else."""
    here = instance(call, found, StagePosition)
    return StagePosition(*(number(call, value) for value in (here.x_m, here.y_m, here.z_m, here.alpha_rad)))


def instance(call: str, found: Any, kind: type[T]) -> T:
    """One of this kind. Raises InstrumentError for anything else."""
    if not isinstance(found, kind):
        raise _unusable(call, found, kind.__name__)
    return found


def _unusable(call: str, found: Any, wanted: str) -> InstrumentError:
    return InstrumentError(
        f"The microscope answered '{call}' with {found!r}, not with {wanted}. Check its server and the adapter, then "
        "try again."
    )
