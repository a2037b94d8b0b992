"""A step on paper: its range in closed form, and its error against what a run states."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.handed_over import book_from
from eucentric.errors import CalibrationError, SettingsError
from eucentric.focus.focus import Focus
from eucentric.focus.forecast import By, Paper, leaves_of, measuring, reach_of
from eucentric.focus.settings import CorrectionType, FocusMethod, FocusSequence, FocusSettings, FocusStep
from eucentric.focus.shipped import shipped
from eucentric.microscope.protocol import Limits, Microscope, Preset
from eucentric.microscope.registry import handed_out, open_microscope

SIZE, PIXEL_M = 512, 0.3e-9
PRESET = Preset("fa", 200e3, PIXEL_M, (SIZE, SIZE), 4, 0.5, 5e20)


@pytest.fixture(scope="module")
def microscope() -> Microscope:
    return open_microscope("simulated", seed=5, size=256, magnitudes={"specimen": {"height_m": 3e-6}})


@pytest.fixture(scope="module")
def book(microscope: Microscope) -> CalibrationBook:
    return book_from(handed_out(microscope))


def _paper(book: CalibrationBook, limits: Limits | None = None, **step: object) -> Paper:
    values = {"name": "one", "preset": "fa", "tilt_rad": 5e-3, **step}
    made = FocusStep.model_validate(values)
    settings = FocusSettings(sequence=FocusSequence(steps=(made,)))
    return Paper(made, settings, PRESET, book.of("fa"), limits or Limits())


IMAGES_M = 0.8 * SIZE * PIXEL_M / (2 * 5e-3)
"""Along one axis 0.8 of the side may be shifted away; d = 2β·C1."""


def test_images_reach_as_far_as_they_have_something_in_common_less_the_offset(book: CalibrationBook) -> None:
    assert reach_of(_paper(book)).range_m == pytest.approx(IMAGES_M)
    assert reach_of(_paper(book, offset_m=-0.5e-6)).range_m == pytest.approx(IMAGES_M - 0.5e-6)


def test_what_may_be_changed_and_limits_bound_the_range(book: CalibrationBook) -> None:
    reach = reach_of(_paper(book, delta_max_m=2e-6, correction_type=CorrectionType.STAGE_Z))
    assert reach.range_m == 2e-6
    assert reach.allowed_m[By.IMAGES] == pytest.approx(IMAGES_M)
    # 350 µm of the sequence's limits, less the 2 µm from below which z is approached
    assert reach.allowed_m[By.LIMITS] == pytest.approx(348e-6)
    narrow = reach_of(_paper(book, Limits(stage_z_max_m=10e-6), correction_type=CorrectionType.STAGE_Z))
    assert narrow.range_m == pytest.approx(8e-6)


def test_a_step_that_corrects_nothing_has_no_limits_of_corrections(book: CalibrationBook) -> None:
    assert By.LIMITS not in reach_of(_paper(book, correction_type=CorrectionType.NONE)).allowed_m


def test_a_tilt_beyond_the_instrument_is_refused(book: CalibrationBook) -> None:
    with pytest.raises(SettingsError, match=r"by 25\.00 mrad, and the instrument's limit is 20\.00 mrad"):
        reach_of(_paper(book, tilt_rad=25e-3))


def test_a_stage_tilt_reaches_as_far_as_its_image_moves(book: CalibrationBook) -> None:
    tilt = math.radians(1)
    paper = _paper(book, focus_method=FocusMethod.STAGE_TILT, tilt_rad=tilt, offset_m=-20e-6)
    # An image moves by h·sin t (g·pixel is 1 to some per cent): 0.8 to 1.1 of the side, by direction, may go.
    assert 0.7 * SIZE * PIXEL_M / math.sin(tilt) < reach_of(paper).range_m < 1.2 * SIZE * PIXEL_M / math.sin(tilt)
    # Its error is the stored eucentric focus' (50 nm) and the goniometer's runout, 2.1 µm per radian, and more.
    assert leaves_of(paper).total_sigma_m > math.hypot(2.1e-6, 50e-9)


def test_a_stage_tilt_without_its_calibration_names_the_command(book: CalibrationBook) -> None:
    paper = _paper(book, focus_method=FocusMethod.STAGE_TILT, tilt_rad=math.radians(1))
    bare = Paper(paper.step, paper.settings, PRESET, replace(book.of("fa"), alpha=None), Limits())
    for asked in (reach_of, leaves_of):
        with pytest.raises(CalibrationError, match="eucentric calibrate alpha"):
            asked(bare)


def test_one_direction_of_tilt_leaves_the_astigmatism_in(book: CalibrationBook) -> None:
    one, two = (leaves_of(_paper(book, pattern=name, tolerance_m=10e-9)) for name in ("quad", "cross quad"))
    astigmatism_m = book.of("fa").uncertainty.a1_m
    assert one.total_sigma_m > astigmatism_m > two.total_sigma_m
    assert one.within_m == pytest.approx(10e-9 + 3 * one.total_sigma_m)


def test_what_it_states_is_what_a_run_then_states(microscope: Microscope, book: CalibrationBook) -> None:
    settings = shipped("focus")
    presets = {preset.name: preset for preset in microscope.presets()}
    step = measuring(settings)[-1]
    leaves = leaves_of(Paper(step, settings, presets[step.preset], book.of(step.preset), microscope.limits))
    result = Focus(microscope, book, settings).run()
    assert result.focused
    assert result.residual is not None
    # Calibration's part is the same in both; what the shifts are known to is guessed at (0.1 px), and is the less here.
    assert leaves.total_sigma_m / 1.5 < result.residual.total_sigma_m < 1.5 * leaves.total_sigma_m
