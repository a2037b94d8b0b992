"""Images of focus targets that were refused are kept, and what is said is in a log; a full disk hurts nobody."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from eucentric.cli.session_kept import SessionKept, kept_images
from eucentric.cli.session_log import SessionLog
from eucentric.errors import InputError
from eucentric.focus.events import FrameTaken
from eucentric.images.files import read_frame
from eucentric.images.frame import Frame
from eucentric.msi.events import UnitBegan, UnitEnded
from eucentric.msi.outcome import Status, UnitOutcome
from eucentric.msi.units import units

from . import made_session as made

APPLICATION = made.application()
FOCUS = next(unit for unit in units(APPLICATION) if unit.node == "Focus")


def _frame(value: int) -> Frame:
    pixels = np.full((32, 32), value, np.float32)
    pixels[0, 0] = -1
    return Frame(pixels)


def _measured(kept: SessionKept, values: list[int], *, step: str = "fine") -> None:
    for index, value in enumerate(values):
        kept(FrameTaken(0.0, step, 0, index, _frame(value)))


def _ended(status: Status) -> UnitEnded:
    return UnitEnded(0.0, UnitOutcome(FOCUS.key, FOCUS.node, status, "Nothing in common."))


@pytest.mark.parametrize("status", [Status.REFUSED, Status.FAILED])
def test_the_images_of_the_last_measurement_are_kept(tmp_path: Path, status: Status) -> None:
    said: list[str] = []
    kept = SessionKept(APPLICATION, tmp_path, said.append)
    kept(UnitBegan(0.0, FOCUS))
    _measured(kept, [1, 2, 3, 4], step="approach")
    _measured(kept, [5, 6])
    kept(UnitBegan(0.0, FOCUS))  # begun anew: it fails before it has an image
    kept(_ended(status))
    place = f"refused/{FOCUS.key}"
    assert sorted(path.name for path in (tmp_path / place).iterdir()) == ["fine 1.mrc", "fine 2.mrc"]
    assert read_frame(tmp_path / place / "fine 2.mrc").pixels[1, 1] == 6
    assert str(tmp_path / place) in said[0]
    assert kept_images(tmp_path, [_ended(status).outcome]) == {FOCUS.key: place}


def test_of_what_is_done_nothing_is_kept(tmp_path: Path) -> None:
    kept = SessionKept(APPLICATION, tmp_path, print)
    kept(UnitBegan(0.0, FOCUS))
    _measured(kept, [1, 2])
    kept(_ended(Status.DONE))
    kept(_ended(Status.REFUSED))  # another one, without an image
    assert list(tmp_path.iterdir()) == []
    assert kept_images(tmp_path, [_ended(Status.REFUSED).outcome]) == {}


def test_a_full_disk_is_told_once_and_the_session_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise InputError("x.mrc can't be written: No space left on device.")

    monkeypatch.setattr("eucentric.cli.session_kept.write_frame", full)
    said: list[str] = []
    kept = SessionKept(APPLICATION, tmp_path, said.append)
    for _ in range(2):
        kept(UnitBegan(0.0, FOCUS))
        _measured(kept, [1, 2])
        kept(_ended(Status.REFUSED))
    assert len(said) == 1
    assert "No space left" in said[0]


def test_the_log_has_the_time_of_each_line_and_is_appended_to(tmp_path: Path) -> None:
    for hour in (3, 4):
        now = datetime(2026, 1, 2, hour, 5, 6, tzinfo=UTC)
        assert SessionLog(tmp_path, now=lambda now=now: now).write("one\n  two\n") == ""
    assert (tmp_path / "session.log").read_text(encoding="utf-8").splitlines() == [
        "2026-01-02 03:05:06  one",
        "2026-01-02 03:05:06    two",
        "2026-01-02 04:05:06  one",
        "2026-01-02 04:05:06    two",
    ]


def test_a_log_that_can_not_be_written_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "session.log").mkdir()
    log = SessionLog(tmp_path)
    assert "can't be written" in log.write("one")
    assert log.write("two") == ""
