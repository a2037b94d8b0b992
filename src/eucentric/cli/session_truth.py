"""What was true when an image was kept and when a focus node ended: for the report of a simulated session alone.

truth.jsonl   in the session's folder: one line each, so that a session that goes on still knows it
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eucentric.cli.report import true_place

if TYPE_CHECKING:
    from eucentric.microscope.protocol import Microscope

FILE = "truth.jsonl"


@dataclass(slots=True)
class Truths:
    """True C1 and height in metres: by the file of an image, and by the key of a focus unit as it ended."""

    c1_m: dict[str, float] = field(default_factory=dict)
    height_m: dict[str, float] = field(default_factory=dict)


class Watcher:
    """An observer of a session that remembers the truth, where there is one."""

    def __init__(self, microscope: Microscope, folder: Path) -> None:
        self.truths = read_truths(folder)
        self._microscope = microscope
        self._path = folder / FILE
        self._left: tuple[float, float] | None = None

    def __call__(self, event: Any) -> None:
        """Look at the truth where something is told of that the report compares with it."""
        from eucentric.focus import events as focus_events
        from eucentric.msi import events

        if isinstance(event, events.UnitBegan):
            self._left = None
        elif isinstance(event, focus_events.StepEnded) and event.result.rounds:
            self._left = true_place(self._microscope)
        elif isinstance(event, events.Exposed):
            self._keep(event.exposure.file, true_place(self._microscope))
        elif isinstance(event, events.UnitEnded):
            self._keep(event.outcome.key, self._left)
            self._left = None

    def _keep(self, name: str, true: tuple[float, float] | None) -> None:
        if true is None:
            return
        self.truths.c1_m[name], self.truths.height_m[name] = true
        with self._path.open("a", encoding="utf-8") as file, suppress(OSError):  # a full disk is the journal's to tell
            file.write("\n" if self._torn() else "")
            file.write(json.dumps({"of": name, "c1_m": true[0], "height_m": true[1]}, ensure_ascii=False) + "\n")

    def _torn(self) -> bool:
        """Whether the last line has no end: it was being written when a process was killed."""
        with self._path.open("rb") as file:
            end = file.seek(0, 2)
            file.seek(max(end - 1, 0))
            return end > 0 and file.read(1) != b"\n"


def read_truths(folder: Path) -> Truths:
    """What an earlier part of the session remembered; a torn line is left out."""
    truths = Truths()
    path = folder / FILE
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            one = json.loads(line)
        except ValueError:
            continue
        truths.c1_m[one["of"]], truths.height_m[one["of"]] = one["c1_m"], one["height_m"]
    return truths
