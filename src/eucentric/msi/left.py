"""How long a session will still take, for the person who waits for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from eucentric.msi.units import Unit


@dataclass(frozen=True, slots=True)
class Left:
    """Seconds; `rough` as long as not every kind of unit to come was seen."""

    seconds: float
    rough: bool


class TimeLeft:
    """What the units to come will take, by what those of the same node took on average; of a node that was not seen
    yet by what it should take, times how much longer than that the others took. `clock` in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._to_come: Counter[str] = Counter()
        self._expected: dict[str, float] = {}
        self._took: dict[str, list[float]] = {}
        self._begun_s = clock()

    def expect(self, units: tuple[Unit, ...], expected_s: Mapping[str, float]) -> None:
        """These are to come; `expected_s` is what one should take, by node, where that is known."""
        self._to_come = Counter(unit.node for unit in units)
        self._expected = dict(expected_s)

    def begin(self) -> None:
        """One of them begins."""
        self._begun_s = self._clock()

    def end(self, node: str) -> None:
        """One of this node is done."""
        self._took.setdefault(node, []).append(self._clock() - self._begun_s)
        self._to_come[node] -= 1

    def left(self) -> Left | None:
        """What is left; None where it can't be told: nothing is to come, or of some nobody knows what they take."""
        coming = {node: count for node, count in self._to_come.items() if count > 0}
        one = {node: self._one(node) for node in coming}
        known = {node: seconds for node, seconds in one.items() if seconds is not None}
        if not coming or len(known) < len(one):
            return None
        return Left(sum(coming[node] * known[node] for node in coming), rough=not coming.keys() <= self._took.keys())

    def _one(self, node: str) -> float | None:
        took = self._took.get(node)
        if took:
            return sum(took) / len(took)
        should = self._expected.get(node)
        return None if should is None else should * self._slower()

    def _slower(self) -> float:
        """How much longer than expected it took so far: the instrument's, and a simulation's clock is not ours."""
        seen = {node: took for node, took in self._took.items() if node in self._expected}
        should = sum(len(took) * self._expected[node] for node, took in seen.items())
        return sum(map(sum, seen.values())) / should if should else 1.0
