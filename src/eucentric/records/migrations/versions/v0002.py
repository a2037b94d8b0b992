"""The keys of the records that were written: those of before have none, and are not written again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """From 0001."""
    op.create_table("written", sa.Column("key", sa.String(64), primary_key=True))
