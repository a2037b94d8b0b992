"""The thread that writes records, so that no disk, lock or network holds the focusing up for long.

While all is well each record is waited for: handed over is written. In trouble nothing is waited for; what could not be
written is kept in memory, the images of a few measurements with it, and tried again with each record that follows.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from queue import Empty, Queue

from eucentric.errors import InputError, KeepError
from eucentric.records.record import Record
from eucentric.records.store import Store

PATIENCE_S = 10.0
"""How long a record is waited for."""
_MOST = 2000
"""So many records wait in memory; the oldest go then."""
_WITH_IMAGES = 2
"""So many of them with their images."""
_TOO_LATE = "They could not be written when they were taken: the records were not writable."


class _Trouble(Enum):
    RECORDS = "The records are written again."
    IMAGES = "Images are kept again."
    ROOM = "The oldest images are removed again."


@dataclass(frozen=True, slots=True)
class _Handed:
    record: Record | None  # None: the end
    done: threading.Event


class Writer:
    """Writes what it is handed, in order. `open_store` is called in its thread, again after a failure."""

    def __init__(self, open_store: Callable[[], Store], name: str, *, patience_s: float = PATIENCE_S) -> None:
        self._open, self._name, self._patience_s = open_store, name, patience_s
        self._queue: Queue[_Handed] = Queue()
        self._lock = threading.Lock()  # of what both threads change: the next two
        self._said: list[str] = []
        self._troubles: set[_Trouble] = set()
        self._refusal: InputError | None = None
        self._store: Store | None = None
        self._pending: deque[Record] = deque()
        self._room = threading.Semaphore(_WITH_IMAGES)
        self._lost = 0
        self._not_taken_up = 0  # given up while the thread did not answer
        self.unmade = 0
        """So many more are lost because they could not be made, which is told by who makes them."""
        self.run_id: int | None = None
        """The number of the run that was written of last."""
        self._opened = threading.Event()
        self._thread = threading.Thread(target=self._work, name="records", daemon=True)

    def start(self) -> list[str]:
        """Open the store; what is to be told. Raises InputError where it is not to be used."""
        self._thread.start()
        self._wait(self._opened)
        if self._refusal is not None:
            raise self._refusal
        return self._told()

    def hand(self, record: Record) -> list[str]:
        """Have a record written; what is to be told. It is on the disk when this returns, unless there is trouble."""
        if record.has_pixels and not self._room.acquire(blocking=False):
            record = record.without_images(_TOO_LATE)
        self._make_room()
        handed = _Handed(record, threading.Event())
        self._queue.put(handed)
        if _Trouble.RECORDS not in self._troubles:
            self._wait(handed.done)
        return self._told()

    def _make_room(self) -> None:
        """A thread that does not answer takes nothing up: of more than may wait the oldest goes here too."""
        while self._queue.qsize() >= _MOST:
            try:
                oldest = self._queue.get_nowait().record
            except Empty:  # the thread took all
                return
            self._not_taken_up += 1
            if oldest is not None and oldest.has_pixels:
                self._room.release()

    def close(self) -> list[str]:
        """Try once more what could not be written, and end; what is to be told."""
        end = _Handed(None, threading.Event())
        self._queue.put(end)
        self._wait(end.done)
        with self._queue.mutex:  # what the thread has not even taken up, because it does not answer
            queued = sum(one.record is not None for one in self._queue.queue)
        lost = self._lost + self._not_taken_up + self.unmade + len(self._pending) + queued
        if lost:
            self._say(f"{lost} records of what was told are not in {self._name}: it could not be written.")
        return self._told()

    def _wait(self, done: threading.Event) -> None:
        if not done.wait(self._patience_s):
            self._in_trouble(
                _Trouble.RECORDS,
                f"The records at {self._name} have not answered for {self._patience_s:g} s. Focusing goes on, and does "
                "not wait for them any more.",
            )

    def _told(self) -> list[str]:
        with self._lock:
            said, self._said = self._said, []
        return said

    def _say(self, sentence: str) -> None:
        with self._lock:
            self._said.append(sentence)

    def _in_trouble(self, trouble: _Trouble, sentence: str) -> None:
        """Tell of a trouble, once."""
        with self._lock:
            if trouble not in self._troubles:
                self._said.append(sentence)
            self._troubles.add(trouble)

    def _well(self, trouble: _Trouble) -> None:
        with self._lock:
            if trouble in self._troubles:
                self._said.append(trouble.value)
            self._troubles.discard(trouble)

    def _work(self) -> None:
        self._drain()
        self._opened.set()
        ended = False
        while not ended:
            handed = self._next()
            self._pending.extend(one.record for one in handed if one.record is not None)
            self._drain()
            ended = any(one.record is None for one in handed)
            if ended and self._store is not None:
                self._store.close()
            for one in handed:
                one.done.set()

    def _next(self) -> list[_Handed]:
        """All that waits, at least one."""
        handed = [self._queue.get()]
        while True:
            try:
                handed.append(self._queue.get_nowait())
            except Empty:
                return handed

    def _drain(self) -> None:
        """Write all that can be written now, in its order."""
        try:
            if self._store is None:
                self._store = self._open()
            while self._pending:
                self._one(self._store)
        except KeepError as error:
            self._in_trouble(_Trouble.RECORDS, f"{error} Focusing goes on; what is told meanwhile is tried again.")
            while len(self._pending) > _MOST:
                self._done()
                self._lost += 1
        except Exception as error:  # nothing that is wrong here may end the thread: who waits would wait in vain
            self._refuse(error)
        else:
            self._well(_Trouble.RECORDS)

    def _one(self, store: Store) -> None:
        record = self._pending[0]
        try:
            written = store.write(record)
        except KeepError:
            raise
        except Exception as error:  # this one can't be written; the next one may
            self._lost += 1
            self._in_trouble(_Trouble.RECORDS, f"A record could not be written: {error} Focusing goes on.")
        else:
            self.run_id = written.run_id if written.run_id is not None else self.run_id
            if written.images_lost is not None:
                self._in_trouble(_Trouble.IMAGES, f"{written.images_lost} Focusing goes on, and the numbers are kept.")
            elif record.has_pixels:
                self._well(_Trouble.IMAGES)
            if written.not_removed is not None:
                self._in_trouble(_Trouble.ROOM, f"{written.not_removed} Focusing goes on, and all is kept meanwhile.")
            elif record.has_pixels and written.images_lost is None:
                self._well(_Trouble.ROOM)
        self._done()

    def _done(self) -> None:
        """The first record waits no longer."""
        if self._pending.popleft().has_pixels:
            self._room.release()

    def _refuse(self, error: Exception) -> None:
        """The store is not to be used: at the beginning that ends the command, later it is told."""
        refusal = error if isinstance(error, InputError) else InputError(f"The records can't be opened: {error}")
        if not self._opened.is_set():
            self._refusal = refusal
        self._lost += len(self._pending)
        while self._pending:
            self._done()
        self._in_trouble(_Trouble.RECORDS, f"{refusal} Focusing goes on without records.")
