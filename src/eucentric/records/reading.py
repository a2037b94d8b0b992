"""Reading the records: lists of frozen values, and single ones with all that they have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Engine, Select, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session as Orm

from eucentric.calibration.instrument import Calibration
from eucentric.errors import EucentricError, InputError
from eucentric.focus.outcome import RunResult
from eucentric.images.files import read_frame
from eucentric.images.frame import Frame
from eucentric.records import queries, schema, seen
from eucentric.records.engine import in_words
from eucentric.records.kept import (
    Frames,
    KeptDrift,
    KeptImage,
    KeptMeasurement,
    KeptRun,
    KeptSession,
    KeptStep,
    MeasurementDetails,
    RunDetails,
    Wanted,
)
from eucentric.records.opening import opened_to_read
from eucentric.records.place import Place
from eucentric.records.references import resolved
from eucentric.records.unplain import made

EVERYTHING = Wanted()
_NOT_WELL = ("refused", "failed", "not focused")


class Records:
    """What was kept. Make one with `open`; use it as a context manager, or close it.

    It may be used from several threads, and sees what others write meanwhile. All calls raise InputError for what is
    not there, and where the database can't be read.
    """

    def __init__(self, place: Place, engine: Engine) -> None:
        self.place = place
        self._engine = engine

    @classmethod
    def open(cls, place: Place) -> Self:
        """The records at a place. Raises InputError where there are none, or they are of a newer version."""
        return cls(place, opened_to_read(place))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def sessions(self, *, limit: int | None = None) -> tuple[KeptSession, ...]:
        """All sessions, the newest first."""
        query = queries.sessions().order_by(schema.Session.begun_at.desc(), schema.Session.id.desc())
        with self._asked() as orm:
            return tuple(seen.session(*row) for row in orm.execute(query.limit(limit)))

    def session(self, session_id: int) -> KeptSession:
        """One session. Raises InputError where there is none of that number."""
        with self._asked() as orm:
            return seen.session(
                *self._one(orm, queries.sessions().where(schema.Session.id == session_id), "session", session_id)
            )

    def runs(self, wanted: Wanted = EVERYTHING, *, limit: int | None = None) -> tuple[KeptRun, ...]:
        """The runs that are asked for, the newest first."""
        query = (
            queries.runs().where(*queries.of_runs(wanted)).order_by(schema.Run.begun_at.desc(), schema.Run.id.desc())
        )
        if wanted.refused:
            query = query.where(schema.Run.status.in_(_NOT_WELL))
        with self._asked() as orm:
            return tuple(seen.run(*row) for row in orm.execute(query.limit(limit)))

    def run(self, run_id: int) -> KeptRun:
        """One run. Raises InputError where there is none of that number."""
        with self._asked() as orm:
            return seen.run(*self._one(orm, queries.runs().where(schema.Run.id == run_id), "run", run_id))

    def run_details(self, run_id: int) -> RunDetails:
        """Its settings and targets, and how the instrument stood."""
        with self._asked() as orm:
            (row,) = self._one(orm, select(schema.Run).where(schema.Run.id == run_id), "run", run_id)
            return seen.run_details(row)

    def steps(self, run_id: int) -> tuple[KeptStep, ...]:
        """The steps of a run that have ended, in their order."""
        query = select(schema.Step).where(schema.Step.run_id == run_id).order_by(schema.Step.number)
        with self._asked() as orm:
            return tuple(seen.step(row) for row in orm.scalars(query))

    def measurements(
        self, wanted: Wanted = EVERYTHING, *, limit: int | None = None, skip: int = 0
    ) -> tuple[KeptMeasurement, ...]:
        """The measurements that are asked for, in the order in which they were made; with `limit` the last ones before
        the last `skip`.
        """
        query = (
            queries.measurements()
            .where(*queries.of_runs(wanted), *queries.of_measurements(wanted))
            .options(*queries.NOT_LISTED)
        )
        query = query.order_by(schema.Measurement.taken_at.desc(), schema.Measurement.id.desc())
        query = query.limit(limit).offset(skip or None)
        with self._asked() as orm:
            return tuple(reversed([seen.measurement(*row) for row in orm.execute(query)]))

    def measurement(self, measurement_id: int) -> MeasurementDetails:
        """One measurement with all that is kept of it. Raises InputError where there is none of that number."""
        query = queries.measurements().where(schema.Measurement.id == measurement_id)
        with self._asked() as orm:
            found = self._one(orm, query, "measurement", measurement_id)
            row: schema.Measurement = found[0]
            calibration = None if row.calibration_id is None else orm.get(schema.Calibration, row.calibration_id)
            links = orm.scalars(
                select(schema.Shift).where(schema.Shift.measurement_id == measurement_id).order_by(schema.Shift.number)
            )
            return seen.details(
                seen.measurement(*found),
                row,
                None if calibration is None else calibration.body,
                tuple((s.first, s.second) for s in links),
                self._images(orm, measurement_id),
            )

    def calibrations(self, run_id: int) -> dict[str, Calibration]:
        """What a run believed, by preset, as far as it measured there."""
        row = schema.Calibration
        query = select(row).join(schema.Measurement).where(schema.Measurement.run_id == run_id).order_by(row.id)
        with self._asked() as orm:
            return {one.preset: made(Calibration, one.body) for one in orm.scalars(query)}

    def frames(self, measurement_id: int) -> Frames:
        """The images of a measurement, each in the optical state that it was taken in; or why they are not there."""
        with self._asked() as orm:
            images = self._images(orm, measurement_id)
        gone = next((image.gone for image in images if image.gone is not None), None)
        if not images:
            return Frames((), f"Measurement {measurement_id} has no images.")
        if gone is not None:
            return Frames((), gone)
        try:
            return Frames(tuple(self._frame(image) for image in images))
        except EucentricError as error:
            return Frames((), self._gone_meanwhile(measurement_id) or str(error))

    def _gone_meanwhile(self, measurement_id: int) -> str | None:
        """Why an image can't be read that was kept a moment ago, where it was removed since."""
        with self._asked() as orm:
            return next((one.gone for one in self._images(orm, measurement_id) if one.gone is not None), None)

    def events(self, run_id: int) -> tuple[dict[str, Any], ...]:
        """Everything that was told in a run, in its order, as kept (`references.resolved` puts results in)."""
        query = select(schema.Event.body).where(schema.Event.run_id == run_id).order_by(schema.Event.number)
        with self._asked() as orm:
            return tuple(orm.scalars(query))

    def session_events(self, session_id: int) -> tuple[dict[str, Any], ...]:
        """What was told in a session outside of its runs, in its order."""
        row = schema.Event
        query = select(row.body).where(row.session_id == session_id, row.run_id.is_(None)).order_by(row.id)
        with self._asked() as orm:
            return tuple(orm.scalars(query))

    def drifts(self, wanted: Wanted = EVERYTHING) -> tuple[KeptDrift, ...]:
        """The looks at the drift in the runs that are asked for, in their order."""
        query = (
            select(schema.Event).join(schema.Run).where(*queries.of_runs(wanted), schema.Event.kind == "DriftMeasured")
        )
        with self._asked() as orm:
            return tuple(seen.drift(row) for row in orm.scalars(query.order_by(schema.Event.id)))

    def run_result(self, run_id: int) -> RunResult | None:
        """The result of a run as it ended (without correlation maps); None where it broke off, or goes on."""
        ended = next((body for body in self.events(run_id) if body["event"] == "RunEnded"), None)
        if ended is None:
            return None
        return made(RunResult, resolved(ended["result"], self.results(run_id), self.step_results(run_id)))

    def results(self, run_id: int) -> dict[int, Any]:
        """The results of its measurements as JSON, by number: to resolve what its events refer to."""
        of = schema.Measurement
        with self._asked() as orm:
            found = orm.execute(select(of.number, of.result).where(of.run_id == run_id))
            return {int(row.number): row.result for row in found}

    def step_results(self, run_id: int) -> dict[int, Any]:
        """The results of its steps as JSON, by number."""
        of = schema.Step
        with self._asked() as orm:
            found = orm.execute(select(of.number, of.result).where(of.run_id == run_id))
            return {int(row.number): row.result for row in found}

    def images(self, run_id: int) -> tuple[KeptImage, ...]:
        """All images of a run, those of no measurement too."""
        query = select(schema.Image).where(schema.Image.run_id == run_id).order_by(schema.Image.id)
        with self._asked() as orm:
            return tuple(seen.image(row) for row in orm.scalars(query))

    def image_file(self, image: KeptImage) -> Path | None:
        """Where the file of an image is; None where none is kept."""
        return None if image.file is None else self.place.image_folder / image.file

    def _frame(self, image: KeptImage) -> Frame:
        path = self.image_file(image)
        assert path is not None
        return seen.frame(image, read_frame(path).pixels)

    def _images(self, orm: Orm, measurement_id: int) -> tuple[KeptImage, ...]:
        query = select(schema.Image).where(schema.Image.measurement_id == measurement_id)
        return tuple(seen.image(row) for row in orm.scalars(query.order_by(schema.Image.number)))

    def _one(self, orm: Orm, query: Select[Any], what: str, number: int) -> Any:
        row = orm.execute(query).first()
        if row is None:
            sessions = " --sessions" if what == "session" else ""
            raise InputError(f"There is no {what} {number} in {self.place}. See: eucentric records list{sessions}")
        return row

    @contextmanager
    def _asked(self) -> Iterator[Orm]:
        try:
            with Orm(self._engine) as orm:
                yield orm
        except DBAPIError as error:
            raise in_words(error, self.place) from error
