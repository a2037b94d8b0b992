"""The Focus class on the simulated microscope: its methods, what comes before and after, several targets, the brake."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.handed_over import book_from
from eucentric.errors import (
    Aborted,
    CalibrationError,
    InputError,
    InstrumentError,
    LimitError,
    NotArrivedError,
    SettingsError,
)
from eucentric.focus import events
from eucentric.focus.control import Control
from eucentric.focus.focus import Focus
from eucentric.focus.methods.manual import Answer, Desk, Reply
from eucentric.focus.outcome import RunResult, Status
from eucentric.focus.patterns import PatternName
from eucentric.focus.settings import (
    CorrectionLimits,
    CorrectionType,
    FocusMethod,
    FocusSequence,
    FocusSettings,
    FocusStep,
    ResetDefocus,
)
from eucentric.focus.targets import HERE, FocusTarget
from eucentric.focus.verdict import Reason
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.protocol import Microscope
from eucentric.microscope.registry import handed_out, open_microscope
from eucentric.microscope.simulated.truth import empty_hole_m, truth
from tests.e2e.wrapped import Counting, Dropping, Through

SURE = frozenset({CorrectionType.DEFOCUS, CorrectionType.STAGE_Z})
FINE = FocusStep(name="fine", preset="fa", tilt_rad=5e-3, pattern=PatternName.QUAD, offset_m=-0.5e-6, tolerance_m=25e-9)
HEIGHT_M = -1e-6
BOUND_M = 100e-9
"""No run here may end further from focus than it states; and none states more than this."""


def _open(size: int = 256, *, perfect: bool = True, seed: int = 3, height_m: float = HEIGHT_M, **parts: Any) -> Any:
    magnitudes = {"specimen": {"height_m": height_m, **parts.pop("specimen", {})}, **parts}
    return open_microscope("simulated", seed=seed, perfect=perfect, size=size, magnitudes=magnitudes)


def _book(microscope: Microscope, **changes: Any) -> CalibrationBook:
    book = book_from(handed_out(microscope))
    return CalibrationBook(book.instrument, {name: replace(one, **changes) for name, one in book.presets.items()})


def _settings(*steps: FocusStep, **more: Any) -> FocusSettings:
    return FocusSettings(sequence=FocusSequence(steps=steps), **more)


def _run(
    microscope: Any, settings: FocusSettings, targets: tuple[FocusTarget, ...] = (HERE,), **options: Any
) -> tuple[RunResult, list[events.Event]]:
    told: list[events.Event] = []
    measure_only = options.pop("measure_only", False)
    book = options.pop("book", None) or _book(microscope)
    focus = Focus(microscope, book, settings, observers=(told.append,), **{"confirmed": SURE, **options})
    return focus.run(targets, measure_only=measure_only), told


def _of(told: list[events.Event], kind: type[Any]) -> list[Any]:
    return [e for e in told if isinstance(e, kind)]


def test_a_step_ends_in_focus_and_says_so() -> None:
    microscope = _open()
    result, told = _run(microscope, _settings(FINE))
    microscope.set_preset("fa")
    assert result.focused
    assert abs(truth(microscope).c1_m) < (result.stated_error_m or 0) < BOUND_M
    assert dict(result.doses_e_per_m2) == {"here": pytest.approx(result.steps[0].dose_e_per_m2)}
    assert _of(told, events.SetUp)[0].preset == "fa"


# Before


def test_a_target_is_melted_once_and_pays_for_it() -> None:
    microscope = _open()
    again = FINE.model_copy(update={"name": "again"})
    settings = _settings(FINE, again, melt_time_s=1.2, accuracy_limit_m=None)
    result, told = _run(microscope, settings)
    melted = _of(told, events.Melted)
    exposure, dose = next((p.exposure_s, p.dose_e_per_m2) for p in microscope.presets() if p.name == "fa")
    assert [m.exposures for m in melted] == [math.ceil(1.2 / exposure)]
    frames = len(_of(told, events.FrameTaken))
    assert dict(result.doses_e_per_m2)["here"] == pytest.approx((frames + melted[0].exposures) * dose)


def test_after_melting_at_another_preset_the_step_is_set_up_again() -> None:
    """A preset that brings a defocus and an image shift of its own, as on some instruments."""
    stored, seen = 3e-6, []

    class Bringing(Through):
        def set_preset(self, name: str) -> None:
            self.inner.set_preset(name)
            self.inner.set_defocus(1e-6)
            self.inner.set_image_shift((1e-7, 0.0))

        def acquire(self) -> Any:
            seen.append((self.inner.preset().name, self.inner.focus_m(), self.inner.image_shift_m()))
            return self.inner.acquire()

    step = FocusStep(name="z", preset="hl", tilt_rad=4e-3, correction_type=CorrectionType.STAGE_Z, offset_m=0.0)
    microscope = _open()
    settings = _settings(step, melt_time_s=0.1, melt_preset="sq")
    book = _book(microscope, eucentric_focus_m=stored)
    _run(Bringing(microscope), settings, (FocusTarget("a", image_shift_m=(0.0, 2e-7)),), book=book, measure_only=True)
    assert seen[0][0] == "sq"
    assert {shift for _, _, shift in seen} == {(0.0, 2e-7)}
    assert next(lens for name, lens, _ in seen if name == "hl") == stored


def test_a_drifting_specimen_is_waited_for() -> None:
    drift = {"drift_m_per_s": 3e-9, "drift_decay_s": 5.0}  # after a stage move; 0.3 nm/s after 5·ln 10 = 11.5 s
    microscope = _open(stage=drift)
    microscope.move_stage(x_m=1e-6)
    step = FINE.model_copy(update={"check_drift": True})
    result, told = _run(microscope, _settings(step))
    looks = _of(told, events.DriftMeasured)
    assert result.steps[0].status is Status.DONE
    assert not looks[0].still
    assert looks[0].speed_m_per_s > 0.3e-9
    assert looks[-1].still
    assert abs(complex(*truth(microscope).drift_m_per_s)) < 0.3e-9


def test_drift_that_does_not_end_refuses_the_step() -> None:
    microscope = _open(stage={"drift_rest_m_per_s": 3e-9})
    step = FINE.model_copy(update={"check_drift": True, "drift_timeout_s": 10.0})
    result, told = _run(microscope, _settings(step))
    assert result.refusal is not None
    assert result.refusal.reason is Reason.DRIFT
    assert "3 nm/s" in str(result.refusal)
    assert not _of(told, events.FrameTaken)
    assert microscope.now_s() < 30  # the time-out and one look more, not for ever


def test_drift_in_an_empty_hole_names_the_true_cause() -> None:
    microscope = _open()
    y, x = empty_hole_m(microscope)
    step = FINE.model_copy(update={"check_drift": True})
    result, _ = _run(microscope, _settings(step), (FocusTarget("hole", stage_m=(y, x)),))
    assert result.refusal is not None
    assert result.refusal.reason in {Reason.FALSE_LOCK, Reason.FIXED_PATTERN}


def test_a_target_that_had_drifted_is_repeated() -> None:
    microscope = _open(stage={"drift_m_per_s": 3e-9, "drift_decay_s": 5.0})
    step = FINE.model_copy(update={"check_drift": True, "recheck_drift": True})
    pushed: list[float] = []

    def push(event: events.Event) -> None:  # someone touches the stage after the first measurement
        if isinstance(event, events.Measured) and not pushed:
            pushed.append(event.time_s)
            microscope.move_stage(x_m=1e-6)

    told: list[events.Event] = []
    focus = Focus(microscope, _book(microscope), _settings(step), observers=(push, told.append), confirmed=SURE)
    result = focus.run()
    order = [type(e).__name__ for e in told if isinstance(e, (events.Measured, events.Corrected))]
    assert order[:3] == ["Measured", "Measured", "Corrected"]
    assert result.focused


# Corrections


def test_height_is_measured_at_the_stored_eucentric_focus_and_z_arrives_from_below() -> None:
    microscope = _open(512, height_m=20e-6)
    stored = 3e-6
    microscope.set_defocus(1e-6)
    microscope.reset_defocus()
    step = FocusStep(name="z", preset="hl", tilt_rad=4e-3, correction_type=CorrectionType.STAGE_Z, tolerance_m=1e-6)
    moves: list[float] = []

    class Watched(Through):
        def move_stage(self, **goal: float) -> None:
            moves.append(goal["z_m"])
            self.inner.move_stage(**goal)

    result, told = _run(
        Watched(microscope), _settings(step, z_approach_m=4e-6), book=_book(microscope, eucentric_focus_m=stored)
    )
    # In focus the height is minus the lens' absolute setting; it was 20 µm, so Z goes down by 23 µm.
    assert microscope.focus_m() == pytest.approx(stored, abs=1e-12)
    assert microscope.stage().z_m == pytest.approx(-(20e-6 + stored), abs=step.tolerance_m)
    assert moves[0] == pytest.approx(moves[1] - 4e-6, abs=1e-12)
    assert result.steps[0].status is Status.DONE
    assert len(_of(told, events.DriftDeclared)) == len(_of(told, events.Corrected))
    assert "eucentric focus" in _of(told, events.SetUp)[0].what


def test_on_a_tilted_stage_z_moves_along_the_holder_s_normal() -> None:
    alpha = math.radians(40)
    microscope = _open(512, height_m=15e-6)
    microscope.move_stage(alpha_rad=alpha)
    step = FocusStep(
        name="z", preset="hl", tilt_rad=4e-3, correction_type=CorrectionType.STAGE_Z, tolerance_m=1e-6, offset_m=-20e-6
    )
    result, _ = _run(microscope, _settings(step))
    # The first look may have to be settled by another tilt: the film has holes.
    look = next(look for look in result.steps[0].rounds if look.correction is not None)
    seen, made = look.result.measurement, look.correction
    assert made is not None
    # The film's normal leans by α: on the axis it is higher than along the normal by 1/cos α.
    assert abs(seen.c1_m - 15e-6 / math.cos(alpha)) < 3 * seen.total_sigma_m
    assert made.move_m == pytest.approx(-seen.c1_m * math.cos(alpha))
    assert result.steps[0].status is Status.DONE


def test_both_moves_of_an_approach_are_checked_before_the_first() -> None:
    microscope = _open(512, height_m=48e-6, limits={"stage_z_max_m": 50e-6})
    step = FocusStep(name="z", preset="hl", tilt_rad=4e-3, correction_type=CorrectionType.STAGE_Z, tolerance_m=1e-6)
    with pytest.raises(LimitError, match="Nothing was moved"):
        _run(microscope, _settings(step, z_approach_m=4e-6))
    assert microscope.stage().z_m == 0


def test_a_probe_is_taken_back_near_the_limit_and_its_wrong_sign_is_told() -> None:
    """The lens stood at −0.6 µm and may go to −1 µm: no room for the way from 0.6 µm below."""
    microscope = _open(height_m=-0.5e-6)
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
    result, told = _run(Wrong(microscope), settings, confirmed=frozenset())
    assert result.refusal is not None
    assert result.refusal.reason is Reason.WRONG_SIGN
    assert len(_of(told, events.TakenBack)) == 1
    assert min(lowest) >= -1e-6
    assert microscope.defocus_m() == pytest.approx(-0.6e-6, abs=1e-12)


def test_the_lens_is_approached_from_underfocus() -> None:
    microscope = _open(height_m=+1e-6)
    sets: list[float] = []

    class Watched(Through):
        def set_defocus(self, defocus_m: float) -> None:
            sets.append(defocus_m)
            self.inner.set_defocus(defocus_m)

    result, _ = _run(Watched(microscope), _settings(FINE, focus_approach_m=2e-6))
    assert result.focused
    target = result.steps[0].rounds[0].correction
    assert target is not None
    at = sets.index(target.target_m)
    assert sets[at - 1] == pytest.approx(target.target_m - 2e-6)


def test_astigmatism_is_taken_away_through_the_stigmator() -> None:
    microscope = _open(column={"a1_m": 100e-9})
    before = math.hypot(*truth(microscope).a1_m)
    step = FINE.model_copy(update={"pattern": PatternName.CROSS_QUAD, "stig_correction": True})
    result, told = _run(microscope, _settings(step))
    assert before > 30e-9
    assert result.focused
    assert math.hypot(*truth(microscope).a1_m) < 10e-9  # what the issue asks for
    moved = _of(told, events.Stigmated)
    assert moved
    assert microscope.stigmator() == moved[-1].arrived


def test_a_stigmator_with_the_wrong_sign_is_moved_once_and_put_back() -> None:
    microscope = _open(column={"a1_m": 100e-9})
    right = _book(microscope).of("fa").stigmator
    assert right is not None
    (a, b), (c, d) = right.matrix_m
    wrong = right.model_copy(update={"matrix_m": ((-a, -b), (-c, -d))})
    step = FINE.model_copy(update={"pattern": PatternName.CROSS_QUAD, "stig_correction": True})
    result, told = _run(microscope, _settings(step), book=_book(microscope, stigmator=wrong))
    assert result.refusal is not None
    assert result.refusal.reason is Reason.WRONG_SIGN
    assert "put back" in result.statement
    moved = _of(told, events.Stigmated)
    assert len(moved) == 2
    assert microscope.stigmator() == moved[0].before == moved[1].arrived == (0.0, 0.0)


def test_astigmatism_without_a_calibration_names_the_command() -> None:
    microscope = _open(column={"a1_m": 60e-9})
    step = FINE.model_copy(update={"pattern": PatternName.STAR, "stig_correction": True})
    with pytest.raises(CalibrationError, match="eucentric calibrate stigmator"):
        _run(microscope, _settings(step), book=_book(microscope, stigmator=None))


# Methods


def _stage_tilt(**changes: Any) -> FocusStep:
    plain = {"name": "tilt", "preset": "hl", "focus_method": FocusMethod.STAGE_TILT, "tilt_rad": math.radians(1)}
    # One arrival of the stage is 5 nm off: over sin 1°, 0.3 µm of height.
    plain |= {"correction_type": CorrectionType.STAGE_Z, "tolerance_m": 2e-6, "looks_min": 1, "offset_m": -10e-6}
    return FocusStep.model_validate(plain | changes)


def test_stage_tilt_finds_the_height_and_puts_alpha_back() -> None:
    microscope = _open(512, height_m=40e-6)
    result, told = _run(microscope, _settings(_stage_tilt()))
    first = _of(told, events.Measured)[0].result.measurement
    assert abs(first.c1_m - 40e-6) < 3 * first.total_sigma_m
    assert result.steps[0].status is Status.DONE
    # The goniometer of the perfect microscope moves nothing sideways: what is left is the arrival of the stage.
    assert abs(truth(microscope).height_m) < 3 * 0.3e-6 + 2e-6
    assert microscope.stage().alpha_rad == 0
    alphas = [e.frame.state.stage_alpha_rad for e in _of(told, events.FrameTaken)[:3]]
    assert alphas == pytest.approx([-math.radians(1), 0, math.radians(1)])


def test_halves_that_disagree_are_refused_in_their_own_words() -> None:
    microscope = _open(512, height_m=-10e-6)

    class Slipping(Through):
        """The specimen slips by 200 nm on the way to the last tilt."""

        def move_stage(self, **goal: float) -> None:
            if goal.get("alpha_rad", 0.0) > 0.01:
                goal["x_m"] = self.inner.stage().x_m + 200e-9
            self.inner.move_stage(**goal)

    result, _ = _run(Slipping(microscope), _settings(_stage_tilt()))
    assert result.refusal is not None
    assert result.refusal.reason is Reason.HALVES_DISAGREE
    assert "two halves" in str(result.refusal)
    assert microscope.stage().alpha_rad == 0


def test_stage_tilt_without_a_calibration_names_the_command() -> None:
    microscope = _open()
    with pytest.raises(CalibrationError, match="eucentric calibrate alpha"):
        _run(microscope, _settings(_stage_tilt()), book=_book(microscope, alpha=None))


def test_a_stage_tilt_beyond_the_limit_moves_nothing() -> None:
    microscope = _open(limits={"stage_alpha_max_rad": 0.02})
    with pytest.raises(LimitError, match="Nothing was moved"):
        _run(microscope, _settings(_stage_tilt()))
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


BY_HAND = FocusStep(name="by hand", preset="fa", focus_method=FocusMethod.MANUAL)


def test_what_the_operator_moved_stays() -> None:
    microscope = _open()
    operator = _Hands(Answer.DONE, 0.7e-6, -2e-6)
    settings = _settings(BY_HAND, manual_focus_preset="fc")
    result, told = _run(microscope, settings, operator=operator)
    assert result.steps[0].status is Status.BY_HAND
    assert result.steps[0].by_hand_m == pytest.approx((0.7e-6, -2e-6))
    assert microscope.defocus_m() == pytest.approx(0.7e-6)
    assert microscope.stage().z_m == pytest.approx(-2e-6)
    assert operator.desk is not None
    assert operator.desk.preset == "fc"
    assert "by hand" in result.statement
    assert [e.channel for e in _of(told, events.ByHand)] == [None, CorrectionType.DEFOCUS, CorrectionType.STAGE_Z]


@pytest.mark.parametrize(("answer", "status"), [(Answer.SKIP, Status.SKIPPED), (Answer.ABORT, Status.REFUSED)])
def test_an_operator_who_gives_up_leaves_all_as_it_was(answer: Answer, status: Status) -> None:
    microscope = _open()
    result, _ = _run(microscope, _settings(BY_HAND), operator=_Hands(answer, 0.7e-6, -2e-6))
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
    microscope = _open()
    microscope.set_defocus(-2e-6)
    before = (microscope.focus_m(), microscope.defocus_m())
    result, told = _run(microscope, _settings(BY_HAND), operator=_Resets(answer))
    assert (microscope.focus_m(), microscope.defocus_m()) == pytest.approx(before, abs=1e-12)
    assert _of(told, events.ByHand)[-1] == replace(
        _of(told, events.ByHand)[-1], back=True, change_m=pytest.approx(-1.7e-6), arrived_m=pytest.approx(-2e-6)
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

    microscope = _open()
    told: list[events.Event] = []
    focus = Focus(
        microscope, _book(microscope), _settings(BY_HAND), observers=(told.append,), operator=Stops(Answer.DONE)
    )
    with pytest.raises(Aborted):
        focus.run()
    assert told[-1].error.endswith("restored, and what was moved by hand taken back.")  # type: ignore[union-attr]
    assert (microscope.focus_m(), microscope.defocus_m()) == pytest.approx((0, 0), abs=1e-12)


def test_a_zero_that_was_reset_by_hand_stays_when_done() -> None:
    microscope = _open()
    result, _ = _run(microscope, _settings(BY_HAND), operator=_Resets(Answer.DONE))
    assert result.steps[0].by_hand_m == pytest.approx((1.7e-6, 0))
    assert (microscope.focus_m(), microscope.defocus_m()) == pytest.approx((1.7e-6, 0.2e-6))


def test_without_an_operator_a_manual_step_is_skipped_and_focus_stands() -> None:
    result, _ = _run(_open(), _settings(FINE, BY_HAND, accuracy_limit_m=None))
    assert [s.status for s in result.steps] == [Status.DONE, Status.SKIPPED]
    assert result.focused
    assert "nobody is there" in result.statement


def test_what_was_moved_by_hand_and_taken_back_voids_what_was_measured() -> None:
    settings = _settings(FINE, BY_HAND, accuracy_limit_m=None)
    result, _ = _run(_open(), settings, operator=_Hands(Answer.SKIP, 0.0, -2e-6))
    assert not result.focused
    assert result.residual is None
    assert _run(_open(), settings, operator=_Hands(Answer.SKIP))[0].focused


def test_a_step_that_measures_nothing_leaves_the_lens_and_a_reset_voids_what_stands() -> None:
    nothing = FocusStep(name="no", preset="fa", focus_method=FocusMethod.NONE, correction_type=CorrectionType.STAGE_Z)
    microscope = _open()
    result, _ = _run(microscope, _settings(FINE, nothing, accuracy_limit_m=None))
    assert result.focused
    assert microscope.focus_m() == pytest.approx(-HEIGHT_M, abs=BOUND_M)
    reset = nothing.model_copy(update={"reset_defocus": ResetDefocus.YES})
    assert not _run(_open(), _settings(FINE, reset, accuracy_limit_m=None))[0].focused


def test_the_desk_refuses_what_is_too_far_and_nothing_moves() -> None:
    microscope = _open()
    tight = BY_HAND.model_copy(update={"delta_max_m": 1e-6})
    with pytest.raises(LimitError, match="delta max"):
        _run(microscope, _settings(tight), operator=_Hands(Answer.DONE, 1.5e-6))
    assert microscope.defocus_m() == 0


def test_a_step_that_measures_nothing_only_resets() -> None:
    microscope = _open()
    microscope.set_defocus(-2e-6)
    nothing = FocusStep(name="reset", preset="fa", focus_method=FocusMethod.NONE, reset_defocus=ResetDefocus.YES)
    result, told = _run(microscope, _settings(nothing))
    assert result.steps[0].status is Status.DONE
    assert not _of(told, events.FrameTaken)
    assert (microscope.defocus_m(), microscope.focus_m()) == pytest.approx((0, -2e-6))


def test_a_phase_plate_has_its_own_tilts() -> None:
    tilts = ((3e-3, -4e-3), (-3e-3, 4e-3), (-3e-3, 4e-3), (3e-3, -4e-3))
    settings = _settings(FINE, on_phase_plate=True, phase_plate_tilts_rad=tilts)
    result, told = _run(_open(), settings)
    assert [e.frame.state.tilt_rad for e in _of(told, events.FrameTaken)[:4]] == [pytest.approx(t) for t in tilts]
    assert result.focused


def test_a_step_has_its_own_tilts() -> None:
    tilts = ((0.0, -5e-3), (5e-3, 0.0), (-5e-3, 0.0), (0.0, 5e-3))
    result, told = _run(_open(), _settings(FINE.model_copy(update={"tilts_rad": tilts})))
    assert [e.frame.state.tilt_rad for e in _of(told, events.FrameTaken)[:4]] == [pytest.approx(t) for t in tilts]
    assert result.focused


# After


def test_the_corrected_focus_becomes_defocus_zero() -> None:
    microscope = _open()
    step = FINE.model_copy(update={"reset_defocus": ResetDefocus.YES})
    result, told = _run(microscope, _settings(step))
    assert result.focused
    assert microscope.defocus_m() == pytest.approx(0, abs=1e-12)
    assert microscope.focus_m() == pytest.approx(-HEIGHT_M, abs=BOUND_M)
    assert len(_of(told, events.DefocusReset)) == 1


def test_measuring_only_resets_and_moves_nothing() -> None:
    microscope = _open()
    microscope.set_defocus(0.3e-6)
    step = FINE.model_copy(update={"reset_defocus": ResetDefocus.YES})
    _run(microscope, _settings(step, acquire_final=True), measure_only=True)
    assert (microscope.defocus_m(), microscope.focus_m()) == (0.3e-6, 0.3e-6)


def test_good_enough_skips_the_rest() -> None:
    result, told = _run(_open(), _settings(FINE, FINE.model_copy(update={"name": "again"})))
    assert [s.status for s in result.steps] == [Status.DONE, Status.SKIPPED]
    assert "good enough" in result.statement
    assert result.focused
    assert {e.step for e in _of(told, events.FrameTaken)} == {"fine"}


def test_good_enough_resets_defocus_where_a_skipped_step_asks_for_it() -> None:
    microscope = _open()
    again = FINE.model_copy(update={"name": "again", "reset_defocus": ResetDefocus.YES})
    result, told = _run(microscope, _settings(FINE, again))
    assert result.focused
    assert len(_of(told, events.DefocusReset)) == 1
    assert microscope.defocus_m() == pytest.approx(0, abs=1e-12)


def test_with_all_steps_off_only_the_final_image_is_taken() -> None:
    off = FINE.model_copy(update={"switch": False})
    result, told = _run(_open(), _settings(off, acquire_final=True))
    assert len(_of(told, events.FinalTaken)) == 1
    assert not result.focused


def test_an_unknown_preset_is_found_before_anything_moves() -> None:
    for more in ({"acquire_final": True, "final_preset": "xx"}, {"melt_time_s": 1.0, "melt_preset": "xx"}):
        microscope = Counting(_open())
        with pytest.raises(SettingsError, match="no preset 'xx'"):
            _run(microscope, _settings(FINE, **more))
        assert not {"acquire", "set_preset", "set_defocus"} & set(microscope.names)


def test_a_final_image_that_fails_is_told_and_focus_stands() -> None:
    class Blind(Through):
        def acquire(self) -> Any:
            if self.inner.preset().name == "en":
                raise InstrumentError("The camera is warm.")
            return self.inner.acquire()

    result, _ = _run(Blind(_open()), _settings(FINE, acquire_final=True, final_preset="en"))
    assert result.focused
    assert "The final image failed: The camera is warm." in result.statement


def test_a_final_image_is_taken_of_each_target_at_the_final_preset() -> None:
    microscope = _open()
    targets = (FocusTarget("a"), FocusTarget("b", stage_m=(0.0, 0.3e-6)))
    result, told = _run(microscope, _settings(FINE, acquire_final=True, final_preset="en"), targets)
    finals = _of(told, events.FinalTaken)
    assert [f.target for f in finals] == ["a", "b"]
    assert {f.frame.state.preset for f in finals} == {"en"}
    assert microscope.preset().name == "sq"
    spent = dict(result.doses_e_per_m2)
    per = {p.name: p.dose_e_per_m2 for p in microscope.presets()}
    frames = sum(e.target == "a" for e in _of(told, events.FrameTaken))
    assert spent["a"] == pytest.approx(frames * per["fa"] + per["en"])


# Targets


def test_a_target_that_is_refused_is_left_out_and_named() -> None:
    microscope = _open()
    y, x = empty_hole_m(microscope)
    targets = (FocusTarget("hole", stage_m=(y, x)), FocusTarget("film", stage_m=(0.0, 0.0)))
    result, told = _run(microscope, _settings(FINE), targets)
    assert result.focused
    assert [name for name, _ in result.steps[0].left_out] == ["hole"]
    assert "'hole'" in result.statement
    assert len({e.target for e in _of(told, events.LeftOut)}) == 1
    at = microscope.stage()
    assert (at.x_m, at.y_m) == (0, 0)


def test_all_targets_refused_refuses_the_step() -> None:
    microscope = _open()
    y, x = empty_hole_m(microscope)
    targets = tuple(FocusTarget(name, stage_m=(y, x + k * 1e-7)) for k, name in enumerate("ab"))
    result, _ = _run(microscope, _settings(FINE), targets)
    assert result.steps[0].status is Status.REFUSED
    assert microscope.defocus_m() == 0


def test_targets_by_image_shift_are_averaged_and_the_shift_taken_back() -> None:
    microscope = _open()
    microscope.set_image_shift((1e-7, 0.0))
    targets = (FocusTarget("a", image_shift_m=(0.0, 2e-7)), FocusTarget("b", image_shift_m=(0.0, -2e-7)))
    result, told = _run(microscope, _settings(FINE), targets)
    assert result.focused
    assert _of(told, events.Averaged)[-1].targets == ("a", "b")
    assert result.residual == _of(told, events.Averaged)[-1].measurement
    assert microscope.image_shift_m() == (1e-7, 0.0)


@pytest.mark.parametrize("far", [FocusTarget("far", stage_m=(0.0, 1.0)), FocusTarget("far", image_shift_m=(1.0, 0.0))])
def test_a_last_target_out_of_reach_is_found_before_anything_moves(far: FocusTarget) -> None:
    microscope = Counting(_open())
    with pytest.raises(LimitError, match="target 'far'"):
        _run(microscope, _settings(FINE), (HERE, far))
    assert "acquire" not in microscope.names
    assert "set_preset" not in microscope.names


def test_targets_need_names_of_their_own() -> None:
    with pytest.raises(SettingsError, match="name of its own"):
        _run(_open(), _settings(FINE), (HERE, HERE))


def test_on_a_tilted_specimen_an_image_shifted_target_focuses_the_centre() -> None:
    alpha = math.radians(30)
    microscope = _open(512, height_m=-1e-6)
    microscope.move_stage(alpha_rad=alpha)
    axis = _book(microscope).of("fa").stage_tilt_axis_rad
    assert axis is not None
    across = (math.cos(axis) * 0.4e-6, -math.sin(axis) * 0.4e-6)  # (y, x): 0.4 µm up the slope
    result, told = _run(microscope, _settings(FINE), (FocusTarget("up", image_shift_m=across),))
    first = _of(told, events.Measured)[0].result
    assert first.height_m == pytest.approx(0.4e-6 * math.tan(alpha), rel=1e-3)
    assert result.steps[0].status is Status.DONE
    microscope.set_preset("fa")
    # Seen from the preset's centre the lens is in focus, and not 0.23 µm off; 1 % of the shift's own length remains.
    assert abs(truth(microscope).c1_m) < FINE.tolerance_m + 3 * first.measurement.total_sigma_m
    assert abs(truth(microscope).c1_m) < 0.1e-6


# Budget


def test_what_would_exceed_the_budget_is_not_done() -> None:
    microscope = _open()
    dose = next(p.dose_e_per_m2 for p in microscope.presets() if p.name == "fa")
    result, told = _run(microscope, _settings(FINE, dose_max_per_m2=6 * dose))
    assert result.refusal is not None
    assert result.refusal.reason is Reason.DOSE_BUDGET
    assert dict(result.doses_e_per_m2)["here"] <= 6 * dose * (1 + 1e-9)
    assert len(_of(told, events.FrameTaken)) == 4
    assert "What was corrected before stays" in result.statement


def test_images_that_do_not_tell_their_dose_take_what_the_preset_says() -> None:
    microscope = _open()
    dose = next(p.dose_e_per_m2 for p in microscope.presets() if p.name == "fa")

    class Silent(Through):
        def acquire(self) -> Any:
            return replace(self.inner.acquire(), dose_e_per_m2=None)

    result, _ = _run(Silent(microscope), _settings(FINE, dose_max_per_m2=6 * dose, melt_time_s=0.01))
    assert result.refusal is not None
    assert result.refusal.reason is Reason.DOSE_BUDGET
    assert dict(result.doses_e_per_m2)["here"] == pytest.approx((4 + 1) * dose)


# The brake, and instruments that lie


def test_a_paused_run_goes_on_when_it_is_resumed() -> None:
    control = Control()
    told: list[events.Event] = []

    def brake(event: events.Event) -> None:
        told.append(event)
        if isinstance(event, events.Measured) and not _of(told, events.Paused):
            control.pause()
        if isinstance(event, events.Paused) and not event.over:
            control.resume()

    microscope = _open()
    result = Focus(microscope, _book(microscope), _settings(FINE), observers=(brake,), control=control).run()
    assert [e.over for e in _of(told, events.Paused)] == [False, True]
    assert result.focused


def test_an_aborted_run_restores_everything() -> None:
    microscope = _open()
    microscope.set_beam_tilt((1e-3, 0.0))
    control = Control()
    told: list[events.Event] = []

    def stop(event: events.Event) -> None:
        told.append(event)
        if isinstance(event, events.Measured) and len(_of(told, events.Measured)) == 1:
            control.abort()

    focus = Focus(microscope, _book(microscope), _settings(FINE), observers=(stop,), control=control)
    with pytest.raises(Aborted):
        focus.run()
    assert microscope.beam_tilt_rad() == (1e-3, 0.0)
    assert microscope.preset().name == "sq"
    assert microscope.defocus_m() == 0
    assert isinstance(told[-1], events.Failed)
    assert told[-1].error.startswith("Aborted")
    taken = [frame.frame.dose_e_per_m2 or 0.0 for frame in _of(told, events.FrameTaken)]
    assert told[-1].dose_e_per_m2 == pytest.approx(sum(taken))
    control.release()
    assert focus.run().focused


@pytest.mark.parametrize(
    ("method", "after"), [("set_preset", 0), ("set_beam_tilt", 1), ("set_defocus", 0), ("set_defocus", 2)]
)
def test_a_set_that_does_not_arrive_ends_the_run_and_is_named(method: str, after: int) -> None:
    microscope = _open()
    with pytest.raises(NotArrivedError):
        _run(Dropping(microscope, method, after), _settings(FINE))


def test_what_the_instrument_cannot_do_is_said_before_anything_moves() -> None:
    microscope = _open()

    class Plain(Through):
        @property
        def capabilities(self) -> Any:
            return replace(self.inner.capabilities, defocus_zero=False)

    step = FINE.model_copy(update={"reset_defocus": ResetDefocus.YES})
    with pytest.raises(InstrumentError, match="defocus zero can't be reset"):
        _run(Plain(microscope), _settings(step))
    assert microscope.preset().name == "sq"


def test_the_confirmed_channels_grow_with_the_runs() -> None:
    microscope = _open()
    focus = Focus(microscope, _book(microscope), _settings(FINE))
    focus.run()
    assert focus.confirmed == {CorrectionType.DEFOCUS}


def test_a_guarded_microscope_can_be_braked_too() -> None:
    control = Control()
    microscope = _open()
    control.abort()
    with pytest.raises(Aborted):
        Focus(Guarded(microscope), _book(microscope), _settings(FINE), control=control).run()
    assert microscope.preset().name == "sq"


def test_the_checkpoint_of_a_guarded_microscope_is_looked_at_too() -> None:
    looked: list[int] = []
    microscope = _open()
    scope = Guarded(microscope, checkpoint=lambda: looked.append(1))
    Focus(scope, _book(microscope), _settings(FINE), control=Control(), confirmed=SURE).run(measure_only=True)
    assert looked


def test_two_runs_at_a_time_are_refused() -> None:
    said: list[str] = []
    microscope = _open()

    def again(event: events.Event) -> None:
        if isinstance(event, events.StepStarted):
            with pytest.raises(InstrumentError, match="already") as error:
                focus.run()
            said.append(str(error.value))

    focus = Focus(microscope, _book(microscope), _settings(FINE), observers=(again,), confirmed=SURE)
    assert focus.run().focused
    assert len(said) == 1


def test_an_instrument_error_says_what_stays_corrected() -> None:
    microscope = _open(column={"a1_m": 100e-9})
    told: list[events.Event] = []

    class Dying(Through):
        def acquire(self) -> Any:
            if _of(told, events.DefocusReset):
                raise InstrumentError("The camera is warm.")
            return self.inner.acquire()

    step = FINE.model_copy(
        update={"pattern": PatternName.CROSS_QUAD, "stig_correction": True, "reset_defocus": ResetDefocus.YES}
    )
    settings = _settings(step, FINE.model_copy(update={"name": "again"}), accuracy_limit_m=None)
    focus = Focus(Dying(microscope), _book(microscope), settings, observers=(told.append,), confirmed=SURE)
    with pytest.raises(InstrumentError, match="warm"):
        focus.run()
    assert isinstance(told[-1], events.Failed)
    for stays in ("Defocus stays at", "Stigmator stays at", "Defocus zero stays"):
        assert stays in told[-1].error


def test_an_abort_is_seen_while_the_operator_waits() -> None:
    control, microscope = Control(), _open()

    class Waiting:
        def focus(self, desk: Desk) -> Reply:
            desk.step_defocus(0.5e-6)
            control.abort()
            desk.check()
            raise AssertionError("not reached")

    with pytest.raises(Aborted):
        _run(microscope, _settings(BY_HAND), operator=Waiting(), control=control)
    assert microscope.defocus_m() == 0


def test_an_operator_who_answers_nothing_is_told_what_to_answer() -> None:
    class Mute:
        def focus(self, desk: Desk) -> Any:
            desk.step_defocus(0.5e-6)

    microscope = _open()
    with pytest.raises(InputError, match="Reply"):
        _run(microscope, _settings(BY_HAND), operator=Mute())
    assert microscope.defocus_m() == 0
