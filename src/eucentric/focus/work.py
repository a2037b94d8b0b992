"""What one run works with, and the little that it has to remember: shared by the loop, its methods and its hands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.instrument import Calibration
from eucentric.focus.audience import Audience
from eucentric.focus.events import Event
from eucentric.focus.settings import FocusSettings
from eucentric.focus.verdict import Finding, Reason
from eucentric.images.frame import Frame
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.preserved import Part, Preserved
from eucentric.units import E_PER_A2


@dataclass(slots=True)
class Work:
    """The instrument, what is believed of it, the settings, those who watch, and the electrons spent at each target.

    `memory` is what will be restored. `checkpoint` waits in a pause and raises Aborted after an abort. `measurements`
    counts them through the run, from 0. `moved_m` is the sum of all |corrections|; `drifting` says that the stage was
    moved and not yet seen still, `at_desk` that something was moved by hand and nobody has said yet whether it stays.
    """

    scope: Guarded
    book: CalibrationBook
    settings: FocusSettings
    audience: Audience[Event]
    memory: Preserved
    checkpoint: Callable[[], None] = lambda: None
    workers: int = 2
    measurements: int = 0
    moved_m: float = 0.0
    drifting: bool = False
    at_desk: bool = False
    kept: set[Part] = field(default_factory=set)
    doses: dict[str, float] = field(default_factory=dict)
    melted: set[str] = field(default_factory=set)
    exposed_since: dict[str, float] = field(default_factory=dict)

    def tell(self, event: Event) -> None:
        """Tell those who watch."""
        self.audience.tell(event)

    def now_s(self) -> float:
        """The microscope's clock."""
        return self.scope.now_s()

    def calibration(self, preset: str) -> Calibration:
        """What is believed at a preset. Raises CalibrationError when there is nothing."""
        return self.book.of(preset)

    def next_measurement(self) -> int:
        """The number of the measurement that begins."""
        self.measurements += 1
        return self.measurements - 1

    def expose(self, target: str) -> float:
        """Exposures of a target begin: for how long (s) it has been exposed before, 0 where it never was."""
        now = self.now_s()
        return now - self.exposed_since.setdefault(target, now)

    def spend(self, target: str, *frames: Frame) -> float:
        """Keep what images took of a target, e/m²: what they say, else what the preset says that they take."""
        dose = 0.0
        for frame in frames:
            told = frame.dose_e_per_m2
            dose += self.scope.preset().dose_e_per_m2 if told is None else told
        self.doses[target] = self.doses.get(target, 0.0) + dose
        return dose

    def too_much(self, target: str, dose_e_per_m2: float, what: str) -> Finding | None:
        """Why so many further electrons must not be spent at a target, None where they may."""
        budget, spent = self.settings.dose_max_per_m2, self.doses.get(target, 0.0)
        if budget is None or spent + dose_e_per_m2 <= budget * (1 + 1e-9):
            return None
        return Finding(
            Reason.DOSE_BUDGET,
            f"{what} would take target '{target}' to {(spent + dose_e_per_m2) / E_PER_A2:.3g} e/Å²",
            f"its budget is {budget / E_PER_A2:.3g} e/Å²",
            "Raise the budget, expose less, or give another target.",
        )

    def accept(self, *parts: Part) -> None:
        """From now on the present values of these parts are here to stay."""
        self.memory.accept(*parts)
