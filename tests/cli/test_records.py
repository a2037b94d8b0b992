"""`eucentric records` as a user runs it."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from eucentric.cli.main import run
from eucentric.cli.records_wanted import moment
from eucentric.cli.records_words import not_done, session_table
from eucentric.errors import InputError
from eucentric.records.kept import KeptSession
from eucentric.records.place import Place
from eucentric.records.reading import Records
from eucentric.records.recorder import Recorder
from tests.records import made

NOW = datetime(2026, 11, 30, 22, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A run in focus, a refused one, and one that was cut off."""
    place = made.place_in(tmp_path_factory.mktemp("records"))
    with Recorder(place, say=made.never, instrument="simulated (seed 3)") as recorder:
        for told in (made.run((True, True)).events, made.run((True, False)).events, made.run().events[:8]):
            for event in told:
                recorder(event)
    return place


def _run(kept: Place | None, *arguments: str) -> int:
    where = [] if kept is None else ["--records", kept.database]
    with pytest.raises(SystemExit) as ended:
        run(["records", *arguments, *where])
    return int(ended.value.code or 0)


Capture = pytest.CaptureFixture[str]


def test_the_list_has_all_runs(kept: Place, capsys: Capture) -> None:
    assert _run(kept, "list") == 0
    out = capsys.readouterr().out
    assert "3 runs on simulated (seed 3), the newest first" in out
    for word in ("focused", "refused:", "false", "not ended", "Focus", "1 of 2"):
        assert word in out
    assert max(map(len, out.splitlines())) <= 80


def test_the_list_is_chosen(kept: Place, capsys: Capture) -> None:
    assert _run(kept, "list", "--refused", "--json") == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert (one["id"], one["status"], one["refused"]) == (2, "refused", 1)
    assert _run(kept, "list", "--instrument", "another", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []
    assert _run(kept, "list", "--instrument", "another") == 0
    assert "There is none of these" in capsys.readouterr().out
    assert _run(kept, "list", "--since", "1h", "--limit", "1", "--json") == 0
    assert [one["id"] for one in json.loads(capsys.readouterr().out)] == [3]
    assert _run(kept, "list", "--sessions", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []


def test_the_sessions_are_listed_in_80_columns() -> None:
    at = datetime(2026, 11, 30, 20, 0, tzinfo=UTC)
    one = KeptSession(1, "MSI-T small", "simulated (seed 3)", "runs/a", "0.1", at, at, 0.0, 9.0, 12, False, None, 4, 7)
    many = replace(one, id=2, units=1200, done=1070)
    screen = Console(file=io.StringIO(), width=80)
    with screen.capture() as got:
        screen.print(session_table([one, many]))
    assert "done  runs" in got.get()
    assert "7 of 12     4" in got.get()
    assert "1070 of     4" in got.get()


def test_a_folder_is_no_file_of_records(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for where in (".", str(tmp_path)):
        for command in (["records", "list"], ["records", "show", "1"], ["focus"]):
            with pytest.raises(SystemExit) as ended:
                run([*command, "--records", where])
            assert ended.value.code == 2
            err = " ".join(capsys.readouterr().err.split())
            assert f"'{where}' is a folder: give a file" in err
            assert "Traceback" not in err


def test_one_run_is_one_run(capsys: Capture, tmp_path: Path) -> None:
    place = made.place_in(tmp_path)
    with Recorder(place, say=made.never) as recorder:
        for event in made.run().events:
            recorder(event)
    assert _run(place, "list") == 0
    assert "1 run on" in capsys.readouterr().out


def test_a_run_is_shown_as_it_ended(kept: Place, capsys: Capture) -> None:
    assert _run(kept, "show", "1") == 0
    out = capsys.readouterr().out
    assert "Run 1: Focus on simulated (seed 3)" in out
    assert made.run().result.statement in " ".join(out.split())
    assert "Defocus" in out
    assert "Electrons spent: 10.0 e/Å²." in out
    assert re.search(r"Calibration of fa: tilt response \d+ d", out)
    assert max(len(line) for line in out.splitlines() if line.startswith(" ")) <= 80
    assert _run(kept, "show", "2") == 0
    out = capsys.readouterr().out
    assert "refused:" in out
    assert " ".join(out.split()).count(str(made.REFUSAL)) == 1


def test_a_run_for_programs(kept: Place, capsys: Capture) -> None:
    assert _run(kept, "show", "2", "--json") == 0
    body = json.loads(capsys.readouterr().out)
    assert body["status"] == "refused"
    assert [one["accepted"] for one in body["measurements"]] == [True, False]
    assert body["measurements"][0]["moved"]["arrived_m"] == -1.49e-6
    assert body["steps"][0]["status"] == "refused"
    assert body["settings"]["melt_time_s"] == 1.0
    assert body["found_as"]["preset"] == "fa"
    assert body["calibrations"]["fa"]["sources"][0]["taken"] == made.TAKEN.isoformat()


def test_one_row_for_each_measurement(kept: Place, capsys: Capture, tmp_path: Path) -> None:
    assert _run(kept, "csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["run_id"] for row in rows] == ["1", "1", "2", "2", "3"]
    assert [row["accepted"] for row in rows] == ["true", "true", "true", "false", ""]
    assert float(rows[0]["c1_m"]) == made.found().measurement.c1_m
    assert _run(kept, "csv", "--refused", "--out", str(tmp_path / "out.csv")) == 0
    assert "1 measurement in" in capsys.readouterr().out
    assert len(list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text())))) == 1
    assert _run(kept, "csv", "--out", str(tmp_path / "out.csv")) == 2
    assert "nothing is written over" in capsys.readouterr().err


def test_a_run_folder_is_made(kept: Place, capsys: Capture, tmp_path: Path) -> None:
    assert _run(kept, "export", "1", str(tmp_path / "one")) == 0
    assert "Figure" in capsys.readouterr().out
    names = {path.name for path in (tmp_path / "one").iterdir()}
    assert names == {"events.jsonl", "settings.toml", "result.json", "figure.png", "pairs"}
    assert _run(kept, "export", "1", str(tmp_path / "one")) == 2
    assert "already holds" in capsys.readouterr().err
    assert _run(kept, "export", "3", str(tmp_path / "three")) == 0  # it was cut off
    assert {path.name for path in (tmp_path / "three").iterdir()} == {"events.jsonl", "settings.toml", "pairs"}


def test_a_measurement_is_made_again(kept: Place, capsys: Capture, tmp_path: Path) -> None:
    figure = tmp_path / "again.png"
    assert _run(kept, "remeasure", "1", "--correlation", "phase", "--figure", str(figure)) in {0, 3}
    out = capsys.readouterr().out
    assert "matched" in out
    assert "phase" in out
    assert figure.stat().st_size > 0
    assert _run(kept, "remeasure", "1", "--overlap-min", "0.99", "--json") == 3
    body = json.loads(capsys.readouterr().out)
    assert body["changed"] == {"thresholds": {"overlap_min": 0.99}}
    assert body["kept"]["accepted"] is True
    assert body["now"]["reason_code"] == "OVERLAP"
    assert body["now"]["defocus_m"] == pytest.approx(body["kept"]["defocus_m"])


def test_a_measurement_is_made_again_as_other_settings_would(kept: Place, capsys: Capture, tmp_path: Path) -> None:
    settings = tmp_path / "mine.toml"
    settings.write_text('[[steps]]\nname = "fine"\npreset = "fa"\ncorrelation_type = "cross"\n', encoding="utf-8")
    assert _run(kept, "remeasure", "1", "--settings", str(settings), "--json") in {0, 3}
    assert json.loads(capsys.readouterr().out)["changed"]["method"] == "cross"
    assert _run(kept, "remeasure", "1", "--settings", "default") == 0  # it has a step of that name, too
    settings.write_text(
        '[[steps]]\nname = "a"\npreset = "fa"\n[[steps]]\nname = "b"\npreset = "fa"\n', encoding="utf-8"
    )
    assert _run(kept, "remeasure", "1", "--settings", str(settings)) == 2
    assert "has none of that name (it has: a, b)" in capsys.readouterr().err


def test_a_figure_of_what_was_measured(kept: Place, capsys: Capture, tmp_path: Path) -> None:
    assert _run(kept, "figure", "--since", "1h", "--out", str(tmp_path / "all.png")) == 0
    assert (tmp_path / "all.png").stat().st_size > 0
    assert _run(kept, "figure", "--session", "7", "--out", str(tmp_path / "none.png")) == 2
    assert "There is no session 7" in capsys.readouterr().err
    assert _run(kept, "figure", "--out", str(tmp_path / "a.doc")) == 2
    assert ".doc" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "99"], "There is no run 99"),
        (["show", "x"], "Invalid value for 'RUN'"),
        (["remeasure", "99"], "There is no measurement 99"),
        (["list", "--session", "44"], "See: eucentric records list --sessions"),
        (["list", "--since", "yesterday-ish"], "is no time. Write 2026-11-30"),
        (["remeasure", "1", "--odds-min", "0.5"], "odds_min can't be 0.5"),
        (["export", "99", "nowhere"], "There is no run 99"),
        (["csv", "--run", "99"], "There is no run 99"),
        (["csv", "--session", "9"], "There is no session 9"),
        (["list", "--sessions", "--node", "Focus"], "choose runs"),
    ],
)
def test_what_can_not_be_used_is_said(kept: Place, capsys: Capture, arguments: list[str], said: str) -> None:
    assert _run(kept, *arguments) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""
    assert not Path("nowhere").exists()


def test_targets_that_were_not_done_are_told_as_they_ended_last() -> None:
    ends = [("a", "done", ""), ("b", "interrupted", "Stopped."), ("c", "skipped", "Too dark."), ("b", "done", "")]
    told = [{"event": "UnitEnded", "outcome": {"key": k, "status": s, "why": w}} for k, s, w in ends]
    assert not_done([{"event": "SessionStarted"}, *told]) == ["c: skipped. Too dark."]


def test_no_records_yet(capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EUCENTRIC_RECORDS")
    assert _run(None, "list") == 2
    assert "There are no records at runs/records.sqlite. They are made by the first" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_times_as_people_write_them() -> None:
    assert moment("12h", NOW) == NOW - timedelta(hours=12)
    assert moment(" 3 d ", NOW) == NOW - timedelta(days=3)
    assert moment("2026-11-29", NOW) == datetime(2026, 11, 29, tzinfo=UTC)
    assert moment("2026-11-29 14:00", NOW) == datetime(2026, 11, 29, 14, tzinfo=UTC)
    assert moment("2026-11-29T14:00+02:00", NOW) == datetime(2026, 11, 29, 12, tzinfo=UTC)
    for wrong in ("", "3 weeks", "2026-13-40", "999999999999d"):
        with pytest.raises(InputError, match="is no time"):
            moment(wrong, NOW)


def test_what_the_readme_shows_can_be_typed(capsys: Capture) -> None:
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    lines = [line.partition("#")[0].split() for line in readme.splitlines() if line.startswith("eucentric records ")]
    assert {words[2] for words in lines} == {"list", "show", "remeasure", "figure", "csv", "export"}
    for words in lines:
        assert _run(None, words[2], "--help") == 0
        known = capsys.readouterr().out
        assert all(word in known for word in words if word.startswith("--"))


def test_a_table_into_a_folder_that_is_not_there_is_refused(
    kept: Place, capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is read for it, and no folder is made."""
    monkeypatch.setattr(Records, "measurements", None)
    assert _run(kept, "csv", "--out", str(tmp_path / "none" / "table.csv")) == 2
    assert "none is not there" in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []
