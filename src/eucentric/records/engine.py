"""Making engines: the only file that knows SQLite.

SQLite runs in WAL mode, so that others read while one writes, with synchronous = FULL: each commit is on the disk
before it is told done, so that neither a killed process nor a power cut loses what was confirmed. (With NORMAL a killed
process would lose nothing either, and a power cut the last commits; FULL costs a flush of the disk at each.)
Writers begin their transactions IMMEDIATE: two of them wait for each other instead of failing half way.
"""

from __future__ import annotations

import errno
import logging
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, InterfaceError, NoSuchModuleError, OperationalError

from eucentric.errors import InputError, KeepError
from eucentric.records.place import Place

_WAIT_S = 5.0
"""How long to wait for another process that writes."""
_PRAGMAS = ("synchronous = FULL", "foreign_keys = ON")
_PASSING = (OperationalError, InterfaceError)
"""Errors of the database and the way to it; all others are of what was asked, and another try would end the same."""
_PASSING_ERRNOS = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT, errno.EIO}
"""Of a folder: the disk is read-only, not ours, full, or does not answer; that ends without another command."""
_PASSING_STATES = ("08", "40", "53", "57")
"""So are those of these classes of SQLSTATE, whatever a driver makes of them: no connection, a transaction that gave
way to another one, no room or no connection left, a server that starts or ends.
"""
# What goes wrong is told in a sentence; without a handler the pool would print its own traces in between.
logging.getLogger("sqlalchemy").addHandler(logging.NullHandler())
_FOR_GOOD = ("not a database", "malformed", "no such table", "no such column")
"""What SQLite says where another try would end the same."""
_NOT_WRITABLE = {
    "attempt to write a readonly database": "nothing can be written there",
    "unable to open database file": "its file can't be opened or made there",
}
_MEANING = {
    **_NOT_WRITABLE,
    "database is locked": "another process writes to it and does not end",
    "database or disk is full": "the disk is full",
    "disk I/O error": "the disk is full, or does not answer",
    "file is not a database": "it is no database",
}


def engine_of(place: Place, *, writes: bool) -> Engine:
    """An engine for the place's database; connections are made when they are needed. A file is left in its own journal
    mode until it is known to be ours: see `in_wal`.

    Raises InputError where the driver of a server is missing, or the folder of a file can never be made; KeepError
    where that can't be done now.
    """
    if place.file is not None:
        _make_folder(place.file)
        engine = create_engine(place.url, connect_args={"timeout": _WAIT_S})
        _as_wanted(engine, writes)
        return engine
    try:
        return create_engine(place.url, pool_pre_ping=True)
    except (ImportError, NoSuchModuleError) as error:
        raise InputError(
            f"Records can't be kept at {place}: {error}. Install the driver of that database into this Python; for "
            "PostgreSQL: pip install 'eucentric[server]', and write postgresql+pg8000://…"
        ) from error


def engine_of_archive(file: Path) -> Engine:
    """An engine that reads a file which can't be written, nor anything beside it, as on a disk that is read-only.

    What a killed process left beside it (-wal) is read too, where that can be done; else SQLite is told that nobody
    changes the file.
    """
    left = file.with_name(f"{file.name}-wal")
    how = {"mode": "ro"} if left.exists() and left.stat().st_size else {"immutable": "1"}
    return create_engine(URL.create("sqlite", database=file.resolve().as_uri(), query={**how, "uri": "true"}))


def not_writable(error: DBAPIError) -> bool:
    """Whether the file of a database can't be written, or nothing be made beside it."""
    return _reason(error) in _NOT_WRITABLE


def in_words(error: DBAPIError, place: Place) -> InputError:
    """What a database refuses, as a sentence; a KeepError where another try may end otherwise."""
    why = _reason(error)
    meant = _MEANING.get(why, why)
    if any(sign in why for sign in _FOR_GOOD):
        return InputError(f"There can be no records at {place}: {meant}. Choose another place (--records).")
    if not (isinstance(error, _PASSING) or _state(error).startswith(_PASSING_STATES)):
        return InputError(f"The database at {place} refuses: {why}.")
    mend = "Make it writable" if not_writable(error) else "Make room"
    remedy = f"{mend}, or choose another place (--records)." if place.file is not None else "Is the server there?"
    return KeepError(f"The records at {place} can't be used now: {meant}. {remedy}")


def _reason(error: DBAPIError) -> str:
    said = _told(error).get("M") or str(error.orig) or type(error.orig).__name__
    return said.strip().splitlines()[0].rstrip(". ")


def _state(error: DBAPIError) -> str:
    """The SQLSTATE, where the driver tells it."""
    return _told(error).get("C") or getattr(error.orig, "sqlstate", None) or ""


def _told(error: DBAPIError) -> dict[str, str]:
    """What a server said, by the letters of its fields, as pg8000 hands it out; nothing from other drivers."""
    first = next(iter(getattr(error.orig, "args", ())), None)
    return first if isinstance(first, dict) else {}


def _make_folder(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        kind = KeepError if error.errno in _PASSING_ERRNOS else InputError
        raise kind(
            f"The folder of the records {file} can't be made: {error.strerror}. Choose another place (--records)."
        ) from error


def in_wal(place: Place, engine: Engine) -> None:
    """Bring the database, which is ours, into WAL mode with the next connection; its file says so from then on."""
    if place.file is None:
        return
    engine.dispose()

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        with closing(connection.cursor()) as cursor:
            cursor.execute("PRAGMA journal_mode = WAL")


def _as_wanted(engine: Engine, writes: bool) -> None:
    """Pragmas at each connection; transactions that SQLAlchemy begins and ends, not the driver."""

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        with closing(connection.cursor()) as cursor:
            for pragma in _PRAGMAS:
                cursor.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
