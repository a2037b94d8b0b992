"""`eucentric applications` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eucentric.cli.main import run
from eucentric.msi.shipped import SHIPPED, read_application, shipped_application, shipped_text


def ended(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as end:
        run(arguments)
    return int(end.value.code or 0)


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)


def test_the_list_shows_every_application_and_node_within_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["applications", "list"]) == 0
    out = capsys.readouterr().out
    for key in SHIPPED:
        assert key in out
        for node in shipped_application(key).nodes:
            assert node.name in out
    assert "focus at 45 deg" in out
    assert "-45 to 45 deg, each 3" in out
    assert max(len(line) for line in out.splitlines()) <= 80


def test_the_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["applications", "list", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in said] == list(SHIPPED)
    assert said[0]["application"]["nodes"][0]["targets"]["spacing_m"] == 85e-6


def test_what_is_shown_is_the_file_with_its_comments(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["applications", "show", "MSI-T"]) == 0
    assert capsys.readouterr().out == shipped_text("msi-t")


def test_a_copy_is_written_once_and_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["applications", "copy", "msi-rct"]) == 0
    assert "eucentric run --application msi-rct.toml" in capsys.readouterr().out
    assert Path("msi-rct.toml").read_text(encoding="utf-8") == shipped_text("msi-rct")
    assert ended(["applications", "copy", "msi-rct"]) == 2
    assert "nothing is written over" in capsys.readouterr().err
    assert ended(["applications", "show", "msi-rct.toml"]) == 0
    Path("shown.toml").write_text(capsys.readouterr().out, encoding="utf-8")
    assert read_application(Path("shown.toml")) == shipped_application("msi-rct")
    assert ended(["applications", "copy", "msi-rct.toml"]) == 0
    assert read_application(Path("msi-rct-copy.toml")) == shipped_application("msi-rct")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "msi-x"], "No application is called 'msi-x'. Did you mean msi-t? All of them: eucentric applicat"),
        (["show", "nope.toml"], "There is no file nope.toml."),
        (["copy", "msi-t", "mine.txt"], "Write for example mine.toml"),
        (["copy", "msi-t", "nowhere/mine.toml"], "can't be written"),
        (["show"], "Missing argument 'NAME'. See: eucentric applications show --help"),
    ],
)
def test_what_can_not_be_done_is_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert ended(["applications", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1
