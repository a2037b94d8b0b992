"""What can't be written is told once, focusing goes on, and is kept again when it can be."""

from __future__ import annotations

import errno
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from eucentric.calibration.handed_over import book_from
from eucentric.errors import InputError, KeepError
from eucentric.focus import events
from eucentric.focus.focus import Focus
from eucentric.focus.shipped import shipped
from eucentric.microscope.registry import handed_out, open_microscope
from eucentric.records import engine as engines
from eucentric.records import writer as writers
from eucentric.records.gathering import Gathering
from eucentric.records.image_files import ImageFolder
from eucentric.records.place import Images, Place
from eucentric.records.reading import Records
from eucentric.records.recorder import Recorder
from tests.records.disks import read_only
from tests.records.made import Told, frames, never, place_in, run

POLLS = 10_000_000
"""So often a test looks whether the thread is done: some seconds, where the thread takes milliseconds."""


def test_a_disk_that_is_read_only_is_told_once_and_focusing_goes_on(small_disk: Path) -> None:
    said: list[str] = []
    with read_only(small_disk), Recorder(place_in(small_disk), say=said.append) as recorder:
        _tell(recorder, run())
        assert len(said) == 1, said
        assert "Make it writable, or choose another place" in said[0]
        assert "Focusing goes on" in said[0]
    said.clear()
    with read_only(small_disk):
        where = Place.of(str(small_disk / "new" / "records.sqlite"))
        with Recorder(where, say=said.append) as recorder:
            _tell(recorder, run())
    assert "can't be made: Read-only file system" in said[0]
    assert "Focusing goes on" in said[0]


def test_records_that_are_there_already_but_read_only_hold_nothing_up(small_disk: Path) -> None:
    place, said = place_in(small_disk), list[str]()
    with Recorder(place, say=never) as recorder:
        _tell(recorder, run())
    with read_only(small_disk):
        with Recorder(place, say=said.append) as recorder:
            _tell(recorder, run())
        assert "Focusing goes on" in said[0]
        with Records.open(place) as records:  # an archive is read as it is
            assert [one.status for one in records.runs()] == ["focused"]
            assert all(len(records.frames(row.id).frames) == 2 for row in records.measurements())


def _fill(folder: Path) -> Path:
    """A file that takes all room that is left."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while file.write(b"\0" * size) == size:
                    pass
            except OSError:
                continue
    return path


def test_a_full_disk_is_told_once_and_left_behind(small_disk: Path) -> None:
    said: list[str] = []
    place = place_in(small_disk)
    with Recorder(place, say=said.append) as recorder:
        for event in run().events:
            recorder(event)
        assert said == []
        filler = _fill(small_disk)
        for event in run().events:
            recorder(event)
        assert len(said) == 1, said
        assert "the disk is full" in said[0]
        assert "Focusing goes on" in said[0]
        filler.unlink()
        recorder(events.Paused(0.0))
        for _ in range(POLLS):  # in trouble nothing waits: until the thread has written what was left
            if not recorder._writer._troubles:
                break
            os.sched_yield()
        else:
            pytest.fail("The disk has room again, and the thread has not written what was left.")
        for event in run().events:
            recorder(event)
    assert said[1:] == ["The records are written again."]
    with Records.open(place) as records:
        runs = records.runs()
        assert [one.status for one in runs] == ["focused"] * 3  # what was told meanwhile is there, too
        kept = [len(records.frames(row.id).frames) for row in records.measurements()]
        assert kept == [2, 2, 2, 2, 2, 2]  # so few measurements waited in memory


def test_images_do_not_pile_up_in_memory(small_disk: Path) -> None:
    """Of what waits only a few measurements keep their images; the rows of the others say why they have none."""
    with Recorder(place_in(small_disk), say=lambda _: None) as recorder:
        _tell(recorder, run())
        filler = _fill(small_disk)
        for _ in range(3):
            _tell(recorder, run())
        filler.unlink()
    with Records.open(place_in(small_disk)) as records:
        rows = records.measurements()
        assert [row.images for row in rows] == [2] * 8
        assert [row.images_kept for row in rows] == [2, 2, 2, 2, 0, 0, 0, 0]
        why = records.frames(rows[-1].id).why_not
        assert why is not None
        assert "the records were not writable" in why


def test_a_run_on_a_full_disk_ends_in_focus(small_disk: Path) -> None:
    """The whole thing: Focus does not notice."""
    said: list[str] = []
    _fill(small_disk)
    microscope = open_microscope("simulated", seed=3, size=256)
    with Recorder(place_in(small_disk), say=said.append) as recorder:
        focus = Focus(microscope, book_from(handed_out(microscope)), shipped("default"), observers=(recorder,))
        result = focus.run()
    assert result.focused
    assert len(said) == 2, said
    assert "Focusing goes on" in said[0]
    assert "records of what was told are not in" in said[1]


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """No file of this process may grow beyond so many bytes."""
    resource = pytest.importorskip("resource", reason="this system has no limits of a process's files")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_limit_of_the_system_is_told_once_and_left_behind(tmp_path: Path) -> None:
    said: list[str] = []
    with Recorder(place_in(tmp_path), say=said.append) as recorder:
        _tell(recorder, run())
        with files_up_to(8192):  # an image has 16384
            _tell(recorder, run())
        assert any("can't be" in one and "Focusing goes on" in one for one in said), said
        told = len(said)
        assert told <= 2
        _tell(recorder, run())
    assert {"Images are kept again.", "The records are written again."} >= set(said[told:])
    with Records.open(place_in(tmp_path)) as records:
        assert [one.status for one in records.runs()] == ["focused"] * 3


def _tell(recorder: Recorder, told: Told) -> None:
    for event in told.events:
        recorder(event)


def test_a_locked_database_is_told_once_and_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_WAIT_S", 0.05)
    said: list[str] = []
    with Recorder(place_in(tmp_path), say=said.append) as recorder:
        other = create_engine(place_in(tmp_path).url, connect_args={"isolation_level": None})
        with other.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            _tell(recorder, run())
            connection.exec_driver_sql("ROLLBACK")
        other.dispose()
        assert len(said) == 1
        assert "another process writes to it and does not end" in said[0]
    assert said[1:] == ["The records are written again."]
    with Records.open(place_in(tmp_path)) as records:
        (one,) = records.runs()
        assert (one.status, one.measurements) == ("focused", 2)


def test_one_who_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    """Patience is short, the lock is long: nobody waits for the five seconds that SQLite would."""
    said: list[str] = []
    with Recorder(place_in(tmp_path), say=said.append) as recorder:
        recorder._writer._patience_s = 0.05
        other = create_engine(place_in(tmp_path).url, connect_args={"isolation_level": None})
        with other.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            _tell(recorder, run())
            assert len(said) == 1
            assert "have not answered for 0.05 s" in said[0]
            connection.exec_driver_sql("ROLLBACK")
        other.dispose()
        recorder._writer._patience_s = 30.0  # all is handed over: now let it end
    with Records.open(place_in(tmp_path)) as records:
        (one,) = records.runs()
        assert (one.status, one.measurements) == ("focused", 2)


def test_what_still_waits_at_the_end_is_counted(tmp_path: Path) -> None:
    """The thread is held up by the first record; the others still wait in the queue."""
    said: list[str] = []
    records = sum(len(one) for one in map(Gathering(Images.ALL, now=lambda: datetime.now(UTC)), run().events))
    other = create_engine(place_in(tmp_path).url, connect_args={"isolation_level": None})
    with Recorder(place_in(tmp_path), say=said.append, patience_s=5.0) as recorder, other.connect() as connection:
        recorder._writer._patience_s = 0.05
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        _tell(recorder, run())
        recorder.close()
        connection.exec_driver_sql("ROLLBACK")
        recorder._writer._thread.join()
    other.dispose()
    assert f"{records} records of what was told are not in" in said[-1]


def test_what_waits_for_one_who_does_not_answer_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread is held up by the first record; of the others the last few wait, and the rest is counted as lost."""
    monkeypatch.setattr(writers, "_MOST", 3)
    said: list[str] = []
    records = sum(len(one) for one in map(Gathering(Images.ALL, now=lambda: datetime.now(UTC)), run().events))
    other = create_engine(place_in(tmp_path).url, connect_args={"isolation_level": None})
    with Recorder(place_in(tmp_path), say=said.append, patience_s=5.0) as recorder, other.connect() as connection:
        recorder._writer._patience_s = 0.05
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        _tell(recorder, run())
        assert recorder._writer._queue.qsize() == 3 < records
        recorder.close()
        connection.exec_driver_sql("ROLLBACK")
        recorder._writer._thread.join()
    other.dispose()
    assert f"{records} records of what was told are not in" in said[-1]


def test_the_writer_ends_also_where_the_rest_can_not_be_made_a_record(tmp_path: Path) -> None:
    """What waits for its verdict is no event at all."""
    recorder = Recorder(place_in(tmp_path), say=never)
    recorder._gathering._parts.append(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        recorder.close()
    recorder._writer._thread.join()


def test_a_server_that_is_not_there_stops_nothing(tmp_path: Path) -> None:
    pytest.importorskip("pg8000", reason="no driver for PostgreSQL here: pip install 'eucentric[server]'")
    place = Place.of("postgresql+pg8000://nobody@127.0.0.1:1/records", image_folder=tmp_path / "images")
    said: list[str] = []
    with Recorder(place, say=said.append) as recorder:
        _tell(recorder, run())
        assert len(said) == 1
        assert "Is the server there?" in said[0]
    assert "are not in postgresql+pg8000://nobody@127.0.0.1:1/records" in said[1]


def test_records_that_are_not_to_be_used_are_refused_at_the_beginning(tmp_path: Path) -> None:
    (tmp_path / "records.sqlite").write_text("This is a letter, and no database. " * 100)
    with pytest.raises(InputError, match=r"it is no database\. Choose another place"):
        Recorder(place_in(tmp_path), say=never)


def test_a_record_that_can_not_be_written_costs_itself_alone(tmp_path: Path) -> None:
    """The same measurement told twice: the second one breaks a rule of the database."""
    said: list[str] = []
    told = run()
    with Recorder(place_in(tmp_path), say=said.append) as recorder:
        for event in told.events[:-3]:
            recorder(event)
        recorder._gathering._run.last = None  # type: ignore[union-attr]
        for event in (*told.events[4:9], *told.events[-3:]):
            recorder(event)
    assert "A record could not be written" in said[0]
    with Records.open(place_in(tmp_path)) as records:
        (one,) = records.runs()
        assert (one.status, one.measurements) == ("focused", 2)
        assert all(records.frames(row.id).why_not is None for row in records.measurements())


def test_words_that_no_database_keeps_cost_no_record(tmp_path: Path) -> None:
    """An instrument's error with bytes of another encoding, and a NUL."""
    with Recorder(place_in(tmp_path), say=never) as recorder:
        recorder(run().events[0])
        recorder(events.Failed(9.0, "Lens \udcb5\0 failed."))
    with Records.open(place_in(tmp_path)) as records:
        (one,) = records.runs()
    assert (one.status, one.statement) == ("failed", "Lens ?? failed.")


def test_what_can_not_be_made_a_record_is_told_once_and_costs_itself_alone(tmp_path: Path) -> None:
    """No events at all, among those of a run."""
    said: list[str] = []
    first, *others = run().events
    with Recorder(place_in(tmp_path), say=said.append) as recorder:
        for event in (first, None, None, *others):
            recorder(event)  # type: ignore[arg-type]
    assert len(said) == 2
    assert "can't be recorded" in said[0]
    assert said[1].startswith("2 records of what was told are not in")
    with Records.open(place_in(tmp_path)) as records:
        (one,) = records.runs()
        assert (one.status, one.measurements) == ("focused", 2)


def test_whatever_is_wrong_with_images_the_numbers_are_kept(tmp_path: Path) -> None:
    """A name that no file can have."""
    said: list[str] = []
    with Recorder(place_in(tmp_path), say=said.append) as recorder:
        for event in run().events:
            recorder(replace(event, step="fi\0ne") if isinstance(event, events.FrameTaken) else event)
    assert len(said) == 1
    assert "Images can't be kept" in said[0]
    assert "the numbers are kept" in said[0]
    with Records.open(place_in(tmp_path)) as records:
        rows = records.measurements()
        assert [row.images_kept for row in rows] == [0, 0]
        assert all(row.c1_m is not None for row in rows)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no shared locks there")
def test_a_disk_without_locks_leaves_no_file_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(_file: object, _how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    folder = ImageFolder(tmp_path / "images", "key")
    images = [("2026-11/a/pairs/1.mrc", frames()[0])]
    with monkeypatch.context() as patched:
        patched.setattr("fcntl.flock", refuses)
        for _ in range(2):
            with pytest.raises(KeepError, match="No locks available"):
                folder.write(images)
            gc.collect()  # a file that was left open would warn, and warnings are errors
            assert folder._lock is None
    assert len(folder.write(images)) == 1
    folder.close()
