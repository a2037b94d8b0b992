"""The recorder: an observer of a Focus or of a Session that writes all of it into the records."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Self

from eucentric.msi.events import AnyEvent
from eucentric.records.gathering import Gathering, OfSession
from eucentric.records.place import Place
from eucentric.records.record import Record
from eucentric.records.store import Store
from eucentric.records.writer import PATIENCE_S, Writer


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Recorder:
    """Writes what it is told. Use it as a context manager, and among the observers.

    While all is well an event is on the disk when the call returns (those of a measurement with its verdict). What
    can't be written is told through `say`, once, and tried again; the focusing goes on. `instrument` is the name to
    keep in place of the microscope's own (of a simulated one with its seed); `session` says whose folder it is.
    """

    def __init__(
        self,
        place: Place,
        *,
        say: Callable[[str], None],
        instrument: str | None = None,
        session: OfSession | None = None,
        now: Callable[[], datetime] = _utc_now,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Open the records. Raises InputError where they are not to be used: no database, or of a newer version."""
        self.place = place
        self._say = say
        self._closed = False
        self._gathering = Gathering(place.images, now=now, instrument=instrument, session=session)
        self._writer = Writer(partial(Store.open, place), str(place), patience_s=patience_s)
        self._tell(self._writer.start())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __call__(self, event: AnyEvent) -> None:
        """Write an event, or keep it until its measurement is judged. What can't be made a record costs itself alone:
        an observer that raises would be told nothing further.
        """
        try:
            self._hand(self._gathering(event))
        except Exception as error:  # whatever it is, the next one may be written
            first = not self._writer.unmade
            self._writer.unmade += 1
            if first:
                why = str(error) or type(error).__name__
                self._say(f"What was told ({type(event).__name__}) can't be recorded: {why}. Focusing goes on.")

    def close(self) -> None:
        """Write what is left, and end, also where that can't be made a record. Once is enough."""
        if not self._closed:
            self._closed = True
            try:
                self._hand(self._gathering.rest())
            finally:
                self._tell(self._writer.close())

    @property
    def run_id(self) -> int | None:
        """The number of the run that was written of last; None where none was."""
        return self._writer.run_id

    def _hand(self, records: tuple[Record, ...]) -> None:
        for record in records:
            self._tell(self._writer.hand(record))

    def _tell(self, sentences: list[str]) -> None:
        for sentence in sentences:
            self._say(sentence)
