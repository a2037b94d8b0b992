"""What a run may say at its end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eucentric.calibration.instrument import Uncertainty
from eucentric.focus.correct import Correction
from eucentric.focus.outcome import COVERAGE, Round, RunResult, Status, StepResult
from eucentric.focus.patterns import PatternName, pattern
from eucentric.focus.predict import predicted_measurement
from eucentric.focus.result import DefocusResult
from eucentric.focus.settings import CorrectionType, FocusMethod, FocusSequence, FocusStep
from eucentric.focus.solve import Exposures
from eucentric.focus.verdict import Finding, Reason, Verdict

STEPS = (FocusStep(name="coarse", preset="hl"), FocusStep(name="fine", preset="fa"))
SEQUENCE = FocusSequence(steps=STEPS)
PLAN = pattern(PatternName.PAIR, 5e-3)
MEASURED = replace(
    predicted_measurement(PLAN, c1_m=-20e-9, shift_sigma_m=2e-11, interval_s=0.5, c3_m=2.7e-3, prior=Uncertainty()),
    total_sigma_m=15e-9,
)
GOOD = DefocusResult(MEASURED, Verdict(), (), (), Exposures(PLAN.tilts, (0.0, 0.5)), 1e-9)
REFUSAL = Finding(Reason.FALSE_LOCK, "Nothing in common", "allowed", "Move to carbon.")
MOVE = Correction(CorrectionType.DEFOCUS, 1e-6, 1e-6, 1e-6)


def _step(result: DefocusResult = GOOD, **changes: object) -> StepResult:
    plain = StepResult(STEPS[1], Status.DONE, (Round(result, None),), None, 1e21)
    return replace(plain, **changes)  # type: ignore[arg-type]


def _run(*steps: StepResult, measure_only: bool = False) -> RunResult:
    return RunResult("simulated", SEQUENCE, measure_only, steps, frozenset())


def test_in_focus_is_said_with_its_bound() -> None:
    run = _run(_step(), _step())
    assert run.stated_error_m == pytest.approx(20e-9 + COVERAGE * MEASURED.total_sigma_m)
    assert run.focused
    assert run.statement.startswith("Focused to within")
    assert run.dose_e_per_m2 == 2e21


def test_a_wide_bound_is_not_in_focus() -> None:
    wide = replace(GOOD, measurement=replace(MEASURED, total_sigma_m=40e-9))
    run = _run(_step(), _step(wide))
    assert not run.focused
    assert run.statement.startswith("Not focused")


@pytest.mark.parametrize(
    "last",
    [
        _step(rounds=()),
        _step(rounds=(Round(GOOD, MOVE),)),  # moved after the last look: what was measured no longer holds
        _step(replace(GOOD, verdict=Verdict((REFUSAL,)))),
    ],
)
def test_nothing_stale_is_ever_stated(last: StepResult) -> None:
    run = _run(_step(), last)
    assert run.residual is None
    assert run.stated_error_m is None
    assert not run.focused


def test_a_run_that_broke_off_states_nothing_of_focus() -> None:
    assert _run(_step()).residual is None
    refused = _run(_step(status=Status.REFUSED, refusal=REFUSAL))
    assert not refused.focused
    assert refused.statement == "Not focused. Nothing in common; allowed. Move to carbon. Nothing was corrected."
    moved = _run(_step(rounds=(Round(GOOD, MOVE), Round(GOOD, None))), _step(status=Status.REFUSED, refusal=REFUSAL))
    assert moved.statement.endswith("What was corrected before stays.")


def test_a_probe_that_was_taken_back_is_no_correction_and_what_was_measured_before_does_not_stand() -> None:
    undone = _step(
        rounds=(Round(GOOD, MOVE, taken_back=True), Round(GOOD, None)), status=Status.REFUSED, refusal=REFUSAL
    )
    assert undone.corrected_m == 0
    assert undone.residual is None
    run = _run(_step(), undone)
    assert not run.focused
    assert run.statement.endswith("The probe was taken back. Nothing was corrected.")


def _by_hand(*, left: bool, moved: bool) -> RunResult:
    step = FocusStep(name="manual", preset="fa", focus_method=FocusMethod.MANUAL)
    status, by = (Status.SKIPPED, (0.0, 0.0)) if left else (Status.BY_HAND, (1e-6, 0.0) if moved else (0.0, 0.0))
    said = "Step 'manual' was taken back." if left else None
    done = StepResult(step, status, (), None, 1e21, said, by_hand_m=by, disturbed=moved, left_by_hand=left)
    return replace(_run(done), sequence=FocusSequence(steps=(step,)))


@pytest.mark.parametrize(
    ("left", "moved", "said"),
    [
        (True, True, "Taken back by the operator: lens and stage are as before."),
        (True, False, "Left by the operator as it was found."),
        (False, True, "Corrected by hand at the end"),
        (False, False, "Looked at by hand, nothing was moved."),
    ],
)
def test_what_the_operator_ends_by_hand_is_no_failure(left: bool, moved: bool, said: str) -> None:
    run = _by_hand(left=left, moved=moved)
    assert run.statement.startswith(said)
    assert run.ends_by_hand
    assert not run.focused
    nobody = replace(run.steps[0], left_by_hand=False, status=Status.SKIPPED)
    assert not replace(run, steps=(nobody,)).ends_by_hand
    assert not replace(run, steps=(_step(), run.steps[0])).statement.startswith(("Taken", "Left", "Looked"))


def test_a_skipped_step_leaves_the_measurement_before_it() -> None:
    run = _run(_step(), _step(rounds=(), status=Status.SKIPPED, skipped="Step 'fine' was skipped."), measure_only=True)
    assert run.residual is MEASURED
    assert run.statement.endswith("Step 'fine' was skipped.")


def test_measuring_only_never_claims_focus() -> None:
    run = _run(_step(), _step(), measure_only=True)
    assert not run.focused
    assert run.statement.startswith("Measured, nothing corrected")


def test_a_step_that_did_not_converge_is_never_in_focus() -> None:
    run = _run(_step(), _step(status=Status.NOT_CONVERGED))
    assert run.stated_error_m is not None
    assert run.stated_error_m < run.sequence.accuracy_m
    assert not run.focused
    assert run.statement.startswith("Not focused: step 'fine' did not converge in 4 corrections")
    aside = _step(rounds=(), status=Status.SKIPPED, skipped="Step 'fine' was skipped.")
    assert not _run(_step(status=Status.NOT_CONVERGED), aside).focused
    assert _run(_step(status=Status.NOT_CONVERGED), _step()).focused


def test_targets_that_were_left_out_are_named_where_the_last_step_was_skipped() -> None:
    aside = _step(rounds=(), status=Status.SKIPPED, skipped="Step 'fine' was skipped.")
    assert "Left out: 'hole'" in _run(_step(left_out=(("hole", REFUSAL),)), aside).statement
