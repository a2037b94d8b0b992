"""The images of the last measurement at a focus target that was refused or failed: evidence of what it was.

refused/Square 1/Hole 2/Focus 1/fine 1.mrc   below the session's folder, by step and place in the pattern
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from eucentric.errors import InputError
from eucentric.focus import events as focus_events
from eucentric.images.files import write_frame
from eucentric.images.frame import Frame
from eucentric.msi import events
from eucentric.msi.application import Application, Kind, in_files
from eucentric.msi.outcome import Status, UnitOutcome

FOLDER = "refused"
_KEPT = {Status.REFUSED, Status.FAILED}


def place_of(key: str) -> str:
    """Where the images of a focus unit are, below the session's folder: "refused/Square 1/Hole 2/Focus 1"."""
    return "/".join((FOLDER, *map(in_files, key.split("/"))))


def kept_images(folder: Path, outcomes: Sequence[UnitOutcome]) -> dict[str, str]:
    """By the key of each unit that was refused or failed: where its images are. Those without any are not in it."""
    places = {o.key: place_of(o.key) for o in outcomes if o.status in _KEPT}
    return {key: place for key, place in places.items() if any((folder / place).glob("*.mrc"))}


class SessionKept:
    """An observer of a session. `say` tells where images are, and, once, that they can't be kept."""

    def __init__(self, application: Application, folder: Path, say: Callable[[str], None]) -> None:
        self._application, self._folder, self._say = application, folder, say
        self._unit = ""
        self._frames: list[tuple[str, Frame]] = []
        self._told = False

    def __call__(self, event: Any) -> None:
        """Remember the images of each measurement, until the next one, and keep them where they were the last."""
        match event:
            case events.UnitBegan() if event.unit.key != self._unit:  # else it is begun anew
                self._unit, self._frames = event.unit.key, []
            case focus_events.FrameTaken():
                self._frames = [*(self._frames if event.index else []), (in_files(event.step), event.frame)]
            case events.UnitEnded():
                if event.outcome.status in _KEPT and self._frames and self._focuses(event.outcome):
                    self._keep(event.outcome.key)
                self._unit, self._frames = "", []

    def _focuses(self, outcome: UnitOutcome) -> bool:
        return self._application.node(outcome.node).kind is Kind.FOCUS

    def _keep(self, key: str) -> None:
        folder = self._folder / place_of(key)
        with suppress(OSError):
            for old in folder.glob("*.mrc"):  # of an earlier time that it was focused
                old.unlink()
        try:
            for number, (step, frame) in enumerate(self._frames, start=1):
                write_frame(folder / f"{step} {number}.mrc", frame)
        except (OSError, InputError) as error:
            if not self._told:
                self._say(f"The images of a target that was refused can't be kept. {error} The session goes on.")
            self._told = True
            return
        self._say(f"The images of its last measurement: {folder}")
