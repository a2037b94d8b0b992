"""Measurements read back from the records and from a run folder are those that were made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from eucentric.calibration.handed_over import book_from
from eucentric.errors import InputError
from eucentric.focus.focus import Focus
from eucentric.focus.measure import measure_frames
from eucentric.focus.outcome import RunResult
from eucentric.focus.settings import FocusSequence, FocusSettings, FocusStep
from eucentric.microscope.registry import handed_out, open_microscope
from eucentric.records.place import Images, Place
from eucentric.records.reading import Records
from eucentric.records.recorder import Recorder
from eucentric.records.stored import StoredRun, run_in_folder, run_in_records
from tests.records.made import exported, never, place_in
from tests.records.made import run as told_run

STEP = FocusStep(name="fine", preset="fa", tilt_rad=4e-3, offset_m=-0.5e-6)
SETTINGS = FocusSettings(sequence=FocusSequence(steps=(STEP,)), melt_time_s=1.0)


def _repeated(place: Place, times: int) -> RunResult:
    """Repeats on a microscope without faults."""
    scope = open_microscope("simulated", seed=2, size=128, perfect=True)
    book = book_from(handed_out(scope))
    assert book is not None
    with Recorder(place, say=never, instrument="simulated (seed 2)") as recorder:
        return Focus(scope, book, SETTINGS, observers=(recorder,)).repeat("fine", times)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Path, RunResult]:
    """The records with a run of repeats, and its folder."""
    folder = tmp_path_factory.mktemp("run")
    place = place_in(folder)
    result = _repeated(place, 3)
    return place, exported(place, folder / "out"), result


@pytest.fixture
def runs(kept: tuple[Place, Path, RunResult]) -> Iterator[tuple[StoredRun, StoredRun]]:
    """The run from the records, and from its folder."""
    with Records.open(kept[0]) as records:
        yield run_in_records(records, 1), run_in_folder(kept[1])


def test_all_is_there_and_measured_again_it_is_the_same(
    kept: tuple[Place, Path, RunResult], runs: tuple[StoredRun, StoredRun]
) -> None:
    for run in runs:
        assert (run.instrument.partition(" ")[0], run.left_out) == ("simulated", 0)
        assert run.settings == SETTINGS
        for one, then in zip(run.measurements, kept[2].steps[0].rounds, strict=True):
            assert (one.step, one.target, one.source) == ("fine", "here", run.source)
            assert one.tilts == then.result.exposures.tilts
            again = measure_frames(one.frames(), one.tilts, one.links, one.how)
            # Pixels are kept as 32 bit floats, as the camera gives them: to the last digit or two.
            assert again.measurement.c1_m == pytest.approx(then.result.measurement.c1_m, rel=1e-6)
            assert again.measurement.chi2 == pytest.approx(then.result.measurement.chi2, rel=1e-4)
            assert again.exposures.times_s == then.result.exposures.times_s
            assert one.time_s == again.exposures.times_s[0]
        assert len({one.stretch for one in run.measurements}) == 1


def test_both_ways_tell_the_same(runs: tuple[StoredRun, StoredRun]) -> None:
    for one, other in zip(runs[0].measurements, runs[1].measurements, strict=True):
        assert (one.links, one.how) == (other.links, other.how)
        assert one.frames()[1].state == other.frames()[1].state


def test_a_correction_begins_another_stretch(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    with Recorder(place, say=never) as recorder:
        for event in told_run((True, True, True)).events:  # the first one is corrected after
            recorder(event)
    with Records.open(place) as records:
        told = [one.stretch for one in run_in_records(records, 1).measurements]
    assert told == [0, 1, 1]
    folder = run_in_folder(exported(place, tmp_path / "out"))
    assert [one.stretch - 1 for one in folder.measurements] == told


def test_measurements_without_images_are_counted(tmp_path: Path) -> None:
    place = place_in(tmp_path, images=Images.NONE)
    _repeated(place, 2)
    with Records.open(place) as records:
        run = run_in_records(records, 1)
    assert (run.measurements, run.left_out) == ((), 2)
    folder = run_in_folder(exported(place, tmp_path / "out"))
    assert (folder.measurements, folder.left_out) == ((), 2)


def _lines(kept: tuple[Place, Path, RunResult]) -> list[str]:
    return (kept[1] / "events.jsonl").read_text(encoding="utf-8").splitlines()


def _copy(kept: tuple[Place, Path, RunResult], to: Path, lines: list[str]) -> Path:
    (to / "events.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (to / "settings.toml").write_text((kept[1] / "settings.toml").read_text(encoding="utf-8"), encoding="utf-8")
    (to / "pairs").symlink_to(kept[1] / "pairs")
    return to


def test_a_folder_that_breaks_off_is_read_to_its_last_whole_line(
    kept: tuple[Place, Path, RunResult], tmp_path: Path
) -> None:
    lines = _lines(kept)
    at = next(n for n, line in enumerate(lines) if json.loads(line)["event"] == "Judged")
    folder = _copy(kept, tmp_path, [*lines[: at + 1], lines[at + 1][:40]])
    assert len(run_in_folder(folder).measurements) == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [("{", "Line 1 of .* is damaged"), ('{"event": "Measured"}', "Line 1 of .* is not what this version writes")],
)
def test_what_can_not_be_read_is_a_sentence(
    kept: tuple[Place, Path, RunResult], tmp_path: Path, line: str, said: str
) -> None:
    with pytest.raises(InputError, match="is no run folder"):
        run_in_folder(tmp_path)
    folder = _copy(kept, tmp_path, [line, *_lines(kept)])
    with pytest.raises(InputError, match=said):
        run_in_folder(folder)
    with Records.open(kept[0]) as records, pytest.raises(InputError, match="There is no run 7"):
        run_in_records(records, 7)
