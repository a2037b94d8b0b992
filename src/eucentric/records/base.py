"""What all tables of the records share: column types, names of constraints, and the version of the schema."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Double, MetaData, Text
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

REVISION = "0002"
"""The newest migration: what this code writes."""
READ = frozenset({"0001", REVISION})
"""What it reads as well as its own version, so that an archive which can't be written need not be migrated."""
VERSION_TABLE = "records_version"
"""Where a database says which version it has: of its own name, so that a server's database may hold other things."""

Json = dict[str, Any]
_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Utc(TypeDecorator[datetime]):
    """A time in UTC: kept without its zone, which not every database has, and handed out with it."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Into the database."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Out of it."""
        return None if value is None else value.replace(tzinfo=UTC)


class Words(TypeDecorator[str]):
    """Text as others wrote it: what no database keeps in one (NUL, halves of characters, as an instrument's error or an
    odd file's name may hold) becomes a mark, so that the rest of its record is kept.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Into the database."""
        return None if value is None else value.encode("utf-8", "replace").decode().replace("\0", "?")


class Base(DeclarativeBase):
    """What all tables share."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {  # noqa: RUF012 - as SQLAlchemy has it
        str: Words,
        float: Double,
        datetime: Utc,
        Json: JSON(none_as_null=True),
    }
