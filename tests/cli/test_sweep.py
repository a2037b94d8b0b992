"""`eucentric sweep`."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from eucentric.cli.main import run
from tests.optimize.tiny import OPTIONS


def _ended(arguments):
    with pytest.raises(SystemExit) as end:
        run(["sweep", *arguments])
    return end.value.code


def test_a_map_of_a_step_with_trials_is_a_table_a_picture_and_json(capsys, tmp_path):
    table, figure = tmp_path / "map.csv", tmp_path / "map.png"
    over = ["--over", "tilt=2,14mrad", "--over", "pattern=pair,cross quad", "--trials", "1"]
    files = ["--out", str(table), "--figure", str(figure)]
    assert _ended([*over, *OPTIONS, *files, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [axis["setting"] for axis in told["over"]] == ["tilt_rad", "pattern"]
    assert told["over"][0]["values"] == pytest.approx([2e-3, 14e-3])
    assert told["over"][1]["chosen"] in {"pair", "quad", "cross quad"}
    assert (told["step"], told["stopped"]) == ("Focus", "")
    assert len(told["points"]) == 4
    there = [point for point in told["points"] if not point["why"]]
    assert there
    assert all(point["range_m"] > 0 and point["trials"] == 1 and 0 <= point["rate"] <= 1 for point in there)
    assert told["done"] == f"{len(there)} of {len(there)} trials"
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert [row["pattern"] for row in rows] == ["pair", "pair", "cross quad", "cross quad"]
    assert [float(row["tilt_rad"]) for row in rows] == pytest.approx([2e-3, 14e-3] * 2)
    assert figure.stat().st_size > 10_000


def test_a_map_of_plans_tells_where_there_is_none(capsys):
    over = ["--over", "start=10,4000um", "--over", "accuracy=0.001,1um"]
    assert _ended([*over, *OPTIONS]) == 0
    out = capsys.readouterr().out
    assert "4 points on" in out
    assert "plans made for each point" in out
    assert "* nearest to the chosen plan: start 10 µm, accuracy 1000 nm." in out
    assert "– at start 4000 µm" in out
    assert "points ━" not in out  # no bar where there is no terminal


def test_a_map_without_any_point_is_a_sentence(capsys):
    over = ["--over", "start=3000,4000um", "--over", "accuracy=0.001,0.002um"]
    assert _ended([*over, *OPTIONS, "--json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("No point of the map has anything to show. At its first: ")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "Missing option '--over'"),
        (["--over", "tilt=1..2mrad"], "two settings"),
        (["--over", "tilt=1..2mrad", "--over", "bining"], "Did you mean binning"),
        (["--over", "tilt=1..2mrad", "--over", "binning", "--out", "map.txt"], "map.csv"),
        (["--over", "tilt=1..2mrad", "--over", "binning", "--figure", "map.txt"], "Use .png"),
        (["--over", "tilt=1..2mrad", "--over", "binning", "--out", "nowhere/map.csv"], "nowhere is not there"),
        (
            ["--over", "tilt=1..2mrad", "--over", "binning", "--figure", f"{__file__}/map.png"],
            "test_sweep.py is no folder",
        ),
        (["--over", "tilt=1..2mrad", "--over", "binning", "--instrument", "mine"], "No instrument is called 'mine'"),
        (["--over", "tilt=1..2mrad", "--over", "lens.hysteresis=0,1"], "it must be at least 0 and at most 0.2"),
    ],
)
def test_bad_options_end_with_a_sentence(options, told, capsys):
    assert _ended(options) == 2
    captured = capsys.readouterr()
    assert told in captured.err
    assert len(captured.err.splitlines()) == 1


def test_a_cluster_that_is_not_there_is_said(capsys):
    assert _ended(["--over", "tilt=1..2mrad", "--over", "binning", *OPTIONS, "--scheduler", "here"]) == 2
    assert "No Dask scheduler answers at here" in capsys.readouterr().err


def test_a_file_is_not_written_over(capsys, tmp_path):
    there = tmp_path / "map.csv"
    there.write_text("mine", encoding="utf-8")
    assert _ended(["--over", "tilt=1..2mrad", "--over", "binning", "--out", str(there)]) == 2
    assert "nothing is written over" in capsys.readouterr().err
    assert there.read_text(encoding="utf-8") == "mine"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_files_that_can_not_be_written_do_not_cost_the_map(capsys, tmp_path):
    table, figure = tmp_path / "map.csv", tmp_path / "map.png"
    table.symlink_to(tmp_path / "gone" / "map.csv")
    figure.symlink_to("/dev/full")
    over = ["--over", "tilt=2,14mrad", "--over", "pattern=pair,quad"]
    assert _ended([*over, *OPTIONS, "--out", str(table), "--figure", str(figure), "--json"]) == 2
    captured = capsys.readouterr()
    assert len(json.loads(captured.out)["points"]) == 4
    assert "map.csv can't be written" in captured.err
    assert "map.png can't be written" in captured.err
