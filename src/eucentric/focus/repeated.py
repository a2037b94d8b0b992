"""The same measurement again and again at one place, correcting nothing: what a step's limits are tuned from."""

from __future__ import annotations

from eucentric.errors import SettingsError
from eucentric.focus.looking import Looking
from eucentric.focus.outcome import Status, StepResult
from eucentric.focus.settings import FocusMethod, FocusSequence, FocusStep
from eucentric.focus.targets import FocusTarget
from eucentric.focus.verdict import Finding
from eucentric.focus.work import Work

_MEASURING = frozenset({FocusMethod.BEAM_TILT, FocusMethod.STAGE_TILT})


def repeatable(sequence: FocusSequence, name: str) -> FocusStep:
    """The named step as it is repeated: each measurement is one look, at the step's own tilt and offset.

    Raises SettingsError for a step that is not there or measures nothing.
    """
    step = next((s for s in sequence.steps if s.name == name), None)
    if step is None:
        known = ", ".join(s.name for s in sequence.steps)
        raise SettingsError(f"The sequence '{sequence.name}' has no step '{name}'. It has: {known}.")
    if step.focus_method not in _MEASURING:
        raise SettingsError(
            f"Step '{name}' is done by {step.focus_method} and measures nothing that could be repeated. "
            "Choose a step by Beam Tilt."
        )
    return step.model_copy(update={"retries": 0, "recheck_drift": False})


def repeat(work: Work, step: FocusStep, looking: Looking, target: FocusTarget, times: int) -> StepResult:
    """Look at the target so many times; fewer where the budget of electrons is spent or the specimen never rests."""
    spent = sum(work.doses.values())
    ended: Finding | None = None
    for _ in range(times):
        seen = looking.at(target, None)
        if seen.result is None:
            ended = seen.refusal
            break
    dose = sum(work.doses.values()) - spent
    said = None if ended is None else f"Ended after {len(looking.rounds)} of {times} repeats. {ended}"
    return StepResult(step, Status.MEASURED, tuple(looking.rounds), None, dose, said)
