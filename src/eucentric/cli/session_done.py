"""A session that is complete: its result from the journal alone, without the instrument."""

from __future__ import annotations

from eucentric.msi.journal import Journal
from eucentric.msi.outcome import SessionResult
from eucentric.msi.units import units


def complete(journal: Journal) -> bool:
    """Whether every unit of the journal's application came to its end, and the instrument was left as it is to be."""
    return journal.noted.restored and all(
        unit.key in journal.noted.outcomes for unit in units(journal.noted.application)
    )


def result_of(journal: Journal) -> SessionResult:
    """The result of a complete session, from its first unit's beginning to its last one's end."""
    noted = journal.noted
    outcomes = tuple(noted.outcomes[unit.key] for unit in units(noted.application))
    begun_s, ended_s = outcomes[0].begun_s, outcomes[-1].ended_s
    resumed = max(noted.runs - 1, 0)
    return SessionResult(
        noted.application.name, noted.about.instrument, outcomes, len(outcomes), begun_s, ended_s, resumed
    )
