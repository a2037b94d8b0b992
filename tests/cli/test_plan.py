"""`eucentric plan`."""

from __future__ import annotations

import json

import pytest

from eucentric.cli.main import run
from eucentric.focus.toml import read_settings
from eucentric.optimize.instrument import instrument_of

EXAMPLE = ["plan", "--rules", "classic", "--start-um", "500", "--accuracy-um", "0.1"]
EXAMPLE += ["--tilt-max-mrad", "10", "--camera", "4096"]


def test_the_worked_example_is_printed(capsys):
    with pytest.raises(SystemExit) as end:
        run(EXAMPLE)
    text = capsys.readouterr().out
    assert end.value.code == 0
    for number in ("102.4 µm", "25.6 µm", "20 nm", "1 nm", "2 µm", "0.1 µm", "stage Z", "defocus"):
        assert number in text


def test_json_is_all_that_is_printed(capsys):
    with pytest.raises(SystemExit):
        run([*EXAMPLE, "--json"])
    steps = json.loads(capsys.readouterr().out)["steps"]
    assert [step["correct_by"] for step in steps] == ["stage Z", "defocus"]
    assert [step["pixel_m"] for step in steps] == pytest.approx([20e-9, 1e-9])


@pytest.mark.parametrize(
    "options", [["--start-um", "nan"], ["--camera", "1"], ["--tilt-max-mrad", "0"], ["--accuracy-um", "much"]]
)
def test_impossible_numbers_end_with_a_sentence(capsys, options):
    with pytest.raises(SystemExit) as end:
        run(["plan", *options])
    captured = capsys.readouterr()
    assert end.value.code == 2
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1


def test_a_plan_by_physics_has_a_sequence_and_a_picture(capsys, tmp_path):
    sequence, figure = tmp_path / "planned.toml", tmp_path / "plan.png"
    with pytest.raises(SystemExit) as end:
        run(["plan", "--kv", "200", "--cs", "2.7", "--out", str(sequence), "--figure", str(figure), "--json"])
    assert end.value.code == 0
    told = json.loads(capsys.readouterr().out)
    assert told["steps"][-1]["leaves_m"] <= 0.1e-6
    assert all(step["budget_m"] for step in told["steps"])
    assert [s.preset for s in read_settings(sequence).sequence.steps] == [s["preset"] for s in told["steps"]]
    assert figure.stat().st_size > 10_000


def test_an_instrument_is_copied_and_planned_for(capsys, tmp_path):
    mine = tmp_path / "mine.toml"
    with pytest.raises(SystemExit) as end:
        run(["plan", "--instrument", "300kv-autoloader", "--copy-instrument", str(mine)])
    assert end.value.code == 0
    assert f"--instrument {mine}" in capsys.readouterr().out
    assert instrument_of(str(mine)) == instrument_of("300kv-autoloader")


@pytest.mark.parametrize(
    "options",
    [
        ["--rules", "classic", "--kv", "300"],
        ["--rules", "classic", "--verify", "3"],
        ["--image", "1024"],
        ["--scheduler", "tcp://127.0.0.1:8786"],
    ],
)
def test_an_option_that_does_nothing_is_said(capsys, options):
    with pytest.raises(SystemExit) as end:
        run(["plan", *options])
    assert end.value.code == 2
    assert "does nothing with" in capsys.readouterr().err


def test_a_plan_takes_what_calibrations_measured(capsys, tmp_path):
    """Of a simulated microscope, measured by the command."""
    store = tmp_path / "store"
    calibrate = ["calibrate", "tilt", "--preset", "hl", "--seed", "1", "--size", "256", "--store", str(store), "--json"]
    with pytest.raises(SystemExit):
        run(calibrate)
    sigma = json.loads(capsys.readouterr().out)["quantity"]["scale_sigma"]
    plan = ["plan", "--start-um", "50", "--accuracy-um", "1", "--steps", "1", "--calibrations", str(store)]
    with pytest.raises(SystemExit) as end:
        run([*plan, "--json"])
    assert end.value.code == 0
    came = json.loads(capsys.readouterr().out)["from_calibrations"]
    assert came["of"] == "simulated (seed 1)"
    assert came["numbers"]["errors.tilt_scale"] == pytest.approx(sigma)
    with pytest.raises(SystemExit):
        run(plan)
    said = capsys.readouterr().out
    assert said.startswith(f"From calibrations of simulated (seed 1): tilt scale {sigma * 100:.2g} %")
    assert "Not calibrated: sq, fc, fa" in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--calibrations", "nowhere"], "There is no folder nowhere with calibrations"),
        (["--calibrations-of", "mine"], "does nothing without --calibrations"),
        (["--rules", "classic", "--calibrations", "nowhere"], "does nothing with --rules classic"),
        (["--rules", "classic", "--instrument", "300kv-autoloader"], "--instrument does nothing with --rules classic"),
        (["--rules", "classic", "--probability", "0.9"], "--probability does nothing with --rules classic"),
        (["--rules", "classic", "--for", "time"], "--for does nothing with --rules classic"),
        (["--rules", "classic", "--steps", "2"], "--steps does nothing with --rules classic"),
    ],
)
def test_what_does_nothing_is_a_sentence(capsys, options, words):
    with pytest.raises(SystemExit) as end:
        run(["plan", *options])
    assert end.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "said"),
    [("--out none/planned.toml", "none is not there"), ("--out planned.txt", "TOML"), ("--figure none", "no ending")],
)
def test_where_nothing_can_be_written_is_said_before_anything_is_planned(capsys, tmp_path, monkeypatch, given, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("eucentric.optimize.planning.plan.plan", None)
    with pytest.raises(SystemExit) as end:
        run(["plan", *given.split()])
    assert end.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert said in told.err
