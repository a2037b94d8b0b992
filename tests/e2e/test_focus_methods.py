"""The methods of a Focus step: beam tilt, stage tilt, by hand, none."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from eucentric.errors import (
    Aborted,
    CalibrationError,
    LimitError,
)
from eucentric.focus import events
from eucentric.focus.focus import Focus
from eucentric.focus.methods.manual import Answer, Desk, Reply
from eucentric.focus.outcome import Status
from eucentric.focus.settings import (
    CorrectionType,
    FocusMethod,
    FocusStep,
    ResetDefocus,
)
from eucentric.focus.verdict import Reason
from eucentric.microscope.simulated.truth import truth
from tests.e2e.focusing import BOUND_M, BY_HAND, FINE, HEIGHT_M, book_of, of_kind, opened, run, settings_of
from tests.e2e.wrapped import Through


def _stage_tilt(**changes: Any) -> FocusStep:
    plain = {"name": "tilt", "preset": "hl", "focus_method": FocusMethod.STAGE_TILT, "tilt_rad": math.radians(1)}
    # One arrival of the stage is 5 nm off: over sin 1°, 0.3 µm of height.
    plain |= {"correction_type": CorrectionType.STAGE_Z, "tolerance_m": 2e-6, "looks_min": 1, "offset_m": -10e-6}
    return FocusStep.model_validate(plain | changes)


def test_stage_tilt_finds_the_height_and_puts_alpha_back() -> None:
    microscope = opened(512, height_m=40e-6)
    result, told = run(microscope, settings_of(_stage_tilt()))
    first = of_kind(told, events.Measured)[0].result.measurement
    assert abs(first.c1_m - 40e-6) < 3 * first.total_sigma_m
    assert result.steps[0].status is Status.DONE
    # The goniometer of the perfect microscope moves nothing sideways: what is left is the arrival of the stage.
    assert abs(truth(microscope).height_m) < 3 * 0.3e-6 + 2e-6
    assert microscope.stage().alpha_rad == 0
    alphas = [e.frame.state.stage_alpha_rad for e in of_kind(told, events.FrameTaken)[:3]]
    assert alphas == pytest.approx([-math.radians(1), 0, math.radians(1)])


def test_halves_that_disagree_are_refused_in_their_own_words() -> None:
    microscope = opened(512, height_m=-10e-6)

    class Slipping(Through):
        """The specimen slips by 200 nm on the way to the last tilt."""

        def move_stage(self, **goal: float) -> None:
            if goal.get("alpha_rad", 0.0) > 0.01:
                goal["x_m"] = self.inner.stage().x_m + 200e-9
            self.inner.move_stage(**goal)

    result, _ = run(Slipping(microscope), settings_of(_stage_tilt()))
    assert result.refusal is not None
    assert result.refusal.reason is Reason.HALVES_DISAGREE
    assert "two halves" in str(result.refusal)
    assert microscope.stage().alpha_rad == 0


def test_stage_tilt_without_a_calibration_names_the_command() -> None:
    microscope = opened()
    with pytest.raises(CalibrationError, match="eucentric calibrate alpha"):
        run(microscope, settings_of(_stage_tilt()), book=book_of(microscope, alpha=None))


def test_a_stage_tilt_beyond_the_limit_moves_nothing() -> None:
    microscope = opened(limits={"stage_alpha_max_rad": 0.02})
    with pytest.raises(LimitError, match="Nothing was moved"):
        run(microscope, settings_of(_stage_tilt()))
    assert microscope.stage().alpha_rad == 0


class _Hands:
    """An operator who steps the lens and the stage by given amounts, looks, and answers."""

    def __init__(self, answer: Answer, defocus_m: float = 0.0, z_m: float = 0.0) -> None:
        self._reply, self._defocus_m, self._z_m = Reply(answer, "as told"), defocus_m, z_m
        self.desk: Desk | None = None

    def focus(self, desk: Desk) -> Reply:
        self.desk = desk
        desk.image()
        if self._defocus_m:
            desk.step_defocus(self._defocus_m)
        if self._z_m:
            desk.step_z(self._z_m)
        return self._reply


def test_what_the_operator_moved_stays() -> None:
    microscope = opened()
    operator = _Hands(Answer.DONE, 0.7e-6, -2e-6)
    settings = settings_of(BY_HAND, manual_focus_preset="fc")
    result, told = run(microscope, settings, operator=operator)
    assert result.steps[0].status is Status.BY_HAND
    assert result.steps[0].by_hand_m == pytest.approx((0.7e-6, -2e-6))
    assert microscope.defocus_m() == pytest.approx(0.7e-6)
    assert microscope.stage().z_m == pytest.approx(-2e-6)
    assert operator.desk is not None
    assert operator.desk.preset == "fc"
    assert "by hand" in result.statement
    assert [e.channel for e in of_kind(told, events.ByHand)] == [None, CorrectionType.DEFOCUS, CorrectionType.STAGE_Z]


@pytest.mark.parametrize(("answer", "status"), [(Answer.SKIP, Status.SKIPPED), (Answer.ABORT, Status.REFUSED)])
def test_an_operator_who_gives_up_leaves_all_as_it_was(answer: Answer, status: Status) -> None:
    microscope = opened()
    result, _ = run(microscope, settings_of(BY_HAND), operator=_Hands(answer, 0.7e-6, -2e-6))
    assert result.steps[0].status is status
    assert (microscope.defocus_m(), microscope.stage().z_m) == pytest.approx((0, 0))
    assert "as told" in result.statement


class _Resets(_Hands):
    """Steps the lens three times, makes where it is defocus zero, and steps once more."""

    def focus(self, desk: Desk) -> Reply:
        for _ in range(3):
            desk.step_defocus(0.5e-6)
        desk.reset_defocus()
        desk.step_defocus(0.2e-6)
        return self._reply


@pytest.mark.parametrize("answer", [Answer.SKIP, Answer.ABORT])
def test_what_is_taken_back_is_the_lens_itself_and_its_zero(answer: Answer) -> None:
    microscope = opened()
    microscope.set_defocus(-2e-6)
    before = (microscope.focus_m(), microscope.defocus_m())
    result, told = run(microscope, settings_of(BY_HAND), operator=_Resets(answer))
    assert (microscope.focus_m(), microscope.defocus_m()) == pytest.approx(before, abs=1e-12)
    assert of_kind(told, events.ByHand)[-1] == replace(
        of_kind(told, events.ByHand)[-1], back=True, change_m=pytest.approx(-1.7e-6), arrived_m=pytest.approx(-2e-6)
    )
    if answer is Answer.SKIP:
        assert (
            "taken back by the operator (defocus by −1.700 µm, the reset of defocus zero): as told" in result.statement
        )
        assert "skipped" not in result.statement


def test_a_run_that_is_aborted_at_the_desk_restores_the_lens_and_its_zero() -> None:
    class Stops(_Resets):
        def focus(self, desk: Desk) -> Reply:
            super().focus(desk)
            raise Aborted("Stopped at the desk.")

    microscope = opened()
    told: list[events.Event] = []
    focus = Focus(
        microscope, book_of(microscope), settings_of(BY_HAND), observers=(told.append,), operator=Stops(Answer.DONE)
    )
    with pytest.raises(Aborted):
        focus.run()
    assert told[-1].error.endswith("restored, and what was moved by hand taken back.")  # type: ignore[union-attr]
    assert (microscope.focus_m(), microscope.defocus_m()) == pytest.approx((0, 0), abs=1e-12)


def test_a_zero_that_was_reset_by_hand_stays_when_done() -> None:
    microscope = opened()
    result, _ = run(microscope, settings_of(BY_HAND), operator=_Resets(Answer.DONE))
    assert result.steps[0].by_hand_m == pytest.approx((1.7e-6, 0))
    assert (microscope.focus_m(), microscope.defocus_m()) == pytest.approx((1.7e-6, 0.2e-6))


def test_without_an_operator_a_manual_step_is_skipped_and_focus_stands() -> None:
    result, _ = run(opened(), settings_of(FINE, BY_HAND, accuracy_limit_m=None))
    assert [s.status for s in result.steps] == [Status.DONE, Status.SKIPPED]
    assert result.focused
    assert "nobody is there" in result.statement


def test_what_was_moved_by_hand_and_taken_back_voids_what_was_measured() -> None:
    settings = settings_of(FINE, BY_HAND, accuracy_limit_m=None)
    result, _ = run(opened(), settings, operator=_Hands(Answer.SKIP, 0.0, -2e-6))
    assert not result.focused
    assert result.residual is None
    assert run(opened(), settings, operator=_Hands(Answer.SKIP))[0].focused


def test_a_step_that_measures_nothing_leaves_the_lens_and_a_reset_voids_what_stands() -> None:
    nothing = FocusStep(name="no", preset="fa", focus_method=FocusMethod.NONE, correction_type=CorrectionType.STAGE_Z)
    microscope = opened()
    result, _ = run(microscope, settings_of(FINE, nothing, accuracy_limit_m=None))
    assert result.focused
    assert microscope.focus_m() == pytest.approx(-HEIGHT_M, abs=BOUND_M)
    reset = nothing.model_copy(update={"reset_defocus": ResetDefocus.YES})
    assert not run(opened(), settings_of(FINE, reset, accuracy_limit_m=None))[0].focused


def test_the_desk_refuses_what_is_too_far_and_nothing_moves() -> None:
    microscope = opened()
    tight = BY_HAND.model_copy(update={"delta_max_m": 1e-6})
    with pytest.raises(LimitError, match="delta max"):
        run(microscope, settings_of(tight), operator=_Hands(Answer.DONE, 1.5e-6))
    assert microscope.defocus_m() == 0


def test_a_step_that_measures_nothing_only_resets() -> None:
    microscope = opened()
    microscope.set_defocus(-2e-6)
    nothing = FocusStep(name="reset", preset="fa", focus_method=FocusMethod.NONE, reset_defocus=ResetDefocus.YES)
    result, told = run(microscope, settings_of(nothing))
    assert result.steps[0].status is Status.DONE
    assert not of_kind(told, events.FrameTaken)
    assert (microscope.defocus_m(), microscope.focus_m()) == pytest.approx((0, -2e-6))


def test_a_phase_plate_has_its_own_tilts() -> None:
    tilts = ((3e-3, -4e-3), (-3e-3, 4e-3), (-3e-3, 4e-3), (3e-3, -4e-3))
    settings = settings_of(FINE, on_phase_plate=True, phase_plate_tilts_rad=tilts)
    result, told = run(opened(), settings)
    assert [e.frame.state.tilt_rad for e in of_kind(told, events.FrameTaken)[:4]] == [pytest.approx(t) for t in tilts]
    assert result.focused


def test_a_step_has_its_own_tilts() -> None:
    tilts = ((0.0, -5e-3), (5e-3, 0.0), (-5e-3, 0.0), (0.0, 5e-3))
    result, told = run(opened(), settings_of(FINE.model_copy(update={"tilts_rad": tilts})))
    assert [e.frame.state.tilt_rad for e in of_kind(told, events.FrameTaken)[:4]] == [pytest.approx(t) for t in tilts]
    assert result.focused
