"""`eucentric plan`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eucentric.cli.main import run
from eucentric.cli.plan_verify import trial_of
from eucentric.focus.toml import read_settings
from eucentric.optimize.instrument import instrument_of, shipped_text
from eucentric.optimize.trials.spread import Ended, Spread
from eucentric.optimize.trials.trial import Trial
from tests.optimize.tiny import OPTIONS

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
        ["--copy-instrument", "mine.toml", "--calibrations", "nowhere"],
        ["--copy-instrument", "mine.toml", "--verify", "5"],
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
    [
        ("--out none/planned.toml", "none is not there"),
        ("--out planned.txt", "TOML"),
        ("--out=", "Write for example mine.toml"),
        ("--figure none", "no ending"),
    ],
)
def test_where_nothing_can_be_written_is_said_before_anything_is_planned(capsys, tmp_path, monkeypatch, given, said):
    monkeypatch.chdir(tmp_path)
    for name in ("plan", "front"):
        monkeypatch.setattr(f"eucentric.optimize.planning.plan.{name}", None)
    with pytest.raises(SystemExit) as end:
        run(["plan", *given.split()])
    assert end.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert said in told.err


def test_trials_stand_beside_what_was_predicted(capsys):
    with pytest.raises(SystemExit) as end:
        run(["plan", *OPTIONS, "--verify", "2", "--json"])
    assert end.value.code == 0
    told = json.loads(capsys.readouterr().out)
    came = told["verified"]
    assert (came["trials"], came["trials_asked"], came["stopped"]) == (2, 2, "")
    assert [one["seed"] for one in came["trials_by_seed"]] == [0, 1]
    assert all(abs(one["end_m"]) < 1e-6 for one in came["trials_by_seed"])
    assert came["within"] == 2
    # Clopper and Pearson: at the lower bound two of two have a chance of 2.5 %.
    assert came["low"] == pytest.approx(0.025**0.5)
    assert came["high"] == 1.0


def test_stopped_trials_and_a_file_that_fails_cost_nothing_of_what_is_told(capsys, tmp_path, monkeypatch):
    def stopped(jobs, *, on, tell):  # as spread ends after the first trial and a Ctrl-C
        one = Ended(0, jobs[0], Trial(0, 5e-6, 0.2e-6, 1e20, 10.0, looks=2, said=True))
        tell(trial_of(one))
        return Spread((one,), len(jobs), "Stopped", by_user=True)

    monkeypatch.setattr("eucentric.cli.plan_verify.run_trials", stopped)
    figure = tmp_path / "plan.png"
    if Path("/dev/full").exists():
        figure.symlink_to("/dev/full")
    with pytest.raises(SystemExit) as end:
        run(["plan", *OPTIONS, "--verify", "50", "--figure", str(figure)])
    assert end.value.code == 130
    captured = capsys.readouterr()
    assert "Within 1 µm: 1 of 1" in captured.out
    assert "Stopped: 1 of 50 trials were done" in captured.err
    assert not Path("/dev/full").exists() or "plan.png can't be written" in captured.err


def test_a_cluster_that_is_not_there_is_said_before_anything_is_planned(capsys, monkeypatch):
    monkeypatch.setattr("eucentric.optimize.planning.plan.front", None)
    with pytest.raises(SystemExit) as end:
        run(["plan", *OPTIONS, "--verify", "2", "--scheduler", "tcp://127.0.0.1:1", "--json"])
    assert end.value.code == 2
    assert "127.0.0.1:1" in capsys.readouterr().err


def test_a_plan_is_told_where_no_trial_was_done(capsys, monkeypatch):
    def interrupted(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("eucentric.cli.plan_verify.run_trials", interrupted)
    with pytest.raises(SystemExit) as end:
        run(["plan", *OPTIONS, "--verify", "2", "--json"])
    assert end.value.code == 130
    captured = capsys.readouterr()
    assert json.loads(captured.out)["verified"] is None
    assert "0 of 2 trials were done" in captured.err


def test_a_camera_of_which_no_image_is_tried_is_a_sentence(capsys):
    with pytest.raises(SystemExit) as end:
        run(["plan", "--camera", "100"])
    assert end.value.code == 2
    assert "A camera of 100 pixels has no image of 256 to 2048" in capsys.readouterr().err


def test_a_limit_of_the_coils_that_leaves_no_tilt_is_a_sentence(capsys, tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text(shipped_text("200kv-side-entry").replace('tilt_max = "20 mrad"', 'tilt_max = "2 mrad"'))
    with pytest.raises(SystemExit) as end:
        run(["plan", "--instrument", str(mine)])
    assert end.value.code == 2
    assert "no tilt is left. Give 2.5 mrad or more" in capsys.readouterr().err
