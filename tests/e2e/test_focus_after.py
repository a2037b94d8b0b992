"""What comes after the last step of a Focus run, several targets, and the budget of electrons."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from eucentric.errors import (
    InstrumentError,
    LimitError,
    SettingsError,
)
from eucentric.focus import events
from eucentric.focus.outcome import Status
from eucentric.focus.settings import (
    ResetDefocus,
)
from eucentric.focus.targets import HERE, FocusTarget
from eucentric.focus.verdict import Reason
from eucentric.microscope.simulated.truth import empty_hole_m, truth
from tests.e2e.focusing import BOUND_M, FINE, HEIGHT_M, book_of, of_kind, opened, run, settings_of
from tests.e2e.wrapped import Counting, Through


def test_the_corrected_focus_becomes_defocus_zero() -> None:
    microscope = opened()
    step = FINE.model_copy(update={"reset_defocus": ResetDefocus.YES})
    result, told = run(microscope, settings_of(step))
    assert result.focused
    assert microscope.defocus_m() == pytest.approx(0, abs=1e-12)
    assert microscope.focus_m() == pytest.approx(-HEIGHT_M, abs=BOUND_M)
    assert len(of_kind(told, events.DefocusReset)) == 1


def test_measuring_only_resets_and_moves_nothing() -> None:
    microscope = opened()
    microscope.set_defocus(0.3e-6)
    step = FINE.model_copy(update={"reset_defocus": ResetDefocus.YES})
    run(microscope, settings_of(step, acquire_final=True), measure_only=True)
    assert (microscope.defocus_m(), microscope.focus_m()) == (0.3e-6, 0.3e-6)


def test_good_enough_skips_the_rest() -> None:
    result, told = run(opened(), settings_of(FINE, FINE.model_copy(update={"name": "again"})))
    assert [s.status for s in result.steps] == [Status.DONE, Status.SKIPPED]
    assert "good enough" in result.statement
    assert result.focused
    assert {e.step for e in of_kind(told, events.FrameTaken)} == {"fine"}


def test_good_enough_resets_defocus_where_a_skipped_step_asks_for_it() -> None:
    microscope = opened()
    again = FINE.model_copy(update={"name": "again", "reset_defocus": ResetDefocus.YES})
    result, told = run(microscope, settings_of(FINE, again))
    assert result.focused
    assert len(of_kind(told, events.DefocusReset)) == 1
    assert microscope.defocus_m() == pytest.approx(0, abs=1e-12)


def test_with_all_steps_off_only_the_final_image_is_taken() -> None:
    off = FINE.model_copy(update={"switch": False})
    result, told = run(opened(), settings_of(off, acquire_final=True))
    assert len(of_kind(told, events.FinalTaken)) == 1
    assert not result.focused


def test_an_unknown_preset_is_found_before_anything_moves() -> None:
    for more in ({"acquire_final": True, "final_preset": "xx"}, {"melt_time_s": 1.0, "melt_preset": "xx"}):
        microscope = Counting(opened())
        with pytest.raises(SettingsError, match="no preset 'xx'"):
            run(microscope, settings_of(FINE, **more))
        assert not {"acquire", "set_preset", "set_defocus"} & set(microscope.names)


def test_a_final_image_that_fails_is_told_and_focus_stands() -> None:
    class Blind(Through):
        def acquire(self) -> Any:
            if self.inner.preset().name == "en":
                raise InstrumentError("The camera is warm.")
            return self.inner.acquire()

    result, _ = run(Blind(opened()), settings_of(FINE, acquire_final=True, final_preset="en"))
    assert result.focused
    assert "The final image failed: The camera is warm." in result.statement


def test_a_final_image_is_taken_of_each_target_at_the_final_preset() -> None:
    microscope = opened()
    targets = (FocusTarget("a"), FocusTarget("b", stage_m=(0.0, 0.3e-6)))
    result, told = run(microscope, settings_of(FINE, acquire_final=True, final_preset="en"), targets)
    finals = of_kind(told, events.FinalTaken)
    assert [f.target for f in finals] == ["a", "b"]
    assert {f.frame.state.preset for f in finals} == {"en"}
    assert microscope.preset().name == "sq"
    spent = dict(result.doses_e_per_m2)
    per = {p.name: p.dose_e_per_m2 for p in microscope.presets()}
    frames = sum(e.target == "a" for e in of_kind(told, events.FrameTaken))
    assert spent["a"] == pytest.approx(frames * per["fa"] + per["en"])


# Targets


def test_a_target_that_is_refused_is_left_out_and_named() -> None:
    microscope = opened()
    y, x = empty_hole_m(microscope)
    targets = (FocusTarget("hole", stage_m=(y, x)), FocusTarget("film", stage_m=(0.0, 0.0)))
    result, told = run(microscope, settings_of(FINE), targets)
    assert result.focused
    assert [name for name, _ in result.steps[0].left_out] == ["hole"]
    assert "'hole'" in result.statement
    assert len({e.target for e in of_kind(told, events.LeftOut)}) == 1
    at = microscope.stage()
    assert (at.x_m, at.y_m) == (0, 0)


def test_all_targets_refused_refuses_the_step() -> None:
    microscope = opened()
    y, x = empty_hole_m(microscope)
    targets = tuple(FocusTarget(name, stage_m=(y, x + k * 1e-7)) for k, name in enumerate("ab"))
    result, _ = run(microscope, settings_of(FINE), targets)
    assert result.steps[0].status is Status.REFUSED
    assert microscope.defocus_m() == 0


def test_targets_by_image_shift_are_averaged_and_the_shift_taken_back() -> None:
    microscope = opened()
    microscope.set_image_shift((1e-7, 0.0))
    targets = (FocusTarget("a", image_shift_m=(0.0, 2e-7)), FocusTarget("b", image_shift_m=(0.0, -2e-7)))
    result, told = run(microscope, settings_of(FINE), targets)
    assert result.focused
    assert of_kind(told, events.Averaged)[-1].targets == ("a", "b")
    assert result.residual == of_kind(told, events.Averaged)[-1].measurement
    assert microscope.image_shift_m() == (1e-7, 0.0)


@pytest.mark.parametrize("far", [FocusTarget("far", stage_m=(0.0, 1.0)), FocusTarget("far", image_shift_m=(1.0, 0.0))])
def test_a_last_target_out_of_reach_is_found_before_anything_moves(far: FocusTarget) -> None:
    microscope = Counting(opened())
    with pytest.raises(LimitError, match="target 'far'"):
        run(microscope, settings_of(FINE), (HERE, far))
    assert "acquire" not in microscope.names
    assert "set_preset" not in microscope.names


def test_targets_need_names_of_their_own() -> None:
    with pytest.raises(SettingsError, match="name of its own"):
        run(opened(), settings_of(FINE), (HERE, HERE))


def test_on_a_tilted_specimen_an_image_shifted_target_focuses_the_centre() -> None:
    alpha = math.radians(30)
    microscope = opened(512, height_m=-1e-6)
    microscope.move_stage(alpha_rad=alpha)
    axis = book_of(microscope).of("fa").stage_tilt_axis_rad
    assert axis is not None
    across = (math.cos(axis) * 0.4e-6, -math.sin(axis) * 0.4e-6)  # (y, x): 0.4 µm up the slope
    result, told = run(microscope, settings_of(FINE), (FocusTarget("up", image_shift_m=across),))
    first = of_kind(told, events.Measured)[0].result
    assert first.height_m == pytest.approx(0.4e-6 * math.tan(alpha), rel=1e-3)
    assert result.steps[0].status is Status.DONE
    microscope.set_preset("fa")
    # Seen from the preset's centre the lens is in focus, and not 0.23 µm off; 1 % of the shift's own length remains.
    assert abs(truth(microscope).c1_m) < FINE.tolerance_m + 3 * first.measurement.total_sigma_m
    assert abs(truth(microscope).c1_m) < 0.1e-6


# Budget


def test_what_would_exceed_the_budget_is_not_done() -> None:
    microscope = opened()
    dose = next(p.dose_e_per_m2 for p in microscope.presets() if p.name == "fa")
    result, told = run(microscope, settings_of(FINE, dose_max_per_m2=6 * dose))
    assert result.refusal is not None
    assert result.refusal.reason is Reason.DOSE_BUDGET
    assert dict(result.doses_e_per_m2)["here"] <= 6 * dose * (1 + 1e-9)
    assert len(of_kind(told, events.FrameTaken)) == 4
    assert "What was corrected before stays" in result.statement


def test_images_that_do_not_tell_their_dose_take_what_the_preset_says() -> None:
    microscope = opened()
    dose = next(p.dose_e_per_m2 for p in microscope.presets() if p.name == "fa")

    class Silent(Through):
        def acquire(self) -> Any:
            return replace(self.inner.acquire(), dose_e_per_m2=None)

    result, _ = run(Silent(microscope), settings_of(FINE, dose_max_per_m2=6 * dose, melt_time_s=0.01))
    assert result.refusal is not None
    assert result.refusal.reason is Reason.DOSE_BUDGET
    assert dict(result.doses_e_per_m2)["here"] == pytest.approx((4 + 1) * dose)
