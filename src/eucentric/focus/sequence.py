"""The loop: measure, judge, correct, look again, step by step. The only place that closes it.

Every correction is followed by a measurement, so hysteresis and backlash are in what is measured last. The first
correction on a channel is a probe. Whatever is only changed for measuring is restored, whatever happens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.tilt_response import instrument_tilt
from eucentric.errors import LimitError
from eucentric.focus import events
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
from eucentric.focus.outcome import Round, RunResult, Status, StepResult
from eucentric.focus.patterns import Pattern, pattern
from eucentric.focus.predict import capture_range_m
from eucentric.focus.result import DefocusResult
from eucentric.focus.settings import CorrectionType, FocusSequence, FocusStep
from eucentric.focus.verdict import Finding
from eucentric.images.frame import Frame
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.preserved import Part, Preserved
from eucentric.microscope.protocol import Microscope, Vector


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
        self._observers = observers
        self._confirmed = set(confirmed)
        self._workers = workers
        self._moved_m = 0.0
        self._measurements = 0
        self._dose = 0.0
        self._memory: Preserved | None = None

    def whole(self, measure_only: bool) -> RunResult:
        """The whole sequence, with everything restored that was changed for measuring only."""
        scope = self._microscope
        self._tell(events.RunStarted(scope.now_s(), scope.name, self._sequence, measure_only))
        try:
            with scope.preserved() as memory:
                self._memory = memory
                steps = self._steps(measure_only)
        except KeyboardInterrupt:
            self._tell(events.Failed(scope.now_s(), "Stopped by the user; everything was restored."))
            raise
        except Exception as error:
            self._tell(events.Failed(scope.now_s(), str(error) or type(error).__name__))
            raise
        self._tell(events.Restored(scope.now_s()))
        result = RunResult(scope.name, self._sequence, measure_only, steps, frozenset(self._confirmed))
        self._tell(events.RunEnded(scope.now_s(), result))
        return result

    def _steps(self, measure_only: bool) -> tuple[StepResult, ...]:
        results: list[StepResult] = []
        for step in self._sequence.steps:
            if not step.enabled:
                continue
            results.append(self._step(step, measure_only))
            self._tell(events.StepEnded(self._microscope.now_s(), results[-1]))
            if results[-1].status is Status.REFUSED:
                break
        return tuple(results)

    def _step(self, step: FocusStep, measure_only: bool) -> StepResult:
        """Measure and correct until the error is within tolerance, refused, or out of iterations."""
        self._set_up(step)
        range_m = self._range_m(step)
        self._tell(events.StepStarted(self._microscope.now_s(), step, range_m))
        self._dose = 0.0
        rounds: list[Round] = []
        corrections = 0
        while True:
            result = self._look(step, range_m, rounds)
            refusal = result.verdict.findings[0] if not result.accepted else self._followed(rounds)
            if refusal is not None:
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
        if step.correction is CorrectionType.STAGE_Z:
            self._microscope.set_defocus(self._microscope.preset().defocus_m)

    def _range_m(self, step: FocusStep) -> float:
        if step.delta_max_m is not None:
            return step.delta_max_m
        preset = self._microscope.preset()
        return capture_range_m(preset.size, preset.pixel_m, step.tilt_rad, direction_rad=step.tilt_direction_rad)

    def _measure(self, step: FocusStep, range_m: float, look: Look) -> DefocusResult:
        calibration = self._book.of(step.preset)
        plan = pattern(step.pattern, step.tilt_rad * look.tilt_fraction, step.tilt_direction_rad)
        settings = tuple(instrument_tilt(calibration, tilt) for tilt in plan.tilts)
        limit = self._microscope.limits.tilt_max_rad
        if max(abs(complex(*tilt)) for tilt in settings) > limit:
            raise LimitError(
                f"Step '{step.name}' would tilt the beam beyond the limit of {limit * 1e3:g} mrad. Use a smaller tilt."
            )
        number = self._measurements
        self._measurements += 1
        with self._at_offset(look.offset_m):
            frames = self._take(step, plan, settings, number)
        how = How(
            column=calibration.column,
            uncertainty=calibration.uncertainty,
            method=step.correlation,
            thresholds=step.thresholds,
            range_m=range_m,
            offset_m=look.offset_m,
            workers=self._workers,
        )
        result = measure_frames(frames, plan.tilts, plan.links, how)
        for link, shift in zip(plan.links, result.shifts, strict=True):
            self._tell(events.ShiftFound(self._microscope.now_s(), step.name, number, link, shift))
        return result

    @contextmanager
    def _at_offset(self, offset_m: float) -> Iterator[None]:
        """The lens at a known extra defocus while images are taken."""
        if offset_m == 0:
            yield
            return
        before = self._microscope.defocus_m()
        try:
            self._microscope.set_defocus(before + offset_m)
            yield
        finally:
            self._microscope.set_defocus(before)

    def _take(self, step: FocusStep, plan: Pattern, settings: tuple[Vector, ...], number: int) -> tuple[Frame, ...]:
        """The frames of a pattern; the beam tilt is put back whatever happens."""
        before = self._microscope.beam_tilt_rad()
        frames = []
        try:
            for index, tilt in enumerate(settings[: plan.images]):
                self._microscope.set_beam_tilt(tilt)
                taken = self._microscope.acquire()
                frame = replace(taken, state=replace(taken.state, tilt_rad=plan.tilts[index]))
                self._dose += frame.dose_e_per_m2 or 0.0
                frames.append(frame)
                self._tell(events.FrameTaken(self._microscope.now_s(), step.name, number, index, frame))
        finally:
            self._microscope.set_beam_tilt(before)
        return tuple(frames)

    def _channel(self, step: FocusStep) -> Channel:
        kind = step.correction
        if kind is CorrectionType.STAGE_Z:
            per_move = self._book.of(step.preset).height_per_z
            return Channel(kind, self._microscope.stage().z_m, per_move, kind in self._confirmed)
        return Channel(kind, self._microscope.defocus_m(), 1.0, kind in self._confirmed)

    def _correct(self, step: FocusStep, wanted: Correction) -> None:
        self._move(wanted.channel, wanted.target_m)
        self._moved_m += abs(wanted.change_c1_m)
        self._microscope.wait(step.settle_s)
        if not wanted.probe:
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
        if self._memory is not None:
            self._memory.accept(Part.DEFOCUS)
            if channel is CorrectionType.STAGE_Z:
                self._memory.accept(Part.STAGE_Z)

    def _followed(self, rounds: list[Round]) -> Finding | None:
        """After a probe: did focus follow? If not, the probe is taken back; if so, the channel is confirmed."""
        made = [r for r in rounds if r.correction is not None]
        if not made or made[-1].correction is None or not made[-1].correction.probe:
            return None
        probe = made[-1].correction
        before, after = made[-1].result.measurement, rounds[-1].result.measurement
        refusal = check_followed(before, after, probe)
        if refusal is not None:
            self._move(probe.channel, probe.target_m - probe.move_m)
            return refusal
        self._accept(probe.channel)
        if followed(before, after, probe):
            self._confirmed.add(probe.channel)
        return refusal

    def _tell(self, event: events.Event) -> None:
        for observer in self._observers:
            observer(event)
