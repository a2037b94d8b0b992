"""The darkroom: a thread of its own that turns images into pictures, so that no run waits for them.

Of each kind of work only the newest is done, and none while nobody watches.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from eucentric.web.hub import Hub, Message
from eucentric.web.packets import Packet, packed

Work = Callable[[], Iterable[Packet | tuple[str, Any]]]
"""What gives pictures, and (kind, plain values) beside them."""

ORDER = ("live", "images", "map", "spectrum", "rings", "raw")
"""What is done first."""
SLOWLY_S = {"rings": 0.3}
"""What is not done again sooner than after so long: it costs more than the images that come meanwhile."""
_LOG = logging.getLogger(__name__)


class Darkroom:
    """Does work and publishes what comes of it. `start` it; `stop` ends it."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._changed = threading.Condition()
        self._work: dict[str, Work] = {}
        self._stopped = False
        self._done_s: dict[str, float] = {}
        self._thread = threading.Thread(target=self._run, name="eucentric-darkroom", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the work at hand."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def give(self, kind: str, work: Work) -> None:
        """Newest of its kind: what was not begun yet of the same kind is not done any more."""
        with self._changed:
            self._work[kind] = work
            self._changed.notify_all()

    def look_again(self) -> None:
        """Somebody came or went."""
        with self._changed:
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._stopped and (not self._hub.clients or self._due() is None):
                    self._changed.wait(SLOWLY_S["rings"] if self._work and self._hub.clients else None)
                if self._stopped:
                    return
                kind = self._due()
                assert kind is not None
                work = self._work.pop(kind)
                self._done_s[kind] = time.monotonic()
            try:
                for made in work():
                    self._hub.publish(*_message(made))
            except Exception:  # a picture that can't be made must not end those that can
                _LOG.exception("A picture for the page (%s) could not be made.", kind)

    def _due(self) -> str | None:
        """What is to be done next; None: nothing yet."""
        now_s = time.monotonic()
        due = [k for k in self._work if now_s - self._done_s.get(k, -1e9) >= SLOWLY_S.get(k, 0.0)]
        return min(due, key=ORDER.index, default=None)


def _message(made: Packet | tuple[str, Any]) -> tuple[str, Message]:
    if isinstance(made, Packet):
        return made.kind, packed(made)
    kind, body = made
    return kind, text(kind, body)


def text(kind: str, body: Any) -> str:
    """A text message."""
    return json.dumps({"kind": kind, "body": body}, allow_nan=False)
