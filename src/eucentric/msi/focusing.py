"""A focus node at one of its targets: needs, the way there, Focus, promises."""

from __future__ import annotations

from typing import Any

from eucentric.errors import InstrumentError
from eucentric.focus import events as focus_events
from eucentric.focus.average import own_sigma_m
from eucentric.focus.focus import Focus
from eucentric.focus.outcome import RunResult
from eucentric.focus.settings import CorrectionType, FocusMethod, FocusSettings
from eucentric.microscope.lens import lens_of
from eucentric.microscope.preserved import Part
from eucentric.msi.events import NeedsChecked, PromisesChecked
from eucentric.msi.going import go_to, set_lens, set_preset
from eucentric.msi.known import Check
from eucentric.msi.lens import Belief, believed
from eucentric.msi.needs import kept, needs_of
from eucentric.msi.outcome import FocusFound, Status, UnitOutcome
from eucentric.msi.shared import Shared
from eucentric.msi.units import Unit
from eucentric.msi.visible import visible
from eucentric.units import E_PER_A2


def focus_unit(shared: Shared, unit: Unit) -> UnitOutcome:
    """Do a focus node's work at a target. Raises InstrumentError, CalibrationError, SettingsError, Aborted."""
    node = shared.node(unit)
    assert node.focus is not None
    belief = believed(shared, unit, _lens_preset(node.focus))
    needs = needs_checked(shared, unit, belief, *visible(shared, unit))
    unmet = why_not(needs)
    if unmet:
        return UnitOutcome(unit.key, node.name, Status.REFUSED, unmet, needs=needs)
    settings = left_of_budget(shared, unit)
    if settings is None:
        spent = shared.journal.noted.spent[unit.key] / E_PER_A2
        why = f"Its dose budget is spent: {spent:.3g} e/Å² before the session was interrupted. Raise the budget."
        return UnitOutcome(unit.key, node.name, Status.REFUSED, why, needs=needs)
    set_preset(shared, _enabled_presets(settings)[-1], normalize=settings.normalize)
    go_to(shared, unit.place_m, belief.z_m, node.alpha_rad, settle_s=node.settle_s, approach_m=settings.z_approach_m)
    set_lens(shared, belief.lens_m, settings.focus_approach_m)
    with shared.activities.during("focusing"):
        result, found = _run(shared, unit, settings)
    return _ended(shared, unit, needs, result, found)


def needs_checked(shared: Shared, unit: Unit, belief: Belief, *further: Check) -> tuple[Check, ...]:
    """What a unit's node needs, held against what is believed, and further needs; told to those who watch."""
    needs = (*further, *needs_of(shared.node(unit), belief.known, shared.scope, shared.book))
    shared.audience.tell(NeedsChecked(shared.audience.now_s(), unit, needs))
    return needs


def why_not(needs: tuple[Check, ...]) -> str:
    """What is not met, and what would meet it; empty where all is that must be."""
    return " ".join(f"It needs {check}. {check.remedy}".strip() for check in needs if not (check.met or check.soft))


class _AtEnd:
    """Looks where lens and stage stand when a step has ended: Focus may bring the lens back after that."""

    def __init__(self, shared: Shared, unit: Unit) -> None:
        self._shared, self._unit = shared, unit
        self._stood: tuple[float, float, float, str] | None = None
        self._error: InstrumentError | None = None

    def __call__(self, event: Any) -> None:
        if isinstance(event, focus_events.StepEnded) and event.result.rounds:
            self._look(event.result.step.preset)
        self._shared.audience.tell(event)

    def _look(self, preset: str) -> None:
        scope = self._shared.scope
        try:
            stage = scope.stage()
            self._stood = (lens_of(scope), stage.z_m, stage.alpha_rad, preset)
        except InstrumentError as error:  # an observer must not break: it is raised after the run
            self._error = error

    def found(self, result: RunResult) -> FocusFound | None:
        """What the run left behind; None where no measurement stands. Raises InstrumentError."""
        if self._error is not None:
            raise self._error
        left, stated = result.residual, result.stated_error_m
        if left is None or stated is None or self._stood is None:
            return None
        lens_m, z_m, alpha_rad, preset = self._stood
        return FocusFound(
            place_m=self._unit.place_m,
            z_m=z_m,
            alpha_rad=alpha_rad,
            preset=preset,
            lens_m=lens_m,
            c1_m=left.c1_m,
            total_sigma_m=left.total_sigma_m,
            own_sigma_m=own_sigma_m(left),
            stated_m=stated,
            offset_m=_offset_m(result),
            time_s=self._shared.audience.now_s(),
        )


def _offset_m(result: RunResult) -> float:
    """The lens defocus of the images that were measured last, which was taken off what they told."""
    rounds = [one for step in result.steps for one in step.rounds]
    return rounds[-1].result.offset_m if rounds else 0.0


def _run(shared: Shared, unit: Unit, settings: FocusSettings) -> tuple[RunResult, FocusFound | None]:
    """Focus where the stage stands. The correction channels that were confirmed are kept in the journal."""
    seen = _AtEnd(shared, unit)
    focus = Focus(
        shared.scope,
        shared.book,
        settings,
        observers=(seen,),
        operator=shared.operator,
        confirmed=shared.journal.noted.confirmed,
        workers=shared.workers,
    )
    result = focus.run()
    found = seen.found(result)
    shared.journal.confirmed(focus.confirmed)
    if found is not None or any(s.corrected_m != 0 or s.disturbed for s in result.steps):
        corrected = [Part.STIGMATOR] if shared.scope.capabilities.stigmator else []
        shared.memory.accept(Part.DEFOCUS, Part.STAGE_Z, *corrected)
        shared.journal.left(shared.leaving())
    return result, found


def _ended(
    shared: Shared, unit: Unit, needs: tuple[Check, ...], result: RunResult, found: FocusFound | None
) -> UnitOutcome:
    node = shared.node(unit)
    promises = kept(node, found, shared.book)
    shared.audience.tell(PromisesChecked(shared.audience.now_s(), unit, promises))
    broken = " ".join(f"It promised {check}. {check.remedy}".strip() for check in promises if not check.met)
    done = result.focused and not broken
    why = "" if done else (broken if result.focused else result.statement)
    status = Status.DONE if done else Status.REFUSED
    return UnitOutcome(unit.key, node.name, status, why, needs=needs, promises=promises, found=found)


def left_of_budget(shared: Shared, unit: Unit) -> FocusSettings | None:
    """The unit's settings with what is left of the dose budget of its place; None where nothing is."""
    settings = shared.node(unit).focus
    assert settings is not None
    budget, spent = settings.dose_max_per_m2, shared.journal.noted.spent.get(unit.key, 0.0)
    if budget is None or spent == 0.0:
        return settings
    return settings.model_copy(update={"dose_max_per_m2": budget - spent}) if spent < budget else None


def _enabled_presets(settings: FocusSettings) -> list[str]:
    """Those of the steps that are done. With the last one set before it, Focus has no preset to bring back."""
    return [step.preset for step in settings.sequence.steps if step.switch]


def _lens_preset(settings: FocusSettings) -> str:
    """The preset at which the lens is to be in focus first: where height is measured, Focus sets the lens itself."""
    steps = [step for step in settings.sequence.steps if step.switch]
    by_lens = [
        s for s in steps if s.focus_method is FocusMethod.BEAM_TILT and s.correction_type is not CorrectionType.STAGE_Z
    ]
    return (by_lens or steps)[0].preset
