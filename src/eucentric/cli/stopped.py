"""The user's stop of a run, with what is to be said of it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from eucentric.errors import InputError

_WAITS = "\nStopping: it ends when everything is restored, which takes as long as the instrument moves.\n"
_STDERR = 2


class Stopped(Exception):
    """Ctrl-C or a request to terminate, after all that could be restored was restored. Its text is for the user."""


def raise_if_stopped(why: str, done: int, asked: int, what: str, *, by_user: bool) -> None:
    """End a command that has told what was done, where that is not all: as Ctrl-C does, or with an InputError."""
    if not why:
        return
    sentence = f"{why}: {done} of {asked} {what} were done; what is told is of these."
    raise Stopped(sentence) if by_user else InputError(sentence)


@contextmanager
def said_when_stopped(*, once: bool = False) -> Iterator[None]:
    """At the first Ctrl-C (SIGTERM, SIGHUP) stderr says that everything is restored first; each one interrupts.

    With `once` only the first does: where another thread restores, no further one may end the program before that.
    Written past all buffers: in the middle of another line nothing else is allowed. Signals that are ignored stay so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    told = False

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal told
        if told and once:
            return
        if not told:
            told = True
            with suppress(OSError):  # nobody reads there any more
                os.write(_STDERR, _WAITS.encode())
        raise KeyboardInterrupt

    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    handlers = {number: signal.getsignal(number) for number in numbers}
    before = {number: one for number, one in handlers.items() if one not in (None, signal.SIG_IGN)}
    for number in before:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, one in before.items():
            signal.signal(number, one)
