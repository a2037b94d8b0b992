"""How long a session will still take, for the person who waits for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from eucentric.msi.units import Unit


class TimeLeft:
    """What the units to come will take, by what those of the same node took on average. `clock` in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._to_come: Counter[str] = Counter()
        self._took: dict[str, list[float]] = {}
        self._begun_s = clock()

    def expect(self, units: tuple[Unit, ...]) -> None:
        """These are to come."""
        self._to_come = Counter(unit.node for unit in units)

    def begin(self) -> None:
        """One of them begins."""
        self._begun_s = self._clock()

    def end(self, node: str) -> None:
        """One of this node is done."""
        self._took.setdefault(node, []).append(self._clock() - self._begun_s)
        self._to_come[node] -= 1

    def seconds(self) -> float | None:
        """None until each kind of unit to come was seen once: what is not known is not guessed."""
        coming = {node: count for node, count in self._to_come.items() if count > 0}
        if not coming or not all(node in self._took for node in coming):
            return None
        return sum(count * sum(self._took[node]) / len(self._took[node]) for node, count in coming.items())
