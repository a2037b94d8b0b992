"""A session: the units of an application, one after the other, on a microscope, kept in a journal.

One target refused never stops it; a lost instrument pauses it; a process that was killed is taken up where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from eucentric.calibration.book import CalibrationBook
from eucentric.errors import Aborted, CalibrationError, InputError, InstrumentError, LimitError, SettingsError
from eucentric.focus import events as focus_events
from eucentric.focus.control import Control
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

        At the end all is as it was found but for height and defocus, which stay as last corrected. Raises Aborted and
        KeyboardInterrupt after everything was restored and the observers were told; InstrumentError where not even the
        beginning was possible. The session can be resumed after each of them.
        """
        tell, now_s = self._audience.tell, self._audience.now_s
        self._begun_s = self._scope.now_s()
        put_back = self._take_up()
        noted = self._journal.noted
        self._journal.run(self._begun_s)
        name, done = self._scope.name, len(noted.outcomes)
        tell(SessionStarted(self._begun_s, name, self._application, self._units, done, put_back))
        try:
            stopped = self._preserved()
        except (KeyboardInterrupt, Aborted) as stop:
            why = " ".join((str(stop) or "Stopped by the operator.", *getattr(stop, "__notes__", ())))
            tell(SessionEnded(now_s(), self._result(why)))
            raise
        result = self._result(stopped)
        tell(SessionEnded(now_s(), result))
        return result

    def _take_up(self) -> tuple[str, ...]:
        """Put right what a run that was cut off had left changed; at the first start only note what is found."""
        left = self._journal.noted.left
        if left is None:
            self._journal.as_found(look(self._scope))
            return ()
        return put_right(self._scope, left)

    def _preserved(self) -> str | None:
        """All units; why the session ended before the last one, None where it did not."""
        try:
            with self._scope.preserved() as memory:
                self._all(self._shared(memory))
        except Stopped as stop:
            return " ".join((str(stop), *getattr(stop, "__notes__", ())))
        except InstrumentError as error:  # of restoring
            return str(error)
        return None

    def _shared(self, memory: Preserved) -> Shared:
        return Shared(
            self._scope,
            self._book,
            Beliefs.of(self._application, self._scope, self._book),
            self._application,
            self._units,
            self._journal,
            self._audience,
            Activities(self._audience.now_s),
            memory,
            self._workers,
        )

    def _all(self, shared: Shared) -> None:
        for unit in self._units:
            if unit.key in self._journal.noted.outcomes:
                continue
            self._unit = unit
            self._until_done(shared, unit)
            self._unit = None

    def _until_done(self, shared: Shared, unit: Unit) -> None:
        """Work on a unit, again and again while the instrument is lost and comes back."""
        begun_s = self._audience.now_s()
        while True:
            self._check()
            try:
                self._one(shared, unit, begun_s)
            except InstrumentError as error:
                self._lost(unit, error)
            else:
                return

    def _one(self, shared: Shared, unit: Unit, begun_s: float) -> None:
        node = shared.node(unit)
        self._journal.begun(unit.key)
        self._audience.tell(UnitBegan(self._audience.now_s(), unit))
        stop: Stopped | None = None
        try:
            outcome = _WORK[node.kind](shared, unit)
        except _AT_ONE_TARGET as error:
            outcome = UnitOutcome(unit.key, node.name, Status.FAILED, str(error))
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
                raise Stopped(
                    f"The instrument was lost at {unit.key}: {back} Resume the session when it works again.", None
                )
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
            self._journal.spent(unit.key, frame.dose_e_per_m2 or 0.0)

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
