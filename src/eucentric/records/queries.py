"""What is asked of the database: the rows of lists with what is counted for them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import aliased, defer

from eucentric.records import schema
from eucentric.records.kept import Wanted


def _count(column: Any, of: Any, *further: ColumnElement[bool]) -> Any:
    """How many rows of another table belong to each row."""
    return select(func.count()).where(column == of, *further).correlate_except(column.class_).scalar_subquery()


def sessions() -> Select[Any]:
    """Each session with the numbers of its runs, and of its targets whose last end is that they are done."""
    runs = _count(schema.Run.session_id, schema.Session.id)
    end, later = schema.Event, aliased(schema.Event)
    of_one = later.session_id == schema.Session.id, later.kind == "UnitEnded"
    last = select(func.max(later.id)).where(*of_one).group_by(later.body["outcome"]["key"].as_string())
    done = end.body["outcome"]["status"].as_string() == "done", end.id.in_(last.correlate(schema.Session))
    return select(schema.Session, runs, _count(end.session_id, schema.Session.id, end.kind == "UnitEnded", *done))


def runs() -> Select[Any]:
    """Each run with the numbers of its measurements, and of those that were refused."""
    of = schema.Measurement.run_id, schema.Run.id
    return select(schema.Run, _count(*of), _count(*of, schema.Measurement.accepted.is_(False)))


def measurements() -> Select[Any]:
    """Each measurement with its run and the numbers of its images, and of those that are kept."""
    of = schema.Image.measurement_id, schema.Measurement.id
    counts = _count(*of), _count(*of, schema.Image.file.is_not(None))
    return select(schema.Measurement, schema.Run, *counts).join(schema.Run)


NOT_LISTED = [
    defer(column, raiseload=True)
    for column in (
        schema.Measurement.how,
        schema.Measurement.result,
        schema.Run.settings,
        schema.Run.targets,
        schema.Run.found_as,
        schema.Run.left_as,
    )
]
"""What is large, and in no list."""


def of_runs(wanted: Wanted) -> Sequence[ColumnElement[bool]]:
    """What the runs that are asked for fulfil."""
    run = schema.Run
    asked = {
        run.instrument: wanted.instrument,
        run.session_id: wanted.session,
        run.node: wanted.node,
        run.id: wanted.run,
    }
    wheres = [column == value for column, value in asked.items() if value is not None]
    if wanted.since is not None:
        wheres.append(run.begun_at >= wanted.since)
    if wanted.until is not None:
        wheres.append(run.begun_at < wanted.until)
    return wheres


def of_measurements(wanted: Wanted) -> Sequence[ColumnElement[bool]]:
    """What the measurements that are asked for fulfil, beside their runs."""
    row = schema.Measurement
    wheres: list[ColumnElement[bool]] = []
    if wanted.step is not None:
        wheres.append(row.step == wanted.step)
    if wanted.refused:
        wheres.append(row.accepted.is_(False))
    if wanted.accepted:
        wheres.append(row.accepted.is_(True))
    return wheres
