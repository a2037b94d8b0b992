"""The operator at the page: who focuses by hand at a manual step, with live images.

The step waits on the run's own thread; what a browser asks for is done there, one at a time, and answered.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from eucentric.errors import EucentricError, InputError, LimitError
from eucentric.focus.methods.manual import Answer, Desk, Reply
from eucentric.units import show_length

Ask = Callable[[Desk], Any]
WAIT_S = 60.0
"""So long a browser waits for what it asked for."""
_IDLE_S = 0.25  # how often a pause or an abort is looked for while nobody asks for anything


class PageOperator:
    """Hand it to Focus, and call it from the server's threads. `changed` is called with what the page shows."""

    def __init__(self, changed: Callable[[dict[str, Any] | None], None]) -> None:
        self._changed = changed
        self.wait_s = WAIT_S
        self._asked: queue.Queue[tuple[Ask, Future[Any]]] = queue.Queue()
        self._lock = threading.Lock()  # of who is at the desk, what is asked for, and what was asked for last
        self._at_desk = False
        self._last: Future[Any] | None = None
        self._reply: Reply | None = None
        self._live = False

    @property
    def at_desk(self) -> bool:
        """Whether a manual step waits for the operator."""
        return self._at_desk

    def ask(self, what: Ask) -> Any:
        """Do something at the desk, and wait for it. Raises what it raises.

        InputError where there is no desk, where something else is still being done, or where it takes too long: what
        had not begun by then is never done.
        """
        answer: Future[Any] = Future()
        with self._lock:
            if not self._at_desk:
                raise InputError("Nothing is focused by hand now. Start manual focusing first.")
            if self._last is not None and not self._last.done():
                raise InputError("What was asked for before is still being done. Wait for it, then ask again.")
            self._last = answer
            self._asked.put((what, answer))
        try:
            return answer.result(self.wait_s)
        except TimeoutError:
            if answer.cancel():
                said = "did not begin, and will not be done. Look whether the run is paused, then ask again."
            elif answer.done():
                return answer.result()
            else:
                said = "is still being done. Wait until the page shows what came of it."
            raise InputError(f"After {self.wait_s:g} s what you asked for {said}") from None

    def live(self, on: bool) -> None:
        """Take image after image, or one only when asked."""

        def switched(_desk: Desk) -> None:
            self._live = on

        self.ask(switched)

    def end(self, answer: Answer, sentence: str = "") -> None:
        """End the step."""

        def ended(_desk: Desk) -> None:
            self._reply = Reply(answer, sentence)

        self.ask(ended)

    def focus(self, desk: Desk) -> Reply:
        """At the desk until the operator says that it is done."""
        self._reply, self._live = None, False
        with self._lock:
            self._at_desk = True
        try:
            self._look(desk)
            while self._reply is None:
                self._once(desk)
            return self._reply
        finally:
            with self._lock:
                self._at_desk = False
                self._answer_the_rest()
            self._changed(None)

    def _once(self, desk: Desk) -> None:
        """One thing that was asked for, or an image, or a look whether the run was paused or aborted."""
        try:
            what, answer = self._asked.get(timeout=0.0 if self._live else _IDLE_S, block=not self._live)
        except queue.Empty:
            desk.check()
            if self._live:
                self._look(desk)
            return
        if not answer.set_running_or_notify_cancel():
            return  # whoever asked was told that it is not done
        try:
            done = what(desk)
            self._changed(self._now(desk))
        except (InputError, LimitError) as error:
            answer.set_exception(error)
            self._changed(self._now(desk))  # a move may have been made before the image was refused
            return
        except EucentricError as error:
            answer.set_exception(error)
            desk.check()
            return
        except BaseException as error:
            answer.set_exception(error)
            raise
        answer.set_result(done)

    def _look(self, desk: Desk) -> None:
        trouble = ""
        try:
            desk.image()
        except LimitError as error:  # the budget of electrons is spent: moving goes on, blind
            self._live, trouble = False, str(error)
        self._changed(self._now(desk, trouble))

    def _now(self, desk: Desk, trouble: str = "") -> dict[str, Any]:
        """What the page shows of the desk."""
        defocus, z = desk.moved_m
        return {
            "step": desk.step.name,
            "preset": desk.preset,
            "defocus": show_length(desk.defocus_m),
            "z": show_length(desk.z_m),
            "moved_defocus": show_length(defocus) if abs(defocus) > 1e-9 else None,
            "moved_z": show_length(z) if abs(z) > 1e-9 else None,
            "live": self._live,
            "trouble": trouble,
        }

    def _answer_the_rest(self) -> None:
        while True:
            try:
                _, answer = self._asked.get_nowait()
            except queue.Empty:
                return
            if answer.set_running_or_notify_cancel():
                answer.set_exception(InputError("The manual step is over. What you asked for was not done."))
