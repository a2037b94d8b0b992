"""A session: the units of an application, one after the other, on a microscope, kept in a journal.

One target refused never stops it; a lost instrument pauses it; a process that was killed is taken up where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from eucentric.calibration.book import CalibrationBook
from eucentric.errors import InputError, InstrumentError, KeepError, SettingsError
from eucentric.focus import events as focus_events
from eucentric.focus.audience import Audience
from eucentric.focus.control import Control
from eucentric.focus.hands import check_able
from eucentric.focus.methods.manual import Operator
from eucentric.images.frame import Frame
from eucentric.microscope.preserved import Preserved
from eucentric.microscope.protocol import Microscope
from eucentric.msi.activities import Activities
from eucentric.msi.application import Application, Kind
from eucentric.msi.beliefs import Beliefs
from eucentric.msi.events import AnyEvent, FocusedAnew, InstrumentLost, Observer, PutRight, SessionEnded, SessionStarted
from eucentric.msi.expected import expected_s
from eucentric.msi.focusing import left_of_budget
from eucentric.msi.found import look, put_right
from eucentric.msi.journal import Journal
from eucentric.msi.metered import Metered
from eucentric.msi.outcome import SessionResult, not_ended
from eucentric.msi.series.unit import check_tilts
from eucentric.msi.shared import SessionStops, Shared
from eucentric.msi.units import Unit, units
from eucentric.msi.waiting import awaited
from eucentric.msi.working import Working, words

_SAME_LENS_M = 25e-6
"""Where a lens was left by a run that was cut off: within the offsets and corrections of focusing."""


def _no(_error: InstrumentError) -> bool:
    return False


class Session:
    """`Session(microscope, book, application, journal).run()`.

    `journal` is new, or one that is to go on. A unit at which a call fails is begun anew once without asking; after
    that `on_lost` is asked when calls fail or do not return: True: try again, False: the session ends there and can be
    resumed. `control` pauses and aborts from another thread; `operator` does the manual steps of focus nodes, which are
    skipped where there is none.
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
        operator: Operator | None = None,
        workers: int = 2,
    ) -> None:
        self._scope = Metered.over(microscope, self._check, self._taken, journal.stigmator)
        self._book = book
        self._application = application
        self._journal = journal
        self._audience = Audience[AnyEvent](observers, self._scope.now_s)
        self._control = control
        self._on_lost = _no if on_lost is None else on_lost
        self._operator = operator
        self._workers = workers
        self._units = units(application)
        self._shared: Shared | None = None
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
        tell, noted = self._audience.tell, self._journal.noted
        done, spent = len(noted.outcomes), dict(noted.spent)
        expected = expected_s(self._application, {preset.name: preset for preset in self._scope.presets()})
        tell(SessionStarted(self._begun_s, self._scope.name, self._application, self._units, done, expected, spent))
        try:
            stopped = self._taken_up() or self._preserved()
        except BaseException as stop:
            if isinstance(stop, Exception | KeyboardInterrupt):
                why = words(stop) or "Stopped by the operator."
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
            check_tilts(scope, node)

    def _taken_up(self) -> str | None:
        """Take the session up, also on an instrument that is lost; why it ended there, None where it did not."""
        tell, now_s = self._audience.tell, self._audience.now_s
        while True:
            try:
                self._take_up()
            except KeepError as error:
                return words(error)
            except InstrumentError as error:
                tell(InstrumentLost(now_s(), None, words(error)))
                if not self._on_lost(error):
                    return f"The instrument was lost while the session was taken up: {words(error)}"
            else:
                return None

    def _take_up(self) -> None:
        """Put right what a run that was cut off had left changed; at the first start only note what is found."""
        noted, now = self._journal.noted, look(self._scope)
        if noted.left is None:
            self._journal.as_found(now)
            self._journal.run(self._begun_s)
            return
        lens_m = noted.left.lens_m if noted.lens is None else noted.lens.lens_m
        apart_m = min(abs(now.lens_m - lens_m), abs(now.lens_m - noted.left.lens_m))
        self._journal.run(self._begun_s, forgotten=self._begun_s < noted.last_s or apart_m > _SAME_LENS_M)
        left = noted.to_put_right(now)
        if left != noted.left:
            self._journal.left(left)
        put_right(self._scope, left, lambda said: self._audience.tell(PutRight(self._audience.now_s(), said)))

    def _preserved(self) -> str | None:
        """All units; why the session ended before the last one, None where it did not."""
        try:
            with self._scope.preserved() as memory:
                self._shared = self._rooms(memory)
                self._all(self._shared)
        except (SessionStops, KeepError) as stop:
            return words(stop)
        except InstrumentError as error:  # of restoring
            return str(error)
        self._journal.restored()
        return None

    def _rooms(self, memory: Preserved) -> Shared:
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
            operator=self._operator,
            workers=self._workers,
        )

    def _all(self, shared: Shared) -> None:
        working = Working(shared, self._on_lost)
        for unit in self._units:
            if unit.key not in self._journal.noted.outcomes:
                anew = self._focused_anew(shared, unit)
                if anew:
                    self._audience.tell(FocusedAnew(self._audience.now_s(), tuple(one.key for one in anew)))
                for focus in anew:
                    working.until_done(focus)
                working.until_done(unit)

    def _focused_anew(self, shared: Shared, unit: Unit) -> tuple[Unit, ...]:
        """The focus targets that an image waits for, where the lens does not come back to what was found there: it was
        found elsewhere when the session was taken up, as after a restart of the instrument.
        """
        noted, node = self._journal.noted, self._application.node(unit.node)
        if node.within_m is None or node.kind is not Kind.ACQUIRE or unit.key in noted.exposing:
            return ()
        waits = awaited(self._application, self._units, unit)
        done = [one for one in waits if one.key in noted.outcomes and noted.outcomes[one.key].found is not None]
        return tuple(one for one in done if shared.forgotten(one) and left_of_budget(shared, one) is not None)

    def _taken(self, frame: Frame) -> None:
        if self._shared is not None:
            self._shared.taken(frame)

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
            not_ended(noted.spent, noted.outcomes),
        )
