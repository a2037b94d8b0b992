"""How old calibrations may be before they should be measured again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from eucentric.calibration.commands import command_for
from eucentric.calibration.record import SCOPES, OpticsState, Record
from eucentric.calibration.store import newest_of


class Ages(BaseModel):
    """The age in days after which a calibration is called old."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    days: float = Field(default=90.0, gt=0)
    """Of every kind that is not named below."""
    of_kind: dict[str, float] = Field(default_factory=dict)
    """Days by kind: {"coma-free axis": 7}."""

    def allowed(self, kind: str) -> timedelta:
        """How old this kind may be."""
        return timedelta(days=self.of_kind.get(kind, self.days))


def is_old(record: Record, now: datetime, ages: Ages) -> bool:
    """Whether it is past its age."""
    return now - record.taken > ages.allowed(record.kind)


def warning(record: Record, now: datetime, ages: Ages) -> str | None:
    """What to tell of an old one, None of one that is not."""
    if not is_old(record, now, ages):
        return None
    days, allowed = (now - record.taken).days, ages.allowed(record.kind).days
    return (
        f"The {record.kind} of {record.instrument} ({record.optics.preset}) is {days} days old, more than {allowed}. "
        f"Measure it again: {command_for(record.kind, record.optics.preset)}"
    )


def warnings_of(
    records: Sequence[Record], instrument: str, states: Iterable[OpticsState], now: datetime, ages: Ages
) -> tuple[str, ...]:
    """What to tell of the old ones among those that focusing believes in these optics states (`book_from_store`)."""
    taken = (newest_of(records, kind, instrument, optics) for optics in states for kind in SCOPES)
    told = (warning(record, now, ages) for record in taken if record is not None)
    return tuple(dict.fromkeys(sentence for sentence in told if sentence is not None))  # one may hold in many states
