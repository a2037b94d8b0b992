"""The store: one record after the other into the database, its images first. For one thread.

Order matters: image files are on the disk before the rows that name them are committed, and rows no longer name files
before these are taken away. So whenever the process ends, no row names a file that is not there.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from sqlalchemy import Connection, Engine, Select, Table, func, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from eucentric.errors import KeepError
from eucentric.records import schema
from eucentric.records.base import Base
from eucentric.records.engine import in_words
from eucentric.records.image_files import ImageFolder
from eucentric.records.opening import disposed_on_error, opened_to_write
from eucentric.records.place import Place
from eucentric.records.record import Facts, Picture, Record, Taken, Values


@dataclass(frozen=True, slots=True)
class Written:
    """A record is in the database: the number of its run (None: of none), why its images are not kept, if not, and why
    the oldest images could not be removed to make room, if not.
    """

    run_id: int | None
    images_lost: str | None = None
    not_removed: str | None = None


class Store:
    """The records at a place, to write. Make one with `open`; close it at the end."""

    def __init__(self, place: Place, engine: Engine, folder: ImageFolder) -> None:
        self.place = place
        self._engine = engine
        self._folder = folder
        self._unsure: str | None = None  # of a record whose commit failed: it may be there

    @classmethod
    def open(cls, place: Place) -> Self:
        """Open, make or migrate the database, and sweep images that no row names.

        Raises KeepError where that can't be done now (locked, full, unreachable), InputError where it never can.
        """
        engine = opened_to_write(place)
        with disposed_on_error(place, engine):
            with engine.connect() as connection:
                key = connection.execute(select(schema.Store.key)).scalar_one()
            folder = ImageFolder(place.image_folder, key)
            folder.check()
            store = cls(place, engine, folder)
            folder.sweep(store._named)
        return store

    def close(self) -> None:
        """Close files and connections."""
        self._folder.close()
        self._engine.dispose()

    def write(self, record: Record) -> Written:
        """Write a record; when this returns it is on the disk. Tried again after a failure it is written once: a commit
        whose answer was lost may have been done.

        Images that can't be written are left out, and the rest is kept. Raises KeepError where nothing could be kept
        now, InputError where it never can.
        """
        if record.key == self._unsure and self._is_there(record):
            return Written(self._run_id(record), None, self._cap() if record.has_pixels else None)
        lost = None
        try:
            files = self._images(record)
        except KeepError as error:
            lost = str(error)
            record, files = record.without_images(lost), {}
        try:
            run_id = self._committed(record, files)
        except DBAPIError as error:
            self._unsure = record.key
            self._take_away(files)
            raise in_words(error, self.place) from error
        return Written(run_id, lost, self._cap() if files else None)

    def _committed(self, record: Record, files: dict[str, int]) -> int | None:
        """Write all rows in one transaction; the number of its run.

        Where another process made the same row meanwhile (a calibration, which SQLite's writers can't), it is found the
        second time; a record whose first commit was still under way when it was looked for is left.
        """
        try:
            return self._transaction(record, files)
        except IntegrityError:
            return self._run_id(record) if self._is_there(record) else self._transaction(record, files)

    def _transaction(self, record: Record, files: dict[str, int]) -> int | None:
        with self._engine.begin() as connection:
            return _written(connection, record, files)

    def _is_there(self, record: Record) -> bool:
        """Whether a record is in the database. Raises KeepError where that can't be asked now."""
        return self._one(select(schema.Written.key).where(schema.Written.key == record.key)) is not None

    def _run_id(self, record: Record) -> int | None:
        """The number of its run, which is in the database; None: of none."""
        if record.run is None:
            return None
        return int(self._one(select(schema.Run.id).where(schema.Run.key == record.run.key)))

    def _one(self, query: Select[Any]) -> Any:
        try:
            with self._engine.connect() as connection:
                return connection.execute(query).scalar()
        except DBAPIError as error:
            raise in_words(error, self.place) from error

    def _images(self, record: Record) -> dict[str, int]:
        """Write its images; their sizes by their place below the folder."""
        kept = [(_file(record, p), p.frame) for p in record.images if p.frame is not None]
        sizes = self._folder.write(kept) if kept else []
        return {name: size for (name, _), size in zip(kept, sizes, strict=True)}

    def _named(self) -> set[str]:
        with self._engine.connect() as connection:
            query = select(schema.Image.file).where(schema.Image.file.is_not(None))
            return {str(name) for name in connection.execute(query).scalars()}

    def _take_away(self, files: dict[str, int]) -> None:
        """Take images away whose rows were not committed. Where nobody can say whether they were, they stay: the next
        opening sees.
        """
        if files:
            with suppress(DBAPIError):
                self._folder.remove(set(files) - self._named())

    def _cap(self) -> str | None:
        """Remove the oldest images while all together are larger than allowed. Their rows stay and say so.

        Why that can't be done now, if not: the next record with images tries again.
        """
        while True:
            try:
                with self._engine.begin() as connection:
                    names = _oldest(connection, self.place.cap_bytes)
                    _mark_removed(connection, names, self.place.cap_bytes)
            except DBAPIError as error:
                return f"The oldest images can't be removed. {in_words(error, self.place)}"
            if not names:
                return None
            self._folder.remove(names)


def _file(record: Record, picture: Picture) -> str:
    """Where an image is kept: by month and run."""
    run = record.run
    assert run is not None  # no image comes outside of a run
    return f"{run.begun_at:%Y-%m}/{run.key}/{picture.name}"


def _written(connection: Connection, record: Record, files: dict[str, int]) -> int | None:
    """All rows of a record; the number of its run."""
    connection.execute(insert(schema.Written).values(key=record.key))
    session_id = None if record.session is None else _row_of(connection, schema.Session, record.session, {})
    run_id = None
    if record.run is not None:
        run_id = _row_of(connection, schema.Run, record.run, {"session_id": session_id})
    of = {"session_id": session_id, "run_id": run_id}
    connection.execute(insert(schema.Event), [event | of for event in record.events])
    for table, key, changes in (
        (schema.Session, session_id, record.session_changes),
        (schema.Run, run_id, record.run_changes),
    ):
        if changes:
            connection.execute(update(table).where(table.id == key).values(**changes))
    if run_id is not None:
        _in_run(connection, record, run_id, files)
    return run_id


def _in_run(connection: Connection, record: Record, run_id: int, files: dict[str, int]) -> None:
    if record.step is not None:
        _insert(connection, schema.Step, record.step | {"run_id": run_id})
    measurement_id = None
    if record.measurement is not None:
        measurement_id = _measurement(connection, record.measurement, run_id)
    if record.moved is not None:
        row = schema.Measurement
        of_it = (row.run_id == run_id) & (row.number == record.moved.number)
        connection.execute(update(row).where(of_it).values(**record.moved.values))
    for picture in record.images:
        name = _file(record, picture)
        kept = {"file": name, "size_bytes": files[name]} if name in files else {"file": None, "size_bytes": 0}
        _insert(
            connection,
            schema.Image,
            {
                **picture.values,
                **kept,
                "run_id": run_id,
                "measurement_id": measurement_id,
                "number": picture.number,
                "name": picture.name,
                "gone": picture.gone,
            },
        )


def _measurement(connection: Connection, taken: Taken, run_id: int) -> int:
    calibration_id = None if taken.calibration is None else _calibration(connection, taken.calibration)
    key = _insert(connection, schema.Measurement, taken.values | {"run_id": run_id, "calibration_id": calibration_id})
    for table, some in ((schema.Shift, taken.shifts), (schema.Finding, taken.findings)):
        if some:
            connection.execute(insert(table), [one | {"measurement_id": key} for one in some])
    return key


def _calibration(connection: Connection, values: Values) -> int:
    """The row of a calibration: the one that is there, or a new one."""
    row = schema.Calibration
    found = connection.execute(select(row.id).where(row.digest == values["digest"])).scalar()
    return _insert(connection, row, values) if found is None else int(found)


def _row_of(connection: Connection, table: Any, facts: Facts, more: Values) -> int:
    """The number of the row with this key, made where it is not there yet."""
    found = connection.execute(select(table.id).where(table.key == facts.key)).scalar()
    if found is not None:
        return int(found)
    return _insert(connection, table, {"key": facts.key, "begun_at": facts.begun_at, **facts.values, **more})


def _insert(connection: Connection, row: type[Base], values: Values) -> int:
    """Insert a row; its number."""
    table = row.__table__
    assert isinstance(table, Table)
    (key,) = connection.execute(insert(table).values(**values)).inserted_primary_key or (0,)
    return int(key)


def _oldest(connection: Connection, cap_bytes: int) -> list[str]:
    """The files of the oldest measurement (or single image) that has some, while all are more than allowed."""
    row = schema.Image
    kept = row.file.is_not(None)
    whole = connection.execute(select(func.coalesce(func.sum(row.size_bytes), 0)).where(kept)).scalar_one()
    if int(whole) <= cap_bytes:
        return []
    first = connection.execute(select(row.id, row.measurement_id).where(kept).order_by(row.id).limit(1)).one()
    alike = row.id == first.id if first.measurement_id is None else row.measurement_id == first.measurement_id
    return [str(name) for name in connection.execute(select(row.file).where(kept, alike)).scalars()]


def _mark_removed(connection: Connection, names: list[str], cap_bytes: int) -> None:
    if not names:
        return
    day = datetime.now(UTC)
    why = f"Its images were removed on {day:%Y-%m-%d} (UTC): all together may take {cap_bytes / 1e9:g} GB."
    connection.execute(update(schema.Image).where(schema.Image.file.in_(names)).values(file=None, gone=why))
