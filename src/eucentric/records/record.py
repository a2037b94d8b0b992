"""A Record: what is written in one transaction. Plain values, named as the columns that they go to."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from eucentric.images.frame import Frame

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a session or a run when it begins: enough to make its row with whichever record comes first."""

    key: str
    begun_at: datetime
    values: Values


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """An image: its place in its pattern and in a run folder, and (None: it is kept) why its file is not."""

    number: int
    name: str
    frame: Frame | None
    values: Values
    gone: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A measurement with all that it has. `calibration` has its digest."""

    values: Values
    shifts: tuple[Values, ...] = ()
    findings: tuple[Values, ...] = ()
    pictures: tuple[Picture, ...] = ()
    calibration: Values | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """What is known later of a measurement: what was moved after it."""

    number: int
    values: Values


@dataclass(frozen=True, slots=True)
class Record:
    """What belongs together: events, and the rows that they make or change. `pictures` are those of no measurement; by
    its `key` it is known again where it is tried once more.
    """

    session: Facts | None
    run: Facts | None
    events: tuple[Values, ...]
    session_changes: Values = field(default_factory=dict)
    run_changes: Values = field(default_factory=dict)
    step: Values | None = None
    measurement: Taken | None = None
    moved: Moved | None = None
    pictures: tuple[Picture, ...] = ()
    key: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def images(self) -> tuple[Picture, ...]:
        """All its images."""
        return self.pictures + (() if self.measurement is None else self.measurement.pictures)

    @property
    def has_pixels(self) -> bool:
        """Whether there are images to write."""
        return any(picture.frame is not None for picture in self.images)

    def without_images(self, why: str) -> Record:
        """The same without pixels; its rows will say why."""
        taken = self.measurement
        if taken is not None:
            taken = replace(taken, pictures=_without(taken.pictures, why))
        return replace(self, measurement=taken, pictures=_without(self.pictures, why))


def _without(pictures: Iterable[Picture], why: str) -> tuple[Picture, ...]:
    return tuple(replace(p, frame=None, gone=p.gone or why) for p in pictures)
