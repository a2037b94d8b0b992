"""How a step and a run ended: what was measured, what was moved, and what can be said of focus now."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from eucentric.focus.correct import Correction
from eucentric.focus.measurement import Measurement
from eucentric.focus.result import DefocusResult
from eucentric.focus.settings import CorrectionType, FocusMethod, FocusSequence, FocusStep
from eucentric.focus.verdict import Finding
from eucentric.units import show_bound, show_length

COVERAGE = 3.0
"""The final statement bounds the error by |residual| + 3 σ (total): no single run may end outside what it states."""


def stated_error_m(left: Measurement) -> float:
    """The bound on |C1| that a run states: |residual| + 3 σ (total)."""
    return abs(left.c1_m) + COVERAGE * left.total_sigma_m


class Status(StrEnum):
    """How a step ended."""

    DONE = "done"  # measured within its tolerance
    MEASURED = "measured"  # measured only, as was asked
    REFUSED = "refused"  # a measurement or a correction was refused; see `refusal`
    SKIPPED = "skipped"  # not done, and why is said: beyond its reach, good enough already, or nobody there to do it
    BY_HAND = "by hand"  # the operator looked, corrected as far as wanted, and said that it is done
    NOT_CONVERGED = "not converged"  # out of iterations above the tolerance; the last measurement stands


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement and the correction that was made after it (None: none), which may have been taken back.

    `average` is that of all believed targets, where there were several and this was the last one looked at.
    """

    result: DefocusResult
    correction: Correction | None
    taken_back: bool = False
    target: str = "here"
    average: Measurement | None = None


@dataclass(frozen=True, slots=True)
class StepResult:
    """A step's rounds in order. Its last round has a correction only where the step was refused after one, or does not
    look again: then `expected` is what that correction must have left.

    `dose_e_per_m2` is what the step spent, over all targets. `left_out` names the targets that were not believed at the
    end, and why; `by_hand_m` what the operator moved: (defocus, stage z); `not_stigmated` why astigmatism that was
    measured last was left as it is. `disturbed` says that a step which does not measure moved the lens or the stage
    (even where it took that back) or reset defocus; `left_by_hand` that an operator left it or took it back.
    """

    step: FocusStep
    status: Status
    rounds: tuple[Round, ...]
    refusal: Finding | None
    dose_e_per_m2: float
    skipped: str | None = None
    left_out: tuple[tuple[str, Finding], ...] = ()
    by_hand_m: tuple[float, float] = (0.0, 0.0)
    not_stigmated: Finding | None = None
    disturbed: bool = False
    left_by_hand: bool = False
    expected: Measurement | None = None

    @property
    def residual(self) -> Measurement | None:
        """What was measured and believed after the last move, or is expected of it where the step does not look again:
        None when nothing stands.
        """
        if self.expected is not None:
            return self.expected
        if not self.rounds or self.rounds[-1].correction is not None or self.taken_back:
            return None
        last = self.rounds[-1]
        if last.average is not None:
            return last.average
        return last.result.measurement if last.result.accepted and self.status is not Status.REFUSED else None

    @property
    def stands_aside(self) -> bool:
        """Whether it neither measured nor moved anything: what was measured before it still holds."""
        idle = self.status is Status.SKIPPED or self.step.focus_method in {FocusMethod.NONE, FocusMethod.MANUAL}
        return idle and not self.rounds and self.refusal is None and self.by_hand_m == (0.0, 0.0) and not self.disturbed

    @property
    def taken_back(self) -> bool:
        """Whether a probe was undone: then the last measurement was before the last move."""
        return any(r.taken_back for r in self.rounds)

    @property
    def corrected_m(self) -> float:
        """The sum of the changes of C1 that were made and stayed."""
        return sum(r.correction.change_c1_m for r in self.rounds if r.correction is not None and not r.taken_back)


@dataclass(frozen=True, slots=True)
class RunResult:
    """A whole sequence. `confirmed` are the channels whose sign was seen to be right: hand them to the next run.

    `doses_e_per_m2` is what each focus target got in all, melting, drift checks and final images included.
    `final_failed` says what kept a final image from being taken.
    """

    instrument: str
    sequence: FocusSequence
    measure_only: bool
    steps: tuple[StepResult, ...]
    confirmed: frozenset[CorrectionType]
    doses_e_per_m2: tuple[tuple[str, float], ...] = ()
    final_failed: str | None = None

    @property
    def residual(self) -> Measurement | None:
        """The believed measurement with which the run ended, None when there is none."""
        done = len(self.steps) == sum(s.switch for s in self.sequence.steps)
        return self._last.residual if self._last is not None and done else None

    @property
    def _last(self) -> StepResult | None:
        """The last step that did something."""
        return next((s for s in reversed(self.steps) if not s.stands_aside), None)

    @property
    def stated_error_m(self) -> float | None:
        """The bound on |C1| that the run states: |residual| + 3 σ (total); None when nothing can be stated."""
        left = self.residual
        return None if left is None else stated_error_m(left)

    @property
    def focused(self) -> bool:
        """Whether the run says that it ended in focus: its stated error is within the accuracy that was asked for."""
        stated, last = self.stated_error_m, self._last
        if self.refusal is not None or self.measure_only or last is None or last.status is Status.NOT_CONVERGED:
            return False
        return stated is not None and stated <= self.sequence.accuracy_m

    @property
    def dose_e_per_m2(self) -> float:
        """Electrons per m² spent at the target that got most."""
        if self.doses_e_per_m2:
            return max(dose for _, dose in self.doses_e_per_m2)
        return sum(s.dose_e_per_m2 for s in self.steps)

    @property
    def refusal(self) -> Finding | None:
        """Why the run was broken off, None when it was not."""
        return next((s.refusal for s in self.steps if s.refusal is not None), None)

    @property
    def statement(self) -> str:
        """The final word to the operator."""
        if self.refusal is not None:
            moved = any(s.corrected_m != 0 or s.by_hand_m != (0.0, 0.0) for s in self.steps)
            undone = "The probe was taken back. " if any(s.taken_back for s in self.steps) else ""
            end = "What was corrected before stays." if moved else "Nothing was corrected."
            return f"Not focused. {self.refusal} {undone}{end}"
        return f"{self._left or self._found}{self._asides}"

    @property
    def ends_by_hand(self) -> bool:
        """Whether the operator has the last word: nothing was measured since, so it is neither good nor bad."""
        last = self._last
        return bool(self._left) or (self.residual is None and last is not None and last.status is Status.BY_HAND)

    @property
    def _left(self) -> str:
        """What is said where focusing by hand was all there was, and nothing that was moved stays; else empty."""
        by_hand = [s for s in self.steps if s.left_by_hand or s.status is Status.BY_HAND]
        if not by_hand or len(by_hand) < len(self.steps) or any(s.by_hand_m != (0.0, 0.0) for s in by_hand):
            return ""
        if not all(s.left_by_hand for s in by_hand):
            return "Looked at by hand, nothing was moved." if self._last is None else ""
        if any(s.disturbed for s in by_hand):
            return "Taken back by the operator: lens and stage are as before."
        return "Left by the operator as it was found."

    @property
    def _found(self) -> str:
        left, stated = self.residual, self.stated_error_m
        if left is None or stated is None:
            last = self._last
            if last is not None and last.status is Status.BY_HAND:
                lens, z = (show_length(v) for v in last.by_hand_m)
                return (
                    f"Corrected by hand at the end (defocus {lens}, stage z {z}): not measured since. A measuring step "
                    "after it tells whether it is in focus."
                )
            return "Not focused: no measurement stands at the end."
        if self.measure_only:
            return f"Measured, nothing corrected: {left}."
        goal = show_bound(self.sequence.accuracy_m)
        if self.focused:
            return f"Focused to within {show_bound(stated)} (3 σ; {goal} asked): {self._how(left)}."
        if self._last is not None and self._last.status is Status.NOT_CONVERGED:
            step = self._last.step
            return (
                f"Not focused: step '{step.name}' did not converge in {step.iterations} corrections (its tolerance is "
                f"{show_length(step.tolerance_m)}). Last measured {left}."
            )
        return f"Not focused: within {show_bound(stated)} (3 σ), and {goal} was asked. Last {self._how(left)}."

    def _how(self, left: Measurement) -> str:
        """What stands at the end, and whether it was measured or is what the last correction must have left."""
        if self._last is not None and self._last.expected is not None:
            return f"expected {left} after the last correction, not looked at again"
        return f"measured {left}"

    @property
    def _asides(self) -> str:
        """The steps that were skipped and the targets that were left out, by name."""
        said = [s.skipped for s in self.steps if s.skipped is not None]
        out = [f"'{name}' ({why.reason})" for name, why in (self._last.left_out if self._last else ())]
        if out:
            said.append(f"Left out: {', '.join(out)}.")
        if self.final_failed is not None:
            said.append(self.final_failed)
        return "".join(f" {sentence}" for sentence in said)
