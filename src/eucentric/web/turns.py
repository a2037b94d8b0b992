"""Turns: what takes long is done one at a time, and few may wait for it, so that the server always has threads left."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from eucentric.errors import EucentricError


class Busy(EucentricError):
    """Too many ask for the same at once."""


class Turns:
    """One at a time on `computing`, and so `many` at most that are at it or wait for it."""

    def __init__(self, computing: threading.Lock, many: int, what: str) -> None:
        self._computing, self._many, self._what = computing, many, what
        self._room = threading.BoundedSemaphore(many)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for it. Raises Busy where so many wait already."""
        if not self._room.acquire(blocking=False):
            raise Busy(f"{self._many} others wait for {self._what} already. Ask again when they are done.")
        try:
            with self._computing:
                yield
        finally:
            self._room.release()
