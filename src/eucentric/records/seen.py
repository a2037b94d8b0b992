"""Rows of the database as the frozen values that are handed out."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from eucentric.calibration.instrument import Calibration
from eucentric.focus.how import How
from eucentric.focus.result import DefocusResult
from eucentric.focus.settings import FocusSettings
from eucentric.focus.targets import FocusTarget
from eucentric.images.frame import Frame, OpticalState
from eucentric.records import schema
from eucentric.records.kept import (
    KeptDrift,
    KeptImage,
    KeptMeasurement,
    KeptRun,
    KeptSession,
    KeptStep,
    MeasurementDetails,
    Moved,
    RunDetails,
)
from eucentric.records.unplain import made

T = TypeVar("T")
Pair = tuple[float, float]


def session(row: schema.Session, runs: int, done: int) -> KeptSession:
    """A session with the numbers of its runs, and of its targets that are done."""
    return _like(KeptSession, row, runs=runs, done=done)


def run(row: schema.Run, measurements: int, refused: int) -> KeptRun:
    """A run with the numbers of its measurements, and of those that were refused."""
    return _like(KeptRun, row, measurements=measurements, refused=refused)


def run_details(row: schema.Run) -> RunDetails:
    """What a run has beside its numbers."""
    return RunDetails(
        made(FocusSettings, row.settings),
        tuple(made(FocusTarget, one) for one in row.targets["targets"]),
        _maybe(OpticalState, row.found_as),
        _maybe(OpticalState, row.left_as),
    )


def step(row: schema.Step) -> KeptStep:
    """A step."""
    return _like(KeptStep, row)


def drift(row: schema.Event) -> KeptDrift:
    """A look at the drift, from its event."""
    names = ("step", "speed_m_per_s", "sigma_m_per_s", "threshold_m_per_s", "still")
    told = {name: row.body[name] for name in names}
    return KeptDrift(run_id=row.run_id or 0, told_at=row.told_at, time_s=row.time_s, **told)


def image(row: schema.Image) -> KeptImage:
    """An image."""
    return _like(KeptImage, row, tilt_rad=_pair(row.tilt_y_rad, row.tilt_x_rad))


def frame(image: KeptImage, pixels: NDArray[np.generic]) -> Frame:
    """An image as it was taken."""
    told = {**image.frame, "name": image.name}
    state = made(OpticalState, told.pop("state"))
    told.pop("shape")
    return Frame(pixels, state=state, **told)


def measurement(row: schema.Measurement, of: schema.Run, images: int, images_kept: int) -> KeptMeasurement:
    """A measurement, with what its run says of it and the numbers of its images."""
    return _like(
        KeptMeasurement,
        row,
        session_id=of.session_id,
        node=of.node,
        run_target=of.target,
        instrument=of.instrument,
        stage_yx_m=_pair(row.stage_y_m, row.stage_x_m),
        stigmator=_pair(row.stigmator_y, row.stigmator_x),
        a1_m=_pair(row.a1_a_m, row.a1_b_m),
        a1_sigma_m=_pair(row.a1_a_sigma_m, row.a1_b_sigma_m),
        drift_m_per_s=_pair(row.drift_y_m_per_s, row.drift_x_m_per_s),
        moved=_moved(row),
        images=images,
        images_kept=images_kept,
    )


def details(
    seen: KeptMeasurement,
    row: schema.Measurement,
    calibration: dict[str, Any] | None,
    links: tuple[tuple[int, int], ...],
    images: tuple[KeptImage, ...],
) -> MeasurementDetails:
    """A measurement with all that is kept of it."""
    return MeasurementDetails(
        seen,
        _maybe(DefocusResult, row.result),
        _maybe(How, row.how),
        _maybe(Calibration, calibration),
        links,
        images,
    )


def _moved(row: schema.Measurement) -> Moved | None:
    if row.correction is None:
        return None
    return Moved(
        row.correction,
        row.change_c1_m or 0.0,
        row.moved_m or 0.0,
        row.moved_to_m or 0.0,
        row.arrived_m or 0.0,
        bool(row.probe),
        bool(row.taken_back),
    )


def _like(kind: type[T], row: object, **others: Any) -> T:
    """A dataclass from the columns of the same names, and others."""
    names = kind.__dataclass_fields__  # type: ignore[attr-defined]
    return kind(**{name: others[name] if name in others else getattr(row, name) for name in names})


def _maybe(kind: type[T], value: Any) -> T | None:
    return None if value is None else made(kind, value)


def _pair(first: float | None, second: float | None) -> Pair | None:
    return None if first is None or second is None else (first, second)
