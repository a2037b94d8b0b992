"""What alembic runs to migrate: on the connection that opening.py hands it, within its transaction."""

from __future__ import annotations

from alembic import context

from eucentric.records import schema  # noqa: F401 - its tables are in the metadata then
from eucentric.records.base import VERSION_TABLE, Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,  # SQLite alters little: a table is made anew and its rows are copied
)
with context.begin_transaction():
    context.run_migrations()
