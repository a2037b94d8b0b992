"""Focus: one class for every focus node of a session, with different settings, focus sequences and places.

What is only changed for measuring is restored, whatever happens.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

from eucentric.calibration.book import CalibrationBook
from eucentric.errors import Aborted, InstrumentError, SettingsError
from eucentric.focus import events
from eucentric.focus.audience import Audience
from eucentric.focus.control import Control
from eucentric.focus.methods.manual import Operator
from eucentric.focus.outcome import RunResult
from eucentric.focus.presets import install_presets
from eucentric.focus.repeated import repeatable
from eucentric.focus.run import Run
from eucentric.focus.settings import CorrectionType, FocusSequence, FocusSettings
from eucentric.focus.standing import standing
from eucentric.focus.targets import HERE, FocusTarget
from eucentric.focus.work import Work
from eucentric.images.frame import OpticalState
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.preserved import Part
from eucentric.microscope.protocol import Microscope, Vector
from eucentric.units import show_length

_Working = Callable[[Run], RunResult]


class Focus:
    """A focus node: `Focus(microscope, book, settings).run()`.

    `confirmed` are the correction channels that were seen to act with the right sign earlier in this session; the
    others are probed first. It grows with each run. `control` pauses and aborts from another thread; `operator` does
    the manual steps.
    """

    def __init__(
        self,
        microscope: Microscope,
        book: CalibrationBook,
        settings: FocusSettings,
        *,
        observers: Iterable[events.Observer] = (),
        control: Control | None = None,
        operator: Operator | None = None,
        confirmed: frozenset[CorrectionType] = frozenset(),
        workers: int = 2,
    ) -> None:
        self.settings = settings
        self.confirmed = confirmed
        self._given = microscope.checkpoint if isinstance(microscope, Guarded) else None
        self._scope = _guarded(microscope, None if control is None else self._checkpoint)
        self._running = threading.Lock()
        self._book = book
        self._observers = tuple(observers)
        self._control = control
        self._operator = operator
        self._workers = workers
        self._audience = Audience[events.Event](self._observers, self._scope.now_s)

    def run(self, targets: Sequence[FocusTarget] = (HERE,), *, measure_only: bool = False) -> RunResult:
        """Do the enabled steps in order, each at all targets; stop at the first step that is refused.

        At the end all is as it was but for what was corrected. What is stated of focus holds at the preset of the last
        step and, on a tilted specimen, at the preset's centre. With `measure_only` nothing is corrected.
        Raises InstrumentError, CalibrationError, SettingsError, and Aborted when `control` ended it: everything is
        restored then, and the observers are told first. Only one run at a time: a second one raises InstrumentError.
        """
        _check(targets)
        sequence = self.settings.sequence
        return self._alone(sequence, tuple(targets), measure_only, lambda run: run.whole(measure_only))

    def repeat(self, step: str, times: int, *, target: FocusTarget = HERE) -> RunResult:
        """Measure with one step so many times at one place, each measurement looked at once, and correct nothing.

        `step` is its name. Refused measurements are kept like the others. Ends early where the budget of electrons is
        spent, or the specimen does not come to rest before the first one. Raises as `run` does, and SettingsError for a
        step that is not there or measures nothing.
        """
        chosen = repeatable(self.settings.sequence, step)
        sequence = self.settings.sequence.model_copy(update={"steps": (chosen,)})
        return self._alone(sequence, (target,), True, lambda run: run.repeated(chosen, times))

    def _alone(
        self, sequence: FocusSequence, targets: tuple[FocusTarget, ...], measure_only: bool, work: _Working
    ) -> RunResult:
        """One run at a time."""
        if not self._running.acquire(blocking=False):
            raise InstrumentError(
                f"{self._scope.name} is being focused by this Focus already, from another thread. Wait until that run "
                "ends, or abort it through its control. Nothing moved."
            )
        try:
            return self._run(sequence, targets, measure_only, work)
        finally:
            self._running.release()

    def _run(
        self, sequence: FocusSequence, targets: tuple[FocusTarget, ...], measure_only: bool, working: _Working
    ) -> RunResult:
        scope = self._scope
        tell = self._begin().tell
        run: Run | None = None
        now_s, found = scope.now_s(), standing(scope)
        tell(events.RunStarted(now_s, scope.name, sequence, measure_only, targets, self.settings, found))
        try:
            with scope.preserved() as memory:
                brought = {preset.name: preset.unnamed for preset in self.settings.presets}
                book = install_presets(scope, brought, self._book)
                work = Work(scope, book, self.settings, self._audience, memory, self._checkpoint, self._workers)
                run = Run(work, targets, self.confirmed, self._operator)
                result = working(run)
                self._checkpoint()
        except (KeyboardInterrupt, Aborted) as stop:
            by_hand = ", and what was moved by hand taken back" if run is not None and run.work.at_desk else ""
            restored = () if getattr(stop, "__notes__", ()) else (f"Beam tilt and preset restored{by_hand}.",)
            self._failed(stop, " ".join((str(stop) or "Stopped.", *restored, *_left_behind(run))), run)
            raise
        except Exception as error:
            self._failed(error, " ".join((str(error) or type(error).__name__, *_left_behind(run))), run)
            raise
        now = self._audience.now_s  # the run is done: a clock that fails now must not lose its result
        tell(events.Restored(now(), standing(scope)))
        self.confirmed = result.confirmed
        tell(events.RunEnded(now(), result))
        return result

    def _begin(self) -> Audience[events.Event]:
        self._audience = Audience[events.Event](self._observers, self._scope.now_s)
        return self._audience

    def _checkpoint(self) -> None:
        """Looked at before each call that moves, waits or exposes. Raises Aborted."""
        tell, now = self._audience.tell, self._audience.now_s
        if self._given is not None:
            self._given()
        if self._control is not None:
            self._control.check(lambda: tell(events.Paused(now())), lambda: tell(events.Paused(now(), over=True)))

    def _failed(self, error: BaseException, sentence: str, run: Run | None) -> None:
        notes, now = tuple(getattr(error, "__notes__", ())), self._audience.now_s
        self._audience.tell(events.Restored(now(), self._left()))
        stopped = isinstance(error, KeyboardInterrupt | Aborted)
        dose = None if run is None else max(run.work.doses.values(), default=0.0)
        self._audience.tell(events.Failed(now(), sentence, notes, stopped, dose))

    def _left(self) -> OpticalState | None:
        """How the instrument stands after what failed, which nothing here may replace: not even another Ctrl-C."""
        try:
            return standing(self._scope.with_checkpoint(lambda: None))  # an abort still holds
        except (Exception, KeyboardInterrupt):
            return None


def _guarded(microscope: Microscope, checkpoint: Callable[[], None] | None) -> Guarded:
    """The microscope with a guard that looks at the checkpoint."""
    if isinstance(microscope, Guarded):
        return microscope if checkpoint is None else microscope.with_checkpoint(checkpoint)
    return Guarded(microscope, checkpoint=checkpoint)


def _check(targets: Sequence[FocusTarget]) -> None:
    names = [target.name for target in targets]
    if not names or len(set(names)) < len(names):
        raise SettingsError(f"The focus targets are named {names}. Give at least one, each with a name of its own.")


def _left_behind(run: Run | None) -> list[str]:
    """What stays because it was corrected."""
    if run is None:
        return []
    kept = run.work.kept
    return [_stays(part, value) for part, value in run.work.memory.accepted.items() if part in kept]


def _stays(part: Part, value: Vector) -> str:
    if part is Part.DEFOCUS_ZERO:
        return "Defocus zero stays where it was reset."
    at = f"({value[0]:.3g}, {value[1]:.3g}) (y, x)" if part is Part.STIGMATOR else show_length(value[0])
    return f"{str(part).capitalize()} stays at {at} (corrected)."
