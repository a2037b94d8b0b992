"""The loop: measure, judge, correct, look again. The only place that closes it.

Every correction is followed by a measurement, so hysteresis and backlash are in what is measured last; where a step
does not look again, its correction is trusted. The first correction on a channel is a probe.
"""

from __future__ import annotations

import math
from dataclasses import replace

from eucentric.errors import CalibrationError
from eucentric.focus.again import Expected, expected_after
from eucentric.focus.average import average
from eucentric.focus.correct import (
    Allowed,
    Correction,
    check_followed,
    check_limits,
    correction_of,
    followed,
    needed,
)
from eucentric.focus.events import Averaged, LeftOut
from eucentric.focus.hands import Hands
from eucentric.focus.looking import Looking, Seen
from eucentric.focus.measurement import Measurement
from eucentric.focus.outcome import Status, StepResult, stated_error_m
from eucentric.focus.response import learned, left_by
from eucentric.focus.settings import CorrectionType, FocusStep
from eucentric.focus.stigmator import StigmatorCorrection, check_stigmated, enough, stigmator_correction
from eucentric.focus.targets import FocusTarget
from eucentric.focus.verdict import Finding, Reason
from eucentric.focus.work import Work


class Loop:
    """One step, at all targets: measure and correct until within tolerance, refused, or out of iterations."""

    def __init__(
        self, work: Work, step: FocusStep, hands: Hands, looking: Looking, targets: tuple[FocusTarget, ...]
    ) -> None:
        self._work = work
        self._step = step
        self._hands = hands
        self._looking = looking
        self._targets = list(targets)
        self._several = len(targets) > 1
        self._left_out: dict[str, Finding] = {}
        self._looks: dict[str, int] = {}
        trusted = hands.trusted()
        # What each target showed before the last correction (maybe of the step before this), then now; and that one.
        self._last: dict[str, Measurement] = {} if trusted is None else dict(trusted.before)
        self._made: Correction | None = None if trusted is None else trusted.made
        self._spent_before = sum(work.doses.values())
        self._corrections = 0
        self._probed = False
        self._doubted = False
        self._not_stigmated: Finding | None = None

    def run(self, range_m: float, *, measure_only: bool) -> StepResult:
        """Close the loop on this step."""
        while True:
            measured = self._pass()
            if isinstance(measured, Finding):
                return self._refused(measured)
            stigmate = None if measure_only else self._astigmatism()
            focus = not measure_only and needed(measured, self._step)
            if isinstance(stigmate, Finding):
                return self._refused(stigmate)
            if not focus and stigmate is None:
                if min(self._looks[t.name] for t in self._targets) < self._step.looks_min:
                    continue
                return self._enough(measure_only)
            if self._corrections == self._step.iterations:
                return self.ended(Status.NOT_CONVERGED)
            refusal = self._correct(measured, range_m) if focus else None
            if refusal is not None:
                return self._refused(refusal)
            if stigmate is not None:
                self._hands.stigmate(self._step, stigmate)
                self._corrections += not focus
            elif self._made is not None and not (self._step.look_again or self._made.probe):
                left = self._left(measured, self._made)
                if self._sure(left):
                    self._hands.trust(self._made, self._last)
                    return self.ended(Status.DONE, expected=left)

    def _enough(self, measure_only: bool) -> StepResult:
        """The end of a step that has nothing more to correct."""
        if measure_only:
            return self.ended(Status.MEASURED)
        self._hands.keep_lens(self._step)
        return self.ended(Status.DONE)

    def _left(self, measured: Measurement, made: Correction) -> Measurement:
        """What a correction must have left that is not looked at."""
        left = left_by(measured, made, self._hands.response(made.channel, self._step.preset))
        at = self._hands.channel(self._step)
        missed_m = (at.position_m - made.target_m) * at.c1_per_move  # what is read back is what is known of the move
        return replace(left, c1_m=left.c1_m + missed_m)

    def _sure(self, left: Measurement) -> bool:
        """Whether a correction is trusted: in the last step only if the run can then say that it is in focus, else
        after one more look.
        """
        sequence = self._work.settings.sequence
        last = next(step for step in reversed(sequence.steps) if step.switch)
        if self._step != last or self._doubted or self._corrections == self._step.iterations:
            return True
        self._doubted = stated_error_m(left) > sequence.accuracy_m
        return not self._doubted

    def _correct(self, measured: Measurement, range_m: float) -> Finding | None:
        """Move the step's channel towards focus; why not, where a limit forbids it."""
        wanted = correction_of(measured, self._hands.channel(self._step))
        settings = self._work.settings
        stage = wanted.channel is CorrectionType.STAGE_Z
        approach_m = settings.z_approach_m if stage else settings.focus_approach_m
        allowed = Allowed(range_m, settings.sequence.limits, self._work.moved_m, approach_m)
        refusal = check_limits(wanted, -measured.c1_m, allowed)
        if refusal is not None:
            return refusal
        self._hands.correct(self._step, wanted)
        self._looking.mark(correction=wanted)
        self._made = wanted
        self._corrections += not wanted.probe or self._probed  # one probe is free; more would never end
        self._probed = True
        return None

    def _astigmatism(self) -> StigmatorCorrection | Finding | None:
        """The stigmator's change that is wanted; None where none is; a Finding where it can't reach."""
        step = self._step
        measured = _surest(self._last)
        if not step.stig_correction or enough(measured):
            return None
        response = self._work.calibration(step.preset).stigmator
        if response is None:
            raise CalibrationError(
                f"Step '{step.name}' corrects astigmatism, and the stigmator is not calibrated at preset "
                f"'{step.preset}'. Run `eucentric calibrate stigmator`, or switch stig correction off."
            )
        present = self._work.scope.stigmator()
        wanted = stigmator_correction(measured, present, response, step, offset_m=step.offset_m)
        if isinstance(wanted, Finding):
            self._not_stigmated = wanted
            return wanted if wanted.reason is Reason.STIG_LIMIT else None
        self._not_stigmated = None
        return wanted

    def ended(
        self, status: Status, refusal: Finding | None = None, *, expected: Measurement | None = None
    ) -> StepResult:
        """The step as it ended."""
        dose = sum(self._work.doses.values()) - self._spent_before
        rounds, left_out = tuple(self._looking.rounds), tuple(self._left_out.items())
        return StepResult(
            self._step,
            status,
            rounds,
            refusal,
            dose,
            left_out=left_out,
            not_stigmated=self._not_stigmated,
            expected=expected,
        )

    def _refused(self, refusal: Finding) -> StepResult:
        if self._hands.take_back(self._step):
            self._looking.mark_taken_back()
        if self._last:
            self._hands.take_stigmator_back(self._step, _surest(self._last).a1_m)
        return self.ended(Status.REFUSED, refusal)

    def _pass(self) -> Measurement | Finding:
        """Look at every target; the average of those believed, or why there is none."""
        before = self._last
        seen = [self._look(target) for target in self._targets]
        good = {s.target.name: s.result.measurement for s in seen if s.result is not None and s.refusal is None}
        self._leave_out([s for s in seen if s.refusal is not None], last=not good)
        if not good:
            return next(s.refusal for s in seen if s.refusal is not None)
        self._learn(before, good)
        self._last = good
        self._made = None
        return self._followed(before, good) or self._stigmated(before, good) or self._averaged(good)

    def _look(self, target: FocusTarget) -> Seen:
        before = len(self._looking.rounds)
        seen = self._looking.at(target, self._expected(target))
        self._looks[target.name] = self._looks.get(target.name, 0) + len(self._looking.rounds) - before
        return seen

    def _expected(self, target: FocusTarget) -> Expected | None:
        """What the last correction must have left at a target."""
        if self._made is None or target.name not in self._last:
            return None
        response = self._hands.response(self._made.channel, self._step.preset)
        return expected_after(self._last[target.name], self._made, response)

    def _learn(self, before: dict[str, Measurement], now: dict[str, Measurement]) -> None:
        """How the channel that was moved between two passes answered."""
        made, both = self._made, [name for name in now if name in before]
        if made is not None and both:
            first, second = (average(tuple(side[name] for name in both)) for side in (before, now))
            known = self._hands.response(made.channel, self._step.preset)
            self._hands.responses[made.channel] = learned(known, made, first, second)

    def _leave_out(self, refused: list[Seen], *, last: bool) -> None:
        """Those refused are not looked at again in this step, unless there is no other."""
        for one in refused:
            assert one.refusal is not None
            if self._several:
                self._left_out[one.target.name] = one.refusal
                self._work.tell(LeftOut(self._work.now_s(), self._step.name, one.target.name, one.refusal))
            if not last:
                self._targets.remove(one.target)

    def _averaged(self, good: dict[str, Measurement]) -> Measurement:
        if not self._several:
            return next(iter(good.values()))
        measured = average(tuple(good.values()))
        self._looking.mark(average=measured)
        self._work.tell(Averaged(self._work.now_s(), self._step.name, tuple(good), measured))
        return measured

    def _stigmated(self, before: dict[str, Measurement], now: dict[str, Measurement]) -> Finding | None:
        """After a move of the stigmator: why it must go back; None, and it stays, when astigmatism shrank."""
        if self._hands.stigmator_before is None:
            return None
        refusal = check_stigmated(_surest(before), _surest(now))
        if refusal is None:
            self._hands.accept_stigmator()
        return refusal

    def _followed(self, before: dict[str, Measurement], now: dict[str, Measurement]) -> Finding | None:
        """After a probe: why the channel must not be used further; None, and it is confirmed, when focus followed."""
        probe = self._hands.pending
        if probe is None:
            return None
        both = [name for name in now if name in before]
        if not both:  # nothing to compare: neither accused nor confirmed
            self._hands.accept(probe.channel)
            return None
        first, second = (average(tuple(side[name] for name in both)) for side in (before, now))
        refusal = check_followed(first, second, probe)
        if refusal is None:
            self._hands.accept(probe.channel)
            if followed(first, second, probe):
                self._hands.confirmed.add(probe.channel)
        return refusal


def _surest(seen: dict[str, Measurement]) -> Measurement:
    """Astigmatism is the lens' and the same at all targets: of several the one that knows it best."""
    return min(seen.values(), key=lambda one: math.hypot(*one.a1_sigma_m))
