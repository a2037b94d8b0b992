"""The planner of the page: one plan at a time, each in a process of its own that ends when it is cancelled.

The last plan is kept with what was asked, so that a reload or another browser shows it, also while it is made.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from eucentric.errors import InputError, SettingsError
from eucentric.web import models
from eucentric.web.planned import asked_of

CANCELLED = "Cancelled: no plan was made."


class Planner:
    """`tell` is called with what goes on, in words."""

    def __init__(self, tell: Callable[[dict[str, Any]], None]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._cancelled = False
        self._last = models.LastPlan()

    @property
    def last(self) -> models.LastPlan:
        """What was asked last, and what came of it."""
        with self._lock:
            return self._last

    def make(self, wanted: models.ToPlan) -> models.Planned:
        """Make a plan and wait for it. Raises FieldError, SettingsError, InputError: another is made, or cancelled."""
        asked_of(wanted)
        with self._lock:
            if self._process is not None:
                raise InputError("Another plan is being made. Wait for it, or cancel it first.")
            process, self._cancelled = _started(), False
            self._process = process
            self._set(
                models.LastPlan(
                    number=self._last.number + 1,
                    phase="making",
                    asked=wanted,
                    began=datetime.now().astimezone().isoformat(timespec="milliseconds"),
                )
            )
        try:
            out, err = process.communicate(wanted.model_dump_json())
        except Exception as error:  # such as no memory for it: the next one may be made
            process.kill()
            out, err = "", str(error) or type(error).__name__
        code = process.wait()
        with self._lock:
            self._process = None
            told = self._told(code, out, err)
            if told.made is not None:
                self._set(self._last.model_copy(update={"phase": "made", "result": told.made}))
                return told.made
            phase = "cancelled" if self._cancelled else "refused"
            self._set(self._last.model_copy(update={"phase": phase, "sentence": told.sentence}))
        raise InputError(told.sentence) if self._cancelled else SettingsError(told.sentence)

    def cancel(self) -> bool:
        """End the plan that is being made. Whether there was one."""
        with self._lock:
            if self._process is None:
                return False
            self._cancelled = True
            self._process.kill()  # it keeps nothing that could be left half done
            return True

    def _told(self, code: int, out: str, err: str) -> models.PlanMade:
        if self._cancelled:
            return models.PlanMade(sentence=CANCELLED)
        if code == 0:
            with suppress(ValueError):  # it is not the planner that spoke
                return models.PlanMade.model_validate_json(out)
        last = err.strip().rpartition("\n")[2] or f"it ended with {code}"
        return models.PlanMade(sentence=f"A fault of the program ended the planner: {last}")

    def _set(self, last: models.LastPlan) -> None:
        self._last = last
        self._tell(last.model_dump(mode="json", exclude={"result"}))


def _started() -> subprocess.Popen[str]:
    """A process that waits for what is asked, with the modules of this one."""
    return subprocess.Popen(
        [sys.executable, "-m", "eucentric.web.planned"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONIOENCODING": "utf-8"},
    )
