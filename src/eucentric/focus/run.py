"""One run: the steps in order, each at all targets, and what is done after them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from eucentric.errors import CalibrationError, InputError, InstrumentError
from eucentric.focus import events
from eucentric.focus.acquisition import Taking, defocused
from eucentric.focus.before import Before
from eucentric.focus.hands import Hands, check_able
from eucentric.focus.journey import Journey, check_targets
from eucentric.focus.looking import Looking
from eucentric.focus.loop import Loop
from eucentric.focus.measurement import Measurement
from eucentric.focus.methods.beam_tilt import BeamTilt
from eucentric.focus.methods.manual import Operator, focus_by_hand
from eucentric.focus.methods.method import Method
from eucentric.focus.methods.stage_tilt import StageTilt
from eucentric.focus.outcome import COVERAGE, RunResult, Status, StepResult
from eucentric.focus.repeated import repeat
from eucentric.focus.settings import CorrectionType, FocusMethod, FocusStep, ResetDefocus
from eucentric.focus.targets import FocusTarget, tilt_offset_m
from eucentric.focus.tilted import slope_at
from eucentric.focus.work import Work
from eucentric.microscope.lens import lens_of
from eucentric.units import show_bound, show_length

_METHODS: dict[FocusMethod, Callable[[Work, FocusStep], Method]] = {
    FocusMethod.BEAM_TILT: BeamTilt,
    FocusMethod.STAGE_TILT: StageTilt,
}
_SAME_M = 1e-12  # a lens setting is a number that rounds


class Run:
    """The way of one run through its steps."""

    def __init__(
        self,
        work: Work,
        targets: tuple[FocusTarget, ...],
        confirmed: frozenset[CorrectionType],
        operator: Operator | None,
    ) -> None:
        self.work = work
        self._targets = targets
        self._operator = operator
        self._hands = Hands(work, confirmed)
        self._journey = Journey(work)
        self._began_at = work.scope.preset().name

    def whole(self, measure_only: bool) -> RunResult:
        """All steps until one is refused, and the final images; everything that they say."""
        work = self.work
        check_able(work.scope, work.settings)
        check_targets(work, self._targets)
        results: list[StepResult] = []
        enough: str | None = None
        reset = False
        for step in (s for s in work.settings.sequence.steps if s.switch):
            if enough is None:
                known = results[-1].residual if results and measure_only else None
                results.append(self._step(step, measure_only, known))
            else:
                results.append(_skipped(step, enough))
                if step.reset_defocus is ResetDefocus.YES and not reset:  # what was good enough is the corrected focus
                    self._hands.reset_defocus(step)
                    reset = True
            work.tell(events.StepEnded(work.now_s(), results[-1]))
            if results[-1].status is Status.REFUSED:
                break
            enough = enough or (None if measure_only else self._enough(results[-1]))
        refused = bool(results) and results[-1].status is Status.REFUSED
        final = None if refused or measure_only or not work.settings.acquire_final else self._finals()
        return RunResult(
            work.scope.name,
            work.settings.sequence,
            measure_only,
            tuple(results),
            frozenset(self._hands.confirmed),
            tuple(work.doses.items()),
            final,
        )

    def repeated(self, step: FocusStep, times: int) -> RunResult:
        """Measure with one step so many times at the first target, and correct nothing."""
        work = self.work
        check_able(work.scope, work.settings)
        check_targets(work, self._targets)
        self._hands.set_up(step)
        method = _METHODS[step.focus_method](work, step)
        work.tell(events.StepStarted(work.now_s(), step, method.range_m))
        looking = Looking(work, step, method, Before(work, step, self._hands, self._journey))
        result = repeat(work, step, looking, self._targets[0], times)
        work.tell(events.StepEnded(work.now_s(), result))
        sequence = work.settings.sequence.model_copy(update={"steps": (step,)})
        confirmed, doses = frozenset(self._hands.confirmed), tuple(work.doses.items())
        return RunResult(work.scope.name, sequence, True, (result,), confirmed, doses)

    def _step(self, step: FocusStep, measure_only: bool, known: Measurement | None) -> StepResult:
        by_hand = step.focus_method is FocusMethod.MANUAL
        if by_hand and measure_only:
            return _skipped(step, "it is done by hand, and nothing is to be corrected.")
        if by_hand and self._operator is None:  # before the preset changes: that alone moves focus a little
            return _skipped(step, "it is done by hand, and nobody is there to do it.")
        work, hands, lens_m = self.work, self._hands, lens_of(self.work.scope)
        hands.set_up(step)
        if step.focus_method in _METHODS:
            result = self._measured(step, _METHODS[step.focus_method](work, step), measure_only, known)
        else:
            work.tell(events.StepStarted(work.now_s(), step, step.delta_max_m or 0.0))
            resets = step.reset_defocus is ResetDefocus.YES and not measure_only
            result = StepResult(step, Status.DONE, (), None, 0.0, disturbed=resets)
            if self._operator is not None and by_hand:
                self._journey.go(self._targets[0])
                result = focus_by_hand(work, step, self._targets[0], hands, self._operator)
            result = replace(result, disturbed=result.disturbed or abs(lens_of(self.work.scope) - lens_m) > _SAME_M)
        if result.status in {Status.DONE, Status.BY_HAND} and not measure_only:
            hands.reset_defocus(step)
        return result

    def _measured(self, step: FocusStep, method: Method, measure_only: bool, known: Measurement | None) -> StepResult:
        work, range_m = self.work, method.range_m
        work.tell(events.StepStarted(work.now_s(), step, range_m))
        if known is not None and abs(known.c1_m) - COVERAGE * known.total_sigma_m > range_m:
            return _skipped(step, f"it measures up to ±{show_length(range_m, 1)}.")
        looking = Looking(work, step, method, Before(work, step, self._hands, self._journey))
        return Loop(work, step, self._hands, looking, self._targets).run(range_m, measure_only=measure_only)

    def _enough(self, result: StepResult) -> str | None:
        """Why no further step is needed, None where it is."""
        limit, left = self.work.settings.accuracy_limit_m, result.residual
        if (
            limit is None
            or left is None
            or result.status is Status.NOT_CONVERGED
            or result.step.correction_type is not CorrectionType.DEFOCUS
        ):
            return None
        stated = abs(left.c1_m) + COVERAGE * left.total_sigma_m
        if stated > limit:
            return None
        return (
            f"step '{result.step.name}' was good enough, within {show_bound(stated)} of focus (3 σ; accuracy limit "
            f"{show_bound(limit)})."
        )

    def _finals(self) -> str | None:
        """The final images; what kept one from being taken: focus stands all the same."""
        try:
            self._take_finals()
        except (InstrumentError, InputError, CalibrationError) as error:
            return f"The final image failed: {error}"
        return None

    def _take_finals(self) -> None:
        """One image of each target with the final preset, at that preset's defocus from the focus that was found."""
        work, scope = self.work, self.work.scope
        self._hands.set_preset(work.settings.final_preset or self._began_at)
        preset = scope.preset()
        for target in self._targets:
            refusal = work.too_much(target.name, preset.dose_e_per_m2, "The final image")
            if refusal is not None:
                work.tell(events.LeftOut(work.now_s(), "final image", target.name, refusal))
                continue
            self._journey.go(target)
            taking = Taking(preset.defocus_m - self._height_m(target), approach_m=work.settings.focus_approach_m)
            with defocused(scope, taking):
                frame = scope.acquire()
            work.spend(target.name, frame)
            work.tell(events.FinalTaken(frame.time_s, target.name, frame))

    def _height_m(self, target: FocusTarget) -> float:
        """How much higher an image-shifted target lies on a tilted specimen: its image is focused by as much less."""
        scope = self.work.scope
        if target.image_shift_m is None:
            return 0.0
        alpha = scope.stage().alpha_rad
        return tilt_offset_m(target, alpha, slope_at(alpha, self.work.calibration(scope.preset().name)))[0]


def _skipped(step: FocusStep, why: str) -> StepResult:
    return StepResult(step, Status.SKIPPED, (), None, 0.0, f"Step '{step.name}' was skipped: {why}")
