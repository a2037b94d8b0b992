"""The migrations of the records (alembic): one file for each version, from the one before it."""
