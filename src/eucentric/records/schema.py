"""The tables of the records. Portable types alone: SQLite and any server that SQLAlchemy speaks to have the same.

SI units, as the columns' names say; vectors as two columns, y and x. `_at` is a time of the clock on the wall (UTC),
`_s` one of the microscope's clock. What has a shape of its own (settings, results, optical states) is JSON, as
`plain.py` writes it. Every change of this file needs a migration.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from eucentric.records.base import Base, Json


def _key() -> Mapped[int]:
    return mapped_column(primary_key=True, autoincrement=True)


def _name() -> Mapped[str]:
    return mapped_column(String(200), index=True)


def _of(what: str) -> Mapped[int]:
    return mapped_column(ForeignKey(what, ondelete="CASCADE"), index=True)


class Store(Base):
    """One row: which records these are. The image folder bears the same key."""

    __tablename__ = "store"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(String(64))


class Written(Base):
    """The key of each record that was written, in its transaction: where the answer to a commit was lost, the record is
    there or not, and is never written twice.
    """

    __tablename__ = "written"
    key: Mapped[str] = mapped_column(String(64), primary_key=True)


class Session(Base):
    """A session of multi-scale imaging; `folder` is its own, where its journal and its images are."""

    __tablename__ = "sessions"
    id: Mapped[int] = _key()
    key: Mapped[str] = mapped_column(String(64), unique=True)
    application: Mapped[str] = _name()
    instrument: Mapped[str] = _name()
    folder: Mapped[str]
    version: Mapped[str]
    begun_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]
    begun_s: Mapped[float]
    ended_s: Mapped[float | None]
    units: Mapped[int]
    settings: Mapped[Json]
    complete: Mapped[bool | None]
    stopped: Mapped[str | None]


class Run(Base):
    """One run of a focus sequence. `node` and `target` where it came from a session.

    `status` is "running" until it has ended; of a process that was killed it stays so.
    """

    __tablename__ = "runs"
    id: Mapped[int] = _key()
    key: Mapped[str] = mapped_column(String(64), unique=True)
    session_id: Mapped[int | None] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), index=True)
    node: Mapped[str | None] = mapped_column(String(200), index=True)
    target: Mapped[str | None]
    instrument: Mapped[str] = _name()
    sequence: Mapped[str]
    accuracy_m: Mapped[float]
    measure_only: Mapped[bool]
    settings: Mapped[Json]
    targets: Mapped[Json]
    version: Mapped[str]
    begun_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]
    begun_s: Mapped[float]
    ended_s: Mapped[float | None]
    found_as: Mapped[Json | None]
    left_as: Mapped[Json | None]
    status: Mapped[str] = mapped_column(String(32), index=True)
    focused: Mapped[bool | None]
    statement: Mapped[str | None]
    reason: Mapped[str | None]
    residual_m: Mapped[float | None]
    residual_sigma_m: Mapped[float | None]
    residual_total_sigma_m: Mapped[float | None]
    stated_error_m: Mapped[float | None]
    dose_e_per_m2: Mapped[float | None]


class Step(Base):
    """How a step of a run ended; `number` counts from 0."""

    __tablename__ = "steps"
    __table_args__ = (UniqueConstraint("run_id", "number"),)
    id: Mapped[int] = _key()
    run_id: Mapped[int] = _of("runs.id")
    number: Mapped[int]
    name: Mapped[str]
    preset: Mapped[str]
    method: Mapped[str]
    status: Mapped[str]
    refusal: Mapped[str | None]
    skipped: Mapped[str | None]
    dose_e_per_m2: Mapped[float]
    corrected_m: Mapped[float]
    range_m: Mapped[float | None]
    ended_s: Mapped[float]
    result: Mapped[Json]


class Calibration(Base):
    """What was believed at a preset, once for all measurements that were made with it: `digest` tells it apart."""

    __tablename__ = "calibrations"
    id: Mapped[int] = _key()
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    instrument: Mapped[str]
    preset: Mapped[str]
    body: Mapped[Json]


class Measurement(Base):
    """One measurement; `number` counts those of its run from 0. `accepted` is None where it was cut off before it was
    judged. What comes after `correction` is what was moved after it, if anything was.
    """

    __tablename__ = "measurements"
    __table_args__ = (UniqueConstraint("run_id", "number"),)
    id: Mapped[int] = _key()
    run_id: Mapped[int] = _of("runs.id")
    calibration_id: Mapped[int | None] = mapped_column(ForeignKey("calibrations.id"), index=True)
    number: Mapped[int]
    step: Mapped[str] = _name()
    target: Mapped[str]
    taken_at: Mapped[datetime] = mapped_column(index=True)
    time_s: Mapped[float]
    preset: Mapped[str]
    magnification: Mapped[float | None]
    voltage_v: Mapped[float | None]
    method: Mapped[str | None]
    tilt_rad: Mapped[float | None]
    pixel_m: Mapped[float | None]
    lens_defocus_m: Mapped[float | None]
    stage_x_m: Mapped[float | None]
    stage_y_m: Mapped[float | None]
    stage_z_m: Mapped[float | None]
    stage_alpha_rad: Mapped[float | None]
    stigmator_y: Mapped[float | None]
    stigmator_x: Mapped[float | None]
    accepted: Mapped[bool | None] = mapped_column(index=True)
    reason: Mapped[str | None]
    sentence: Mapped[str | None]
    c1_m: Mapped[float | None]
    sigma_m: Mapped[float | None]
    total_sigma_m: Mapped[float | None]
    offset_m: Mapped[float | None]
    a1_a_m: Mapped[float | None]
    a1_b_m: Mapped[float | None]
    a1_a_sigma_m: Mapped[float | None]
    a1_b_sigma_m: Mapped[float | None]
    drift_y_m_per_s: Mapped[float | None]
    drift_x_m_per_s: Mapped[float | None]
    chi2: Mapped[float | None]
    dof: Mapped[int | None]
    misfit_px2: Mapped[float | None]
    false_lock: Mapped[float | None]
    overlap: Mapped[float | None]
    dose_e_per_m2: Mapped[float | None]
    exposing_s: Mapped[float | None]
    computing_s: Mapped[float | None]
    correction: Mapped[str | None]
    change_c1_m: Mapped[float | None]
    moved_m: Mapped[float | None]
    moved_to_m: Mapped[float | None]
    arrived_m: Mapped[float | None]
    probe: Mapped[bool | None]
    taken_back: Mapped[bool | None]
    how: Mapped[Json | None]
    result: Mapped[Json | None]


class Shift(Base):
    """One comparison of a measurement: image `second` relative to image `first`, pixels, with its covariance."""

    __tablename__ = "shifts"
    __table_args__ = (UniqueConstraint("measurement_id", "number"),)
    id: Mapped[int] = _key()
    measurement_id: Mapped[int] = _of("measurements.id")
    number: Mapped[int]
    first: Mapped[int]
    second: Mapped[int]
    y_px: Mapped[float]
    x_px: Mapped[float]
    yy_px2: Mapped[float | None]
    yx_px2: Mapped[float | None]
    xx_px2: Mapped[float | None]
    method: Mapped[str]
    overlap: Mapped[float]
    false_lock: Mapped[float]
    fixed_pattern: Mapped[str]
    contrast_sign: Mapped[int]
    runner_up_y_px: Mapped[float | None]
    runner_up_x_px: Mapped[float | None]
    odds: Mapped[float | None]
    seconds: Mapped[float]


class Finding(Base):
    """One reason against a measurement, in the order in which they are told."""

    __tablename__ = "findings"
    id: Mapped[int] = _key()
    measurement_id: Mapped[int] = _of("measurements.id")
    number: Mapped[int]
    reason: Mapped[str] = _name()
    found: Mapped[str]
    allowed: Mapped[str]
    advice: Mapped[str]


class Image(Base):
    """One image that was taken: of a measurement, by hand, or a final one; `number` its place in the pattern.

    `file` is its place below the image folder, None where no file is kept: `gone` says why. `name` is its place in a
    run folder.
    """

    __tablename__ = "images"
    id: Mapped[int] = _key()
    run_id: Mapped[int] = _of("runs.id")
    measurement_id: Mapped[int | None] = mapped_column(ForeignKey("measurements.id", ondelete="CASCADE"), index=True)
    number: Mapped[int]
    name: Mapped[str]
    time_s: Mapped[float]
    tilt_y_rad: Mapped[float | None]
    tilt_x_rad: Mapped[float | None]
    dose_e_per_m2: Mapped[float | None]
    frame: Mapped[Json]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    file: Mapped[str | None] = mapped_column(String(400), index=True)
    gone: Mapped[str | None]


class Event(Base):
    """Everything that was told, in its order: `number` counts the events of its run, or of its session outside runs.

    In `body` a result, shift or step that has its own row is only referred to (references.py).
    """

    __tablename__ = "events"
    id: Mapped[int] = _key()
    session_id: Mapped[int | None] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), index=True)
    run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    number: Mapped[int]
    told_at: Mapped[datetime]
    time_s: Mapped[float]
    kind: Mapped[str] = mapped_column(String(64))
    body: Mapped[Json]
