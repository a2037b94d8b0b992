"""Writers to be killed: `python -m tests.records.killed FOLDER` forks one for each line that it reads.

A line is "FIRST AT": the number of the first run, and at which call of the write path the writer kills itself (0: it is
killed from outside). What was written is confirmed on stdout, "RUN MEASUREMENT", after the recorder returned.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from eucentric.focus import events
from eucentric.focus.settings import FocusSequence
from eucentric.records.recorder import Recorder
from tests.records.made import STEP, frames, measurement, never, place_in, run

MEASUREMENTS = 3
_CALLS = ("fsync", "replace", "unlink")
"""Calls of the system in the write path; commits are counted beside them."""


def named(run: int) -> FocusSequence:
    """Runs are told apart by the name of their sequence."""
    return FocusSequence(name=f"run {run}", steps=(STEP,))


def _kills_at(number: int) -> None:
    """Whichever of these calls is the n-th, the process is gone before it."""
    calls = count(1)

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **options: Any) -> Any:
            if next(calls) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **options)

        return called

    for name in _CALLS:
        setattr(os, name, counted(getattr(os, name)))
    from sqlalchemy.engine.default import DefaultDialect

    for name in ("do_execute", "do_commit"):
        setattr(DefaultDialect, name, counted(getattr(DefaultDialect, name)))


def write(folder: Path, first: int, at: int) -> None:
    """Runs of some measurements, until the process is killed."""
    if at:
        _kills_at(at)
    with Recorder(place_in(folder), say=never) as recorder:
        for one in count(first):
            recorder(events.RunStarted(0.0, "simulated", named(one), False, found=frames()[0].state))
            for number in range(MEASUREMENTS):
                for event in measurement(number):
                    recorder(event)
                os.write(1, f"{one} {number}\n".encode())  # in one piece, or not at all
            recorder(events.Failed(9.0, "ended"))


def main(folder: Path) -> None:
    """Read lines, fork writers; each is told by its process' number."""
    with TemporaryDirectory() as scratch, Recorder(place_in(Path(scratch)), say=never) as recorder:
        for event in run().events:  # what is imported and cached is so once, for all
            recorder(event)
    for line in sys.stdin:
        first, at = (int(word) for word in line.split())
        child = os.fork()
        if child == 0:
            write(folder, first, at)
            os._exit(0)
        print("pid", child, flush=True)
        os.waitpid(child, 0)
        print("gone", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
