"""Corrections of a Focus run: stage height, lens, stigmator."""

from __future__ import annotations

import math

import pytest

from eucentric.errors import (
    CalibrationError,
    LimitError,
)
from eucentric.focus import events
from eucentric.focus.outcome import Status
from eucentric.focus.patterns import PatternName
from eucentric.focus.settings import (
    CorrectionLimits,
    CorrectionType,
    FocusSequence,
    FocusSettings,
    FocusStep,
)
from eucentric.focus.verdict import Reason
from eucentric.microscope.simulated.truth import truth
from tests.e2e.focusing import FINE, book_of, of_kind, opened, run, settings_of
from tests.e2e.wrapped import Through


def test_height_is_measured_at_the_stored_eucentric_focus_and_z_arrives_from_below() -> None:
    microscope = opened(512, height_m=20e-6)
    stored = 3e-6
    microscope.set_defocus(1e-6)
    microscope.reset_defocus()
    step = FocusStep(name="z", preset="hl", tilt_rad=4e-3, correction_type=CorrectionType.STAGE_Z, tolerance_m=1e-6)
    moves: list[float] = []

    class Watched(Through):
        def move_stage(self, **goal: float) -> None:
            moves.append(goal["z_m"])
            self.inner.move_stage(**goal)

    result, told = run(
        Watched(microscope), settings_of(step, z_approach_m=4e-6), book=book_of(microscope, eucentric_focus_m=stored)
    )
    # In focus the height is minus the lens' absolute setting; it was 20 µm, so Z goes down by 23 µm.
    assert microscope.focus_m() == pytest.approx(stored, abs=1e-12)
    assert microscope.stage().z_m == pytest.approx(-(20e-6 + stored), abs=step.tolerance_m)
    assert moves[0] == pytest.approx(moves[1] - 4e-6, abs=1e-12)
    assert result.steps[0].status is Status.DONE
    assert len(of_kind(told, events.DriftDeclared)) == len(of_kind(told, events.Corrected))
    assert "eucentric focus" in of_kind(told, events.SetUp)[0].what


def test_on_a_tilted_stage_z_moves_along_the_holder_s_normal() -> None:
    alpha = math.radians(40)
    microscope = opened(512, height_m=15e-6)
    microscope.move_stage(alpha_rad=alpha)
    step = FocusStep(
        name="z", preset="hl", tilt_rad=4e-3, correction_type=CorrectionType.STAGE_Z, tolerance_m=1e-6, offset_m=-20e-6
    )
    result, _ = run(microscope, settings_of(step))
    # The first look may have to be settled by another tilt: the film has holes.
    look = next(look for look in result.steps[0].rounds if look.correction is not None)
    seen, made = look.result.measurement, look.correction
    assert made is not None
    # The film's normal leans by α: on the axis it is higher than along the normal by 1/cos α.
    assert abs(seen.c1_m - 15e-6 / math.cos(alpha)) < 3 * seen.total_sigma_m
    assert made.move_m == pytest.approx(-seen.c1_m * math.cos(alpha))
    assert result.steps[0].status is Status.DONE


def test_both_moves_of_an_approach_are_checked_before_the_first() -> None:
    microscope = opened(512, height_m=48e-6, limits={"stage_z_max_m": 50e-6})
    step = FocusStep(name="z", preset="hl", tilt_rad=4e-3, correction_type=CorrectionType.STAGE_Z, tolerance_m=1e-6)
    with pytest.raises(LimitError, match="Nothing was moved"):
        run(microscope, settings_of(step, z_approach_m=4e-6))
    assert microscope.stage().z_m == 0


def test_a_probe_is_taken_back_near_the_limit_and_its_wrong_sign_is_told() -> None:
    """The lens stood at −0.6 µm and may go to −1 µm: no room for the way from 0.6 µm below."""
    microscope = opened(height_m=-0.5e-6)
    microscope.set_defocus(-0.6e-6)
    lowest: list[float] = []

    class Wrong(Through):
        def _mirrored(self, defocus_m: float) -> float:
            return -1.2e-6 - defocus_m

        def defocus_m(self) -> float:
            return self._mirrored(self.inner.defocus_m())

        def focus_m(self) -> float:
            return self._mirrored(self.inner.focus_m())

        def set_defocus(self, defocus_m: float) -> None:
            lowest.append(defocus_m)
            self.inner.set_defocus(self._mirrored(defocus_m))

    limits = CorrectionLimits(defocus_absolute_m=1e-6)
    step = FINE.model_copy(update={"offset_m": 0.0})
    settings = FocusSettings(sequence=FocusSequence(steps=(step,), limits=limits), focus_approach_m=0.6e-6)
    result, told = run(Wrong(microscope), settings, confirmed=frozenset())
    assert result.refusal is not None
    assert result.refusal.reason is Reason.WRONG_SIGN
    assert len(of_kind(told, events.TakenBack)) == 1
    assert min(lowest) >= -1e-6
    assert microscope.defocus_m() == pytest.approx(-0.6e-6, abs=1e-12)


def test_the_lens_is_approached_from_underfocus() -> None:
    microscope = opened(height_m=+1e-6)
    sets: list[float] = []

    class Watched(Through):
        def set_defocus(self, defocus_m: float) -> None:
            sets.append(defocus_m)
            self.inner.set_defocus(defocus_m)

    result, _ = run(Watched(microscope), settings_of(FINE, focus_approach_m=2e-6))
    assert result.focused
    target = result.steps[0].rounds[0].correction
    assert target is not None
    at = sets.index(target.target_m)
    assert sets[at - 1] == pytest.approx(target.target_m - 2e-6)


def test_astigmatism_is_taken_away_through_the_stigmator() -> None:
    microscope = opened(column={"a1_m": 100e-9})
    before = math.hypot(*truth(microscope).a1_m)
    step = FINE.model_copy(update={"pattern": PatternName.CROSS_QUAD, "stig_correction": True})
    result, told = run(microscope, settings_of(step))
    assert before > 30e-9
    assert result.focused
    assert math.hypot(*truth(microscope).a1_m) < 10e-9  # what the issue asks for
    moved = of_kind(told, events.Stigmated)
    assert moved
    assert microscope.stigmator() == moved[-1].arrived


def test_a_stigmator_with_the_wrong_sign_is_moved_once_and_put_back() -> None:
    microscope = opened(column={"a1_m": 100e-9})
    right = book_of(microscope).of("fa").stigmator
    assert right is not None
    (a, b), (c, d) = right.matrix_m
    wrong = right.model_copy(update={"matrix_m": ((-a, -b), (-c, -d))})
    step = FINE.model_copy(update={"pattern": PatternName.CROSS_QUAD, "stig_correction": True})
    result, told = run(microscope, settings_of(step), book=book_of(microscope, stigmator=wrong))
    assert result.refusal is not None
    assert result.refusal.reason is Reason.WRONG_SIGN
    assert "put back" in result.statement
    moved = of_kind(told, events.Stigmated)
    assert len(moved) == 2
    assert microscope.stigmator() == moved[0].before == moved[1].arrived == (0.0, 0.0)


def test_astigmatism_without_a_calibration_names_the_command() -> None:
    microscope = opened(column={"a1_m": 60e-9})
    step = FINE.model_copy(update={"pattern": PatternName.STAR, "stig_correction": True})
    with pytest.raises(CalibrationError, match="eucentric calibrate stigmator"):
        run(microscope, settings_of(step), book=book_of(microscope, stigmator=None))
