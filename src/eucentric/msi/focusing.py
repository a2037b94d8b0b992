"""A focus node at one of its targets: needs, the way there, Focus, promises."""

from __future__ import annotations

from typing import Any

from eucentric.focus import events as focus_events
from eucentric.focus.average import own_sigma_m
from eucentric.focus.focus import Focus
from eucentric.focus.outcome import RunResult
from eucentric.focus.settings import FocusSettings
from eucentric.microscope.preserved import Part
from eucentric.msi.events import NeedsChecked, PromisesChecked
from eucentric.msi.going import go_to, read_lens_m, set_lens, set_preset
from eucentric.msi.known import Check
from eucentric.msi.lens import believed
from eucentric.msi.outcome import FocusFound, Status, UnitOutcome
from eucentric.msi.shared import Shared
from eucentric.msi.units import Unit

_E_PER_A2 = 1e20  # 1 e/Å² in e/m²


def focus_unit(shared: Shared, unit: Unit) -> UnitOutcome:
    """Do a focus node's work at a target. Raises InstrumentError, CalibrationError, SettingsError, Aborted."""
    node = shared.node(unit)
    assert node.focus is not None
    needs: tuple[Check, ...] = ()
    shared.audience.tell(NeedsChecked(shared.audience.now_s(), unit, needs))
    unmet = [check for check in needs if not check.met]
    if unmet:
        return UnitOutcome(
            unit.key, node.name, Status.REFUSED, " ".join(f"It needs {c}. {c.remedy}" for c in unmet), needs=needs
        )
    settings = _left_of_budget(shared, unit, node.focus)
    if settings is None:
        spent = shared.journal.noted.spent[unit.key] / _E_PER_A2
        why = f"Its dose budget is spent: {spent:.3g} e/Å² before the session was interrupted. Raise the budget."
        return UnitOutcome(unit.key, node.name, Status.REFUSED, why, needs=needs)
    preset = _last_preset(settings)
    belief = believed(shared, unit, preset)
    set_preset(shared, preset, normalize=settings.normalize)
    go_to(shared, unit.place_m, belief.z_m, node.alpha_rad, settle_s=node.settle_s, approach_m=settings.z_approach_m)
    set_lens(shared, belief.lens_m, settings.focus_approach_m)
    with shared.activities.during("focusing"):
        result, seen = _run(shared, settings)
    return _ended(shared, unit, needs, result, seen)


class _AtEnd:
    """Where lens and stage stood when the last step ended: Focus may bring the lens back after it."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self.lens_m: float | None = None
        self.preset = ""

    def __call__(self, event: Any) -> None:
        if isinstance(event, focus_events.StepEnded) and event.result.rounds:
            self.lens_m = read_lens_m(self._shared.scope)
            self.preset = event.result.step.preset
        self._shared.audience.tell(event)


def _run(shared: Shared, settings: FocusSettings) -> tuple[RunResult, _AtEnd]:
    seen = _AtEnd(shared)
    focus = Focus(
        shared.scope,
        shared.book,
        settings,
        observers=(seen,),
        confirmed=shared.journal.noted.confirmed,
        workers=shared.workers,
    )
    result = focus.run()
    shared.journal.confirmed(focus.confirmed)
    return result, seen


def _ended(shared: Shared, unit: Unit, needs: tuple[Check, ...], result: RunResult, seen: _AtEnd) -> UnitOutcome:
    node = shared.node(unit)
    shared.memory.accept(Part.DEFOCUS, Part.STAGE_Z)
    shared.journal.left(shared.leaving())
    found = _found(shared, unit, result, seen)
    promises: tuple[Check, ...] = ()
    shared.audience.tell(PromisesChecked(shared.audience.now_s(), unit, promises))
    broken = [check for check in promises if not check.met]
    done = result.focused and not broken
    why = "" if done else " ".join((result.statement, *(f"It promised {c}. {c.remedy}" for c in broken)))
    return UnitOutcome(
        unit.key,
        node.name,
        Status.DONE if done else Status.REFUSED,
        why,
        needs=needs,
        promises=promises,
        found=found,
    )


def _found(shared: Shared, unit: Unit, result: RunResult, seen: _AtEnd) -> FocusFound | None:
    left, stated = result.residual, result.stated_error_m
    if left is None or stated is None or seen.lens_m is None:
        return None
    stage = shared.scope.stage()
    return FocusFound(
        unit.place_m,
        stage.z_m,
        stage.alpha_rad,
        seen.preset,
        seen.lens_m,
        left.c1_m,
        left.total_sigma_m,
        own_sigma_m(left),
        stated,
    )


def _left_of_budget(shared: Shared, unit: Unit, settings: FocusSettings) -> FocusSettings | None:
    """The settings with what is left of the dose budget after a run that was cut off; None where nothing is."""
    budget, spent = settings.dose_max_per_m2, shared.journal.noted.spent.get(unit.key, 0.0)
    if budget is None or spent == 0.0:
        return settings
    return settings.model_copy(update={"dose_max_per_m2": budget - spent}) if spent < budget else None


def _last_preset(settings: FocusSettings) -> str:
    """That of the last step that is done: Focus then has no preset to bring back."""
    return [step for step in settings.sequence.steps if step.switch][-1].preset
