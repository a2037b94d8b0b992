"""Needs, promises and what was kept of each kind of node, with numbers, and the words of what would help."""

from __future__ import annotations

import math
from typing import Any

import pytest

from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.handed_over import book_from
from eucentric.errors import CalibrationError, SettingsError
from eucentric.focus.settings import CorrectionType, FocusMethod, FocusSequence, FocusSettings, FocusStep, ResetDefocus
from eucentric.microscope.protocol import Microscope
from eucentric.microscope.registry import handed_out, open_microscope
from eucentric.msi.application import Kind, NeedsSettings, NodeSettings, PromisesSettings, SeriesSettings
from eucentric.msi.known import Known
from eucentric.msi.needs import (
    EUCENTRIC_WITHIN_M,
    corrects_by_defocus_alone,
    forecast,
    kept,
    needs_of,
    promises_of,
)
from eucentric.msi.outcome import FocusFound

SIZE = 512
FA_M, HL_M = 0.3e-9 * SIZE, 5e-9 * SIZE
"""Fields of the simulated presets."""
EUCENTRIC_SIGMA_M = 50e-9
"""1σ of the stored eucentric focus that the simulated microscope hands out."""
NEAR = Known(1e-6, 1e-6)
ANYWHERE = Known(200e-6, 200e-6)


@pytest.fixture(scope="module")
def scope() -> Microscope:
    return open_microscope("simulated", seed=1, size=SIZE)


@pytest.fixture(scope="module")
def book(scope: Microscope) -> CalibrationBook:
    return book_from(handed_out(scope))


def _step(**values: Any) -> FocusStep:
    return FocusStep.model_validate({"name": "one", "preset": "fa", "tilt_rad": 5e-3, **values})


def _node(*steps: FocusStep, accuracy_m: float = 100e-9, **values: Any) -> NodeSettings:
    settings = FocusSettings(sequence=FocusSequence(steps=steps, accuracy_m=accuracy_m))
    return NodeSettings(name="Focus", kind=Kind.FOCUS, focus=settings, **values)


HEIGHT = _step(name="height", preset="hl", tilt_rad=4e-3, correction_type=CorrectionType.STAGE_Z, tolerance_m=1e-6)
FINE = _step(name="fine", pattern="cross quad", offset_m=-0.5e-6, tolerance_m=25e-9, looks_min=1)


def test_a_node_that_corrects_height_needs_height_within_its_range(scope: Microscope, book: CalibrationBook) -> None:
    (need,) = needs_of(_node(HEIGHT, accuracy_m=3e-6), ANYWHERE, scope, book)
    assert need.what == "height"
    assert need.limit == pytest.approx(0.8 * HL_M / 8e-3)  # 256 µm
    assert need.value == pytest.approx(200e-6 + 3 * EUCENTRIC_SIGMA_M)
    assert need.met
    assert need.remedy == ""


def test_a_range_too_small_says_which_tilt_would_do(scope: Microscope, book: CalibrationBook) -> None:
    (need,) = needs_of(_node(HEIGHT), Known(300e-6, 300e-6), scope, book)
    assert not need.met
    tilt_mrad = 4 * (0.8 * HL_M / 8e-3) / (300e-6 + 3 * EUCENTRIC_SIGMA_M)
    assert f"tilt less (at ±{tilt_mrad:.2f} mrad" in need.remedy.lower()
    assert "512 × 512 pixels of 5 nm at 'hl'" in need.remedy


def test_all_that_is_too_small_is_named(scope: Microscope, book: CalibrationBook) -> None:
    step = HEIGHT.model_copy(update={"delta_max_m": 100e-6})
    (need,) = needs_of(_node(step), Known(400e-6, 400e-6), scope, book)
    assert need.limit == 100e-6
    for words in ("delta max above 403 µm", "limits of its corrections", "tilt less"):
        assert words in need.remedy


def test_a_node_that_corrects_by_defocus_needs_defocus_in_range_and_height(
    scope: Microscope, book: CalibrationBook
) -> None:
    range_need, height_need = needs_of(_node(FINE), NEAR, scope, book)
    assert range_need.what == "defocus"
    assert range_need.limit == pytest.approx(0.8 * FA_M / 10e-3 - 0.5e-6)
    assert range_need.value == NEAR.defocus_within_m
    assert height_need.what == "height"
    assert height_need.limit == EUCENTRIC_WITHIN_M
    assert height_need.value == NEAR.height_within_m


def test_far_away_it_asks_for_z_focus_before_it(scope: Microscope, book: CalibrationBook) -> None:
    needs = needs_of(_node(FINE), ANYWHERE, scope, book)
    assert [n.met for n in needs] == [False, False]
    assert all("z focus" in n.remedy.lower() for n in needs)


def test_the_application_may_say_how_high_is_too_high(scope: Microscope, book: CalibrationBook) -> None:
    node = _node(FINE, needs=NeedsSettings(height_within_m=0.5e-6, defocus_within_m=2e-6))
    _, height, defocus = needs_of(node, NEAR, scope, book)
    assert (height.limit, height.met) == (0.5e-6, False)
    assert (defocus.limit, defocus.met) == (2e-6, True)


def test_where_height_is_corrected_first_no_height_is_needed(scope: Microscope, book: CalibrationBook) -> None:
    node = _node(HEIGHT, FINE)
    assert not corrects_by_defocus_alone(node)
    assert [n.what for n in needs_of(node, ANYWHERE, scope, book)] == ["height"]


def test_images_need_their_defocus_where_it_matters(scope: Microscope, book: CalibrationBook) -> None:
    plain = NodeSettings(name="Hole", kind=Kind.ACQUIRE, preset="hl")
    assert needs_of(plain, ANYWHERE, scope, book) == ()
    strict = NodeSettings(name="Exposure", kind=Kind.ACQUIRE, preset="fa", within_m=50e-9)
    (met,) = needs_of(strict, Known(1e-6, 40e-9), scope, book)
    (unmet,) = needs_of(strict, Known(1e-6, 60e-9), scope, book)
    assert met.met
    assert not unmet.met
    assert "more focus targets" in unmet.remedy


def test_a_tilt_series_needs_a_height_at_which_neighbouring_images_overlap(
    scope: Microscope, book: CalibrationBook
) -> None:
    step = math.radians(3)
    node = NodeSettings(
        name="Tilt series",
        kind=Kind.TILT_SERIES,
        preset="fa",
        focus=_node(FINE).focus,
        series=SeriesSettings(step_rad=step),
    )
    _, height = needs_of(node, NEAR, scope, book)
    assert height.limit == pytest.approx(0.8 * FA_M / math.tan(step))
    assert height.met
    _, high = needs_of(node, Known(5e-6, 1e-6), scope, book)
    assert "Tomo Focus" in high.remedy


def test_what_success_leaves_is_no_better_than_what_is_stated(scope: Microscope, book: CalibrationBook) -> None:
    height = forecast(_node(HEIGHT, accuracy_m=3e-6), ANYWHERE, scope, book)
    assert height.height_within_m == pytest.approx(3e-6 + 3 * EUCENTRIC_SIGMA_M)
    assert height.defocus_within_m == pytest.approx(3e-6)
    both = forecast(_node(HEIGHT, FINE, accuracy_m=80e-9), ANYWHERE, scope, book)
    assert both.defocus_within_m == pytest.approx(80e-9)
    # The tolerance of 1 µm, and 3 σ: a tenth of a pixel of 5 nm in 8 mrad is 60 nm, what drift and Cs add is less.
    assert 1e-6 < both.height_within_m < 3e-6
    lens = forecast(_node(FINE), NEAR, scope, book)
    assert lens.height_within_m == NEAR.height_within_m


def test_a_promise_beyond_what_its_step_reaches_says_so(scope: Microscope, book: CalibrationBook) -> None:
    (good,) = promises_of(_node(FINE), NEAR, scope, book)
    assert good.what == "defocus"
    assert good.limit == 100e-9
    assert good.value is not None
    assert 25e-9 < good.value < 60e-9  # its tolerance, and 3 × 5 to 10 nm
    (vain,) = promises_of(_node(FINE, accuracy_m=30e-9), NEAR, scope, book)
    assert not vain.met
    assert "is predicted to end within" in vain.remedy


def test_height_is_promised_with_the_error_of_eucentric_focus(scope: Microscope, book: CalibrationBook) -> None:
    unsure = 3 * EUCENTRIC_SIGMA_M
    zero = HEIGHT.model_copy(update={"reset_defocus": ResetDefocus.YES})
    height, defocus = promises_of(_node(zero, accuracy_m=3e-6), ANYWHERE, scope, book)
    assert (height.what, defocus.what) == ("height", "defocus")
    assert height.limit == pytest.approx(3e-6 + unsure)
    assert height.value is not None
    assert height.value == pytest.approx((defocus.value or 0.0) + unsure)
    # Height, then defocus: so near as defocus alone needs, or as the node says.
    assert promises_of(_node(HEIGHT, FINE), ANYWHERE, scope, book)[0].limit == EUCENTRIC_WITHIN_M
    vain = _node(HEIGHT, FINE, promises=PromisesSettings(height_within_m=0.3e-6))
    (tomo, _) = promises_of(vain, ANYWHERE, scope, book)
    assert (tomo.limit, tomo.met) == (0.3e-6, False)
    assert "calibrate eucentric focus better" in tomo.remedy
    # In focus 0.4 µm from the stored eucentric focus: so high is the film.
    stored = book.of("fa").eucentric_focus_m or 0.0
    found = FocusFound((0.0, 0.0), 0.0, 0.0, "fa", stored + 0.4e-6, 0.0, 7e-9, 2e-9, 30e-9)
    (kept_height, kept_defocus) = kept(vain, found, book)
    assert kept_height.value == pytest.approx(0.4e-6 + 3 * math.hypot(7e-9, EUCENTRIC_SIGMA_M, 0.01 * 0.4e-6))
    assert [kept_height.met, kept_defocus.met] == [False, True]


def test_what_was_kept_is_what_was_stated(book: CalibrationBook) -> None:
    stored = book.of("fa").eucentric_focus_m or 0.0

    def found(stated_m: float) -> FocusFound:
        return FocusFound((0.0, 0.0), 0.0, 0.0, "fa", stored, 0.0, 7e-9, 2e-9, stated_m)

    (good,) = kept(_node(FINE), found(60e-9), book)
    (broken,) = kept(_node(FINE), found(160e-9), book)
    (unknown,) = kept(_node(FINE), None, book)
    assert [c.met for c in (good, broken, unknown)] == [True, False, False]
    assert str(unknown) == "defocus not known (limit ±100 nm)"
    assert kept(_node(HEIGHT, accuracy_m=3e-6), found(2e-6), book)[0].what == "height"
    assert kept(NodeSettings(name="Hole", kind=Kind.ACQUIRE, preset="hl"), None, book) == ()


def test_steps_that_measure_only_promise_nothing(scope: Microscope, book: CalibrationBook) -> None:
    node = _node(_step(correction_type=CorrectionType.NONE))
    assert promises_of(node, NEAR, scope, book) == kept(node, None, book) == ()
    assert forecast(node, NEAR, scope, book) == NEAR


def test_a_node_that_measures_nothing_is_refused(scope: Microscope, book: CalibrationBook) -> None:
    node = _node(_step(focus_method=FocusMethod.MANUAL))
    with pytest.raises(SettingsError, match="none of its enabled steps measures"):
        needs_of(node, NEAR, scope, book)


def test_a_preset_that_is_not_there_or_not_calibrated_is_named(scope: Microscope, book: CalibrationBook) -> None:
    with pytest.raises(SettingsError, match="has no preset 'zz'"):
        needs_of(_node(_step(preset="zz")), NEAR, scope, book)
    bare = CalibrationBook(book.instrument, {})
    with pytest.raises(CalibrationError, match="eucentric calibrate tilt --preset fa"):
        needs_of(_node(FINE), NEAR, scope, bare)
