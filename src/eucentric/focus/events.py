"""What a sequence tells to whoever watches: frozen events. The core knows none of the observers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from eucentric.calibration.instrument import Calibration
from eucentric.correlation.shift import Shift
from eucentric.focus.correct import Correction
from eucentric.focus.how import How
from eucentric.focus.measurement import Measurement
from eucentric.focus.outcome import RunResult, StepResult
from eucentric.focus.patterns import Link
from eucentric.focus.result import DefocusResult
from eucentric.focus.settings import CorrectionType, FocusSequence, FocusSettings, FocusStep
from eucentric.focus.targets import HERE, FocusTarget
from eucentric.focus.verdict import Finding, Verdict
from eucentric.images.frame import Frame, OpticalState


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A sequence begins on an instrument, at these focus targets; `found` is how it stands (None: it does not say)."""

    time_s: float
    instrument: str
    sequence: FocusSequence
    measure_only: bool
    targets: tuple[FocusTarget, ...] = (HERE,)
    settings: FocusSettings | None = None
    found: OpticalState | None = None


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
    target: str = "here"


@dataclass(frozen=True, slots=True)
class Assumed:
    """What images are measured with: the calibration believed at the preset, and what else is assumed of the tilts."""

    time_s: float
    step: str
    measurement: int
    preset: str
    calibration: Calibration
    how: How | None = None


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
    target: str = "here"


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
    """Beam tilt and preset are back where they were, but for what a `Failed` that follows names; `left` is how the
    instrument stands now, None where it does not say.
    """

    time_s: float
    left: OpticalState | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The run broke off: why, and each part left as it was. `stopped`: at the operator's wish. The dose is that of the
    target that got most; None: not known."""

    time_s: float
    error: str
    not_restored: tuple[str, ...] = ()
    stopped: bool = False
    dose_e_per_m2: float | None = None


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
class SetUp:
    """A step's preset is set, and with it the lens: `defocus_m` is what it reads now. `what` says it in words."""

    time_s: float
    step: str
    preset: str
    defocus_m: float
    what: str


@dataclass(frozen=True, slots=True)
class TargetReached:
    """The microscope looks at a focus target."""

    time_s: float
    target: str


@dataclass(frozen=True, slots=True)
class Melted:
    """A target was exposed before anything is measured there."""

    time_s: float
    target: str
    preset: str
    exposures: int
    dose_e_per_m2: float


@dataclass(frozen=True, slots=True)
class DriftDeclared:
    """The stage was moved: until a drift check has seen it still, the specimen is taken to move."""

    time_s: float
    step: str
    moved_m: float


@dataclass(frozen=True, slots=True)
class DriftMeasured:
    """A look at the drift; the speed is None where the images did not tell it."""

    time_s: float
    step: str
    target: str
    speed_m_per_s: float | None
    sigma_m_per_s: float | None
    threshold_m_per_s: float
    still: bool


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A target whose measurement was refused is left out of the average."""

    time_s: float
    step: str
    target: str
    finding: Finding


@dataclass(frozen=True, slots=True)
class Averaged:
    """The weighted average of the targets that were believed."""

    time_s: float
    step: str
    targets: tuple[str, ...]
    measurement: Measurement


@dataclass(frozen=True, slots=True)
class Stigmated:
    """The stigmator was moved from `before` to `arrived` to take `a1_m` (a, b) away."""

    time_s: float
    step: str
    a1_m: tuple[float, float]
    before: tuple[float, float]
    arrived: tuple[float, float]


@dataclass(frozen=True, slots=True)
class DefocusReset:
    """The present lens setting became defocus zero; it was `defocus_m` before."""

    time_s: float
    step: str
    defocus_m: float


@dataclass(frozen=True, slots=True)
class ByHand:
    """The operator works at a manual step: moved something, or (`channel` None) looked at an image.

    `back`: it is what was moved before, taken back in one.
    """

    time_s: float
    step: str
    channel: CorrectionType | None = None
    change_m: float = 0.0
    arrived_m: float = 0.0
    frame: Frame | None = None
    back: bool = False


@dataclass(frozen=True, slots=True)
class FinalTaken:
    """The image that is kept of a target after the sequence."""

    time_s: float
    target: str
    frame: Frame


@dataclass(frozen=True, slots=True)
class Paused:
    """Standing still until resumed or aborted; `over`: no longer."""

    time_s: float
    over: bool = False


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The sequence is over."""

    time_s: float
    result: RunResult


# fmt: off
Event: TypeAlias = (
    RunStarted | StepStarted | FrameTaken | Assumed | ShiftFound | Measured | Judged | Corrected | StepEnded | TakenBack
    | Restored | Failed | ObserverFailed | SetUp | TargetReached | Melted | DriftDeclared | DriftMeasured | LeftOut
    | Averaged | Stigmated | DefocusReset | ByHand | FinalTaken | Paused | RunEnded
)
# fmt: on
Observer: TypeAlias = Callable[[Event], None]
