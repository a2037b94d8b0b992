"""The journal: what is written is there, what is torn is dropped, and one process at a time writes."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from eucentric.errors import InputError, KeepError
from eucentric.focus.settings import CorrectionType
from eucentric.images.files import read_frame
from eucentric.images.frame import Frame
from eucentric.msi.found import Left
from eucentric.msi.journal import Journal
from eucentric.msi.known import Check
from eucentric.msi.outcome import Exposure, FocusFound, Status, UnitOutcome
from tests.msi.small import SMALL, begun

LEFT = Left("fa", (0.1e-3, 0.0), None, (0.01, -0.02), 1.0e-6, 0.5e-6, (1e-5, -1e-5), -2.5e-5, 0.1)
EXPOSURE = Exposure("ex", "images/A 1.mrc", (1e-6, 2e-6), 0.0, 12.5, 20e20, -1e-6, 1 / 3 * 1e-8, "")
FOUND = FocusFound((0.0, 1e-6), -2e-5, 0.0, "fa", 1 / 7 * 1e-6, -1e-9, 7e-9, 2e-9, 22e-9, -5e-7)
OUTCOME = UnitOutcome(
    "A 1", "A", Status.DONE, needs=(Check("height", 1e-6, None, "Look."),), found=FOUND, exposures=(EXPOSURE,)
)


def test_what_was_written_is_read_back_exactly(tmp_path: Path) -> None:
    with begun(tmp_path) as journal:
        journal.as_found(LEFT)
        journal.run(1.0)
        journal.restored()
        journal.spent("A 1", 5e20)
        journal.spent("A 1", 5e20)
        journal.lens_at("fa", 1e-6)
        journal.exposing("A 1", EXPOSURE)
        journal.confirmed(frozenset({CorrectionType.STAGE_Z}))
        journal.done(OUTCOME)
        written = journal.noted
    with Journal.open(tmp_path) as again:
        assert again.noted == written
        assert again.noted.application == SMALL
        assert again.noted.application.presets["ex"].model_fields_set == SMALL.presets["ex"].model_fields_set
        assert again.noted.outcomes == {"A 1": OUTCOME}
        assert (again.noted.spent, again.noted.frames) == ({"A 1": 10e20}, {"A 1": 2})
        assert (again.noted.first, again.noted.left, again.noted.runs) == (LEFT, LEFT, 1)
        assert again.noted.confirmed == {CorrectionType.STAGE_Z}


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_torn_last_line_is_dropped(tmp_path: Path, cut: int) -> None:
    with begun(tmp_path) as journal:
        journal.run(1.0)
        journal.done(OUTCOME)
    path = tmp_path / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    with Journal.open(tmp_path) as again:
        assert again.noted.outcomes == {}
        again.done(OUTCOME)
    with Journal.open(tmp_path) as last:
        assert last.noted.outcomes == {"A 1": OUTCOME}


def test_a_damaged_line_is_told(tmp_path: Path) -> None:
    with begun(tmp_path) as journal:
        journal.run(1.0)
    path = tmp_path / "journal.jsonl"
    whole = path.read_text()
    path.write_text(whole + "{oh\n" + '{"note": "restored"}\n')
    with pytest.raises(InputError, match="line 3"):
        Journal.open(tmp_path)
    path.write_text(whole + "{oh\n")  # the last one: nobody was told that it was written
    with Journal.open(tmp_path) as journal:
        assert journal.noted.runs == 1
    assert path.read_text() == whole


@pytest.mark.parametrize(
    "line",
    [
        '{"note": "sung"}',
        '{"note": "sung", "key": "A 1"}',
        '{"note": "run"}',
        '{"note": "confirmed", "channels": ["X"]}',
    ],
)
def test_what_is_not_understood_is_told(tmp_path: Path, line: str) -> None:
    begun(tmp_path).close()
    with (tmp_path / "journal.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(InputError, match="does not understand"):
        Journal.open(tmp_path)


def test_what_could_not_begin_leaves_nothing_and_takes_nothing_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "session"
    with begun(folder) as journal:
        with pytest.raises(InputError):  # another process, between a look at the folder and its journal
            begun(folder)
        journal.run(1.0)
    assert (folder / "journal.jsonl").stat().st_size
    (tmp_path / "journal.jsonl").touch()  # killed before its first line
    with begun(tmp_path) as journal:
        assert journal.noted.runs == 0
    monkeypatch.setattr("eucentric.msi.journal.to_toml", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        begun(tmp_path / "new")
    assert not list((tmp_path / "new").iterdir())


def test_whether_an_image_can_be_kept_is_known_before_it_is_exposed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with begun(tmp_path) as journal:
        journal.room_for(EXPOSURE.file, 1000)
        with pytest.raises(KeepError, match="Make room"):
            journal.room_for(EXPOSURE.file, 1 << 60)
        (tmp_path / EXPOSURE.file).touch()
        with pytest.raises(KeepError, match="Nothing was exposed"):
            journal.room_for(EXPOSURE.file, 1000)


def test_a_folder_without_a_session_and_one_with_another_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no session"):
        Journal.open(tmp_path)
    begun(tmp_path).close()
    with pytest.raises(InputError, match="holds a session already"):
        begun(tmp_path)


def test_one_writes_at_a_time(tmp_path: Path) -> None:
    with begun(tmp_path):
        for again in (Journal.open, begun):
            with pytest.raises(InputError, match="Another process"):
                again(tmp_path)
    Journal.open(tmp_path).close()


def test_an_image_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    pixels = np.arange(64 * 64, dtype=np.float32).reshape(64, 64)
    with begun(tmp_path) as journal:
        journal.keep(EXPOSURE.file, Frame(pixels, pixel_m=1e-10))
        assert np.array_equal(read_frame(tmp_path / EXPOSURE.file).pixels, pixels)
        with pytest.raises(KeepError, match="already"):
            journal.keep(EXPOSURE.file, Frame(pixels, pixel_m=1e-10))
        torn = tmp_path / "images" / ".torn-B 1.mrc"
        torn.write_bytes(b"half")
        assert journal.kept(EXPOSURE.file)
        assert not journal.kept("images/B 1.mrc")
        assert not torn.exists()


def test_a_disk_without_locks_is_not_taken_for_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(InputError, match="can't be locked"):
        begun(tmp_path)
