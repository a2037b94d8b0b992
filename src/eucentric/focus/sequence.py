"""The loop: measure, judge, correct, look again, step by step. The only place that closes it.

Every correction is followed by a measurement, so hysteresis and backlash are in what is measured last. The first
correction on a channel is a probe. Whatever is only changed for measuring is restored, whatever happens.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from eucentric.calibration.book import CalibrationBook
from eucentric.focus import events
from eucentric.focus.acquisition import acquire
from eucentric.focus.again import Expected, Look, another_look, expected_after, settled, surprised
from eucentric.focus.correct import (
    Allowed,
    Channel,
    Correction,
    check_followed,
    check_limits,
    correction_of,
    followed,
    needed,
)
from eucentric.focus.measure import How, measure_frames
from eucentric.focus.measurement import Measurement
from eucentric.focus.outcome import COVERAGE, Round, RunResult, Status, StepResult
from eucentric.focus.patterns import pattern
from eucentric.focus.predict import capture_range_m
from eucentric.focus.result import DefocusResult
from eucentric.focus.settings import CorrectionType, FocusSequence, FocusStep
from eucentric.focus.verdict import Finding
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.preserved import Part, Preserved
from eucentric.microscope.protocol import Microscope
from eucentric.units import show_length


def run_sequence(
    sequence: FocusSequence,
    microscope: Microscope,
    book: CalibrationBook,
    *,
    observers: Iterable[events.Observer] = (),
    measure_only: bool = False,
    confirmed: frozenset[CorrectionType] = frozenset(),
    workers: int = 2,
) -> RunResult:
    """Do the enabled steps in order; stop at the first that is refused.

    `confirmed` are the correction channels that were seen to act with the right sign earlier in this session (from
    `RunResult.confirmed`); the others are probed first. At the end beam tilt and preset are as they were, and so is all
    that was not corrected. What is stated of focus holds at the preset of the last step.
    Raises InstrumentError, CalibrationError; they are told to the observers first.
    """
    guarded = microscope if isinstance(microscope, Guarded) else Guarded(microscope)
    run = _Run(sequence, guarded, book, tuple(observers), confirmed=confirmed, workers=workers)
    return run.whole(measure_only)


class _Run:
    """One run's way through its steps: what it acts on, and the little that it has to remember."""

    def __init__(
        self,
        sequence: FocusSequence,
        microscope: Guarded,
        book: CalibrationBook,
        observers: tuple[events.Observer, ...],
        *,
        confirmed: frozenset[CorrectionType],
        workers: int,
    ) -> None:
        self._sequence = sequence
        self._microscope = microscope
        self._book = book
        self._observers = list(observers)
        self._confirmed = set(confirmed)
        self._workers = workers
        self._moved_m = 0.0
        self._measurements = 0
        self._dose = 0.0
        self._memory: Preserved | None = None
        self._pending: Correction | None = None  # a probe that was not yet seen to be right
        self._kept: set[Part] = set()
        self._now_s = 0.0

    def whole(self, measure_only: bool) -> RunResult:
        """The whole sequence, with everything restored that was changed for measuring only."""
        scope = self._microscope
        self._tell(events.RunStarted(scope.now_s(), scope.name, self._sequence, measure_only))
        try:
            with scope.preserved() as memory:
                self._memory = memory
                steps = self._steps(measure_only)
        except KeyboardInterrupt as stop:
            self._failed(stop, f"Stopped. {self._left_behind(stop)}")
            raise
        except Exception as error:
            self._failed(error, str(error) or type(error).__name__)
            raise
        self._tell(events.Restored(scope.now_s()))
        result = RunResult(scope.name, self._sequence, measure_only, steps, frozenset(self._confirmed))
        self._tell(events.RunEnded(scope.now_s(), result))
        return result

    def _failed(self, error: BaseException, sentence: str) -> None:
        self._tell(events.Failed(self._clock_s(), sentence, tuple(getattr(error, "__notes__", ()))))

    def _left_behind(self, error: BaseException) -> str:
        """What was restored, and what stays because it was corrected."""
        said = [] if getattr(error, "__notes__", ()) else ["Beam tilt and preset restored."]
        for part, value in (self._memory.accepted if self._memory is not None else {}).items():
            if part in self._kept:
                said.append(f"{str(part).capitalize()} stays at {show_length(value[0])} (corrected).")
        return " ".join(said)

    def _clock_s(self) -> float:
        """The microscope's time; of one that no longer answers, the last that it told."""
        try:
            self._now_s = self._microscope.now_s()
        except Exception:  # what broke the run is about to be told, and must not be replaced
            return self._now_s
        return self._now_s

    def _steps(self, measure_only: bool) -> tuple[StepResult, ...]:
        results: list[StepResult] = []
        for step in self._sequence.steps:
            if not step.switch:
                continue
            known = results[-1].residual if results and measure_only else None
            results.append(self._step(step, measure_only, known))
            self._tell(events.StepEnded(self._microscope.now_s(), results[-1]))
            if results[-1].status is Status.REFUSED:
                break
        return tuple(results)

    def _step(self, step: FocusStep, measure_only: bool, known: Measurement | None) -> StepResult:
        """Measure and correct until the error is within tolerance, refused, or out of iterations."""
        self._set_up(step)
        range_m = self._range_m(step)
        self._tell(events.StepStarted(self._microscope.now_s(), step, range_m))
        self._dose = 0.0
        if known is not None and abs(known.c1_m) - COVERAGE * known.total_sigma_m > range_m:
            why = f"Step '{step.name}' was skipped: it measures up to ±{show_length(range_m, 1)}."
            return StepResult(step, Status.SKIPPED, (), None, 0.0, why)
        rounds: list[Round] = []
        corrections = 0
        while True:
            result = self._look(step, range_m, rounds)
            refusal = result.verdict.findings[0] if not result.accepted else self._followed(rounds)
            if refusal is not None:
                self._take_back(step, rounds)
                return self._ended(step, Status.REFUSED, rounds, refusal)
            if measure_only or not needed(result.measurement, step):
                if len(rounds) < step.looks_min:
                    continue
                return self._ended(step, Status.MEASURED if measure_only else Status.DONE, rounds)
            if corrections == step.iterations:
                return self._ended(step, Status.NOT_CONVERGED, rounds)
            wanted = correction_of(result.measurement, self._channel(step))
            allowed = Allowed(range_m, self._sequence.limits, self._moved_m)
            refusal = check_limits(wanted, -result.measurement.c1_m, allowed)
            if refusal is not None:
                return self._ended(step, Status.REFUSED, rounds, refusal)
            self._correct(step, wanted)
            rounds[-1] = Round(result, wanted)
            corrections += not wanted.probe

    def _look(self, step: FocusStep, range_m: float, rounds: list[Round]) -> DefocusResult:
        """Measure, and look again where another look can settle what was found against it."""
        expected = self._expected(step, rounds)
        looks: list[DefocusResult] = []
        look: Look | None = Look(offset_m=step.offset_m)
        while look is not None and len(looks) <= step.retries:
            result = settled(surprised(self._measure(step, range_m, look), expected), looks)
            looks.append(result)
            rounds.append(Round(result, None))
            self._judged(step, result)
            look = None if result.accepted else another_look(step, result.verdict, look, result.pixel_m)
        return looks[-1]

    def _expected(self, step: FocusStep, rounds: list[Round]) -> Expected | None:
        if not rounds or rounds[-1].correction is None:
            return None
        sure = self._book.of(step.preset).uncertainty
        return expected_after(rounds[-1].result.measurement, rounds[-1].correction, sure)

    def _judged(self, step: FocusStep, result: DefocusResult) -> None:
        now, number = self._microscope.now_s(), self._measurements - 1
        self._tell(events.Measured(now, step.name, number, result))
        self._tell(events.Judged(now, step.name, number, result.verdict))

    def _ended(
        self, step: FocusStep, status: Status, rounds: list[Round], refusal: Finding | None = None
    ) -> StepResult:
        return StepResult(step, status, tuple(rounds), refusal, self._dose)

    def _set_up(self, step: FocusStep) -> None:
        """Set the preset; with Stage Z correction also eucentric focus, so that what is measured is height."""
        self._microscope.set_preset(step.preset)
        if step.correction_type is CorrectionType.STAGE_Z:
            self._microscope.set_defocus(self._microscope.preset().defocus_m)

    def _range_m(self, step: FocusStep) -> float:
        if step.delta_max_m is not None:
            return step.delta_max_m
        preset = self._microscope.preset()
        return capture_range_m(preset.size, preset.pixel_m, step.tilt_rad, direction_rad=step.tilt_direction_rad)

    def _measure(self, step: FocusStep, range_m: float, look: Look) -> DefocusResult:
        calibration = self._book.of(step.preset)
        plan = pattern(step.pattern, step.tilt_rad * look.tilt_fraction, step.tilt_direction_rad)
        number = self._measurements
        self._measurements += 1
        taken = acquire(self._microscope, plan, calibration, offset_m=look.offset_m)
        self._dose += taken.dose_e_per_m2
        for index, frame in enumerate(taken.frames):  # told only now: files written between exposures would add drift
            self._tell(events.FrameTaken(frame.time_s, step.name, number, index, frame))
        how = How(
            column=calibration.column,
            uncertainty=calibration.uncertainty,
            method=step.correlation_type,
            thresholds=step.thresholds,
            range_m=range_m,
            offset_m=look.offset_m,
            workers=self._workers,
        )
        result = measure_frames(taken.frames, taken.tilts, plan.links, how)
        for link, shift in zip(plan.links, result.shifts, strict=True):
            self._tell(events.ShiftFound(self._microscope.now_s(), step.name, number, link, shift))
        return result

    def _channel(self, step: FocusStep) -> Channel:
        kind = step.correction_type
        if kind is CorrectionType.STAGE_Z:
            per_move = self._book.of(step.preset).height_per_z
            return Channel(kind, self._microscope.stage().z_m, per_move, kind in self._confirmed)
        return Channel(kind, self._microscope.defocus_m(), 1.0, kind in self._confirmed)

    def _correct(self, step: FocusStep, wanted: Correction) -> None:
        self._move(wanted.channel, wanted.target_m)
        self._moved_m += abs(wanted.change_c1_m)
        self._microscope.wait(step.settle_s)
        if wanted.probe:
            self._pending = wanted
        else:
            self._accept(wanted.channel)
        arrived = self._channel(step).position_m
        self._tell(events.Corrected(self._microscope.now_s(), step.name, wanted, arrived))

    def _move(self, channel: CorrectionType, target_m: float) -> None:
        if channel is CorrectionType.STAGE_Z:
            self._microscope.move_stage(z_m=target_m)
        else:
            self._microscope.set_defocus(target_m)

    def _accept(self, channel: CorrectionType) -> None:
        """A correction is here to stay. One of height counts from the eucentric focus that was set to measure it."""
        self._pending = None
        self._kept.add(Part.STAGE_Z if channel is CorrectionType.STAGE_Z else Part.DEFOCUS)
        if self._memory is not None:
            self._memory.accept(Part.DEFOCUS)
            if channel is CorrectionType.STAGE_Z:
                self._memory.accept(Part.STAGE_Z)

    def _followed(self, rounds: list[Round]) -> Finding | None:
        """After a probe: why the channel must not be used further; None, and it is confirmed, when focus followed."""
        probe = self._pending
        if probe is None:
            return None
        before = next(r.result.measurement for r in reversed(rounds) if r.correction is not None)
        after = rounds[-1].result.measurement
        refusal = check_followed(before, after, probe)
        if refusal is None:
            self._accept(probe.channel)
            if followed(before, after, probe):
                self._confirmed.add(probe.channel)
        return refusal

    def _take_back(self, step: FocusStep, rounds: list[Round]) -> None:
        """Undo a probe that was not seen to be right."""
        probe, self._pending = self._pending, None
        if probe is None:
            return
        self._move(probe.channel, probe.target_m - probe.move_m)
        at = max(i for i, one in enumerate(rounds) if one.correction is not None)
        rounds[at] = replace(rounds[at], taken_back=True)
        self._tell(events.TakenBack(self._clock_s(), step.name, probe, self._channel(step).position_m))

    def _tell(self, event: events.Event) -> None:
        """Tell all who watch. One who fails is told nothing further, the others learn of it, and focusing goes on."""
        for observer in tuple(self._observers):
            try:
                observer(event)
            except Exception as error:  # whatever it is, it is not the microscope's
                self._observers.remove(observer)
                self._tell(events.ObserverFailed(self._clock_s(), str(error) or type(error).__name__))
