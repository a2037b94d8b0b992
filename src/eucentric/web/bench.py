"""What a page works on: an instrument with what is believed of it, settings on a shelf, and how sessions begin."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

from eucentric.calibration.book import CalibrationBook
from eucentric.focus.control import Control
from eucentric.focus.methods.manual import Operator
from eucentric.microscope.protocol import Microscope
from eucentric.web.shelf import Shelf

Observer = Callable[[Any], None]
Observers = tuple[Observer, ...]


class SessionToRun(Protocol):
    """A session that is ready to begin: its folder is made, nothing moved yet. `resume` is the command that goes on."""

    folder: str
    resume: str

    def run(self, observers: Observers, control: Control, operator: Operator) -> str:
        """Run it, its manual steps done by `operator`; what is said at its end. Raises as Session.run does."""
        ...


Say = Callable[[str], None]


def _nothing_kept(_say: Say) -> AbstractContextManager[Observers]:
    return nullcontext(())


@dataclass(slots=True)
class Bench:
    """`keep` gives the observers that keep a run; they tell through what they are given what they can't keep.

    `begin` opens a session by the name of its application, `take_up` one again by its folder; None: there are none
    here. `keep_focus` keeps a lens setting as the eucentric focus of a preset, and gives the book with it; `kept_in`
    names the folder, empty where it is only kept in memory. `presets` are their names when the bench is made: to show
    them no microscope is asked while it works.
    """

    instrument: str
    microscope: Microscope
    book: CalibrationBook
    shelf: Shelf
    applications: tuple[str, ...] = ()
    begin: Callable[[str], SessionToRun] | None = None
    take_up: Callable[[str], SessionToRun] | None = None
    keep: Callable[[Say], AbstractContextManager[Observers]] = field(default=_nothing_kept)
    keep_focus: Callable[[CalibrationBook, str, float], CalibrationBook] | None = None
    kept_in: str = ""
    presets: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.presets = tuple(preset.name for preset in self.microscope.presets())
