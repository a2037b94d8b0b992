"""Calls into a vendor's library: all on one thread, each with a time-out, and every failure as one kind of error.

Vendor libraries want one thread; a server that hangs must not hang the session. A call that does not return is left
behind on its (daemon) thread, and the next call gets a new one.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, TypeAlias, TypeVar

from eucentric.errors import EucentricError, InstrumentError, TimedOutError

T = TypeVar("T")
_SLICE_S = 0.2
_LOOK_S = 1.0  # a call that takes longer is looked after this often, whether it is still wanted
_MOST_LEFT = 6  # threads that hang at once: against a dead server no further one is begun


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each kind of call may take, seconds of the wall clock.

    `exposure_s` and `wait_s` come on top of the exposure and of the wait itself, `readout_s` for each pixel. After a
    call that hung, `after_hang_s` is the most that the next one gets, and the same call until it has once returned.
    `interrupted_s` is the most that the next call waits for one that was given up here and goes on there.
    """

    read_s: float = 20.0
    set_s: float = 30.0
    preset_s: float = 90.0
    stage_s: float = 180.0
    exposure_s: float = 90.0
    readout_s: float = 10e-6
    wait_s: float = 30.0
    after_hang_s: float = 5.0
    interrupted_s: float = 60.0


def _nothing() -> None:
    pass


class _Job:
    """One call on its way: the lock is free once `returned` or `raised` is there."""

    __slots__ = ("act", "deadline", "done", "finished", "raised", "returned")

    def __init__(self, act: Callable[[], Any], limit_s: float) -> None:
        self.act: Callable[[], Any] | None = act
        self.deadline = time.monotonic() + limit_s
        self.finished = threading.Lock()
        self.finished.acquire()
        self.done = False
        self.returned: Any = None
        self.raised: BaseException | None = None

    def wait(self, seconds: float) -> bool:
        """Whether it is over within `seconds`."""
        end = time.monotonic() + seconds
        while not self.done:
            left = end - time.monotonic()
            # In slices: a signal that another thread receives wakes the main thread only then.
            if self.finished.acquire(timeout=min(max(left, 0.0), _SLICE_S)):
                break
            if left <= 0:
                return self.done
        return True


_Jobs: TypeAlias = "SimpleQueue[_Job | None]"


def _work(jobs: _Jobs) -> None:
    while (job := jobs.get()) is not None:
        try:
            assert job.act is not None
            job.returned = job.act()
        except BaseException as error:  # whatever it is belongs to the caller
            job.raised = error
        job.act = None
        job.done = True
        job.finished.release()
        del job  # an idle thread must not keep a microscope alive


class Worker:
    """The one thread that talks to an instrument. It ends with this object, and never keeps a program alive."""

    def __init__(self, name: str, timeouts: Timeouts) -> None:
        self.name = name
        self._timeouts = timeouts
        self._one_at_a_time = threading.Lock()
        self._jobs: _Jobs | None = None
        self._last: _Job | None = None
        self._hung: set[str] = set()
        self._left: list[_Job] = []
        self._doubtful = False

    def call(self, name: str, act: Callable[[], T], limit_s: float, check: Callable[[], None] = _nothing) -> T:
        """What `act` returns, done on the worker's thread.

        `check` is called again and again while it takes long, and may raise: that, as a Ctrl-C, is raised at once.
        Raises TimedOutError after `limit_s` seconds, InstrumentError for whatever else an adapter raises (its cause
        kept); eucentric's own errors, KeyboardInterrupt and SystemExit pass.
        """
        with self._one_at_a_time:
            self._let_last_finish()
            if self._doubtful or name in self._hung:
                limit_s = min(limit_s, self._timeouts.after_hang_s)
            self._let_one_come_back(name, limit_s)
            job = self._last = _Job(act, limit_s)
            self._queue().put(job)
            try:
                over = self._wait(job, check)
            except BaseException:
                job.deadline = min(job.deadline, time.monotonic() + self._timeouts.interrupted_s)
                raise
            if not over:
                self._leave_behind(job)
                self._hung.add(name)
                raise self._timed_out(f"'{name}' did not return within {limit_s:g} s")
            self._last = None if self._last is job else self._last
            self._doubtful = False
            self._hung.discard(name)
        if job.raised is None:
            return job.returned  # type: ignore[no-any-return]
        raise self._as_ours(name, job.raised)

    def _wait(self, job: _Job, check: Callable[[], None]) -> bool:
        """Whether it is over in time. A check may last (a pause): others may call meanwhile."""
        while not job.wait(min(_LOOK_S, max(job.deadline - time.monotonic(), 0.0))):
            if time.monotonic() >= job.deadline:
                return False
            self._one_at_a_time.release()
            try:
                check()
            finally:
                self._one_at_a_time.acquire()
        return True

    def _let_one_come_back(self, name: str, limit_s: float) -> None:
        self._left = [job for job in self._left if not job.done]
        if len(self._left) >= _MOST_LEFT and not self._left[0].wait(limit_s):
            raise self._timed_out(f"{len(self._left)} earlier calls have not returned yet, '{name}' was not sent")

    def _timed_out(self, why: str) -> TimedOutError:
        return TimedOutError(
            f"{self.name} did not answer: {why}. Check that the microscope's server and the part concerned respond, "
            "then try again."
        )

    def direct(self, name: str, act: Callable[[], T]) -> T:
        """The same on the caller's own thread, for what can't take time: no time-out."""
        try:
            return act()
        except EucentricError:
            raise
        except Exception as error:
            raise self._as_ours(name, error) from error

    def _as_ours(self, name: str, error: BaseException) -> BaseException:
        if isinstance(error, EucentricError) or not isinstance(error, Exception):
            return error
        ours = InstrumentError(
            f"{self.name} failed in '{name}': {str(error) or 'no reason given'} ({type(error).__name__}). Check the "
            "microscope's server and the connection to it, then try again."
        )
        ours.__cause__ = error
        return ours

    def _let_last_finish(self) -> None:
        """A call that was interrupted here goes on there: the next one waits for it, as long as it had been given."""
        if self._last is not None and not self._last.wait(self._last.deadline - time.monotonic()):
            self._leave_behind(self._last)
        self._last = None

    def _leave_behind(self, job: _Job) -> None:
        if self._last is not job:  # another caller did, during a pause
            return
        if self._jobs is not None:
            self._jobs.put(None)  # should it ever return, its thread ends
        self._left.append(job)
        self._jobs, self._last, self._doubtful = None, None, True

    def _queue(self) -> _Jobs:
        if self._jobs is None:
            self._jobs = SimpleQueue()
            threading.Thread(target=_work, args=(self._jobs,), name=f"{self.name} calls", daemon=True).start()
            weakref.finalize(self, self._jobs.put, None)
        return self._jobs
