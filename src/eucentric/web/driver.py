"""The driver: runs focusing and sessions for the page, one at a time, on a thread of their own.

It is an observer too: what runs, is paused or ended is known from the events, also of a run that another one started.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any

from eucentric.errors import Aborted, EucentricError, InputError
from eucentric.focus import events as focus
from eucentric.focus.control import Control
from eucentric.focus.focus import Focus
from eucentric.focus.settings import CorrectionType, FocusMethod, FocusSequence, FocusSettings, FocusStep
from eucentric.msi import events as msi
from eucentric.msi.words import statement
from eucentric.web.bench import Bench, Observers, SessionToRun
from eucentric.web.darkroom import text
from eucentric.web.manual import LOOKS, PageOperator
from eucentric.web.story import tone_of
from eucentric.web.watching import Watching

_LOG = logging.getLogger(__name__)


class Phase(StrEnum):
    """What goes on."""

    IDLE = "idle"
    RUNNING = "running"
    PAUSING = "pausing"  # asked for: it stands still before the next call of the instrument
    PAUSED = "paused"
    STOPPING = "stopping"  # aborted: everything is being restored


class Driver:
    """Without a `bench` it starts nothing: a run that a command began is only paused, resumed and aborted."""

    def __init__(self, watching: Watching, bench: Bench | None = None, *, control: Control | None = None) -> None:
        self.watching = watching
        self.bench = bench
        self.control = control or Control()
        self.operator = PageOperator(
            lambda body: self._tell("manual", body), watched=lambda: LOOKS in watching.hub.wanted
        )
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._confirmed: frozenset[CorrectionType] = frozenset()
        self._in_session = False
        self._opened: SessionToRun | None = None  # unless it was completed
        self._closing = False
        self._now: dict[str, Any] = {
            "phase": Phase.IDLE,
            "kind": "",
            "title": "",
            "began": None,
            "said": "",
            "tone": "",
            "waits": "",
        }
        self._tell("manual", None)
        self._publish()

    def __call__(self, event: Any) -> None:
        """Follow what goes on."""
        if isinstance(event, msi.SessionEnded) and event.result.complete:
            self._opened = None
        match event:
            case msi.SessionStarted():
                self._in_session = True
                self._set(phase=Phase.RUNNING, kind="session", title=event.application.name, began=_now(), said="")
            case focus.RunStarted() if not self._in_session:
                kind = self._now["kind"] if self._thread is not None else "focus"
                self._set(phase=Phase.RUNNING, kind=kind, title=event.sequence.name, began=_now(), said="")
            case focus.Paused():
                self._set(phase=Phase.RUNNING if event.over else Phase.PAUSED)
            case focus.RunEnded() if not self._in_session:
                self._ended(event.result.statement, tone_of(event.result))
            case focus.Failed() if not self._in_session:
                self._ended(" ".join((event.error, *event.not_restored)), "care" if event.stopped else "bad")
            case msi.SessionEnded():
                self._in_session = False
                self._ended(statement(event.result), "good" if event.result.complete else "care")

    @property
    def busy(self) -> bool:
        """Whether something runs."""
        return self._now["phase"] is not Phase.IDLE

    def pause(self) -> None:
        """Stand still before the next call of the instrument. Raises InputError where nothing runs.

        Whatever stands still, is about to, or is being restored is left alone.
        """
        with self._lock:
            self._check_runs("pause")
            if self._now["phase"] is not Phase.RUNNING:
                return
            self.control.pause()
            self._set(phase=Phase.PAUSING)

    def resume(self) -> None:
        """Go on. Raises InputError where nothing runs."""
        with self._lock:
            self._check_runs("resume")
            self.control.resume()
            self._set(phase=Phase.RUNNING)

    def abort(self) -> None:
        """End what runs, with everything restored. Raises InputError where nothing runs."""
        with self._lock:
            self._check_runs("abort")
            self._set(phase=Phase.STOPPING)
            self.control.abort()

    def waits(self, what: str) -> None:
        """What runs waits for something that the page can't give: `what`, a sentence; "": it goes on."""
        self._set(waits=what)

    def focus(self, settings: FocusSettings, *, measure_only: bool = False) -> None:
        """Run a sequence; with `measure_only` nothing is corrected. Raises InputError where something runs."""
        bench = self._bench()

        def work() -> None:
            with bench.keep(self._trouble) as keepers:
                self._focus(bench, settings, keepers).run(measure_only=measure_only)

        self._begin("measure" if measure_only else "focus", settings.sequence.name, work)

    def by_hand(self, preset: str) -> None:
        """Focus by hand at a preset. Raises InputError where something runs, or for an unknown preset."""
        bench = self._bench()
        if preset not in bench.presets:
            raise InputError(f"{bench.instrument} has no preset '{preset}'. Use one of: {', '.join(bench.presets)}.")
        step = FocusStep(name="manual", preset=preset, focus_method=FocusMethod.MANUAL)
        settings = FocusSettings(sequence=FocusSequence(name="Manual focus", steps=(step,)))

        def work() -> None:
            with bench.keep(self._trouble) as keepers:
                self._focus(bench, settings, keepers).run()

        self._begin("manual", "Manual focus", work)

    def session(self, application: str, *, begin: Callable[[str], SessionToRun] | None = None) -> None:
        """Run a session, opened by `begin`, else by the bench's. Raises InputError where something runs or there are
        none. It is opened on the run's thread, so that nothing else starts meanwhile; what that raises ends the run.
        """
        bench = self._bench()
        begin = begin or bench.begin
        if begin is None:
            raise InputError("This page runs no sessions. Start one with: eucentric run --serve")

        def work() -> None:
            opened = begin(application)
            self._opened = opened
            self.watching.say("session", f"Session folder: {opened.folder}")
            said = opened.run((self.watching, self), self.control, self.operator)
            self.watching.say("session", said)

        self._begin("session", application, work)

    def go_on(self) -> None:
        """Go on with the session that was left unfinished. Raises InputError where something runs or there is none."""
        bench, left = self._bench(), self._opened
        if left is None or bench.take_up is None:
            raise InputError(
                "No session was left unfinished here. One of before goes on with: eucentric run --resume FOLDER"
            )
        self.session(left.folder, begin=bench.take_up)

    def finish(self) -> None:
        """Abort what this page started, and wait until everything is restored. Nothing is started afterwards."""
        with self._lock:
            self._closing = True
            thread = self._thread
        if thread is not None and thread.is_alive():
            self.control.abort()
            thread.join()

    def _focus(self, bench: Bench, settings: FocusSettings, keepers: Observers) -> Focus:
        self.watching.book = bench.book
        return Focus(
            bench.microscope,
            bench.book,
            settings,
            observers=(*keepers, self.watching, self, self._confirms),
            control=self.control,
            operator=self.operator,
            confirmed=self._confirmed,
        )

    def _trouble(self, sentence: str) -> None:
        self.watching.say("trouble", sentence, "care")

    def _confirms(self, event: Any) -> None:
        """Channels that were seen to act with the right sign need no probe in the next run."""
        if isinstance(event, focus.RunEnded):
            self._confirmed |= event.result.confirmed

    def _bench(self) -> Bench:
        if self.bench is None:
            raise InputError("This page shows the run of a command, and starts none. Start it with: eucentric serve")
        return self.bench

    def _check_free(self) -> None:
        if self._closing:
            raise InputError("The server is ending: nothing is started any more. Start it again: eucentric serve")
        if self.busy:
            raise InputError(f"{self._now['title'] or 'Something'} is running. Wait until it ends, or abort it first.")

    def _check_runs(self, what: str) -> None:
        if not self.busy:
            raise InputError(f"Nothing is running: there is nothing to {what}.")

    def _begin(self, kind: str, title: str, work: Callable[[], None]) -> None:
        with self._lock:
            self._check_free()
            self.control.release()
            self._set(phase=Phase.RUNNING, kind=kind, title=title, began=_now(), said="", tone="")
            self._thread = threading.Thread(target=self._safely, args=(work,), name="eucentric-run")
            try:
                self._thread.start()
            except RuntimeError as error:  # the system has no more of them
                self._thread = None
                self._set(phase=Phase.IDLE)
                raise InputError(f"It can't be begun: {error}. End other programs, then start it again.") from error

    def _safely(self, work: Callable[[], None]) -> None:
        """Whatever ends a run is told on the page, and the next one can begin."""
        try:
            work()
        except Aborted as stop:
            self._ended(self._now["said"] or str(stop), "care")
        except EucentricError as error:
            said = " ".join((str(error), *getattr(error, "__notes__", ())))
            if self._now["said"] != said and not self._now["said"]:
                self.watching.say("refused", said, "bad")
            self._ended(self._now["said"] or said, "bad")
        except Exception as error:
            _LOG.exception("A run that the page started broke off.")
            self._ended(f"A fault of the program ended it: {error or type(error).__name__}", "bad")
        finally:
            with self._lock:
                self._in_session = False
                self._thread = None
                self._set(phase=Phase.IDLE)

    def _ended(self, said: str, tone: str) -> None:
        """Of a run that a command began this is the end; of one of the page's the thread's end is."""
        with self._lock:
            idle = {} if self._thread is not None else {"phase": Phase.IDLE}
            self._set(said=said, tone=tone, ended=_now(), **idle)

    def _set(self, **values: Any) -> None:
        """What goes on now. An abort stays one until all is restored, whatever the run tells on its way there."""
        with self._lock:
            if self._now["phase"] is Phase.STOPPING and values.get("phase") is not Phase.IDLE:
                values.pop("phase", None)
            self._now = {**self._now, **values}
            self._publish()

    def _publish(self) -> None:
        left = self._opened
        unfinished = None if self.busy or left is None else {"folder": left.folder, "command": left.resume}
        told = {"phase": str(self._now["phase"]), "starts": self.bench is not None, "unfinished": unfinished}
        self._tell("drive", {**self._now, **told})

    def _tell(self, kind: str, body: Any) -> None:
        self.watching.hub.publish(kind, text(kind, body))


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="milliseconds")
