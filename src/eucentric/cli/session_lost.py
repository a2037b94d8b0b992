"""What the operator at the terminal says when the instrument is lost: try again, or stop and resume later."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eucentric.cli.session_live import SessionLive
    from eucentric.errors import InstrumentError

_AGAIN, _STOP = {"", "t", "try", "again"}, {"s", "stop"}


class Lost:
    """Asked by a session; True: try again. `ask` prints a prompt and reads a line (EOFError: nobody there)."""

    def __init__(self, say: Callable[[str], None], ask: Callable[[str], str], resume: str) -> None:
        self._say, self._ask, self._resume = say, ask, resume

    @classmethod
    def at_terminal(cls, live: SessionLive, resume: str) -> Lost | None:
        """Whoever sits at the terminal; None when the input or the output is not one: then the session stops."""
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            return None

        def ask(prompt: str) -> str:
            with live.quiet():
                return input(prompt)

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
