"""The database is made by migrations alone, and what they make is what the code expects."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.dialects import mssql, mysql, oracle, postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from eucentric.errors import InputError
from eucentric.records import schema
from eucentric.records.base import REVISION, VERSION_TABLE, Base
from eucentric.records.opening import config, migrate, opened_to_read, opened_to_write, version_of
from eucentric.records.place import Place
from tests.records.made import place_in


def differences(engine: Engine) -> list[object]:
    """What alembic would change to make the database what the code has."""
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True, "version_table": VERSION_TABLE}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata))


def test_from_nothing_to_the_newest_version(tmp_path: Path) -> None:
    engine = opened_to_write(place_in(tmp_path))
    assert version_of(engine) == REVISION
    assert differences(engine) == []
    engine.dispose()


def test_migrated_and_made_at_once_have_the_same_names() -> None:
    """Indexes, keys and constraints, which a comparison passes over."""
    migrated, made = create_engine("sqlite://"), create_engine("sqlite://")
    with migrated.begin() as connection:
        migrate(connection)
        ours = _names(connection)
    with made.begin() as connection:
        Base.metadata.create_all(connection)
        assert _names(connection) == ours


def _names(connection: object) -> dict[str, list[object]]:
    seen = inspect(connection)
    return {
        table: [
            sorted(str(i) for i in seen.get_indexes(table)),
            sorted(str(u) for u in seen.get_unique_constraints(table)),
            sorted(str(f) for f in seen.get_foreign_keys(table)),
            str(seen.get_pk_constraint(table)),
            [(c["name"], str(c["type"]), c["nullable"]) for c in seen.get_columns(table)],
        ]
        for table in sorted(Base.metadata.tables)
    }


def test_the_code_knows_its_newest_migration() -> None:
    with create_engine("sqlite://").connect() as connection:
        assert ScriptDirectory.from_config(config(connection)).get_current_head() == REVISION


@pytest.mark.parametrize("dialect", [postgresql, mysql, mssql, oracle])
def test_other_databases_can_have_these_tables(dialect: object) -> None:
    """The statements that make them can be written for each."""
    one = dialect.dialect()  # type: ignore[attr-defined]
    for table in Base.metadata.sorted_tables:
        if dialect is oracle and any("JSON" in str(column.type) for column in table.columns):
            continue  # its dialect has JSON since 21c, under a type of its own
        assert f"CREATE TABLE {one.identifier_preparer.format_table(table)}" in str(
            CreateTable(table).compile(dialect=one)
        )
        for index in table.indexes:
            assert str(CreateIndex(index).compile(dialect=one))


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    engine = opened_to_write(place)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '0999'"))
    engine.dispose()
    for opened in (opened_to_write, opened_to_read):
        with pytest.raises(InputError, match=r"newer eucentric: they have version 0999, .* up to 0002\. Update"):
            opened(place)


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    other = create_engine(place.url)
    with other.begin() as connection:
        connection.execute(text("CREATE TABLE recipes (id INTEGER)"))
    other.dispose()
    assert place.file is not None
    before = place.file.read_bytes()
    for opened in (opened_to_write, opened_to_read):
        with pytest.raises(InputError, match=r"of something else .* recipes"):
            opened(place)
    assert place.file.read_bytes() == before  # not even its journal mode
    assert list(tmp_path.iterdir()) == [place.file]
    with other.connect() as connection:
        assert inspect(connection).get_table_names() == ["recipes"]
    other.dispose()


@pytest.mark.parametrize(
    ("database", "said"),
    [
        ("nothing/here.sqlite", "There are no records at .*here.sqlite"),
        ("text.sqlite", "it is no database"),
        ("nonsense://", "no file name and no URL|Install the driver"),
    ],
)
def test_what_can_not_be_opened_is_said(tmp_path: Path, database: str, said: str) -> None:
    (tmp_path / "text.sqlite").write_text(
        "not a database at all, but a text that is long enough to be looked at\n" * 20
    )
    with pytest.raises(InputError, match=said):
        opened_to_read(Place.of(database if "://" in database else str(tmp_path / database)))


def test_a_folder_that_can_not_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"can't be made.*--records"):
        opened_to_write(Place.of(str(tmp_path / "file" / "deep" / "records.sqlite")))


def test_wal_is_on_and_each_commit_is_on_the_disk(tmp_path: Path) -> None:
    engine = opened_to_write(place_in(tmp_path))
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    engine.dispose()


def test_every_table_has_its_row_class() -> None:
    assert {mapper.class_.__tablename__ for mapper in Base.registry.mappers} == set(Base.metadata.tables)
    assert schema.Event.__tablename__ in Base.metadata.tables
