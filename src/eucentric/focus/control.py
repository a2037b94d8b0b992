"""Pause, resume and abort a run from another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

from eucentric.errors import Aborted


def _nothing() -> None:
    pass


class Control:
    """The brake of a run: hand it to `Focus`, and call it from any thread.

    The run looks at it before each call of the instrument, so it acts within one exposure or one move. After an abort
    everything is restored, then `Aborted` is raised; `release` makes the brake ready for the next run.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._paused = False
        self._aborted = False
        self._resumes = 0  # a pause that follows a resume at once is another pause, also for a run that still waits

    @property
    def paused(self) -> bool:
        """Whether the run is asked to stand still."""
        return self._paused

    @property
    def aborted(self) -> bool:
        """Whether the run is asked to end."""
        return self._aborted

    def pause(self) -> None:
        """Stand still before the next call of the instrument."""
        self._set(paused=True)

    def resume(self) -> None:
        """Go on after a pause."""
        self._set(paused=False)

    def abort(self) -> None:
        """End the run: restore everything and raise `Aborted`. Ends a pause too."""
        self._set(aborted=True)

    def release(self) -> None:
        """Forget an abort and a pause."""
        self._set(paused=False, aborted=False)

    def check(self, paused: Callable[[], None] = _nothing, resumed: Callable[[], None] = _nothing) -> None:
        """Wait while paused; `paused` and `resumed` are called around the wait. Raises Aborted after an abort."""
        while (resumes := self._to_stand_still()) is not None:
            paused()
            self._stand_still(resumes)
            resumed()
        if self._aborted:
            raise Aborted("Aborted by the operator.")

    def wait(self, seconds: float) -> None:
        """Wait so many seconds, from the run's thread. Raises Aborted at once after an abort; a pause ends nothing."""
        with self._changed:
            self._changed.wait_for(lambda: self._aborted, seconds)
        if self._aborted:
            raise Aborted("Aborted by the operator.")

    def _to_stand_still(self) -> int | None:
        """How often was resumed until now, where the run is asked to stand still; else None."""
        with self._changed:
            return self._resumes if self._paused and not self._aborted else None

    def _stand_still(self, resumes: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._aborted or self._resumes != resumes)

    def _set(self, *, paused: bool | None = None, aborted: bool | None = None) -> None:
        with self._changed:
            self._resumes += paused is False
            self._paused = self._paused if paused is None else paused
            self._aborted = self._aborted if aborted is None else aborted
            self._changed.notify_all()
