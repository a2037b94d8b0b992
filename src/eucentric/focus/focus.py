"""Focus: one class for every focus node of a session, with different settings, focus sequences and places.

What is only changed for measuring is restored, whatever happens.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eucentric.calibration.book import CalibrationBook
from eucentric.errors import SettingsError
from eucentric.focus import events
from eucentric.focus.audience import Audience
from eucentric.focus.before import Before
from eucentric.focus.hands import Hands, check_able
from eucentric.focus.journey import Journey
from eucentric.focus.looking import Looking
from eucentric.focus.loop import Loop
from eucentric.focus.measurement import Measurement
from eucentric.focus.methods.beam_tilt import BeamTilt
from eucentric.focus.outcome import COVERAGE, RunResult, Status, StepResult
from eucentric.focus.settings import CorrectionType, FocusSettings, FocusStep
from eucentric.focus.targets import HERE, FocusTarget
from eucentric.focus.work import Work
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.preserved import Preserved
from eucentric.microscope.protocol import Microscope
from eucentric.units import show_length


class Focus:
    """A focus node: `Focus(microscope, book, settings).run()`.

    `confirmed` are the correction channels that were seen to act with the right sign earlier in this session; the
    others are probed first. It grows with each run.
    """

    def __init__(
        self,
        microscope: Microscope,
        book: CalibrationBook,
        settings: FocusSettings,
        *,
        observers: Iterable[events.Observer] = (),
        confirmed: frozenset[CorrectionType] = frozenset(),
        workers: int = 2,
    ) -> None:
        self.settings = settings
        self.confirmed = confirmed
        self._scope = microscope if isinstance(microscope, Guarded) else Guarded(microscope)
        self._book = book
        self._observers = tuple(observers)
        self._workers = workers

    def run(self, targets: Sequence[FocusTarget] = (HERE,), *, measure_only: bool = False) -> RunResult:
        """Do the enabled steps in order, each at all targets; stop at the first step that is refused.

        At the end all is as it was but for what was corrected. What is stated of focus holds at the preset of the last
        step and, on a tilted specimen, at the preset's centre. With `measure_only` nothing is corrected.
        Raises InstrumentError, CalibrationError, SettingsError; they are told to the observers first.
        """
        _check(targets)
        scope = self._scope
        audience = Audience(self._observers, scope.now_s)
        sequence = self.settings.sequence
        audience.tell(events.RunStarted(scope.now_s(), scope.name, sequence, measure_only, tuple(targets)))
        run: _Run | None = None
        try:
            with scope.preserved() as memory:
                run = _Run(self._work(audience, memory), tuple(targets), self.confirmed)
                result = run.whole(measure_only)
        except KeyboardInterrupt as stop:
            _failed(audience, stop, f"Stopped. {_left_behind(stop, run)}")
            raise
        except Exception as error:
            _failed(audience, error, str(error) or type(error).__name__)
            raise
        audience.tell(events.Restored(scope.now_s()))
        self.confirmed = result.confirmed
        audience.tell(events.RunEnded(scope.now_s(), result))
        return result

    def _work(self, audience: Audience, memory: Preserved) -> Work:
        return Work(self._scope, self._book, self.settings, audience, memory, self._workers)


class _Run:
    """One run's way through its steps."""

    def __init__(self, work: Work, targets: tuple[FocusTarget, ...], confirmed: frozenset[CorrectionType]) -> None:
        self.work = work
        self._targets = targets
        self._hands = Hands(work, confirmed)
        self._journey = Journey(work)

    def whole(self, measure_only: bool) -> RunResult:
        """All steps; everything that they say."""
        work = self.work
        check_able(work)
        results: list[StepResult] = []
        good_enough: str | None = None
        for step in (s for s in work.settings.sequence.steps if s.switch):
            if good_enough is None:
                result = self._step(step, measure_only, results[-1].residual if results and measure_only else None)
            else:
                result = StepResult(
                    step, Status.SKIPPED, (), None, 0.0, f"Step '{step.name}' was skipped: {good_enough}"
                )
            results.append(result)
            work.tell(events.StepEnded(work.now_s(), result))
            if result.status is Status.REFUSED:
                break
            good_enough = good_enough or (None if measure_only else self._good_enough(result))
        return RunResult(
            work.scope.name,
            work.settings.sequence,
            measure_only,
            tuple(results),
            frozenset(self._hands.confirmed),
            tuple(work.doses.items()),
        )

    def _step(self, step: FocusStep, measure_only: bool, known: Measurement | None) -> StepResult:
        work, hands = self.work, self._hands
        hands.set_up(step)
        method = BeamTilt(work, step)
        work.tell(events.StepStarted(work.now_s(), step, method.range_m))
        if known is not None and abs(known.c1_m) - COVERAGE * known.total_sigma_m > method.range_m:
            why = f"Step '{step.name}' was skipped: it measures up to ±{show_length(method.range_m, 1)}."
            return StepResult(step, Status.SKIPPED, (), None, 0.0, why)
        looking = Looking(work, step, method, Before(work, step, hands, self._journey))
        result = Loop(work, step, hands, looking, self._targets).run(method.range_m, measure_only=measure_only)
        if result.status is Status.DONE:
            hands.reset_defocus(step)
        return result

    def _good_enough(self, result: StepResult) -> str | None:
        """Why no further step is needed, None where it is."""
        limit, left = self.work.settings.accuracy_limit_m, result.residual
        if limit is None or left is None or result.step.correction_type is not CorrectionType.DEFOCUS:
            return None
        stated = abs(left.c1_m) + COVERAGE * left.total_sigma_m
        if stated > limit:
            return None
        return (
            f"step '{result.step.name}' was good enough, within {show_length(stated)} (3 σ) of focus "
            f"(accuracy limit {show_length(limit)})."
        )


def _check(targets: Sequence[FocusTarget]) -> None:
    names = [target.name for target in targets]
    if not names or len(set(names)) < len(names):
        raise SettingsError(f"The focus targets are named {names}. Give at least one, each with a name of its own.")


def _failed(audience: Audience, error: BaseException, sentence: str) -> None:
    audience.tell(events.Failed(audience.now_s(), sentence, tuple(getattr(error, "__notes__", ()))))


def _left_behind(error: BaseException, run: _Run | None) -> str:
    """What was restored, and what stays because it was corrected."""
    said = [] if getattr(error, "__notes__", ()) else ["Beam tilt and preset restored."]
    for part, value in (run.work.memory.accepted if run is not None else {}).items():
        if run is not None and part in run.work.kept:
            said.append(f"{str(part).capitalize()} stays at {show_length(value[0])} (corrected).")
    return " ".join(said)
