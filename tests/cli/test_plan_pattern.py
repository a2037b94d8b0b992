"""`eucentric plan --optimal-pattern`."""

from __future__ import annotations

import json
import re

import pytest

from eucentric.cli.main import run
from eucentric.focus.patterns import PatternName
from eucentric.focus.toml import read_toml

OF_FA = ["plan", "--optimal-pattern", "--preset", "fa", "--tilt-max-mrad", "10"]
STEP = '[[steps]]\nname = "one"\npreset = "fa"\n'


def _printed(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    with pytest.raises(SystemExit) as end:
        run([*OF_FA, *options])
    captured = capsys.readouterr()
    assert end.value.code == 0, captured.err
    return captured.out


def test_the_usual_patterns_and_the_best_are_compared(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    out = _printed(capsys, "--images", "4", "--aim", "c1+a1")
    for name in (*PatternName, "best of 4"):
        assert f"│ {name} " in out
    assert "Tilts for defocus and astigmatism on 200 kV side entry: fa bin 4, 1024 of 0.3 nm" in out
    assert "4 images: at best" in out


def test_no_name_that_would_be_typed_is_cut_on_a_narrow_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    out = _printed(capsys, "--images", "4", "--aim", "c1+a1")
    assert "…" not in out
    for name in (*PatternName, "best of 4"):
        assert f"│ {name} " in out


def test_what_is_found_are_tilts_of_a_step_that_focusing_compares(capsys):
    out = _printed(capsys, "--images", "6", "--aim", "c1+a1")
    (snippet,) = re.findall(r"^tilts = .*$", out, re.MULTILINE)
    (step,) = read_toml(f"{STEP}{snippet}\n").sequence.steps
    plan = step.beam_tilts()
    assert plan.images == 6
    assert plan.directions > 1
    found = json.loads(_printed(capsys, "--images", "6", "--aim", "c1+a1", "--json"))["patterns"][-1]
    # Written to a microradian.
    assert [list(t) for t in plan.tilts] == [pytest.approx(t, abs=1e-6) for t in found["tilts_rad"]]
    assert [list(link) for link in plan.links] == found["compared"]


def test_json_is_all_that_is_printed_and_is_the_same_every_time(capsys):
    first, second = (_printed(capsys, "--images", "4", "--json") for _ in range(2))
    assert first == second
    told = json.loads(first)
    assert told["aim"] == "c1"
    assert [one["usual"] for one in told["patterns"]] == [True] * len(PatternName) + [False]
    best = told["patterns"][-1]
    same = [one for one in told["patterns"] if one["images"] <= 4]
    assert best["error_m"] == pytest.approx(min(one["error_m"] for one in same))
    assert best["error_m"] == pytest.approx(best["c1_total_m"])
    assert max(one["efficiency"] for one in told["patterns"]) == 1.0


def test_the_axis_is_for_a_script(capsys, tmp_path):
    picture = tmp_path / "patterns.png"
    out = _printed(capsys, "--images", "4", "--aim", "c1+a1+coma", "--figure", str(picture))
    assert "tilts = [" not in out
    assert picture.stat().st_size > 10_000
    assert f"Figure: {picture}" in out


def test_without_a_preset_it_is_that_of_the_plans_last_step(capsys):
    with pytest.raises(SystemExit) as end:
        run(["plan", "--optimal-pattern", "--images", "2", "--json", "--start-um", "100"])
    assert end.value.code == 0
    told = json.loads(capsys.readouterr().out)
    assert told["start_m"] > 0.1e-6  # what the step before leaves must be found
    assert 0 < told["c1_sigma_m"] < told["start_m"]
    assert told["preset"] in ("hl", "fc", "fa")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--optimal-pattern", "--images", "3", "--preset", "fa"], "even number"),
        (["--optimal-pattern", "--preset", "xx"], "There are: sq, hl"),
        (["--optimal-pattern", "--rules", "classic"], "knows no patterns"),
        (["--optimal-pattern", "--verify", "3"], "--verify does nothing with"),
        (["--optimal-pattern", "--out", "a.toml"], "--out does nothing with"),
        (["--aim", "c1"], "--aim does nothing without"),
    ],
)
def test_what_can_not_be_is_a_sentence(capsys, options, words):
    with pytest.raises(SystemExit) as end:
        run(["plan", *options])
    captured = capsys.readouterr()
    assert end.value.code == 2
    assert captured.out == ""
    assert words in captured.err
    assert len(captured.err.splitlines()) == 1
