"""The hub: the newest of everything that the page shows, and who watches it. Any thread may publish; none ever waits.

A watcher that can't keep up gets the newest of each kind and skips the rest: what is sent is looked up when it is sent.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress

Message = str | bytes
_IN_FLIGHT = 2
"""Pictures on their way to a browser that it has not yet shown."""
PONG = '{"kind": "pong", "body": null}'
"""What a browser is answered that asks whether the server is there."""


class Watcher:
    """One browser that watches: the kinds that are news to it. Lives on the server's event loop."""

    def __init__(self, hub: Hub, client: str, loop: asyncio.AbstractEventLoop) -> None:
        self.client = client
        self.wants: frozenset[str] = frozenset()
        self._hub = hub
        self._loop = loop
        self._news: dict[str, None] = {}  # kinds, in the order in which they became news
        self._wake = asyncio.Event()
        self._in_flight = 0
        self._pinged = False

    def offer(self, kind: str) -> None:
        """There is something new of this kind. From any thread; a loop that is gone is no trouble of the caller's."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._offered, kind)

    def _offered(self, kind: str) -> None:
        self._news[kind] = None
        self._wake.set()

    def shown(self) -> None:
        """The browser has shown a picture and is ready for the next."""
        self._in_flight = max(self._in_flight - 1, 0)
        self._wake.set()

    def pinged(self) -> None:
        """The browser asks whether the server is there: that is answered before anything else."""
        self._pinged = True
        self._wake.set()

    async def next(self) -> Message:
        """The newest message that it does not have, waited for: in the order in which they
        became news, but pictures wait until there is room.
        """
        while True:
            if self._pinged:
                self._pinged = False
                return PONG
            for kind in tuple(self._news):
                message = self._hub.newest(kind)
                if isinstance(message, bytes) and self._in_flight >= _IN_FLIGHT:
                    continue
                del self._news[kind]
                if message is None:
                    continue
                self._in_flight += isinstance(message, bytes)
                return message
            self._wake.clear()
            await self._wake.wait()


class Hub:
    """Keeps the newest message of each kind, and tells it to all watchers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[str, Message] = {}
        self._watchers: list[Watcher] = []
        self.on_change: Callable[[], None] = lambda: None
        """Called after a watcher came, went, or wants something else."""

    def publish(self, kind: str, message: Message) -> None:
        """Keep the newest of a kind and tell it."""
        with self._lock:
            self._newest[kind] = message
            watchers = tuple(self._watchers)
        for watcher in watchers:
            watcher.offer(kind)

    def newest(self, kind: str) -> Message | None:
        """The newest message of a kind; None: there was none."""
        with self._lock:
            return self._newest.get(kind)

    def join(self, watcher: Watcher) -> None:
        """One more watches: it is told all that is known, texts first."""
        with self._lock:
            self._watchers.append(watcher)
            known = sorted(self._newest, key=lambda kind: isinstance(self._newest[kind], bytes))
        for kind in known:
            watcher.offer(kind)
        self.on_change()

    def leave(self, watcher: Watcher) -> None:
        """It watches no longer."""
        with self._lock:
            self._watchers.remove(watcher)
        self.on_change()

    def want(self, watcher: Watcher, wants: frozenset[str]) -> None:
        """What this watcher looks at, of what is made only where somebody looks."""
        watcher.wants = wants
        self.on_change()

    @property
    def wanted(self) -> frozenset[str]:
        """What anybody looks at."""
        with self._lock:
            return frozenset().union(*(watcher.wants for watcher in self._watchers))

    @property
    def clients(self) -> tuple[str, ...]:
        """Who watches, one entry for each connection."""
        with self._lock:
            return tuple(watcher.client for watcher in self._watchers)
