"""Nothing is written over, nothing is lost, nothing damaged is believed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from eucentric.calibration.age import Ages, is_old, warning, warnings_of
from eucentric.calibration.quantities import ComaFreeAxis, StageBacklash, StigmatorResponse
from eucentric.calibration.record import Level, Record
from eucentric.calibration.store import CalibrationStore
from eucentric.errors import CalibrationError, InputError

from .kept import FA, HL, NOON, record, response

AXIS = ComaFreeAxis(tilt_rad=(1e-3, 2e-3), tilt_sigma_rad=1e-5, b2_m=(0.0, 0.0), b2_sigma_m=1e-9)


def test_there_and_back(tmp_path: Path) -> None:
    store = CalibrationStore(tmp_path / "new" / "folder")
    assert store.records() == ()
    for one in (record(), record(AXIS), record(StageBacklash(z_m=1e-7, z_sigma_m=1e-9))):
        store.keep(one)
    assert [r.kind for r in store.records()] == ["coma-free axis", "stage backlash", "tilt response"]
    assert set(store.records()) == {record(), record(AXIS), record(StageBacklash(z_m=1e-7, z_sigma_m=1e-9))}
    assert store.troubles() == ()


def test_nothing_is_written_over(tmp_path: Path) -> None:
    store = CalibrationStore(tmp_path)
    for number in range(3):
        store.keep(record(sentence=f"Number {number}."))
    assert [r.sentence for r in store.records()] == ["Number 0.", "Number 1.", "Number 2."]
    newest = store.newest("tilt response", "scope", FA)
    assert newest is not None
    assert newest.sentence == "Number 2."  # of one second the one kept last


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such modes there")
def test_others_may_read_what_is_kept(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        CalibrationStore(tmp_path).keep(record())
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o644]


def test_a_figure_lies_beside_its_record(tmp_path: Path) -> None:
    store = CalibrationStore(tmp_path)
    kept = store.keep(record(), lambda path: path.write_bytes(b"drawn"))
    assert kept.figure is not None
    assert (tmp_path / kept.figure).read_bytes() == b"drawn"
    assert store.records() == (kept,)


@pytest.mark.parametrize("error", [InputError, ValueError])
def test_a_figure_that_can_not_be_drawn_loses_nothing(tmp_path: Path, error: type[Exception]) -> None:
    def broken(path: Path) -> None:
        path.write_bytes(b"half")
        raise error("no ink")

    kept = CalibrationStore(tmp_path).keep(record(), broken)
    assert kept.figure is None
    assert [p.suffix for p in tmp_path.iterdir()] == [".json"]


@pytest.mark.parametrize("damage", ["", "{", '{"quantity": 1}', "\x00\x01"])
def test_a_damaged_file_is_named_and_left_out(tmp_path: Path, damage: str) -> None:
    store = CalibrationStore(tmp_path)
    store.keep(record())
    (tmp_path / "damaged.json").write_text(damage, encoding="utf-8")
    assert store.records() == (record(),)
    assert len(store.troubles()) == 1
    assert "damaged.json" in store.troubles()[0]


def test_unfinished_files_are_not_seen(tmp_path: Path) -> None:
    (tmp_path / ".abc.unfinished").write_text("{", encoding="utf-8")
    store = CalibrationStore(tmp_path)
    assert store.records() == ()
    assert store.troubles() == ()


def _keep_for_ever(folder: Path) -> None:
    store = CalibrationStore(folder)
    while True:
        store.keep(record())


def test_killed_at_any_moment_all_that_is_there_is_whole(tmp_path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(target=_keep_for_ever, args=(tmp_path,))
    process.start()
    while len(list(tmp_path.glob("*.json"))) < 20:
        assert process.is_alive()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    store = CalibrationStore(tmp_path)
    assert store.troubles() == ()
    assert len(store.records()) == len(list(tmp_path.glob("*.json"))) >= 20


def test_a_folder_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(CalibrationError, match="choose another folder with --store"):
        CalibrationStore(tmp_path / "file" / "folder").keep(record())


def test_a_missing_one_names_the_command(tmp_path: Path) -> None:
    store = CalibrationStore(tmp_path)
    store.keep(record(optics=HL))
    with pytest.raises(CalibrationError, match="eucentric calibrate tilt --preset fa"):
        store.need("tilt response", "scope", FA)
    assert store.need("tilt response", "scope", HL) == record(optics=HL)


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, True),
        ({"preset": "focus"}, True),  # a name is no optics
        ({"binning": 1, "pixel_m": 0.075e-9}, True),  # pixels are converted
        ({"magnification": 199.9e3}, True),
        ({"magnification": 190e3}, False),
        ({"voltage_v": 300e3}, False),
        ({"probe_mode": "nano"}, False),
        ({"camera": "other"}, False),
    ],
)
def test_found_by_its_optics(tmp_path: Path, changed: dict[str, object], found: bool) -> None:
    store = CalibrationStore(tmp_path)
    store.keep(record())
    assert (store.newest("tilt response", "scope", FA.model_copy(update=changed)) is not None) == found
    assert store.newest("tilt response", "another scope", FA) is None


def test_what_the_column_has_holds_at_all_magnifications(tmp_path: Path) -> None:
    store = CalibrationStore(tmp_path)
    store.keep(record(AXIS))
    store.keep(record(StageBacklash(z_m=1e-7, z_sigma_m=1e-9)))
    assert store.newest("coma-free axis", "scope", HL) is not None
    assert store.newest("coma-free axis", "scope", HL.model_copy(update={"voltage_v": 300e3})) is None
    assert store.newest("stage backlash", "scope", HL.model_copy(update={"voltage_v": 300e3})) is not None


def test_newest_measured_usable(tmp_path: Path) -> None:
    """Old, red, rough and transferred ones stand back."""
    store = CalibrationStore(tmp_path)
    best = record(days_old=3, sentence="Best.")
    for one in (
        record(days_old=9),
        best,
        record(days_old=1, transferred=True, source="hl"),
        record(days_old=1, rough=True),
        record(level=Level.RED),
    ):
        store.keep(one)
    assert store.newest("tilt response", "scope", FA) == best


def test_transferred_and_rough_where_there_is_no_other(tmp_path: Path) -> None:
    store = CalibrationStore(tmp_path)
    rough = store.keep(record(rough=True))
    assert store.newest("tilt response", "scope", FA) is None
    assert store.newest("tilt response", "scope", FA, rough=True) == rough
    carried = store.keep(record(days_old=1, transferred=True))
    assert store.newest("tilt response", "scope", FA, rough=True) == carried


def test_ages() -> None:
    ages = Ages(days=90, of_kind={"coma-free axis": 7})
    assert not is_old(record(days_old=89), NOON, ages)
    assert is_old(record(days_old=91), NOON, ages)
    assert is_old(record(AXIS, days_old=8), NOON, ages)
    assert warning(record(days_old=1), NOON, ages) is None
    told = warning(record(days_old=100), NOON + timedelta(hours=1), ages)
    assert told is not None
    assert "100 days old" in told
    assert "eucentric calibrate tilt --preset fa" in told


def test_old_ones_that_are_believed_are_told_of() -> None:
    """Once each, and not those that a newer one, or another instrument, makes idle."""
    old = [record(days_old=100), record(AXIS, days_old=120), record(optics=HL, days_old=100)]
    others = [record(AXIS, days_old=200, instrument="other"), record(days_old=95, level=Level.RED)]
    told = warnings_of([*others, *old, record(optics=HL, days_old=1)], "scope", [FA, HL], NOON, Ages())
    assert len(told) == 2
    assert any("tilt response of scope (fa) is 100 days" in sentence for sentence in told)
    assert any("coma-free axis of scope (fa) is 120 days" in sentence for sentence in told)
    assert warnings_of([record(days_old=1)], "scope", [FA, HL], NOON, Ages()) == ()


def test_a_record_has_no_infinities_and_a_zone() -> None:
    with pytest.raises(ValidationError, match="zone"):
        record(taken=NOON.replace(tzinfo=None))
    text = record().model_dump_json().replace("0.002", "NaN")
    with pytest.raises(ValidationError):
        Record.model_validate_json(text)


def test_kinds_come_back_as_what_they_were(tmp_path: Path) -> None:
    stigmator = StigmatorResponse(
        matrix_m=((1e-6, 0.0), (0.0, 1e-6)), matrix_sigma_m=1e-9, a1_m=(1e-8, 0.0), a1_sigma_m=1e-9, value=(0.0, 0.1)
    )
    kept = CalibrationStore(tmp_path).keep(record(stigmator))
    assert Record.model_validate_json(kept.model_dump_json()).quantity == stigmator
    assert response(HL).kind == "tilt response"
