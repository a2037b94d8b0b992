"""Measurements read back from a run folder are those that were made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eucentric.calibration.handed_over import book_from
from eucentric.errors import InputError
from eucentric.focus.focus import Focus
from eucentric.focus.measure import measure_frames
from eucentric.focus.outcome import RunResult
from eucentric.focus.settings import CorrectionType, FocusSequence, FocusSettings, FocusStep
from eucentric.microscope.registry import handed_out, open_microscope
from eucentric.records.run_folder import RunFolder
from eucentric.records.stored import read_run

STEP = FocusStep(name="coarse", preset="hl", tilt_rad=4e-3, correction_type=CorrectionType.STAGE_Z, offset_m=-20e-6)
SETTINGS = FocusSettings(sequence=FocusSequence(steps=(STEP,)), melt_time_s=1.0)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunResult]:
    folder = tmp_path_factory.mktemp("run")
    scope = open_microscope("simulated", seed=2, size=128, perfect=True)
    book = book_from(handed_out(scope))
    assert book is not None
    with RunFolder(folder) as records:
        result = Focus(scope, book, SETTINGS, observers=(records,)).repeat("coarse", 3)
    return folder, result


def test_all_is_there_and_measured_again_it_is_the_same(made: tuple[Path, RunResult]) -> None:
    folder, result = made
    run = read_run(folder)
    assert (run.instrument, run.left_out) == ("simulated", 0)
    assert run.settings == SETTINGS
    for one, then in zip(run.measurements, result.steps[0].rounds, strict=True):
        assert (one.step, one.target, one.stretch) == ("coarse", "here", 1)
        assert one.how == then.result.how
        assert one.tilts == then.result.exposures.tilts
        again = measure_frames(one.frames(), one.tilts, one.links, one.how)
        # Pixels are kept as 32 bit floats, as the camera gives them: to the last digit or two.
        assert again.measurement.c1_m == pytest.approx(then.result.measurement.c1_m, rel=1e-6)
        assert again.measurement.chi2 == pytest.approx(then.result.measurement.chi2, rel=1e-4)
        assert again.exposures.times_s == then.result.exposures.times_s
    assert len(run.measurements[0].frames(1)) == 1


def _copy(made: tuple[Path, RunResult], to: Path, lines: list[str]) -> Path:
    (to / "events.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (to / "settings.toml").write_text((made[0] / "settings.toml").read_text(encoding="utf-8"), encoding="utf-8")
    return to


def _lines(made: tuple[Path, RunResult]) -> list[str]:
    return (made[0] / "events.jsonl").read_text(encoding="utf-8").splitlines()


def test_a_correction_begins_another_stretch_and_missing_images_are_counted(
    made: tuple[Path, RunResult], tmp_path: Path
) -> None:
    lines = _lines(made)
    moved = json.dumps({"event": "Corrected", "time_s": 1.0})
    at = next(n for n, line in enumerate(lines) if '"Judged"' in line)
    folder = _copy(made, tmp_path, [*lines[: at + 1], moved, *lines[at + 1 :]])
    assert read_run(folder).left_out == 3  # the images stayed behind
    (folder / "pairs").symlink_to(made[0] / "pairs")
    assert [one.stretch for one in read_run(folder).measurements] == [1, 2, 2]


def test_a_run_that_broke_off_is_read_to_its_last_whole_line(made: tuple[Path, RunResult], tmp_path: Path) -> None:
    lines = _lines(made)
    at = next(n for n, line in enumerate(lines) if '"Judged"' in line)
    folder = _copy(made, tmp_path, [*lines[: at + 1], lines[at + 1][:40]])
    (folder / "pairs").symlink_to(made[0] / "pairs")
    assert len(read_run(folder).measurements) == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [("{", "Line 1 of .* is damaged"), ('{"event": "Measured"}', "Line 1 of .* is not what this version writes")],
)
def test_what_can_not_be_read_is_a_sentence(made: tuple[Path, RunResult], tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(InputError, match="is no run folder"):
        read_run(tmp_path)
    folder = _copy(made, tmp_path, [line, *_lines(made)])
    with pytest.raises(InputError, match=said):
        read_run(folder)
