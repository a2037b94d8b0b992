"""`eucentric focus` as a user runs it."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from eucentric.cli.main import run


def _run(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        run(arguments)
    return int(ended.value.code or 0)


def test_json_folder_and_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    code = _run(["focus", "--seed", "3", "--json", "--out", str(folder)])
    said = json.loads(capsys.readouterr().out)
    assert code == (0 if said["focused"] else 3)
    assert said["focused"] is True
    assert abs(said["true_residual_m"]) < said["stated_error_m"]
    names = {p.name for p in folder.iterdir()}
    assert names == {"events.jsonl", "settings.toml", "result.json", "figure.png", "pairs"}
    images = sum(
        line.startswith('{"event": "FrameTaken"') for line in (folder / "events.jsonl").read_text("utf-8").splitlines()
    )
    assert len(list((folder / "pairs").glob("*.mrc"))) == images > 0


def test_measuring_only_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EUCENTRIC_RECORDS")
    assert _run(["focus", "--seed", "3", "--measure-only", "--figure", "mine.png"]) in {0, 3}
    out = capsys.readouterr().out
    assert "corrected Stage Z" not in out
    assert "True residual" in out
    assert (tmp_path / "mine.png").stat().st_size > 0
    assert {p.name for p in (tmp_path / "runs").iterdir()} == {"records.sqlite", "records-images"}
    assert "Run 1 in runs/records.sqlite: eucentric records show 1" in out
    assert "Run folder" not in out
    assert "measured at −20.000 µm" in out
    assert "−20" in next(line for line in out.splitlines() if line.strip().startswith("coarse"))


def test_a_folder_in_use_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("kept", encoding="utf-8")
    assert _run(["focus", "--out", str(tmp_path)]) == 2
    assert "mine.txt" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_a_request_to_terminate_is_answered_with_what_was_restored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("eucentric.records.image_files.write_frame", stopped)
    assert _run(["focus", "--json", "--out", str(tmp_path / "run"), "--records", str(tmp_path / "a.sqlite")]) == 130
    said = capsys.readouterr()
    assert said.out == ""
    where = f"Run folder: {tmp_path / 'run'} Run 1 in {tmp_path / 'a.sqlite'}: eucentric records show 1"
    assert said.err.splitlines()[0] == f"Stopped. Beam tilt and preset restored. {where}"
    assert {p.name for p in (tmp_path / "run").iterdir()} == {"events.jsonl", "settings.toml", "pairs"}
