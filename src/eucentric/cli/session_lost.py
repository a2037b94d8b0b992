"""What is done when the instrument is lost: the operator at the terminal says it; where nobody is, it is waited."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from eucentric.cli.asked import asked
from eucentric.msi.events import UnitEnded
from eucentric.msi.outcome import Status

if TYPE_CHECKING:
    from eucentric.cli.page import Page
    from eucentric.cli.session_live import SessionLive
    from eucentric.errors import InstrumentError

PAUSES_S = (60.0, 300.0, 900.0)
"""A server restarts within the first, a camera cools down within the last."""
_AGAIN, _STOP = {"", "t", "try", "again"}, {"s", "stop"}


class Lost:
    """Asked by a session; True: try again. `ask` prints a prompt and reads a line (EOFError: nobody there); what else
    it raises passes through.
    """

    def __init__(self, say: Callable[[str], None], ask: Callable[[str], str], resume: str) -> None:
        self._say, self._ask, self._resume = say, ask, resume

    @classmethod
    def at_terminal(cls, live: SessionLive, resume: str, page: Page) -> Lost | None:
        """Whoever sits at the terminal, until the `page` aborts; None when the input or the output is not one."""
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            return None

        def ask(prompt: str) -> str:
            with live.quiet():
                answer = asked(prompt, page)
            live.note(f"{prompt}{answer}")
            return answer

        return cls(live.say, ask, resume)

    def __call__(self, _error: InstrumentError) -> bool:
        """Ask until there is an answer; what happened was told before."""
        self._say("Mend it, then press Enter to try again; or type s to stop here.")
        self._say(f"Stopped, it goes on later with: {self._resume}")
        while True:
            try:
                answer = self._ask("Enter: try again, s: stop > ").strip().lower()
            except EOFError:
                return False
            if answer in _AGAIN | _STOP:
                return answer in _AGAIN


class Unattended:
    """Nobody is there: tried again after pauses, each longer than the one before, before it is given up.

    It watches the session too: after a target that was done the pauses begin anew. `sleep` waits so many seconds, and
    raises Aborted where the session is aborted meanwhile.
    """

    def __init__(self, say: Callable[[str], None], sleep: Callable[[float], None] = time.sleep) -> None:
        self._say, self._sleep = say, sleep
        self._paused = 0

    def __call__(self, _error: InstrumentError) -> bool:
        """Pause; False when all pauses are over."""
        if self._paused == len(PAUSES_S):
            return False
        pause_s = PAUSES_S[self._paused]
        self._paused += 1
        self._say(f"Nobody is at the terminal: tried again in {pause_s / 60:.0f} min.")
        self._sleep(pause_s)
        return True

    def watch(self, event: object) -> None:
        """See targets end."""
        if isinstance(event, UnitEnded) and event.outcome.status is Status.DONE:
            self._paused = 0
