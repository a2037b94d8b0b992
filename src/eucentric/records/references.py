"""What has its own row is not written again in the events: they refer to it, and an export puts it in.

{"see": ["measurement", 3]}    the result of measurement 3 of the run
{"see": ["shift", 3, 0]}       its first shift
{"see": ["step", 1]}           the result of the run's second step
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eucentric.correlation.shift import Shift
from eucentric.focus.outcome import StepResult
from eucentric.focus.result import DefocusResult
from eucentric.records.plain import exact

SEE = "see"


class References:
    """The results of a run that have rows, told apart as the objects that they are. For one run."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[object, list[Any]]] = {}

    def measurement(self, number: int, result: DefocusResult) -> None:
        """From now on a result and its shifts are referred to."""
        self._add(result, ["measurement", number])
        for at, shift in enumerate(result.shifts):
            self._add(shift, ["shift", number, at])

    def step(self, number: int, result: StepResult) -> None:
        """From now on a step's result is referred to."""
        self._add(result, ["step", number])

    def exact(self, value: Any) -> Any:
        """Plain values with references for what is known. `value` itself is written out."""
        return exact(value, lambda inner: None if inner is value else self._see(inner))

    def _add(self, value: object, place: list[Any]) -> None:
        self._known[id(value)] = (value, place)  # held, so that no other object gets its number

    def _see(self, value: Any) -> Any:
        if not isinstance(value, DefocusResult | Shift | StepResult) or id(value) not in self._known:
            return None
        return {SEE: self._known[id(value)][1]}


def resolved(value: Any, results: Mapping[int, Any], steps: Mapping[int, Any]) -> Any:
    """Exact plain values with what they refer to in place of the references; None where that was not kept."""
    if isinstance(value, dict):
        if set(value) == {SEE}:
            return _found(value[SEE], results, steps)
        return {key: resolved(inner, results, steps) for key, inner in value.items()}
    if isinstance(value, list):
        return [resolved(inner, results, steps) for inner in value]
    return value


def _found(place: list[Any], results: Mapping[int, Any], steps: Mapping[int, Any]) -> Any:
    kind, number = place[0], place[1]
    if kind == "step":
        return resolved(steps.get(number), results, steps)
    result = results.get(number)
    if kind == "measurement" or result is None:
        return result
    return result["shifts"][place[2]]
