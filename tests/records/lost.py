"""Commits whose answers are lost: done, and told as failed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from eucentric.errors import KeepError
from eucentric.records import schema
from eucentric.records.base import Base
from eucentric.records.gathering import Gathering
from eucentric.records.opening import opened_to_read
from eucentric.records.place import Images, Place
from eucentric.records.record import Record
from eucentric.records.store import Store
from tests.records.made import run


def a_run() -> list[Record]:
    """The records of a run."""
    gathering = Gathering(Images.ALL, now=lambda: datetime.now(UTC))
    return [record for event in run().events for record in gathering(event)]


@contextmanager
def answers_lost(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each commit is done and then said to have failed, as where a connection breaks."""
    dialect = engine.dialect
    right = dialect.do_commit

    def do_commit(connection: Any) -> None:
        right(connection)
        raise dialect.dbapi.OperationalError("the connection was lost")  # type: ignore[union-attr]

    with monkeypatch.context() as patched:
        patched.setattr(dialect, "do_commit", do_commit)
        yield


def written(place: Place, monkeypatch: pytest.MonkeyPatch | None = None) -> None:
    """A run written to a place; with `monkeypatch` every answer is lost, and each record is tried again."""
    store = Store.open(place)
    try:
        for record in a_run():
            if monkeypatch is not None:
                with answers_lost(store._engine, monkeypatch), pytest.raises(KeepError):
                    store.write(record)
            assert store.write(record).run_id == 1
    finally:
        store.close()


def counted(place: Place) -> dict[str, int]:
    """How many rows each table has, but for the keys of what was written."""
    engine = opened_to_read(place)
    with engine.connect() as connection:
        rows = {
            name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in Base.metadata.tables.items()
            if name != schema.Written.__tablename__
        }
    engine.dispose()
    return rows
