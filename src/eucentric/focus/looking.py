"""One look at one target: go there, make ready, measure, and measure again where another look can settle a doubt."""

from __future__ import annotations

from dataclasses import dataclass, replace

from eucentric.focus.again import Expected, Look, another_look, settled, surprised, told_apart
from eucentric.focus.before import Before
from eucentric.focus.events import Judged, Measured
from eucentric.focus.methods.method import Method
from eucentric.focus.outcome import Round
from eucentric.focus.result import DefocusResult
from eucentric.focus.settings import FocusStep
from eucentric.focus.targets import FocusTarget, at_centre, tilt_offset_m
from eucentric.focus.tilted import slope_at
from eucentric.focus.verdict import Finding, Reason
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
        """Measure at a target once it is ready; again where it had drifted meanwhile and the step rechecks that."""
        for _ in range(self._step.retries + 1):
            refusal = self._before.ready(target)
            if refusal is not None:
                return Seen(target, None, refusal)
            seen = self._looked(target, expected)
            if seen.refusal is not None or not (self._step.check_drift and self._step.recheck_drift):
                return seen
            still = self._before.still(target)
            if still.refusal is not None:
                return Seen(target, seen.result, still.refusal)
            if not still.had_moved:
                return seen
        return Seen(target, seen.result, _drifted(target, self._step))

    def _looked(self, target: FocusTarget, expected: Expected | None) -> Seen:
        """Measure until the answer is believed, or nothing more can settle it."""
        looks: list[DefocusResult] = []
        look: Look | None = Look(offset_m=self._step.offset_m)
        while look is not None and len(looks) <= self._step.retries:
            refusal = self._afford(target)
            if refusal is not None:
                return Seen(target, looks[-1] if looks else None, refusal)
            result = self._settled(self._measure(target, look), expected, looks)
            looks.append(result)
            self._judged(target, result)
            look = None if result.accepted else another_look(self._step, result.verdict, look, result.pixel_m)
        last = looks[-1]
        return Seen(target, last, None if last.accepted else last.verdict.findings[0])

    def _settled(self, result: DefocusResult, expected: Expected | None, looks: list[DefocusResult]) -> DefocusResult:
        """The result in the light of what the last correction must have left, and of the looks before."""
        known = told_apart(surprised(result, expected), expected, self._step)
        return settled(known, looks, self._step.thresholds)

    def _measure(self, target: FocusTarget, look: Look) -> DefocusResult:
        """C1 at the preset's centre: an image-shifted target on a tilted specimen lies higher or lower."""
        result = self._method.measure(target, look)
        alpha = self._work.scope.stage().alpha_rad
        slope = slope_at(alpha, self._work.calibration(self._step.preset))
        return at_centre(result, *tilt_offset_m(target, alpha, slope))

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


def _drifted(target: FocusTarget, step: FocusStep) -> Finding:
    return Finding(
        Reason.DRIFT,
        f"Target '{target.name}' had drifted after each of {step.retries + 1} measurements",
        f"the drift threshold is {step.drift_threshold_m_per_s * 1e9:.2g} nm/s",
        "Let the stage and the holder come to rest, or switch the recheck off.",
    )
