"""Jobs that do not need each other, spread over the workers of a cluster; each is told when it ends.

A job is lost with nothing but itself: what it raises is its outcome, in a sentence. One whose worker died is done again
on another. A cluster gives up on a job after some deaths in a row, and on those that only waited beside it; these are
then done one at a time, and what still ends its workers is told as failed.
"""

from __future__ import annotations

import itertools
import queue
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar, cast

from distributed import Future, KilledWorker

from eucentric.errors import EucentricError
from eucentric.optimize.trials.cluster import Cluster

Given = TypeVar("Given")
Made = TypeVar("Made")

_AHEAD: Final = 2  # jobs for each thread that are with the cluster, so that none waits for the next one
_LOOK_S: Final = 5.0  # while no job ends, whether there are still workers
_LONELY: Final = 12  # so many looks without a worker, one after the other, and it is given up
_DEADLY: Final = "The process that does it dies of it, again and again."


@dataclass(frozen=True, slots=True)
class Ended(Generic[Given, Made]):
    """How one job ended: with a result, or without one, and `why`."""

    place: int
    job: Given
    result: Made | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Spread(Generic[Given, Made]):
    """All that ended, in the order of the jobs, of `asked`; `stopped` says why it is not all of them."""

    ended: tuple[Ended[Given, Made], ...]
    asked: int
    stopped: str = ""
    by_user: bool = False


class _GoneError(Exception):
    """The cluster went away; its text is a sentence."""


def spread(
    work: Callable[[Given], Made],
    jobs: Sequence[Given],
    on: Cluster,
    *,
    tell: Callable[[Ended[Given, Made]], None] = lambda _: None,
) -> Spread[Given, Made]:
    """Do every job on the cluster; `tell` gets each as it ends, whatever the order. The same for any workers.

    `work` is a function of a module, that the workers import. Ctrl-C (KeyboardInterrupt, also out of `tell`), or a
    cluster that goes away, keeps what has ended; KeyboardInterrupt is raised where nothing has.
    """
    ended: dict[int, Ended[Given, Made]] = {}
    stopped, by_user = "", False
    running = _Running(on, work, jobs)
    try:
        for one in running.as_they_end():
            ended[one.place] = one
            tell(one)
    except KeyboardInterrupt:
        if not ended:
            raise
        stopped, by_user = "Stopped", True
    except _GoneError as gone:
        stopped = str(gone)
    finally:
        running.drop()
    return Spread(tuple(ended[place] for place in sorted(ended)), len(jobs), stopped, by_user)


@dataclass(frozen=True, slots=True)
class _Came:
    """What a worker sends back."""

    result: Any
    why: str


def _told(work: Callable[[Any], Any], job: Any) -> _Came:
    """The work on one job; what it raises as a sentence. On the worker."""
    try:
        return _Came(work(job), "")
    except EucentricError as error:
        return _Came(None, str(error))
    except Exception as error:
        return _Came(None, _sentence(error))


def _sentence(error: BaseException) -> str:
    return f"It failed with {type(error).__name__}: {error}"


@dataclass(frozen=True, slots=True)
class _Given:
    """A job that is with the cluster."""

    place: int
    future: Future[Any]


class _Running(Generic[Given, Made]):
    """The jobs on their way: those that wait, those with the cluster, and those that their workers died of."""

    def __init__(self, on: Cluster, work: Callable[[Given], Made], jobs: Sequence[Given]) -> None:
        self._on, self._work, self._jobs = on, work, jobs
        self._waiting = deque(range(len(jobs)))
        self._suspected: deque[int] = deque()
        self._there: dict[str, _Given] = {}  # by the cluster's key
        self._ended: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._name = f"{getattr(work, '__name__', 'job')}-{uuid.uuid4().hex}"
        self._count = itertools.count()
        self._gone = f"It stopped because {on.name} has gone away"

    def as_they_end(self) -> Iterator[Ended[Given, Made]]:
        """Each job once, when it ends. Raises _GoneError."""
        while self._waiting or self._there or self._suspected:
            while self._waiting and len(self._there) < _AHEAD * max(self._threads(), 1):
                self._give(self._waiting.popleft())
            alone = not self._there
            if alone:
                self._give(self._suspected.popleft())
            given = self._there.pop(self._next())
            came = self._came(given.future)
            if came is not None:
                yield Ended(given.place, self._jobs[given.place], came.result, came.why)
            elif alone:
                yield Ended(given.place, self._jobs[given.place], None, _DEADLY)
            else:
                self._suspected.append(given.place)

    def drop(self) -> None:
        """Take back what has not ended."""
        for given in self._there.values():
            given.future.release()
        self._there.clear()

    def _give(self, place: int) -> None:
        key = f"{self._name}-{next(self._count)}"
        future = self._on.client.submit(_told, self._work, self._jobs[place], key=key, pure=False)
        self._there[key] = _Given(place, future)
        future.add_done_callback(lambda done: self._ended.put(done.key))

    def _next(self) -> str:
        """The key of the next one that ended. Raises _GoneError when there is nobody left to do any."""
        lonely = 0
        while lonely < _LONELY:
            try:
                return self._ended.get(timeout=_LOOK_S)
            except queue.Empty:
                lonely = 0 if self._threads() else lonely + 1
        raise _GoneError(f"It stopped because {self._on.name} has had no workers for {_LOOK_S * _LONELY:g} s")

    def _came(self, future: Future[Any]) -> _Came | None:
        """What a worker sent back; None where the cluster has given up on it. Raises _GoneError."""
        try:
            return cast(_Came, future.result())
        except KilledWorker:
            return None
        except (CancelledError, OSError) as error:
            raise _GoneError(self._gone) from error
        except Exception as error:
            return _Came(None, _sentence(error))

    def _threads(self) -> int:
        try:
            return self._on.threads()
        except OSError as error:
            raise _GoneError(self._gone) from error
