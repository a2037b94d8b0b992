"""Records that can't be written: an archive, of this version or an older one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from eucentric.cli.main import run as run_command
from eucentric.errors import InputError
from eucentric.records import opening
from eucentric.records.base import REVISION, VERSION_TABLE
from eucentric.records.opening import opened_to_write, version_of
from eucentric.records.place import Place
from eucentric.records.reading import Records
from eucentric.records.recorder import Recorder
from tests.records.disks import read_only
from tests.records.made import never, place_in, run


def archive(folder: Path, *, version: str = REVISION, wal: bool = True) -> Place:
    """Records of a run, as a version left them; `wal`: in SQLite's journal mode of ours, or in its own."""
    place = place_in(folder)
    with Recorder(place, say=never) as recorder:
        for event in run().events:
            recorder(event)
    assert place.file is not None
    with closing(sqlite3.connect(place.file)) as database:
        if version != REVISION:
            database.execute("DROP TABLE written")
        database.execute(f"UPDATE {VERSION_TABLE} SET version_num = ?", (version,))
        database.commit()
        if not wal:
            database.execute("PRAGMA journal_mode = DELETE")
    return place


@pytest.mark.parametrize("wal", [True, False])
@pytest.mark.parametrize("version", ["0001", REVISION])
def test_an_archive_is_read_and_drawn_where_it_is(
    small_disk: Path, tmp_path: Path, version: str, wal: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    place, drawn = archive(small_disk, version=version, wal=wal), tmp_path / "drawn.png"
    with read_only(small_disk):
        with Records.open(place) as records:
            assert [one.status for one in records.runs()] == ["focused"]
            assert all(len(records.frames(row.id).frames) == 2 for row in records.measurements())
        words = ["records", "figure", "--records", str(place.file), "--out", str(drawn)]
        with pytest.raises(SystemExit) as end:
            run_command(words)
    assert end.value.code == 0, capsys.readouterr().err
    assert drawn.is_file()
    assert str(drawn) in capsys.readouterr().out


def test_a_figure_that_can_not_be_written_beside_an_archive_is_one_sentence(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = archive(small_disk)
    monkeypatch.chdir(small_disk)
    with read_only(small_disk), pytest.raises(SystemExit) as end:
        run_command(["records", "figure", "--records", str(place.file), "--out", "drawn.png"])
    assert end.value.code == 2
    told = capsys.readouterr().err.strip()
    assert "Traceback" not in told
    assert "Read-only" in told or "can't be written" in told


def test_an_archive_that_is_too_old_to_be_read_as_it_is_says_what_to_do(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = archive(small_disk, version="0001")
    monkeypatch.setattr(opening, "READ", frozenset({REVISION}))
    with read_only(small_disk), pytest.raises(InputError, match=r"older eucentric \(version 0001.*copy them"):
        Records.open(place)
    with Records.open(place) as records:  # where it can be written it is brought up to date
        assert len(records.runs()) == 1


def test_writing_brings_records_of_before_up_to_date_and_loses_nothing(tmp_path: Path) -> None:
    place = archive(tmp_path, version="0001")
    engine = opened_to_write(place)
    assert version_of(engine) == REVISION
    engine.dispose()
    with Recorder(place, say=never) as recorder:
        for event in run().events:
            recorder(event)
    with Records.open(place) as records:
        assert [one.status for one in records.runs()] == ["focused", "focused"]
