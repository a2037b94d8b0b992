"""`eucentric tune` as it is typed: on the simulated microscope, from run folders, with marks; and its sentences."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from eucentric.cli.main import run
from eucentric.errors import InputError
from eucentric.focus.toml import read_settings, read_toml
from eucentric.images.frame import Frame
from eucentric.microscope.simulated.microscope import SimulatedMicroscope
from eucentric.optimize.tuning.chi_square import limit_at
from eucentric.records.kept import Wanted
from eucentric.records.place import Place
from eucentric.records.reading import Records

MINE = """# my own settings
[[steps]]
name = "coarse"
preset = "hl"
tilt = "4 mrad"
correction_type = "Stage Z"
offset = "-20 um"
tolerance = "1 um"
looks_min = 1
settle = "5 s"

[[steps]]
name = "Focus"  # the one
preset = "fa"
offset = "-0.5 um"
tolerance = "25 nm"
fit_limit = 1000.0

[[steps]]
name = "look"
preset = "fc"
focus_method = "Manual"
"""
REPEATS = 8


def _ended(*options: str) -> object:
    with pytest.raises(SystemExit) as end:
        run(["tune", *options])
    return end.value.code


@dataclass(frozen=True, slots=True)
class Made:
    """A folder with settings, tuned ones, a figure and a run folder; and the records with the run of the repeats."""

    folder: Path
    records: str
    run: str

    @property
    def stored(self) -> list[str]:
        """The options that tune from it."""
        return ["--from", self.run, "--records", self.records]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Repeats, tuned settings and a figure, all made by one command."""
    folder = tmp_path_factory.mktemp("tune")
    (folder / "mine.toml").write_text(MINE, encoding="utf-8")
    names = {"--settings": "mine.toml", "--run-folder": "run", "--out": "tuned.toml", "--figure": "tune.png",
             "--records": "records.sqlite"}  # fmt: skip
    files = [word for option, name in names.items() for word in (option, str(folder / name))]
    live = ["--seed", "3", "--size", "256", "--focus-first", "--repeats", str(REPEATS)]
    assert _ended(*files, *live, "--step", "Focus", "--blanks", "20") == 0
    return Made(folder, str(folder / "records.sqlite"), "2")  # the first one is that of focusing


def _json(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    assert _ended(*options, "--json") == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out, parse_constant=_refused)
    return told


def _refused(name: str) -> None:
    raise AssertionError(f"{name} in JSON")


def test_the_step_is_repeated_and_everything_kept(made: Made) -> None:
    events = [json.loads(line) for line in (made.folder / "run" / "events.jsonl").read_text("utf-8").splitlines()]
    assert sum(e["event"] == "Measured" for e in events) == REPEATS
    assert not [e for e in events if e["event"] == "Corrected"]
    assert [e["event"] for e in events][-2:] == ["Restored", "RunEnded"]
    assert len(list((made.folder / "run" / "pairs").glob("*.mrc"))) == 2 * REPEATS
    with Records.open(Place.of(made.records)) as records:
        first, second = reversed(records.runs())
        assert any(one.moved is not None for one in records.measurements(Wanted(run=first.id)))
        assert (second.measurements, second.measure_only, second.instrument) == (REPEATS, True, "simulated (seed 3)")


def test_the_settings_are_the_operators_with_new_limits_and_why(made: Made) -> None:
    text = (made.folder / "tuned.toml").read_text("utf-8")
    before, after = read_toml(MINE), read_settings(made.folder / "tuned.toml")
    for old, new in zip(before.sequence.steps, after.sequence.steps, strict=True):
        assert new.model_copy(update={"thresholds": old.thresholds}) == old
    assert text.startswith("# my own settings")
    assert 'name = "Focus"  # the one' in text
    words = " ".join(line.removeprefix("# ") for line in text.splitlines() if line.startswith("#"))
    for said in (
        f"{REPEATS} repeats at 1 place: {REPEATS} good (marked by the verdict)",
        "Refuses of good ones here",
        "elsewhere 0.053%",
        "Alone accepts of random peaks",
        "a fit limit of",
        "Accepts of blank pairs",
        "found 0 of 20",
    ):
        assert said in words


def test_the_figure_is_drawn(made: Made) -> None:
    with Image.open(made.folder / "tune.png") as picture:
        assert picture.size[0] == 1600
        assert picture.size[1] > 700


@pytest.mark.parametrize("folder", [False, True])
def test_from_what_is_stored_the_same_is_learned(made: Made, capsys: pytest.CaptureFixture[str], folder: bool) -> None:
    source = ["--from", str(made.folder / "run")] if folder else made.stored
    told = _json(capsys, *source, "--blanks", "10")
    assert told["sources"] == [str(made.folder / "run") if folder else "run 2"]
    assert told["step"] == "Focus"
    assert [one["mark"] for one in told["repeats"]] == ["good"] * REPEATS
    assert told["chi2"]["here"]["found"] == {"count": 0, "of": REPEATS}
    assert told["together"]["accepts_blank"] == {"count": 0, "of": 10}
    noise = told["learned"]["noise"]
    assert noise["low"] <= 1.3
    assert noise["high"] >= 0.8
    # What χ² is of the fit limit in the file, and what the χ² limit is in px²: one is proportional to the other.
    old, new = told["fit_limit"], told["fit_limit_of_chi2"]
    assert old["px2"] == 1000.0
    assert new["chi2"] == pytest.approx(limit_at(told["thresholds"]["chi2_per_dof_max"], 1))
    assert old["chi2"] / old["px2"] == pytest.approx(new["chi2"] / new["px2"])
    assert old["across_m"] == pytest.approx(1000**0.5 * 0.075e-9)  # the camera's pixel at fa
    assert old["defocus_m"] == pytest.approx(old["across_m"] / 10e-3)


def test_what_is_told_has_units_ranges_and_what_it_rests_on(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    assert _ended(*made.stored, "--fit-limit-px2", "50", "--blanks", "5") == 0
    out = " ".join(capsys.readouterr().out.split())
    for said in (
        f"{REPEATS} repeats at 1 place",
        "of the stated statistical σ",
        "electrons per pixel, 10 e/Å² a measurement",
        "nm/s",
        "χ² compares what no defocus explains in the shifts with all its stated errors",
        "a misfit of 3.5 σ; it refuses 0.053% of good ones",
        "How good ones are at other places only those tell",
        "A jump along the tilt no χ² sees",
        "A fit limit of 50 px² (Leginon's, unbinned)",
        "The χ² limit of 12 is a fit limit of",
        "Ranges in brackets hold with 95%",
        "contrast fades with dose, and first exposures move a specimen most",
        "Blank ones are stored measurements, the second image of each pair with random phases",
        "not seen by repeating",
    ):
        assert said in out


def test_marks_by_number(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    told = _json(capsys, *made.stored, "--bad", "2,7-8", "--good", "1", "--blanks", "0")
    assert [one["mark"] for one in told["repeats"]] == ["good", "bad", "good", "good", "good", "good", "bad", "bad"]
    assert {one["marked_by"] for one in told["repeats"]} == {"the operator", "the verdict"}
    assert told["passing"]["bad"] == {"count": 3, "of": 3}
    assert told["together"]["accepts_bad"]["of"] == 3


def test_marks_at_the_terminal_with_a_picture_of_each_pair(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    typed, asked = iter(["b", "what", "s"]), list[str]()

    def answer(prompt: str) -> str:
        asked.append(prompt)
        line = next(typed, None)
        if line is None:
            raise EOFError
        return line

    monkeypatch.setattr("builtins.input", answer)
    assert _ended(*made.stored, "--ask", "--blanks", "0") == 0
    out = " ".join(capsys.readouterr().out.split())
    with Image.open(Path("runs", "pair.png")) as picture:
        assert picture.size[0] == 1600
    assert asked[0] == "  1 (Enter: good, says the verdict) > "
    assert [prompt.split()[0] for prompt in asked] == ["1", "2", "2", "3"]
    assert "'what' is no mark. g good, b bad, s skip" in out
    assert "There was no answer: the rest is marked as the verdict and the other repeats say." in out
    assert f"{REPEATS - 2} good, 1 bad, 1 skipped (marked by the operator, the verdict)" in out


def test_ctrl_c_at_a_question_keeps_the_marks(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    typed = iter(["b", "s"])

    def answer(_prompt: str) -> str:
        line = next(typed, None)
        if line is None:
            raise KeyboardInterrupt
        return line

    monkeypatch.setattr("builtins.input", answer)
    assert _ended(*made.stored, "--ask", "--blanks", "0") == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "Asking is stopped. The 2 marks you gave are kept" in out
    assert f"{REPEATS - 2} good, 1 bad, 1 skipped (marked by the operator, the verdict)" in out


def test_ctrl_c_while_a_pair_is_drawn_keeps_the_marks_and_a_picture_that_fails_costs_none(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    drawn = 0

    def save(_figure: object, _path: Path) -> None:
        nonlocal drawn
        drawn += 1
        if drawn == 3:
            raise KeyboardInterrupt
        raise InputError("runs/pair.png can't be written: No space left on device.")

    monkeypatch.setattr("eucentric.cli.tune_gather.save", save)
    monkeypatch.setattr("builtins.input", lambda _prompt: "b")
    assert _ended(*made.stored, "--ask", "--blanks", "0") == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "No space left on device" in out
    assert "Asking is stopped. The 2 marks you gave are kept" in out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_a_figure_that_can_not_be_written_does_not_cost_the_settings(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tune.png").symlink_to("/dev/full")
    files = ["--out", str(tmp_path / "tuned.toml"), "--figure", str(tmp_path / "tune.png")]
    assert _ended(*made.stored, "--blanks", "0", *files) == 2
    captured = capsys.readouterr()
    assert "tune.png can't be written" in captured.err
    assert "Use them: eucentric focus --settings" in captured.out
    assert read_settings(tmp_path / "tuned.toml").sequence.steps[1].name == "Focus"


def test_ctrl_c_keeps_what_was_measured(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text(MINE, encoding="utf-8")
    right, count = SimulatedMicroscope.acquire, 0

    def acquire(self: SimulatedMicroscope) -> Frame:
        nonlocal count
        count += 1
        if count > 5:
            raise KeyboardInterrupt
        return right(self)

    monkeypatch.setattr(SimulatedMicroscope, "acquire", acquire)
    live = ["--seed", "3", "--size", "128", "--repeats", "8"]
    assert _ended("--settings", "mine.toml", "--step", "coarse", *live) == 130
    said = capsys.readouterr().err
    assert "0.1 e/Å² each) put 1.6 e/Å² on this one place" in said
    assert "Beam tilt and preset restored" in said
    found = re.search(r"Tune from what was measured: eucentric tune --from (\d+)", said)
    assert found is not None
    # Two were whole. At 128 pixels this step does not reach so far: nothing to learn from, and that is said.
    assert _ended("--from", found[1], "--step", "coarse") == 3
    said = capsys.readouterr().err
    assert "Of 2 repeats 0 good, 2 bad, 0 skipped: at least 5 good ones are needed to tune limits by" in said
    assert "Refused for: false lock (2)" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--settings", "nope.toml"], "There is no file nope.toml"),
        (["--settings", "mine.toml", "--step", "fine"], "has no step 'fine'. It has: coarse, Focus, look"),
        (["--settings", "mine.toml", "--step", "look"], "is done by Manual and measures nothing"),
        (["--settings", "stage.toml"], "By Beam Tilt: none is"),
        (["--settings", "mine.toml", "--out", "mine.toml"], "There is already a file mine.toml"),
        (["--settings", "mine.toml", "--out", "tuned.txt"], "Write for example tuned.toml"),
        (["--settings", "mine.toml", "--figure", "tune.doc"], "'.doc'"),
        (["--settings", "mine.toml", "--out", "nowhere/tuned.toml"], "nowhere is not there"),
        (["--settings", "mine.toml", "--figure", "mine.toml/tune.png"], "mine.toml is no folder"),
        (["--settings", "mine.toml", "--repeats", "20", "--bad", "21"], "no repeat 21. They are numbered from 1 to 20"),
        (["--settings", "mine.toml", "--bad", "3;4"], "'3;4' is no number of a repeat. Write for example: --bad 3,7"),
        (["--settings", "mine.toml", "--bad", "3", "--good", "2-4"], "Repeat 3 is in --good and in --bad"),
        (["--settings", "mine.toml", "--run-folder", "full"], "already holds precious"),
        (["--settings", "mine.toml", "--calibrations", "nowhere"], "There is no folder nowhere with calibrations"),
        (["--from", "nowhere"], "nowhere is no run folder"),
        (["--from", "3", "--records", "none.sqlite"], "There are no records at none.sqlite"),
        (["--from", "3", "--from", "03"], "--from 03 is there twice"),
        (["--session", "2", "--records", "none.sqlite"], "There are no records at none.sqlite"),
        (["--from", "full", "--ask", "--json"], "--ask talks to you"),
        (["--from", "full", "--from", "./full"], "--from ./full is there twice"),
        (["--from", "full", "--focus-first"], "--focus-first does nothing with --from"),
    ],
)
def test_what_can_not_be_used_is_one_sentence_and_spends_no_electron(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    options: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(SimulatedMicroscope, "acquire", None)
    Path("mine.toml").write_text(MINE, encoding="utf-8")
    stage = '[[steps]]\nname = "z"\npreset = "hl"\nfocus_method = "Stage Tilt"\ntilt = "1 deg"\n'
    Path("stage.toml").write_text(stage, encoding="utf-8")
    Path("full").mkdir()
    Path("full", "precious").touch()
    before = sorted(Path().rglob("*"))
    assert _ended(*options) == 2
    told = capsys.readouterr().err
    assert said in " ".join(told.split())
    assert "Traceback" not in told
    assert sorted(Path().rglob("*")) == before


def test_a_step_that_the_run_did_not_measure_is_a_sentence(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    assert _ended(*made.stored, "--step", "coarse") == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "Step 'coarse' was not measured in run 2" in said
    assert "They have measurements of: Focus." in said
