"""`eucentric sequences` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eucentric.cli.main import run
from eucentric.focus.shipped import SHIPPED
from eucentric.focus.toml import read_settings


def ended(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as end:
        run(arguments)
    return int(end.value.code or 0)


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)


def test_the_list_shows_every_sequence_and_step_within_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["sequences", "list"]) == 0
    out = capsys.readouterr().out
    for one in SHIPPED:
        assert one.key in out
        for step in one.settings.sequence.steps:
            assert (step.name if step.switch else f"({step.name})") in out
    assert max(len(line) for line in out.splitlines()) <= 80


def test_the_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["sequences", "list", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in said] == [one.key for one in SHIPPED]
    assert said[1]["settings"]["sequence"]["steps"][0]["tilt_rad"] == 5e-3


@pytest.mark.parametrize("options", [[], ["--short"]])
def test_what_is_shown_can_be_used(capsys: pytest.CaptureFixture[str], options: list[str]) -> None:
    assert ended(["sequences", "show", "focus", *options]) == 0
    Path("shown.toml").write_text(capsys.readouterr().out, encoding="utf-8")
    assert read_settings(Path("shown.toml")) == SHIPPED[1].settings


def test_a_copy_is_written_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["sequences", "copy", "Focus"]) == 0
    assert "eucentric focus --settings focus.toml" in capsys.readouterr().out
    assert read_settings(Path("focus.toml")) == SHIPPED[1].settings
    Path("focus.toml").write_text("mine", encoding="utf-8")
    assert ended(["sequences", "copy", "Focus"]) == 2
    assert "nothing is written over" in capsys.readouterr().err
    assert Path("focus.toml").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "nope"], "No sequence is called 'nope'. There are: z-focus-then-focus, focus, z-focus-beam-tilt, "),
        (["show", "nope.toml"], "There is no file nope.toml."),
        (["copy", "focus", "focus.txt"], "Write for example focus.toml"),
        (["copy", "focus", "nowhere/focus.toml"], "can't be written"),
        (["show"], "Missing argument 'NAME'. See: eucentric sequences show --help"),
    ],
)
def test_what_can_not_be_done_is_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert ended(["sequences", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1


def test_without_a_command_it_helps(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["sequences"]) == 0
    captured = capsys.readouterr()
    assert "copy" in captured.out + captured.err
