"""What comes before the first look of a Focus run: melting, settling, drift; and the plainest run."""

from __future__ import annotations

import math
from typing import Any

import pytest

from eucentric.focus import events
from eucentric.focus.focus import Focus
from eucentric.focus.outcome import Status
from eucentric.focus.settings import (
    CorrectionType,
    FocusStep,
)
from eucentric.focus.targets import FocusTarget
from eucentric.focus.verdict import Reason
from eucentric.microscope.simulated.truth import empty_hole_m, truth
from tests.e2e.focusing import BOUND_M, FINE, SURE, book_of, of_kind, opened, run, settings_of
from tests.e2e.wrapped import Through


def test_a_step_ends_in_focus_and_says_so() -> None:
    microscope = opened()
    result, told = run(microscope, settings_of(FINE))
    microscope.set_preset("fa")
    assert result.focused
    assert abs(truth(microscope).c1_m) < (result.stated_error_m or 0) < BOUND_M
    assert dict(result.doses_e_per_m2) == {"here": pytest.approx(result.steps[0].dose_e_per_m2)}
    assert of_kind(told, events.SetUp)[0].preset == "fa"


def test_a_target_is_melted_once_and_pays_for_it() -> None:
    microscope = opened()
    again = FINE.model_copy(update={"name": "again"})
    settings = settings_of(FINE, again, melt_time_s=1.2, accuracy_limit_m=None)
    result, told = run(microscope, settings)
    melted = of_kind(told, events.Melted)
    exposure, dose = next((p.exposure_s, p.dose_e_per_m2) for p in microscope.presets() if p.name == "fa")
    assert [m.exposures for m in melted] == [math.ceil(1.2 / exposure)]
    frames = len(of_kind(told, events.FrameTaken))
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
    microscope = opened()
    settings = settings_of(step, melt_time_s=0.1, melt_preset="sq")
    book = book_of(microscope, eucentric_focus_m=stored)
    run(Bringing(microscope), settings, (FocusTarget("a", image_shift_m=(0.0, 2e-7)),), book=book, measure_only=True)
    assert seen[0][0] == "sq"
    assert {shift for _, _, shift in seen} == {(0.0, 2e-7)}
    assert next(lens for name, lens, _ in seen if name == "hl") == stored


def test_a_drifting_specimen_is_waited_for() -> None:
    drift = {"drift_m_per_s": 3e-9, "drift_decay_s": 5.0}  # after a stage move; 0.3 nm/s after 5·ln 10 = 11.5 s
    microscope = opened(stage=drift)
    microscope.move_stage(x_m=1e-6)
    step = FINE.model_copy(update={"check_drift": True})
    result, told = run(microscope, settings_of(step))
    looks = of_kind(told, events.DriftMeasured)
    assert result.steps[0].status is Status.DONE
    assert not looks[0].still
    assert looks[0].speed_m_per_s > 0.3e-9
    assert looks[-1].still
    assert abs(complex(*truth(microscope).drift_m_per_s)) < 0.3e-9


def test_drift_that_does_not_end_refuses_the_step() -> None:
    microscope = opened(stage={"drift_rest_m_per_s": 3e-9})
    step = FINE.model_copy(update={"check_drift": True, "drift_timeout_s": 10.0})
    result, told = run(microscope, settings_of(step))
    assert result.refusal is not None
    assert result.refusal.reason is Reason.DRIFT
    assert "3 nm/s" in str(result.refusal)
    assert not of_kind(told, events.FrameTaken)
    assert microscope.now_s() < 30  # the time-out and one look more, not for ever


def test_drift_in_an_empty_hole_names_the_true_cause() -> None:
    microscope = opened()
    y, x = empty_hole_m(microscope)
    step = FINE.model_copy(update={"check_drift": True})
    result, _ = run(microscope, settings_of(step), (FocusTarget("hole", stage_m=(y, x)),))
    assert result.refusal is not None
    assert result.refusal.reason in {Reason.FALSE_LOCK, Reason.FIXED_PATTERN}


def test_a_target_that_had_drifted_is_repeated() -> None:
    microscope = opened(stage={"drift_m_per_s": 3e-9, "drift_decay_s": 5.0})
    step = FINE.model_copy(update={"check_drift": True, "recheck_drift": True})
    pushed: list[float] = []

    def push(event: events.Event) -> None:  # someone touches the stage after the first measurement
        if isinstance(event, events.Measured) and not pushed:
            pushed.append(event.time_s)
            microscope.move_stage(x_m=1e-6)

    told: list[events.Event] = []
    focus = Focus(microscope, book_of(microscope), settings_of(step), observers=(push, told.append), confirmed=SURE)
    result = focus.run()
    order = [type(e).__name__ for e in told if isinstance(e, (events.Measured, events.Corrected))]
    assert order[:3] == ["Measured", "Measured", "Corrected"]
    assert result.focused
