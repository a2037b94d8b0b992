"""A tilt series on the simulated microscope with its default faults: kept in focus and in view, and taken up again."""

from __future__ import annotations

import math
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.handed_over import book_from
from eucentric.errors import SettingsError
from eucentric.focus.preset_settings import PresetSettings
from eucentric.focus.settings import FocusSequence, FocusSettings, FocusStep, Thresholds
from eucentric.images.frame import Frame
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.registry import handed_out, open_microscope
from eucentric.microscope.simulated.truth import truth
from eucentric.msi.application import Application, GridSettings, Kind, NodeSettings, SeriesSettings
from eucentric.msi.events import Exposed
from eucentric.msi.journal import Journal
from eucentric.msi.noted import About
from eucentric.msi.outcome import Status, UnitOutcome
from eucentric.msi.presets import install
from eucentric.msi.series.focusing import SeriesFocus
from eucentric.msi.series.notes import Diary, TiltDoubted, TiltFocus, TiltLooked, TiltTracked
from eucentric.msi.series.taking import _flag
from eucentric.msi.session import Session

KEY = "Tilt series 1"
FIELD_M = 256 * 1.2e-9


def focus_step(**further: Any) -> FocusSettings:
    step = FocusStep.model_validate(
        {
            **{"name": "focus", "preset": "fa", "tilt_rad": 5e-3, "pattern": "quad", "offset_m": -0.5e-6},
            **{"looks_min": 1, "settle_s": 1.0, **further},
        }
    )
    return FocusSettings(sequence=FocusSequence(name="Focus at a tilt", steps=(step,)), focus_approach_m=4e-6)


def application(last_deg: float, step_deg: float = 3.0, **focus: Any) -> Application:
    """One series where the stage stands, on a grid near the eucentric plane; images of 307 nm, as at 1024 pixels."""
    node = NodeSettings(
        name="Tilt series",
        kind=Kind.TILT_SERIES,
        preset="tomo",
        settle_s=5.0,
        within_m=0.5e-6,
        focus=focus_step(**focus),
        series=SeriesSettings(
            first_rad=-math.radians(last_deg), last_rad=math.radians(last_deg), step_rad=math.radians(step_deg)
        ),
    )
    tomo = PresetSettings(like="fa", binning=16, size=(256, 256), dose_per_m2=3e20, defocus_m=-3e-6)
    return Application(name="Series", grid=GridSettings(height_within_m=1e-6), presets={"tomo": tomo}, nodes=(node,))


def instrument(seed: int, asked: Application) -> tuple[Guarded, CalibrationBook]:
    """Images of 256 pixels; the film 0.15 µm above the eucentric plane."""
    inner = open_microscope("simulated", seed=seed, size=256, magnitudes={"specimen": {"height_m": 0.15e-6}})
    scope = Guarded(inner)
    return scope, install(scope, asked, book_from(handed_out(scope)))


class Watch:
    """What is true of each image when it is taken: its defocus less the intended one, over the stated σ; its frame."""

    def __init__(self, scope: Guarded) -> None:
        self._scope = scope
        self.errors_m: list[float] = []
        self.pulls: list[float] = []
        self.alphas: list[float] = []

    def __call__(self, event: Any) -> None:
        if isinstance(event, Exposed):
            exposure = event.exposure
            assert exposure.intended_m is not None
            assert exposure.error_sigma_m is not None
            assert isinstance(event.frame, Frame)
            self.errors_m.append(truth(self._scope).c1_m - exposure.intended_m)
            self.pulls.append(self.errors_m[-1] / exposure.error_sigma_m)
            self.alphas.append(exposure.alpha_rad)


def run(asked: Application, journal: Journal, scope: Guarded, book: CalibrationBook) -> tuple[UnitOutcome, Watch]:
    watch = Watch(scope)
    result = Session(scope, book, asked, journal, observers=(watch,)).run()
    assert result.complete, result.stopped
    return result.outcomes[0], watch


def test_a_series_keeps_focus_and_view(tmp_path: Path) -> None:
    """±9° in steps of 3°: within 4 stated σ each, predictions used at some tilts, all put back."""
    asked = application(9)
    scope, book = instrument(1, asked)
    with Journal.create(tmp_path / "s", asked, About("simulated")) as journal:
        outcome, watch = run(asked, journal, scope, book)
        diary = Diary(journal, KEY)
    assert outcome.status is Status.DONE
    assert outcome.needs
    assert all(need.met for need in outcome.needs)
    assert [round(math.degrees(a)) for a in watch.alphas] == [0, 3, -3, 6, -6, 9, -9]
    assert np.abs(watch.pulls).max() < 4
    assert np.sqrt(np.mean(np.square(watch.errors_m))) < 1.5 * 100e-9  # seven images of a series of 100 nm rms
    focused = diary.of(TiltFocus)
    assert 2 <= len(focused) < 7
    assert all(note.lens_m is not None for note in focused)
    assert {note.side for note in focused} == {1, -1}
    assert len(diary.of(TiltLooked)) >= 2  # the first step of a goniometer that runs out is looked at before
    tracked = {note.number: note.at_m for note in diary.of(TiltTracked)}
    assert len(tracked) == 7
    for begun in diary.notes:
        if begun.kind == "begun":
            off = math.dist(begun.shift_m, tracked[begun.number])
            assert off < FIELD_M / 3  # of what is in the middle of the first image nothing leaves the view
    assert all((tmp_path / "s" / one.file).is_file() for one in outcome.exposures)
    assert outcome.focus_dose_e_per_m2 > 0
    assert (scope.stage().alpha_rad, scope.image_shift_m(), scope.beam_tilt_rad()) == (0.0, (0.0, 0.0), (0.0, 0.0))


class Killed(BaseException):
    """The process ends."""


class Mortal:
    """A microscope whose process ends at one exposure."""

    def __init__(self, inner: Any, last: int) -> None:
        self.inner, self._left = inner, last

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def acquire(self) -> Frame:
        self._left -= 1
        if self._left < 0:
            raise Killed
        frame: Frame = self.inner.acquire()
        return frame


@pytest.mark.parametrize("exposures", [3, 7, 9])
def test_a_series_is_taken_up_where_it_was(tmp_path: Path, exposures: int) -> None:
    """Killed while focusing, looking or exposing, and resumed on a fresh instrument: no tilt twice, none left out but
    the one whose exposure had begun, and what was measured before is still known."""
    asked = application(6)
    scope, book = instrument(1, asked)
    scope.inner = Mortal(scope.inner, exposures)  # type: ignore[assignment]
    with Journal.create(tmp_path / "s", asked, About("simulated")) as journal, pytest.raises(Killed):
        Session(scope, book, asked, journal).run()
    with Journal.open(tmp_path / "s") as journal:
        before = Diary(journal, KEY)
        begun = {note.number for note in before.notes if note.kind == "begun"}
        taken = {note.number for note in before.notes if note.kind == "taken"}
        focused = len(before.of(TiltFocus))
        fresh, book = instrument(1, asked)
        outcome, watch = run(asked, journal, fresh, book)
        after = Diary(journal, KEY)
    numbers = [note.number for note in after.notes if note.kind == "begun"]
    assert sorted(numbers) == [0, 1, 2, 3, 4]
    assert len(watch.alphas) == 5 - len(begun)
    assert len(outcome.exposures) == 5 - len(begun - taken)
    assert ("not exposed again" in outcome.why) == bool(begun - taken)
    foci = [(note.number, note.run) for note in after.of(TiltFocus)]
    assert len(foci) == len(set(foci)) > focused
    # The lens came back otherwise: focus is measured before anything is exposed.
    again = [note.kind for note in after.notes if note.run == 2]
    assert again.index("focus") < again.index("begun")
    # Tracked on from images of the first run: places of the second agree with its predictions.
    assert np.abs(watch.pulls).max() < 4


def test_refused_focus_flags_images_and_goes_on(tmp_path: Path) -> None:
    """No measurement is believed: each tilt is tried, all images are taken, and those known too badly are flagged."""
    asked = application(3, thresholds=Thresholds(false_lock_max=1e-300), retries=0)
    scope, book = instrument(1, asked)
    with Journal.create(tmp_path / "s", asked, About("simulated")) as journal:
        outcome, _ = run(asked, journal, scope, book)
        focused = Diary(journal, KEY).of(TiltFocus)
    assert outcome.status is Status.DONE
    assert "refused at 3" in outcome.why
    assert [note.lens_m for note in focused] == [None] * 3
    assert len(outcome.exposures) == 3
    assert all("refused" in one.flagged for one in outcome.exposures)
    (promise,) = outcome.promises  # 80 nm rms, and nothing was learnt
    assert (promise.what, promise.met) == ("focus rms", False)


def test_a_focus_that_is_a_micrometre_off_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an ice particle or a false lock makes it: the other side is asked, and all images are in focus as stated."""
    asked = application(6)
    scope, book = instrument(1, asked)
    measured, wrong = SeriesFocus._note, list[int]()

    def off(self: Any, note: Any, result: Any, place: Any) -> TiltFocus:
        told: TiltFocus = measured(self, note, result, place)
        if note.number < 3 or wrong or told.lens_m is None:
            return told
        wrong.append(note.number)
        return replace(told, lens_m=told.lens_m + 1e-6)

    monkeypatch.setattr(SeriesFocus, "_note", off)
    with Journal.create(tmp_path / "s", asked, About("simulated")) as journal:
        outcome, watch = run(asked, journal, scope, book)
        diary = Diary(journal, KEY)
    assert len(wrong) == 1
    (doubt,) = diary.of(TiltDoubted)
    assert doubt.number == wrong[0]
    assert {note.side for note in diary.of(TiltFocus) if note.number == doubt.number} == {1, -1}
    assert "not believed at 1 of them" in outcome.why
    assert np.abs(watch.pulls).max() < 4


def test_stopped_in_the_first_exposure_the_feature_is_still_followed(tmp_path: Path) -> None:
    asked = application(3)
    scope, book = instrument(1, asked)

    class Stopping:
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

        def acquire(self) -> Frame:
            frame: Frame = self.inner.acquire()
            if self.inner.preset().name == "tomo" and not any((tmp_path / "s").rglob("*.mrc")) and kept:
                signal.raise_signal(signal.SIGINT)
            return frame

    kept = [True]
    scope.inner = Stopping(scope.inner)  # type: ignore[assignment]
    with Journal.create(tmp_path / "s", asked, About("simulated")) as journal, pytest.raises(KeyboardInterrupt):
        Session(scope, book, asked, journal).run()
    kept.clear()
    with Journal.open(tmp_path / "s") as journal:
        assert not Diary(journal, KEY).of(TiltTracked)
        outcome, _ = run(asked, journal, scope, book)
        tracked = Diary(journal, KEY).of(TiltTracked)
    assert outcome.status is Status.DONE
    assert {note.number for note in tracked} == {0, 1, 2}


def test_a_series_that_can_not_work_is_refused(tmp_path: Path) -> None:
    """Of a grid that may lie 40 µm off, its focus step (5 mrad) can't tell defocus: said, and nothing is exposed."""
    asked = application(3)
    asked = asked.model_copy(update={"grid": GridSettings(height_within_m=40e-6)})
    scope, book = instrument(1, asked)
    with Journal.create(tmp_path / "s", asked, About("simulated")) as journal:
        outcome, watch = run(asked, journal, scope, book)
    assert outcome.status is Status.REFUSED
    assert "It needs" in outcome.why
    assert any(not need.met for need in outcome.needs)
    assert not watch.alphas


@pytest.mark.parametrize("doubt", ["Focusing failed: no image.", "Focus found at … is 7 σ from the others."])
def test_after_focus_that_failed_or_is_in_doubt_all_images_are_flagged(doubt: str) -> None:
    """However well the series itself knows its focus: as exposures are."""
    node = application(3).nodes[0]
    assert _flag(node, 1e-9, "", doubt) == doubt
    assert not _flag(node, 1e-9, "", "")
    assert not _flag(node.model_copy(update={"within_m": None}), 1e-9, "", doubt)


def test_a_feature_beyond_the_image_shift_ends_the_series(tmp_path: Path) -> None:
    """A sentence with the tilt and the limit; what was taken stands."""
    asked = application(6)
    inner = open_microscope(
        "simulated",
        seed=1,
        size=256,
        magnitudes={"specimen": {"height_m": 0.15e-6}, "limits": {"image_shift_max_m": 1.65e-6}},
    )
    scope = Guarded(inner)
    book = install(scope, asked, book_from(handed_out(scope)))
    with Journal.create(tmp_path / "s", asked, About("simulated")) as journal:
        outcome, watch = run(asked, journal, scope, book)
    assert outcome.status is Status.FAILED
    assert "image shift's limit of 1.650 µm" in outcome.why
    assert 1 <= len(watch.alphas) == len(outcome.exposures) < 5


def test_a_step_too_long_to_find_anything_again_is_cut(tmp_path: Path) -> None:
    """6° of a goniometer that runs out by 3 µm per radian are 314 nm, more than the view: looked at on the way, both
    images are in place."""
    asked = application(6, 6)
    scope, book = instrument(1, asked)
    with Journal.create(tmp_path / "s", asked, About("simulated")) as journal:
        outcome, watch = run(asked, journal, scope, book)
        diary = Diary(journal, KEY)
    assert outcome.status is Status.DONE
    looked = [note for note in diary.of(TiltLooked) if note.number == 1]
    assert len({note.alpha_rad for note in looked}) >= 2
    assert all(note.at_m is not None for note in looked)
    assert len(diary.of(TiltTracked)) == 3
    assert np.abs(watch.pulls).max() < 4


def test_a_stage_that_can_not_tilt_so_far_is_not_moved(tmp_path: Path) -> None:
    """69° is beyond the 68.8° of the stage: said, and nothing done."""
    asked = application(6)
    node = asked.nodes[0]
    assert node.series is not None
    far = node.model_copy(update={"series": node.series.model_copy(update={"last_rad": 1.22})})
    asked = asked.model_copy(update={"nodes": (far,)})
    scope, book = instrument(1, asked)
    with (
        Journal.create(tmp_path / "s", asked, About("simulated")) as journal,
        pytest.raises(SettingsError, match=r"the limit is ±68\.8°"),
    ):
        run(asked, journal, scope, book)
