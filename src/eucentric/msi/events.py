"""What a session tells to whoever watches: frozen events. Focus's own events come to the same observers in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from eucentric.focus import events as focus_events
from eucentric.images.frame import Frame
from eucentric.msi.application import Application
from eucentric.msi.known import Check
from eucentric.msi.outcome import Exposure, SessionResult, UnitOutcome
from eucentric.msi.units import Unit


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """A session begins, or is taken up again after `done` of its units. `expected_s` is what one target of a node
    should take, roughly, by the node's name; `spent` what focusing took before, electrons/m² by the unit's key, also of
    units that are not done.
    """

    time_s: float
    instrument: str
    application: Application
    units: tuple[Unit, ...]
    done: int
    expected_s: Mapping[str, float] = field(default_factory=dict)
    spent: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PutRight:
    """A part that is not as the session left it is put back next: `said` says from where to where."""

    time_s: float
    said: str


@dataclass(frozen=True, slots=True)
class FocusedAnew:
    """The lens does not come back to what was found at these units before the session was taken up: focused again."""

    time_s: float
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnitBegan:
    """A node begins at a target."""

    time_s: float
    unit: Unit


@dataclass(frozen=True, slots=True)
class NeedsChecked:
    """What the node needs, before it works."""

    time_s: float
    unit: Unit
    needs: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class PromisesChecked:
    """What the node promised, after it worked."""

    time_s: float
    unit: Unit
    promises: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Exposed:
    """An image was taken and kept; told before the lens or the stage moves on."""

    time_s: float
    unit: Unit
    exposure: Exposure
    frame: Frame


@dataclass(frozen=True, slots=True)
class UnitEnded:
    """A node is done with a target: the outcome is in the journal."""

    time_s: float
    outcome: UnitOutcome


@dataclass(frozen=True, slots=True)
class InstrumentLost:
    """The instrument does not do what it is asked: the session pauses; `error` says what happened. `unit` is None where
    the session was being taken up.
    """

    time_s: float
    unit: Unit | None
    error: str


@dataclass(frozen=True, slots=True)
class BegunAnew:
    """A call failed, `error` says how: the unit is begun anew without asking."""

    time_s: float
    unit: Unit
    error: str


@dataclass(frozen=True, slots=True)
class InstrumentBack:
    """It answers again: the unit is begun anew."""

    time_s: float
    unit: Unit


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The session is over."""

    time_s: float
    result: SessionResult


SessionEvent: TypeAlias = (
    SessionStarted
    | PutRight
    | FocusedAnew
    | UnitBegan
    | NeedsChecked
    | PromisesChecked
    | Exposed
    | UnitEnded
    | BegunAnew
    | InstrumentLost
    | InstrumentBack
    | SessionEnded
)
AnyEvent: TypeAlias = SessionEvent | focus_events.Event
Observer: TypeAlias = Callable[[AnyEvent], None]
