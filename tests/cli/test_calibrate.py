"""`eucentric calibrate` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eucentric.cli.main import run

SMALL = ["--seed", "1", "--size", "128"]
NAME = "simulated (seed 1)"


def _run(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        run(arguments)
    return int(ended.value.code or 0)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with tilt responses of the presets `hl` and `fa`, as if measured."""
    from eucentric.calibration.record import optics_of
    from eucentric.calibration.store import CalibrationStore
    from eucentric.microscope.registry import open_microscope

    from ..calibration.kept import record, response

    scope = open_microscope("simulated", seed=1)
    kept = CalibrationStore(tmp_path / "store")
    for preset, turn in (("hl", 1j), ("fa", 1 + 0j)):
        optics = optics_of(scope, preset)
        kept.keep(record(response(optics, turn), optics, instrument=NAME))
    return kept.folder


def test_list_shows_what_there_is_and_warns_of_what_is_old_or_damaged(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (store / "broken.json").write_text("{", encoding="utf-8")
    assert _run(["calibrate", "list", "--store", str(store), "--max-age", "0.001"]) == 0
    said = capsys.readouterr()
    assert NAME in said.out
    assert "tilt response" in said.out
    assert "green" in said.out
    assert "broken.json" in said.err
    assert _run(["calibrate", "list", "--store", str(store), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2


def test_an_empty_store_says_how_to_begin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["calibrate", "list", "--store", str(tmp_path / "none")]) == 0
    assert "eucentric calibrate all" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_missing_one_is_an_error_that_names_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["calibrate", "coma-free", *SMALL, "--store", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.strip().endswith(f"Measure it: eucentric calibrate tilt --preset fa --seed 1 --store {tmp_path}")
    assert _run(["check", *SMALL, "--store", str(tmp_path)]) == 2
    assert "eucentric calibrate tilt --preset fa" in capsys.readouterr().err


def test_transfer_by_the_calibrated_rotation_and_by_a_given_one(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """hl is a quarter turn ahead of fa; what is carried from hl to sq is turned by what is given."""
    path = str(store)
    assert (
        _run(["calibrate", "transfer", "tilt", "--from", "hl", "--to", "fa", "--seed", "1", "--store", path, "--json"])
        == 0
    )
    there = json.loads(capsys.readouterr().out)
    assert there["transferred"] is True
    pixel = there["optics"]["pixel_m"]
    matrix = [[value * pixel for value in row] for row in there["quantity"]["matrix_px_per_rad_m"]]
    assert matrix[0] == pytest.approx([1.0, 0.0], abs=1e-9)
    asked = ["calibrate", "transfer", "tilt", "--from", "hl", "--to", "sq", "--seed", "1", "--store", path]
    assert _run(asked) == 2
    assert "eucentric calibrate tilt --preset sq" in capsys.readouterr().err
    assert _run([*asked, "--rotation", "-90 deg"]) == 0
    assert "rotation: 0.0 ± 1.0°" in capsys.readouterr().out
    assert _run(["calibrate", "transfer", "nothing", "--from", "hl", "--to", "sq"]) == 2
    assert "There is no calibration 'nothing'" in capsys.readouterr().err


def test_measure_one_with_figure_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At the low magnification, where small images reach anywhere."""
    store, figure = tmp_path / "store", tmp_path / "mine.png"
    arguments = ["calibrate", "tilt", "--preset", "hl", "--seed", "1", "--size", "256", "--store", str(store)]
    code = _run([*arguments, "--figure", str(figure), "--json"])
    said = json.loads(capsys.readouterr().out)
    assert code == (3 if said["level"] == "red" else 0)
    assert said["quantity"]["kind"] == "tilt response"
    assert said["instrument"] == NAME
    assert (store / said["figure"]).stat().st_size > 0
    assert figure.stat().st_size > 0


def test_a_figure_of_an_unknown_kind_is_refused_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["calibrate", "tilt", *SMALL, "--figure", "mine.bmp", "--store", str(tmp_path / "store")]) == 2
    assert ".bmp" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
