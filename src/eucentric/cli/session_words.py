"""Whether a session went well, as its exit code says it."""

from __future__ import annotations

from eucentric.cli.session_troubles import trouble
from eucentric.msi.outcome import SessionResult


def all_well(result: SessionResult) -> bool:
    """Whether it is complete, nothing was refused, skipped or failed, and no image is flagged."""
    return result.complete and not any(map(trouble, result.outcomes))
