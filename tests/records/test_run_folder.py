"""A run folder has all of a run, line by line, and never writes over what is there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from eucentric.errors import InputError
from eucentric.focus import events
from eucentric.focus.measurement import Measurement
from eucentric.focus.outcome import RunResult
from eucentric.focus.settings import CorrectionType, FocusSequence, FocusSettings, FocusStep, default_sequence
from eucentric.focus.toml import read_settings
from eucentric.focus.verdict import Finding, Reason
from eucentric.images.files import read_frame
from eucentric.images.frame import Frame, OpticalState
from eucentric.records.place import Images
from eucentric.records.plain import plain
from eucentric.records.recorder import Recorder
from eucentric.records.run_folder import empty_folder, new_folder
from tests.records.made import exported, never, place_in, run

PIXELS = np.arange(64 * 96, dtype=np.float32).reshape(64, 96)
TAKEN = events.FrameTaken(
    2.5, "fine", 3, 1, Frame(PIXELS, pixel_m=1e-9, state=OpticalState(tilt_rad=(0.0, 5e-3)), dose_e_per_m2=5e20)
)
STARTED = events.RunStarted(0.0, "simulated", default_sequence(), False)


def _exported(folder: Path, *told: events.Event, images: Images = Images.ALL) -> Path:
    """The folder of a run in which this was told."""
    place = place_in(folder, images=images)
    with Recorder(place, say=never) as recorder:
        for event in told:
            recorder(event)
    return exported(place, folder / "out")


def _lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_run_that_broke_off_has_a_folder_too(tmp_path: Path) -> None:
    out = _exported(tmp_path, STARTED, TAKEN, events.Failed(3.0, "The camera gave no image."))
    assert {path.name for path in out.iterdir()} == {"events.jsonl", "settings.toml", "pairs"}
    assert [line["event"] for line in _lines(out)] == ["RunStarted", "FrameTaken", "Failed"]
    taken = _lines(out)[1]
    frame = taken["frame"]
    assert isinstance(frame, dict)
    assert frame["shape"] == [64, 96]
    assert frame["state"]["tilt_rad"] == [0.0, 5e-3]
    assert frame["file"] == "pairs/003-fine-1.mrc"
    back = read_frame(out / str(frame["file"]))
    assert np.array_equal(back.pixels, PIXELS)
    assert back.pixel_m == pytest.approx(1e-9)


def test_what_is_told_is_in_the_records_as_it_happens(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    with Recorder(place, say=never) as recorder:
        recorder(STARTED)
        assert [line["event"] for line in _lines(exported(place, tmp_path / "one"))] == ["RunStarted"]
        recorder(TAKEN)  # waits for its verdict
        recorder(events.Failed(3.0, "The camera gave no image."))
        lines = _lines(exported(place, tmp_path / "two"))
        assert [line["event"] for line in lines] == ["RunStarted", "FrameTaken", "Failed"]


def test_results_are_written_out_where_they_were_told(tmp_path: Path) -> None:
    """The records keep each once; the folder has what each event said."""
    told = run()
    out = _exported(tmp_path, *told.events)
    for line, event in zip(_lines(out), told.events, strict=True):
        expected = {"event": type(event).__name__, **plain(event)}
        if isinstance(event, events.FrameTaken):
            expected["frame"]["file"] = f"pairs/{event.measurement:03d}-fine-{event.index}.mrc"
        assert line == expected
    result = json.loads((out / "result.json").read_text(encoding="utf-8"))
    assert result["focused"] is told.result.focused
    assert result["statement"] == told.result.statement
    assert result["stated_error_m"] == told.result.stated_error_m
    assert {name: result[name] for name in plain(told.result)} == plain(told.result)


def test_images_that_are_not_kept_are_missing_and_why_is_said(tmp_path: Path) -> None:
    out = _exported(tmp_path, *run().events, images=Images.NONE)
    assert list((out / "pairs").iterdir()) == []
    frames = [line["frame"] for line in _lines(out) if line["event"] == "FrameTaken"]
    assert all(isinstance(one, dict) and one["file"] is None for one in frames)
    assert all(isinstance(one, dict) and "No images were to be kept" in one["why_not"] for one in frames)


def test_the_settings_can_be_run_again(tmp_path: Path) -> None:
    settings = FocusSettings(sequence=default_sequence(), melt_time_s=2.0, accuracy_limit_m=None)
    out = _exported(tmp_path, events.RunStarted(0.0, "simulated", settings.sequence, False, settings=settings))
    assert read_settings(out / "settings.toml") == settings


def test_images_by_hand_and_final_images_are_kept(tmp_path: Path) -> None:
    frame = TAKEN.frame
    out = _exported(
        tmp_path,
        STARTED,
        events.ByHand(1.0, "Manual after", frame=frame),
        events.ByHand(2.0, "Manual after", CorrectionType.DEFOCUS, 1e-6, 2e-6),
        events.ByHand(3.0, "Manual after", frame=frame),
        events.FinalTaken(4.0, "a/b: c", frame),
    )
    assert sorted(p.name for p in (out / "others").iterdir()) == [
        "by-hand-001-Manual after.mrc",
        "by-hand-002-Manual after.mrc",
        "final-001.mrc",
    ]
    moved, final = _lines(out)[2], _lines(out)[4]
    assert moved["change_m"] == 1e-6
    assert final["target"] == "a/b: c"
    assert final["frame"]["file"] == "others/final-001.mrc"  # type: ignore[index]


def _every_event() -> list[events.Event]:
    """One of each kind that the loop can tell beyond those above."""
    finding = Finding(Reason.FALSE_LOCK, "Nothing", "something", "Move.")
    measured = Measurement(1e-8, 1e-9, 2e-9, (0.0, 0.0), (1e-9, 1e-9), (0.0, 0.0), 1.0, 1, ((0.0, 5e-3),), ())
    return [
        events.SetUp(0.0, "fine", "fa", -5e-7, "preset fa"),
        events.TargetReached(0.0, "b"),
        events.Melted(0.0, "b", "fa", 4, 20e20),
        events.DriftDeclared(0.0, "fine", 2e-6),
        events.DriftMeasured(0.0, "fine", "b", None, None, 3e-10, False),
        events.DriftMeasured(0.0, "fine", "b", 2e-10, 1e-11, 3e-10, True),
        events.LeftOut(0.0, "fine", "b", finding),
        events.Averaged(0.0, "fine", ("a", "c"), measured),
        events.Stigmated(0.0, "fine", (1e-8, -2e-8), (0.0, 0.0), (0.01, 0.02)),
        events.DefocusReset(0.0, "fine", 3e-7),
        events.ByHand(0.0, "fine", CorrectionType.STAGE_Z, 1e-6, 2e-6),
        events.Paused(0.0),
        events.Paused(0.0, over=True),
    ]


def test_every_event_is_a_line_of_json(tmp_path: Path) -> None:
    out = _exported(tmp_path, STARTED, *_every_event())
    assert [line["event"] for line in _lines(out)[1:]] == [type(event).__name__ for event in _every_event()]


def test_the_result_of_a_run_without_steps(tmp_path: Path) -> None:
    sequence = FocusSequence(steps=(FocusStep(name="fine", preset="fa", switch=False),))
    ended = events.RunEnded(1.0, RunResult("simulated", sequence, False, (), frozenset()))
    result = json.loads((_exported(tmp_path, STARTED, ended) / "result.json").read_text(encoding="utf-8"))
    assert result["focused"] is False
    assert result["stated_error_m"] is None
    assert result["statement"].startswith("Not focused")


def test_nothing_is_written_over(tmp_path: Path) -> None:
    first, second = new_folder(tmp_path, "run"), new_folder(tmp_path, "run")
    assert first != second
    assert second.name == "run-2"
    (first / "mine.txt").write_text("kept", encoding="utf-8")
    with pytest.raises(InputError, match=r"already holds mine\.txt"):
        empty_folder(first)
    assert empty_folder(tmp_path / "new") == tmp_path / "new"
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="Choose another place"):
        new_folder(file, "run")


def test_plain_values_are_json() -> None:
    values = {"a": np.float32("nan"), "b": np.arange(2), "c": (1, None, True), "d": frozenset({"y", "x"}), "e": 1 + 2j}
    assert plain(values) == {"a": None, "b": [0, 1], "c": [1, None, True], "d": ["x", "y"], "e": "(1+2j)"}
    json.dumps(plain(TAKEN), allow_nan=False)
