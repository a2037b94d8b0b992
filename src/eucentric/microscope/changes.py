"""What was sent to an instrument: which parts of it were set, when, and what has not come back yet."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable


class _Sent:
    """One order. `late` from its beginning on the instrument's thread until it returns there, given up here or not."""

    __slots__ = ("_act", "_begun", "_over", "parts")

    def __init__(self, parts: frozenset[str], act: Callable[[], None]) -> None:
        self.parts = parts
        self._act: Callable[[], None] | None = act
        self._begun, self._over = False, threading.Event()

    def __call__(self) -> None:
        assert self._act is not None
        self._begun = True
        try:
            self._act()
        finally:
            self._act = None
            self._over.set()

    @property
    def late(self) -> bool:
        return self._begun and not self._over.is_set()

    def wait(self, seconds: float) -> None:
        self._over.wait(seconds)


class Changes:
    """Counts what is set, part by part. Sent is set: whether it arrived, the instrument's reading tells."""

    def __init__(self) -> None:
        self._count = 0
        self._last: dict[str, int] = {}
        self._late: list[_Sent] = []

    def now(self) -> int:
        """A moment to ask about later."""
        return self._count

    def sending(self, parts: Iterable[str], act: Callable[[], None]) -> Callable[[], None]:
        """`act`, which sets these parts: noted now, and watched until it returns."""
        sent = _Sent(frozenset(parts), act)
        self._count += 1
        self._last |= dict.fromkeys(sent.parts, self._count)
        self._late = [*(one for one in self._late if one.late), sent]
        return sent

    def since(self, moment: int, part: str) -> bool:
        """Whether a part was set after a moment."""
        return self._last.get(part, 0) > moment

    def late(self) -> frozenset[str]:
        """Parts of which an order has begun and not returned: it may arrive at any time."""
        return frozenset().union(*(sent.parts for sent in self._late if sent.late))

    def settle(self, seconds: float) -> None:
        """Wait until nothing is late, at most so long (of the wall clock)."""
        end = time.monotonic() + seconds
        for sent in self._late:
            if sent.late:
                sent.wait(max(end - time.monotonic(), 0.0))
