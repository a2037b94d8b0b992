"""A session: the units of an application, one after the other, on a microscope, kept in a journal.

One target refused never stops it; a lost instrument pauses it; a process that was killed is taken up where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from eucentric.calibration.book import CalibrationBook
from eucentric.errors import CalibrationError, InputError, InstrumentError, KeepError, LimitError, SettingsError
from eucentric.focus import events as focus_events
from eucentric.focus.control import Control
from eucentric.focus.hands import check_able
from eucentric.images.frame import Frame
from eucentric.microscope.preserved import Preserved
from eucentric.microscope.protocol import Microscope
from eucentric.msi.activities import Activities
from eucentric.msi.application import Application, Kind
from eucentric.msi.audience import Audience
from eucentric.msi.beliefs import Beliefs
from eucentric.msi.events import (
    InstrumentBack,
    InstrumentLost,
    Observer,
    SessionEnded,
    SessionStarted,
    UnitBegan,
    UnitEnded,
)
from eucentric.msi.exposing import expose_unit
from eucentric.msi.focusing import focus_unit
from eucentric.msi.found import Left, look, put_right
from eucentric.msi.journal import Journal
from eucentric.msi.metered import Metered
from eucentric.msi.outcome import SessionResult, Status, UnitOutcome
from eucentric.msi.series_unit import series_unit
from eucentric.msi.shared import Shared, Stopped
from eucentric.msi.units import Unit, units

_AT_ONE_TARGET = (LimitError, CalibrationError, SettingsError, InputError)
"""Errors that end one unit, and not the session."""
_TRIES = 3
"""So often an instrument may be lost and come back at one unit: another time it is the unit that is the matter."""
_SAME_LENS_M = 25e-6
"""Where a lens was left by a run that was cut off: within the offsets and corrections of focusing."""


def _words(error: BaseException) -> str:
    """What it says, and what else was told meanwhile: what could not be restored."""
    return " ".join(filter(None, (str(error), *getattr(error, "__notes__", ()))))


def _no(_error: InstrumentError) -> bool:
    return False


class Session:
    """`Session(microscope, book, application, journal).run()`.

    `journal` is new, or one that is to go on. `on_lost` is asked when the instrument does not do what it is asked:
    True: try again, False: the session ends there and can be resumed. `control` pauses and aborts from another thread.
    """

    def __init__(
        self,
        microscope: Microscope,
        book: CalibrationBook,
        application: Application,
        journal: Journal,
        *,
        observers: Iterable[Observer] = (),
        control: Control | None = None,
        on_lost: Callable[[InstrumentError], bool] | None = None,
        workers: int = 2,
    ) -> None:
        self._scope = Metered.over(microscope, self._check, self._taken)
        self._book = book
        self._application = application
        self._journal = journal
        self._audience = Audience(observers, self._scope.now_s)
        self._control = control
        self._on_lost = _no if on_lost is None else on_lost
        self._workers = workers
        self._units = units(application)
        self._unit: Unit | None = None
        self._begun_s = 0.0

    def run(self) -> SessionResult:
        """Work off all units that are not done yet.

        At the end all is as it was found but for height and defocus, which stay as last corrected. Raises InputError
        where the journal is of another application or instrument, SettingsError and InstrumentError where the
        instrument lacks what is asked for: nothing moved then. Raises Aborted and KeyboardInterrupt after everything
        was restored and the observers were told. The session can be resumed after each of them.
        """
        self._check_fits()
        self._begun_s = self._scope.now_s()
        put_back = self._take_up()
        tell, done = self._audience.tell, len(self._journal.noted.outcomes)
        tell(SessionStarted(self._begun_s, self._scope.name, self._application, self._units, done, put_back))
        try:
            stopped = self._preserved()
        except BaseException as stop:
            if isinstance(stop, Exception | KeyboardInterrupt):
                why = _words(stop) or "Stopped by the operator."
                tell(SessionEnded(self._audience.now_s(), self._result(why)))
            raise
        result = self._result(stopped)
        tell(SessionEnded(self._audience.now_s(), result))
        return result

    def _check_fits(self) -> None:
        noted, scope = self._journal.noted, self._scope
        if noted.application != self._application:
            raise InputError(
                f"The session in {self._journal.folder} was begun with another application than the one given. Resume "
                "it with its own, or begin a new session in another folder."
            )
        if noted.about.instrument != scope.name:
            raise InputError(
                f"The session in {self._journal.folder} was begun on {noted.about.instrument}, not on {scope.name}. "
                "Resume it there, or begin a new session in another folder."
            )
        known = [preset.name for preset in scope.presets()]
        for node in self._application.nodes:
            if node.preset is not None and node.preset not in known:
                raise SettingsError(
                    f"{scope.name} has no preset '{node.preset}', which node '{node.name}' asks for. Use one of: "
                    f"{', '.join(known)}. Nothing was moved."
                )
            if node.focus is not None:
                check_able(scope, node.focus)

    def _take_up(self) -> tuple[str, ...]:
        """Put right what a run that was cut off had left changed; at the first start only note what is found."""
        noted, now = self._journal.noted, look(self._scope)
        if noted.left is None:
            self._journal.as_found(now)
            self._journal.run(self._begun_s)
            return ()
        lens_m = noted.left.lens_m if noted.lens is None else noted.lens.lens_m
        apart_m = min(abs(now.lens_m - lens_m), abs(now.lens_m - noted.left.lens_m))
        self._journal.run(self._begun_s, forgotten=self._begun_s < noted.last_s or apart_m > _SAME_LENS_M)
        return put_right(self._scope, noted.left)

    def _preserved(self) -> str | None:
        """All units; why the session ended before the last one, None where it did not."""
        try:
            with self._scope.preserved() as memory:
                self._all(self._shared(memory))
        except (Stopped, KeepError) as stop:
            return _words(stop)
        except InstrumentError as error:  # of restoring
            return str(error)
        return None

    def _shared(self, memory: Preserved) -> Shared:
        return Shared(
            scope=self._scope,
            book=self._book,
            beliefs=Beliefs.of(self._application, self._scope, self._book),
            application=self._application,
            units=self._units,
            journal=self._journal,
            audience=self._audience,
            activities=Activities(self._audience.now_s),
            memory=memory,
            check=self._check,
            workers=self._workers,
        )

    def _all(self, shared: Shared) -> None:
        for unit in self._units:
            if unit.key not in self._journal.noted.outcomes:
                self._unit = unit
                self._until_done(shared, unit)
                self._unit = None

    def _until_done(self, shared: Shared, unit: Unit) -> None:
        """Work on a unit, and again where the instrument was lost and came back."""
        begun_s = self._audience.now_s()
        for tried in range(1, _TRIES + 1):
            self._check()
            try:
                self._one(shared, unit, begun_s)
            except InstrumentError as error:
                with shared.activities.during("lost"):
                    self._lost(unit, error)
                if tried == _TRIES:
                    why = f"The instrument was lost here {_TRIES} times, and came back each time. Last: {error}"
                    self._done(shared, UnitOutcome(unit.key, unit.node, Status.FAILED, why), begun_s)
            else:
                return

    def _one(self, shared: Shared, unit: Unit, begun_s: float) -> None:
        self._journal.begun(unit.key)
        self._audience.tell(UnitBegan(self._audience.now_s(), unit))
        stop: Stopped | None = None
        try:
            outcome = _WORK[shared.node(unit).kind](shared, unit)
        except KeepError:  # the disk's: at the next target it would be the same
            raise
        except _AT_ONE_TARGET as error:
            outcome = UnitOutcome(unit.key, unit.node, Status.FAILED, _words(error))
        except Stopped as asked:
            if asked.outcome is None:
                raise
            outcome, stop = asked.outcome, asked
        self._done(shared, outcome, begun_s)
        if stop is not None:
            raise stop

    def _done(self, shared: Shared, outcome: UnitOutcome, begun_s: float) -> None:
        noted = self._journal.noted
        outcome = replace(
            outcome,
            begun_s=begun_s,
            ended_s=self._audience.now_s(),
            focus_dose_e_per_m2=noted.spent.get(outcome.key, 0.0),
            focus_exposures=noted.frames.get(outcome.key, 0),
            activities=shared.activities.taken(),
        )
        self._journal.done(outcome)
        self._audience.tell(UnitEnded(self._audience.now_s(), outcome))

    def _lost(self, unit: Unit, error: InstrumentError) -> None:
        """Pause until the instrument answers again. Raises Stopped where it is given up."""
        back: Exception = error
        while True:
            self._audience.tell(InstrumentLost(self._audience.now_s(), unit, str(back)))
            if not self._on_lost(error):
                raise Stopped(f"The instrument was lost at {unit.key}: {back} Resume the session when it works again.")
            try:
                left = self._journal.noted.left
                assert left is not None
                put_right(self._scope, self._beams(left))
            except InstrumentError as again:
                back = again
            else:
                self._audience.tell(InstrumentBack(self._audience.now_s(), unit))
                return

    def _beams(self, left: Left) -> Left:
        """What is put right before a unit is begun anew: the unit itself sets all that is not here."""
        now = look(self._scope)
        return replace(
            now, beam_tilt_rad=left.beam_tilt_rad, image_shift_m=left.image_shift_m, stigmator=left.stigmator
        )

    def _taken(self, frame: Frame) -> None:
        """An image was taken: what it spent for focusing is noted at once."""
        unit = self._unit
        if unit is not None and self._application.node(unit.node).kind is Kind.FOCUS:
            told = frame.dose_e_per_m2
            self._journal.spent(unit.key, self._scope.preset().dose_e_per_m2 if told is None else told)

    def _check(self) -> None:
        """Looked at before each call that moves, waits or exposes. Raises Aborted."""
        if self._control is not None:
            tell, now_s = self._audience.tell, self._audience.now_s
            self._control.check(
                lambda: tell(focus_events.Paused(now_s())), lambda: tell(focus_events.Paused(now_s(), over=True))
            )

    def _result(self, stopped: str | None) -> SessionResult:
        noted = self._journal.noted
        return SessionResult(
            self._application.name,
            self._scope.name,
            tuple(noted.outcomes[unit.key] for unit in self._units if unit.key in noted.outcomes),
            len(self._units),
            self._begun_s,
            self._audience.now_s(),
            max(noted.runs - 1, 0),
            stopped,
        )


_WORK: dict[Kind, Callable[[Shared, Unit], UnitOutcome]] = {
    Kind.ACQUIRE: expose_unit,
    Kind.FOCUS: focus_unit,
    Kind.TILT_SERIES: series_unit,
}
