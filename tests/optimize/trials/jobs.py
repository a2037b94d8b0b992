"""Jobs that tests give to worker processes, which import them from here."""

from __future__ import annotations

import os
import signal
from itertools import count

DEADLY = 3


def work(n: int) -> int:
    """Some milliseconds of work, whose result tells whether it was done rightly."""
    return sum(k * k % 7 for k in range(200_000)) + n


def fails_at_three(n: int) -> int:
    if n == DEADLY:
        raise ValueError("three is too many")
    return n


def dies_at_three(n: int) -> int:
    """The process that does number three is gone."""
    if n == DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)
    return n


def process(_n: int) -> int:
    return os.getpid()


def endless_after_two(n: int) -> int:
    """Which process it is; from the third job on it never ends."""
    for _ in count():
        if n < 2:
            break
    return os.getpid()
