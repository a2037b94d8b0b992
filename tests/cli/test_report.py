"""The table, the last lines and the JSON of a run at several targets, with a skipped step and final images."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from eucentric.calibration.handed_over import book_from
from eucentric.cli.report import Truths, as_json, closing, table
from eucentric.focus import events
from eucentric.focus.focus import Focus
from eucentric.focus.outcome import RunResult
from eucentric.focus.settings import FocusMethod, FocusSequence, FocusSettings, FocusStep
from eucentric.focus.targets import FocusTarget
from eucentric.microscope.registry import handed_out, open_microscope
from eucentric.records.recorder import Recorder
from tests.records.made import exported, never, place_in

MEASURE = FocusStep(name="fine", preset="fa", looks_min=1, offset_m=-0.5e-6, tolerance_m=1e-6)
NODE = FocusSettings(
    sequence=FocusSequence(
        name="two targets",
        steps=(MEASURE, FocusStep(name="Manual after", preset="fc", focus_method=FocusMethod.MANUAL)),
    ),
    accuracy_limit_m=None,
    acquire_final=True,
)
TARGETS = (FocusTarget("left", image_shift_m=(0.0, -2e-7)), FocusTarget("right", image_shift_m=(0.0, 2e-7)))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunResult, Path]:
    microscope = open_microscope(
        "simulated", seed=2, size=256, perfect=True, magnitudes={"specimen": {"height_m": 3e-7}}
    )
    folder = tmp_path_factory.mktemp("run")
    with Recorder(place_in(folder), say=never) as recorder:
        focus = Focus(microscope, book_from(handed_out(microscope)), NODE, observers=(recorder,))
        result = focus.run(TARGETS)
    return result, exported(place_in(folder), folder / "out")


def _lines(result: RunResult, truths: Truths, width: int = 80) -> list[str]:
    written = io.StringIO()
    Console(file=written, width=width, highlight=False).print(table(result, truths))
    return written.getvalue().splitlines()


def test_the_table_has_targets_their_average_and_the_step_that_was_skipped(run: tuple[RunResult, Path]) -> None:
    result, _ = run
    measurements = sum(len(step.rounds) for step in result.steps)
    lines = _lines(result, Truths((1e-7,) * measurements, 1e-7), 120)
    text = "\n".join(lines)
    for word in ("fine: left", "average", "skipped", "true", "accepted"):
        assert word in text
    for width in (80, 120):
        assert max(map(len, _lines(result, Truths((), None), width))) <= width
    assert "true" not in "\n".join(_lines(result, Truths((), None)))


def test_the_dose_of_each_target_is_told(run: tuple[RunResult, Path]) -> None:
    result, _ = run
    spent = next(line for line in closing(result, Truths((), None)) if line.startswith("Electrons spent"))
    assert "left " in spent
    assert "right " in spent


def test_the_json_is_plain_and_has_all_of_it(run: tuple[RunResult, Path]) -> None:
    result, _ = run
    said = json.loads(json.dumps(as_json(result, Truths((), None), {"run": 7}), allow_nan=False))
    assert said["run"] == 7
    assert set(said["doses_e_per_m2"]) == {"left", "right"}
    fine, manual = said["steps"]
    assert [one["target"] for one in fine["rounds"]][:2] == ["left", "right"]
    assert fine["rounds"][-1]["average"]["defocus_total_sigma_m"] > 0
    assert manual["status"] == "skipped"
    assert "by hand" in manual["skipped"]


def test_the_final_images_are_kept(run: tuple[RunResult, Path]) -> None:
    _, folder = run
    assert len(list((folder / "others").glob("final-*.mrc"))) == len(TARGETS)
    told = [json.loads(line) for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    finals = [line for line in told if line["event"] == events.FinalTaken.__name__]
    assert [line["target"] for line in finals] == ["left", "right"]
    assert all((folder / line["frame"]["file"]).is_file() for line in finals)
