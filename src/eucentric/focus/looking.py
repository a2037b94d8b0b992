"""One look at one target: go there, make ready, measure, and measure again where another look can settle a doubt."""

from __future__ import annotations

from dataclasses import dataclass, replace

from eucentric.focus.again import Expected, Look, another_look, settled, surprised
from eucentric.focus.before import Before
from eucentric.focus.events import Judged, Measured
from eucentric.focus.methods.method import Method
from eucentric.focus.outcome import Round
from eucentric.focus.result import DefocusResult
from eucentric.focus.settings import FocusStep
from eucentric.focus.targets import FocusTarget
from eucentric.focus.verdict import Finding
from eucentric.focus.work import Work


@dataclass(frozen=True, slots=True)
class Seen:
    """What a target showed: the last result, and why it is not believed (None: it is)."""

    target: FocusTarget
    result: DefocusResult | None
    refusal: Finding | None


class Looking:
    """Looks at targets with the method of one step."""

    def __init__(self, work: Work, step: FocusStep, method: Method, before: Before) -> None:
        self._work = work
        self._step = step
        self._method = method
        self._before = before
        self.rounds: list[Round] = []

    def at(self, target: FocusTarget, expected: Expected | None) -> Seen:
        """Measure at a target, once it is ready, until it is believed or nothing more can settle it."""
        refusal = self._before.ready(target)
        if refusal is not None:
            return Seen(target, None, refusal)
        looks: list[DefocusResult] = []
        look: Look | None = Look(offset_m=self._step.offset_m)
        while look is not None and len(looks) <= self._step.retries:
            refusal = self._afford(target)
            if refusal is not None:
                return Seen(target, looks[-1] if looks else None, refusal)
            result = settled(surprised(self._measure(target, look), expected), looks)
            looks.append(result)
            self._judged(target, result)
            look = None if result.accepted else another_look(self._step, result.verdict, look, result.pixel_m)
        last = looks[-1]
        return Seen(target, last, None if last.accepted else last.verdict.findings[0])

    def _measure(self, target: FocusTarget, look: Look) -> DefocusResult:
        return self._method.measure(target, look)

    def _afford(self, target: FocusTarget) -> Finding | None:
        dose = self._method.images * self._work.scope.preset().dose_e_per_m2
        return self._work.too_much(target.name, dose, f"Another measurement ({self._method.images} images)")

    def _judged(self, target: FocusTarget, result: DefocusResult) -> None:
        work, step = self._work, self._step
        self.rounds.append(Round(result, None, target=target.name))
        now, number = work.now_s(), work.measurements - 1
        work.tell(Measured(now, step.name, number, result, target.name))
        work.tell(Judged(now, step.name, number, result.verdict))

    def mark(self, **changes: object) -> None:
        """Say more of the last round."""
        self.rounds[-1] = replace(self.rounds[-1], **changes)  # type: ignore[arg-type]

    def mark_taken_back(self) -> None:
        """The last correction was undone."""
        at = max(i for i, one in enumerate(self.rounds) if one.correction is not None)
        self.rounds[at] = replace(self.rounds[at], taken_back=True)
