"""The first version: sessions, runs, steps, calibrations, measurements, shifts, findings, images, events."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

Columns = Iterator[sa.Column[Any]]


def upgrade() -> None:
    """From nothing."""
    store = op.create_table(
        "store", sa.Column("id", sa.Integer, primary_key=True, autoincrement=False), *_texts("key", length=64)
    )
    op.bulk_insert(store, [{"id": 1, "key": uuid.uuid4().hex}])
    _sessions_and_runs()
    _steps()
    _measurements()
    _parts()
    _images_and_events()


def _sessions_and_runs() -> None:
    op.create_table(
        "sessions",
        *_key(),
        sa.Column("key", sa.String(64), unique=True, nullable=False),
        *_names("application", "instrument"),
        *_texts("folder", "version"),
        *_times(),
        *_whole("units"),
        *_json("settings"),
        *_flags("complete"),
        *_texts("stopped", null=True),
    )
    op.create_table(
        "runs",
        *_key(),
        sa.Column("key", sa.String(64), unique=True, nullable=False),
        *_of("session_id", "sessions", null=True),
        sa.Column("node", sa.String(200), index=True),
        *_texts("target", null=True),
        *_names("instrument"),
        *_texts("sequence"),
        *_numbers("accuracy_m", null=False),
        sa.Column("measure_only", sa.Boolean, nullable=False),
        *_json("settings", "targets"),
        *_texts("version"),
        *_times(),
        *_json("found_as", "left_as", null=True),
        sa.Column("status", sa.String(32), index=True, nullable=False),
        *_flags("focused"),
        *_texts("statement", "reason", null=True),
        *_numbers("residual_m", "residual_sigma_m", "residual_total_sigma_m", "stated_error_m", "dose_e_per_m2"),
    )


def _steps() -> None:
    op.create_table(
        "steps",
        *_key(),
        *_of("run_id", "runs"),
        *_whole("number"),
        *_texts("name", "preset", "method", "status"),
        *_texts("refusal", "skipped", null=True),
        *_numbers("dose_e_per_m2", "corrected_m", null=False),
        *_numbers("range_m"),
        *_numbers("ended_s", null=False),
        *_json("result"),
        sa.UniqueConstraint("run_id", "number"),
    )


def _measurements() -> None:
    op.create_table(
        "calibrations",
        *_key(),
        sa.Column("digest", sa.String(64), unique=True, nullable=False),
        *_texts("instrument", "preset"),
        *_json("body"),
    )
    op.create_table(
        "measurements",
        *_key(),
        *_of("run_id", "runs"),
        sa.Column("calibration_id", sa.Integer, sa.ForeignKey("calibrations.id"), index=True),
        *_whole("number"),
        *_names("step"),
        *_texts("target"),
        sa.Column("taken_at", sa.DateTime, index=True, nullable=False),
        *_numbers("time_s", null=False),
        *_texts("preset"),
        *_numbers("magnification", "voltage_v"),
        *_texts("method", null=True),
        *_numbers("tilt_rad", "pixel_m", "lens_defocus_m", "stage_x_m", "stage_y_m", "stage_z_m", "stage_alpha_rad"),
        *_numbers("stigmator_y", "stigmator_x"),
        sa.Column("accepted", sa.Boolean, index=True),
        *_texts("reason", "sentence", null=True),
        *_numbers("c1_m", "sigma_m", "total_sigma_m", "offset_m", "a1_a_m", "a1_b_m", "a1_a_sigma_m", "a1_b_sigma_m"),
        *_numbers("drift_y_m_per_s", "drift_x_m_per_s", "chi2"),
        *_whole("dof", null=True),
        *_numbers("misfit_px2", "false_lock", "overlap", "dose_e_per_m2", "exposing_s", "computing_s"),
        *_texts("correction", null=True),
        *_numbers("change_c1_m", "moved_m", "moved_to_m", "arrived_m"),
        *_flags("probe", "taken_back"),
        *_json("how", "result", null=True),
        sa.UniqueConstraint("run_id", "number"),
    )


def _parts() -> None:
    op.create_table(
        "shifts",
        *_key(),
        *_of("measurement_id", "measurements"),
        *_whole("number", "first", "second"),
        *_numbers("y_px", "x_px", null=False),
        *_numbers("yy_px2", "yx_px2", "xx_px2"),
        *_texts("method"),
        *_numbers("overlap", "false_lock", null=False),
        *_texts("fixed_pattern"),
        *_whole("contrast_sign"),
        *_numbers("runner_up_y_px", "runner_up_x_px", "odds"),
        *_numbers("seconds", null=False),
        sa.UniqueConstraint("measurement_id", "number"),
    )
    op.create_table(
        "findings",
        *_key(),
        *_of("measurement_id", "measurements"),
        *_whole("number"),
        *_names("reason"),
        *_texts("found", "allowed", "advice"),
    )


def _images_and_events() -> None:
    op.create_table(
        "images",
        *_key(),
        *_of("run_id", "runs"),
        *_of("measurement_id", "measurements", null=True),
        *_whole("number"),
        *_texts("name"),
        *_numbers("time_s", null=False),
        *_numbers("tilt_y_rad", "tilt_x_rad", "dose_e_per_m2"),
        *_json("frame"),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("file", sa.String(400), index=True),
        *_texts("gone", null=True),
    )
    op.create_table(
        "events",
        *_key(),
        *_of("session_id", "sessions", null=True),
        *_of("run_id", "runs", null=True),
        *_whole("number"),
        sa.Column("told_at", sa.DateTime, nullable=False),
        *_numbers("time_s", null=False),
        sa.Column("kind", sa.String(64), nullable=False),
        *_json("body"),
    )


def _key() -> Columns:
    yield sa.Column("id", sa.Integer, primary_key=True, autoincrement=True)


def _of(name: str, table: str, *, null: bool = False) -> Columns:
    yield sa.Column(name, sa.Integer, sa.ForeignKey(f"{table}.id", ondelete="CASCADE"), index=True, nullable=null)


def _names(*names: str) -> Columns:
    yield from (sa.Column(name, sa.String(200), index=True, nullable=False) for name in names)


def _texts(*names: str, null: bool = False, length: int | None = None) -> Columns:
    kind = sa.Text() if length is None else sa.String(length)
    yield from (sa.Column(name, kind, nullable=null) for name in names)


def _numbers(*names: str, null: bool = True) -> Columns:
    yield from (sa.Column(name, sa.Double, nullable=null) for name in names)


def _whole(*names: str, null: bool = False) -> Columns:
    yield from (sa.Column(name, sa.Integer, nullable=null) for name in names)


def _flags(*names: str) -> Columns:
    yield from (sa.Column(name, sa.Boolean, nullable=True) for name in names)


def _json(*names: str, null: bool = False) -> Columns:
    yield from (sa.Column(name, sa.JSON(none_as_null=True), nullable=null) for name in names)


def _times() -> Columns:
    """When it began and ended, on the wall and on the microscope's clock."""
    yield sa.Column("begun_at", sa.DateTime, index=True, nullable=False)
    yield sa.Column("ended_at", sa.DateTime)
    yield sa.Column("begun_s", sa.Double, nullable=False)
    yield sa.Column("ended_s", sa.Double)
