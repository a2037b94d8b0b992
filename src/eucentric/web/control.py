"""Who controls: several browsers may watch, one controls. The first to act takes it while it is free."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from eucentric.errors import EucentricError

GRACE_S = 20.0
"""So long control is kept for a browser that is gone: a reload must not lose it."""


class NotInControl(EucentricError):
    """Somebody else controls."""


class Lease:
    """Control of the microscope through the page, held by one client at a time."""

    def __init__(self, watching: Callable[[], tuple[str, ...]], clock: Callable[[], float] = time.monotonic) -> None:
        self._watching = watching
        self._clock = clock
        self.grace_s = GRACE_S
        self._lock = threading.Lock()
        self._holder: str | None = None
        self._name = ""
        self._seen_s = 0.0
        self.changed: Callable[[], None] = lambda: None
        """Called when control changed hands."""

    @property
    def holder(self) -> str | None:
        """The client that controls; None: nobody."""
        with self._lock:
            return self._held()

    @property
    def name(self) -> str:
        """What the one who controls is called."""
        with self._lock:
            return self._name if self._held() else ""

    def act(self, client: str, name: str) -> None:
        """A client does something that changes the microscope: it takes control where that is free.

        Raises NotInControl where another one has it.
        """
        with self._lock:
            held = self._held()
            if held not in (None, client):
                raise NotInControl(
                    f"{self._name or 'Another browser'} controls the microscope. Watch, or take control first."
                )
            taken = held is None
            self._holder, self._name, self._seen_s = client, name, self._clock()
        if taken:
            self.changed()

    def take(self, client: str, name: str) -> None:
        """Take control from whoever has it."""
        with self._lock:
            self._holder, self._name, self._seen_s = client, name, self._clock()
        self.changed()

    def release(self, client: str) -> None:
        """Give control back, where this client has it."""
        with self._lock:
            if self._holder != client:
                return
            self._holder, self._name = None, ""
        self.changed()

    def left(self, client: str) -> None:
        """A client watches no longer: from now on control is kept for it for its grace."""
        with self._lock:
            if self._holder == client:
                self._seen_s = self._clock()

    def _held(self) -> str | None:
        """The holder, unless it has been gone for long."""
        if self._holder is None:
            return None
        if self._holder in self._watching():
            self._seen_s = self._clock()
        elif self._clock() - self._seen_s > self.grace_s:
            self._holder, self._name = None, ""
        return self._holder
