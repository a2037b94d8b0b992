"""How old calibrations may be before they should be measured again."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from eucentric.calibration.commands import command_for
from eucentric.calibration.record import Record


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
