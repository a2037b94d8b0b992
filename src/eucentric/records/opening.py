"""Opening the records: made where there are none, brought to the newest version, refused where they are newer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from eucentric.errors import InputError, KeepError
from eucentric.records.base import READ, REVISION, VERSION_TABLE, Base
from eucentric.records.engine import engine_of, engine_of_archive, in_wal, in_words, not_writable
from eucentric.records.place import Place


def opened_to_write(place: Place) -> Engine:
    """An engine for writing; the database is made or migrated first.

    Raises KeepError where it can't be reached or written now (locked, full, a server that does not answer), InputError
    where it is not to be used: no database, of something else, or of a newer version.
    """
    return _ready(place, engine_of(place, writes=True))


def opened_to_read(place: Place) -> Engine:
    """An engine for reading. Raises InputError also where there are no records yet, and where they are of an old
    version that can't be brought up to date in their place.
    """
    if place.file is not None and not place.file.is_file():
        raise InputError(
            f"There are no records at {place}. They are made by the first eucentric focus or eucentric run; name the "
            "place of others with --records"
        )
    engine = _answering(place)
    with disposed_on_error(place, engine):
        found = version_of(engine)
        if found not in READ:
            _updated(place, found)
    return engine


def _updated(place: Place, found: str | None) -> None:
    """Migrate records that are to be read."""
    try:
        opened_to_write(place).dispose()
    except KeepError as error:
        if found is None:
            raise
        known = ", ".join(sorted(READ))
        raise InputError(
            f"The records at {place} are of an older eucentric (version {found}; this one reads {known}) and must be "
            f"brought up to date, which failed: {error} Or copy them with their images to where they can be written, "
            "and name the copy: --records"
        ) from error


def _answering(place: Place) -> Engine:
    """An engine for reading; of a file that can't be written one that needs not to."""
    engine = engine_of(place, writes=False)
    if place.file is None:
        return engine
    try:
        version_of(engine)
    except DBAPIError as error:
        if not_writable(error):
            engine.dispose()
            return engine_of_archive(place.file)
    return engine  # what else is wrong is told when it is asked again


@contextmanager
def disposed_on_error(place: Place, engine: Engine) -> Iterator[None]:
    """Close an engine's connections where its opening fails; what the database refuses is raised in words."""
    try:
        yield
    except DBAPIError as error:
        engine.dispose()
        raise in_words(error, place) from error
    except BaseException:
        engine.dispose()
        raise


def version_of(engine: Engine) -> str | None:
    """The version that a database has, None where it has none."""
    with engine.connect() as connection:
        if not inspect(connection).has_table(VERSION_TABLE):
            return None
        found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    return None if found is None else str(found)


def _ready(place: Place, engine: Engine) -> Engine:
    with disposed_on_error(place, engine):
        if version_of(engine) != REVISION:
            _migrated(place, engine)
        in_wal(place, engine)
    return engine


def _migrated(place: Place, engine: Engine) -> None:
    """All migrations in one transaction. Where another process does the same at the same time, one of them suffices."""
    try:
        with engine.begin() as connection:
            _check(place, connection)
            migrate(connection)
    except DBAPIError:
        if version_of(engine) != REVISION:
            raise


def migrate(connection: Connection) -> None:
    """Bring a database to the newest version."""
    from alembic import command  # noqa: PLC0415 - a third of a second that only a new or an old database needs

    command.upgrade(config(connection), "head")


def config(connection: Connection) -> Any:
    """Alembic's settings, with the migrations of this package."""
    from alembic.config import Config  # noqa: PLC0415 - as above

    made = Config()
    made.set_main_option("script_location", "eucentric.records:migrations")
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made


def _check(place: Place, connection: Connection) -> None:
    """Raise InputError for a database of something else, or of a version that this code does not know."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - as above

    tables = set(inspect(connection).get_table_names())
    if VERSION_TABLE not in tables:
        others = tables if place.file is not None else tables & set(Base.metadata.tables)
        if others:
            raise InputError(
                f"{place} is a database of something else (it has a table {sorted(others)[0]}). Choose another place "
                "(--records)."
            )
        return
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    known = {script.revision for script in ScriptDirectory.from_config(config(connection)).walk_revisions()}
    if found is not None and found not in known:
        raise InputError(
            f"The records at {place} were written by a newer eucentric: they have version {found}, and this one knows "
            f"up to {REVISION}. Update eucentric, or choose another place (--records)."
        )
