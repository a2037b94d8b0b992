"""The operator at the page: who focuses by hand at a manual step, with live images.

The step waits on the run's own thread; what a browser asks for is done there, one after the other in the order in which
it was asked for, and answered. Few things may wait: whoever is faster than the microscope is told so.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from eucentric.errors import EucentricError, InputError, LimitError
from eucentric.focus.methods.manual import Answer, Desk, Reply
from eucentric.focus.words import dose_words
from eucentric.units import exactly, show_length

Ask = Callable[[Desk], Any]
WAIT_S = 60.0
"""So long a browser waits for what it asked for."""
MOST = 6
"""So many things may be asked for before the first of them is done."""
GRACE_S = 20.0
"""So long live images go on while nobody looks at them."""
LOOKS = "live"
"""What a browser wants that looks at the live image."""
_IDLE_S = 0.25  # how often a pause or an abort is looked for while nobody asks for anything


class PageOperator:
    """Hand it to Focus, and call it from the server's threads. `changed` is called with what the page shows.

    Live images stop when nobody looked at them for `grace_s`: `watched` tells whether anybody does.
    """

    def __init__(
        self,
        changed: Callable[[dict[str, Any] | None], None],
        *,
        watched: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._changed = changed
        self._watched = watched
        self._clock = clock
        self._seen_s = 0.0
        self.grace_s = GRACE_S
        self.wait_s = WAIT_S
        self.most = MOST
        self._asked: queue.Queue[tuple[Ask, Future[Any]]] = queue.Queue()
        self._lock = threading.Lock()  # of who is at the desk, what is asked for, and what is shown of it
        self._at_desk = False
        self._open: list[Future[Any]] = []
        self._shown: dict[str, Any] = {}
        self._reply: Reply | None = None
        self._live = False
        self._to_look = False

    @property
    def at_desk(self) -> bool:
        """Whether a manual step waits for the operator."""
        return self._at_desk

    def ask(self, what: Ask, *, then_look: bool = False) -> Any:
        """Do something at the desk after all that was asked for before, and wait for it. Raises what it raises.

        With `then_look` an image follows, one for all that waits. InputError where there is no desk, where `most`
        things wait already, where one that was asked for before was refused, or where it takes too long: what had not
        begun by then is never done.
        """
        answer: Future[Any] = Future()
        with self._lock:
            if not self._at_desk:
                raise InputError("Nothing is focused by hand now. Start manual focusing first.")
            if self._waiting() >= self.most:
                raise InputError(
                    f"{self.most} things that were asked for before are not done yet, and this one will not be. "
                    "Wait for them, then ask again."
                )
            self._open.append(answer)
            self._asked.put((partial(self._then_look, what) if then_look else what, answer))
            self._show()
        try:
            return answer.result(self.wait_s)
        except TimeoutError:
            if answer.cancel():
                with self._lock:
                    self._show()
                said = "did not begin, and will not be done. Look whether the run is paused, then ask again."
            elif answer.done():
                return answer.result()
            else:
                said = "is still being done. Wait until the page shows what came of it."
            raise InputError(f"After {self.wait_s:g} s what you asked for {said}") from None

    def _then_look(self, what: Ask, desk: Desk) -> Any:
        self._to_look = True
        return what(desk)

    def live(self, on: bool) -> None:
        """Take image after image, or one only when asked."""

        def switched(_desk: Desk) -> None:
            self._live, self._seen_s = on, self._clock()

        self.ask(switched)

    def end(self, answer: Answer, sentence: str = "") -> None:
        """End the step."""

        def ended(_desk: Desk) -> None:
            self._reply = Reply(answer, sentence)

        self.ask(ended)

    def focus(self, desk: Desk) -> Reply:
        """At the desk until the operator says that it is done."""
        self._reply, self._live, self._to_look = None, False, False
        with self._lock:
            self._at_desk = True
        try:
            self._look(desk)
            while self._reply is None:
                self._once(desk)
            return self._reply
        finally:
            with self._lock:
                self._at_desk, self._shown = False, {}
                self._refuse_the_rest("The manual step is over. What you asked for was not done.")
                self._changed(None)

    def _once(self, desk: Desk) -> None:
        """One thing that was asked for, or an image, or a look whether the run was paused or aborted."""
        if self._live and self._forgotten():
            self._live = False
            self._tell(desk, f"Live was stopped: nobody had looked at it for {self.grace_s:g} s.")
        looks = self._live or self._to_look
        try:
            what, answer = self._asked.get(timeout=_IDLE_S, block=not looks)
        except queue.Empty:
            desk.check()
            if looks:
                self._look(desk)
            return
        if not answer.set_running_or_notify_cancel():
            return  # whoever asked was told that it is not done
        try:
            done = what(desk)
        except EucentricError as error:
            with self._lock:
                answer.set_exception(error)
                self._refuse_the_rest(
                    "What was asked for before this was refused, so this was not done. Look at what stands, then ask "
                    "again."
                )
            if isinstance(error, InputError | LimitError):
                self._tell(desk)
            else:
                desk.check()
        except BaseException as error:
            answer.set_exception(error)
            raise
        else:
            answer.set_result(done)
            self._tell(desk)

    def _forgotten(self) -> bool:
        """Whether nobody looked at the live images for too long."""
        now = self._clock()
        if self._watched():
            self._seen_s = now
        return now - self._seen_s > self.grace_s

    def allow(self, dose_e_per_m2: float) -> None:
        """Another limit for the electrons of images by hand, at this desk."""

        def allowed(desk: Desk) -> None:
            desk.dose_max_per_m2 = dose_e_per_m2

        self.ask(allowed)

    def _look(self, desk: Desk) -> None:
        trouble, self._to_look = "", False
        try:
            desk.image()
        except LimitError as error:  # the budget of electrons is spent: moving goes on, blind
            self._live, trouble = False, str(error)
        self._tell(desk, trouble)

    def _tell(self, desk: Desk, trouble: str = "") -> None:
        now = self._now(desk, trouble)
        with self._lock:
            self._shown = now
            self._show()

    def _waiting(self) -> int:
        """How many things are asked for and not done."""
        self._open = [one for one in self._open if not one.done()]
        return len(self._open)

    def _show(self) -> None:
        if self._shown:
            self._changed({**self._shown, "waiting": self._waiting()})

    def _now(self, desk: Desk, trouble: str) -> dict[str, Any]:
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
            "dose": f"{dose_words(desk.dose_e_per_m2)} by hand{', counting' if self._live else ''}",
            "dose_max": exactly(desk.dose_max_per_m2, "1/m2", "e/Å²"),
            "trouble": trouble,
        }

    def _refuse_the_rest(self, said: str) -> None:
        while True:
            try:
                _, answer = self._asked.get_nowait()
            except queue.Empty:
                return
            if answer.set_running_or_notify_cancel():
                answer.set_exception(InputError(said))
