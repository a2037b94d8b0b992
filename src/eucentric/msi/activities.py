"""Where the time goes: seconds by activity, on the microscope's clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Activities:
    """Adds up seconds by activity. What is done inside another activity counts for the inner one alone."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._seconds: dict[str, float] = {}
        self._stack: list[str] = []
        self._since = 0.0

    @contextmanager
    def during(self, what: str) -> Iterator[None]:
        """Time passes with this."""
        self._turn()
        self._stack.append(what)
        try:
            yield
        finally:
            self._turn()
            self._stack.pop()

    def taken(self) -> tuple[tuple[str, float], ...]:
        """What was added up since this was asked last."""
        self._turn()
        seconds, self._seconds = self._seconds, {}
        return tuple(seconds.items())

    def _turn(self) -> None:
        now = self._now_s()
        if self._stack:
            what = self._stack[-1]
            self._seconds[what] = self._seconds.get(what, 0.0) + now - self._since
        self._since = now
