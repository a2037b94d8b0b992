"""What a sequence tells to whoever watches: frozen events. The core knows none of the observers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from eucentric.correlation.shift import Shift
from eucentric.focus.correct import Correction
from eucentric.focus.outcome import RunResult, StepResult
from eucentric.focus.patterns import Link
from eucentric.focus.result import DefocusResult
from eucentric.focus.settings import FocusSequence, FocusStep
from eucentric.focus.verdict import Verdict
from eucentric.images.frame import Frame


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A sequence begins on an instrument."""

    time_s: float
    instrument: str
    sequence: FocusSequence
    measure_only: bool


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step begins; `range_m` is the largest |C1| that it accepts."""

    time_s: float
    step: FocusStep
    range_m: float


@dataclass(frozen=True, slots=True)
class FrameTaken:
    """An image was taken; `index` within its pattern, `measurement` counts the measurements of the run from 0."""

    time_s: float
    step: str
    measurement: int
    index: int
    frame: Frame


@dataclass(frozen=True, slots=True)
class ShiftFound:
    """Two images of a pattern were compared."""

    time_s: float
    step: str
    measurement: int
    link: Link
    shift: Shift


@dataclass(frozen=True, slots=True)
class Measured:
    """A pattern became a defocus."""

    time_s: float
    step: str
    measurement: int
    result: DefocusResult


@dataclass(frozen=True, slots=True)
class Judged:
    """The defocus was believed or refused."""

    time_s: float
    step: str
    measurement: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Corrected:
    """The instrument was moved; `arrived_m` is the read-back of the channel."""

    time_s: float
    step: str
    correction: Correction
    arrived_m: float


@dataclass(frozen=True, slots=True)
class StepEnded:
    """A step is over."""

    time_s: float
    result: StepResult


@dataclass(frozen=True, slots=True)
class Restored:
    """Beam tilt and preset are back where they were."""

    time_s: float


@dataclass(frozen=True, slots=True)
class Failed:
    """The run broke off; `error` says why in a sentence, `not_restored` has one for each part left as it was."""

    time_s: float
    error: str
    not_restored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A probe was undone by moving its channel back; `arrived_m` is the read-back."""

    time_s: float
    step: str
    correction: Correction
    arrived_m: float


@dataclass(frozen=True, slots=True)
class ObserverFailed:
    """One who watched broke off with an error and is told nothing further; focusing goes on."""

    time_s: float
    error: str


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The sequence is over."""

    time_s: float
    result: RunResult


Event: TypeAlias = (
    RunStarted
    | StepStarted
    | FrameTaken
    | ShiftFound
    | Measured
    | Judged
    | Corrected
    | StepEnded
    | TakenBack
    | Restored
    | Failed
    | ObserverFailed
    | RunEnded
)
Observer: TypeAlias = Callable[[Event], None]
