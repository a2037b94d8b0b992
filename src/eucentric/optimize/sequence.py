"""A plan as focus settings: what the Focus class runs as it is, and the same in the words of others. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from eucentric.focus.settings import CorrectionType, FocusSequence, FocusSettings, FocusStep, ResetDefocus
from eucentric.optimize.planning import Plan, PlannedStep

_NAMES = {1: ("Focus",), 2: ("Z Focus", "Focus")}


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A step as it is typed into another program: Leginon's tilt is the angle between its two images."""

    step: str
    preset: str
    leginon_tilt_rad: float
    leginon_limit_m: float
    leginon_correction: str
    serialem_tilt_rad: float
    serialem_limit_m: float


def settings_of(plan: Plan) -> FocusSettings:
    """The plan's sequence. Presets are named as the instrument's magnifications; binning is the preset's."""
    names, last = names_of(plan), len(plan.steps) - 1
    steps = tuple(_step(one, name, last=k == last) for k, (one, name) in enumerate(zip(plan.steps, names, strict=True)))
    sequence = FocusSequence(name="Planned", steps=steps, accuracy_m=plan.asked.accuracy_m)
    return FocusSettings(sequence=sequence, accuracy_limit_m=None)


def names_of(plan: Plan) -> tuple[str, ...]:
    """What the steps are called."""
    return _NAMES[len(plan.steps)]


def elsewhere(plan: Plan) -> tuple[Elsewhere, ...]:
    """The steps for Leginon and SerialEM. Both tilt to 0 and +t, or to ±t/2: the same separation."""
    return tuple(
        Elsewhere(
            step=name,
            preset=one.candidate.magnification.name,
            leginon_tilt_rad=2 * one.candidate.tilt_rad,
            leginon_limit_m=_limit(one),
            leginon_correction=str(one.candidate.correction),
            serialem_tilt_rad=one.candidate.tilt_rad,
            serialem_limit_m=_limit(one),
        )
        for name, one in zip(names_of(plan), plan.steps, strict=True)
    )


def _step(one: PlannedStep, name: str, *, last: bool) -> FocusStep:
    candidate = one.candidate
    by_stage = candidate.correction is CorrectionType.STAGE_Z
    return FocusStep(
        name=name,
        preset=candidate.magnification.name,
        tilt_rad=candidate.tilt_rad,
        pattern=candidate.pattern,
        correction_type=candidate.correction,
        offset_m=candidate.offset_m,
        delta_max_m=_limit(one),
        tolerance_m=one.tolerance_m,
        looks_min=1,
        settle_s=5.0 if by_stage else 1.0,
        reset_defocus=ResetDefocus.YES if last and not by_stage else ResetDefocus.NO,
    )


def _limit(one: PlannedStep) -> float:
    """No correction is larger: a tenth above what the step may start from."""
    return min(1.1 * one.start_m, 2e-3)
