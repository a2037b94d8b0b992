"""What the rooms of a session share: the instrument, what is believed of it, the plan, the journal, who watches."""

from __future__ import annotations

from dataclasses import dataclass, replace

from eucentric.calibration.book import CalibrationBook
from eucentric.focus.settings import FocusSettings
from eucentric.microscope.preserved import Preserved
from eucentric.msi.activities import Activities
from eucentric.msi.application import Application, NodeSettings
from eucentric.msi.audience import Audience
from eucentric.msi.beliefs import Beliefs
from eucentric.msi.found import Left, look
from eucentric.msi.journal import Journal
from eucentric.msi.metered import Metered
from eucentric.msi.outcome import Exposure, FocusFound, UnitOutcome
from eucentric.msi.units import Unit
from eucentric.msi.waiting import awaited


class Stopped(Exception):
    """The session ends at a unit: the sentence, and the unit's outcome where it has one."""

    def __init__(self, why: str, outcome: UnitOutcome | None) -> None:
        super().__init__(why)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Approach:
    """From how far below lens and stage arrive, metres."""

    lens_m: float
    z_m: float


@dataclass(slots=True)
class Shared:
    """One session's instrument, calibrations, application, units, journal and audience."""

    scope: Metered
    book: CalibrationBook
    beliefs: Beliefs
    application: Application
    units: tuple[Unit, ...]
    journal: Journal
    audience: Audience
    activities: Activities
    memory: Preserved
    workers: int = 2

    def node(self, unit: Unit) -> NodeSettings:
        """The node whose work a unit is."""
        return self.application.node(unit.node)

    def found(self) -> tuple[tuple[Unit, FocusFound], ...]:
        """What was found by the focus units so far."""
        done = self.journal.noted.outcomes
        both = ((unit, done[unit.key].found) for unit in self.units if unit.key in done)
        return tuple((unit, found) for unit, found in both if found is not None)

    def z_before_m(self) -> float:
        """The stage's height as the session found it."""
        first = self.journal.noted.first
        assert first is not None
        return first.z_m

    def approach(self, unit: Unit) -> Approach:
        """How lens and stage arrive at a unit: as in the focus node that it waits for."""
        waits = awaited(self.application, self.units, unit)
        settings = self.node(waits[-1]).focus if waits else None
        if settings is None:
            settings = next((n.focus for n in self.application.nodes if n.focus is not None), None)
        usual = FocusSettings.model_fields
        if settings is None:
            return Approach(usual["focus_approach_m"].default, usual["z_approach_m"].default)
        return Approach(settings.focus_approach_m, settings.z_approach_m)

    def leaving(self) -> Left:
        """How the session would leave the instrument now: as found, but for what was corrected."""
        first = self.journal.noted.first
        assert first is not None
        now = look(self.scope)
        return replace(first, lens_m=now.lens_m, zero_m=now.zero_m, z_m=now.z_m)

    def exposed(self, planned: Exposure, time_s: float, dose_e_per_m2: float) -> Exposure:
        """A planned exposure as it was made."""
        return replace(planned, time_s=time_s, dose_e_per_m2=dose_e_per_m2)
