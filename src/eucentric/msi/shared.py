"""What the rooms of a session share: the instrument, what is believed of it, the plan, the journal, who watches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from eucentric.calibration.book import CalibrationBook
from eucentric.focus.audience import Audience
from eucentric.focus.methods.manual import Operator
from eucentric.focus.settings import FocusSettings
from eucentric.images.frame import Frame
from eucentric.microscope.preserved import Part, Preserved
from eucentric.msi.activities import Activities
from eucentric.msi.application import Application, NodeSettings
from eucentric.msi.beliefs import Beliefs
from eucentric.msi.events import AnyEvent
from eucentric.msi.found import Left, look
from eucentric.msi.journal import Journal
from eucentric.msi.metered import Metered
from eucentric.msi.outcome import FocusFound, UnitOutcome
from eucentric.msi.units import Unit
from eucentric.msi.waiting import awaited


class SessionStops(Exception):
    """The session ends at a unit: the sentence, and the unit's outcome where it has one."""

    def __init__(self, why: str, outcome: UnitOutcome | None = None) -> None:
        super().__init__(why)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Approach:
    """How lens and stage arrive: from how far below (metres), and whether lenses are normalised after the preset."""

    lens_m: float = FocusSettings.model_fields["focus_approach_m"].default
    z_m: float = FocusSettings.model_fields["z_approach_m"].default
    normalize: bool = False


@dataclass(slots=True)
class Shared:
    """One session's instrument, calibrations, application, units, journal and audience.

    `memory` is what will be restored at the end; `check` waits in a pause and raises Aborted after an abort;
    `operator` does manual steps.
    """

    scope: Metered
    book: CalibrationBook
    beliefs: Beliefs
    application: Application
    units: tuple[Unit, ...]
    journal: Journal
    audience: Audience[AnyEvent]
    activities: Activities
    memory: Preserved
    check: Callable[[], None]
    operator: Operator | None = None
    workers: int = 2
    unit: Unit | None = None
    """The unit that is worked on."""
    side: int = 0
    """Which of its focus targets is looked at, where it has two (±1)."""
    exposing: bool = False
    """Whether the next image is one to be kept."""

    def node(self, unit: Unit) -> NodeSettings:
        """The node whose work a unit is."""
        return self.application.node(unit.node)

    def found(self) -> tuple[tuple[Unit, FocusFound], ...]:
        """What was found by the focus units so far."""
        done = self.journal.noted.outcomes
        both = ((unit, done[unit.key].found) for unit in self.units if unit.key in done)
        return tuple((unit, found) for unit, found in both if found is not None)

    def left(self) -> Left:
        """How the session would leave the instrument, from what it had done when it wrote that down last."""
        left = self.journal.noted.left
        assert left is not None
        return left

    def taken(self, frame: Frame) -> None:
        """An image was taken: what it spent of a target without being kept is noted at once."""
        if self.unit is None or self.exposing:
            return
        told = frame.dose_e_per_m2
        self.journal.spent(self.unit.key, self.scope.preset().dose_e_per_m2 if told is None else told, self.side)

    def keep_left(self, left: Left) -> None:
        """From now on the session leaves the instrument so; the present stigmator is its own."""
        if left != self.left():
            self.memory.accept(Part.STIGMATOR)
            self.journal.left(left)

    def first(self) -> Left:
        """The instrument as the session found it, at its first start."""
        first = self.journal.noted.first
        assert first is not None
        return first

    def approach(self, unit: Unit) -> Approach:
        """How lens and stage arrive at a unit: as in the focus node that it waits for, else in the first one."""
        waits = awaited(self.application, self.units, unit)
        settings = self.node(waits[-1]).focus if waits else None
        settings = settings or next((n.focus for n in self.application.nodes if n.focus is not None), None)
        if settings is None:
            return Approach()
        return Approach(settings.focus_approach_m, settings.z_approach_m, settings.normalize)

    def normalized(self, unit: Unit) -> bool:
        """Whether lenses are normalised before a focus unit measures: then nothing of before is left in them."""
        settings = self.node(unit).focus
        return settings is not None and settings.normalize and self.scope.capabilities.normalize

    def forgotten(self, unit: Unit) -> bool:
        """Whether what a focus unit found was found by a lens that does not come back to it: see journal.run."""
        noted = self.journal.noted
        return noted.run_of[unit.key] < noted.forgotten and not self.normalized(unit)

    def leaving(self) -> Left:
        """How the session would leave the instrument now: as found, but for height, defocus and stigmator."""
        now = look(self.scope)
        return replace(self.left(), lens_m=now.lens_m, zero_m=now.zero_m, z_m=now.z_m, stigmator=now.stigmator)

    def expose(self) -> Frame:
        """An image that is kept: once begun it is neither paused nor aborted, because it is not taken twice.

        Call `check` before it is written down as begun. Raises InstrumentError.
        """
        self.exposing = True
        try:
            with self.activities.during("exposing"):
                return self.scope.with_checkpoint(None).acquire()
        finally:
            self.exposing = False
