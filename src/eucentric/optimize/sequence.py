"""A plan as focus settings: what the Focus class runs as it is, and the same in the words of others. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from eucentric.focus.settings import (
    CorrectionLimits,
    CorrectionType,
    FocusSequence,
    FocusSettings,
    FocusStep,
    ResetDefocus,
)
from eucentric.optimize.instrument import Instrument
from eucentric.optimize.planning import Plan, PlannedStep

_NAMES = {1: ("Focus",), 2: ("Z Focus", "Focus")}


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A step as it is typed into another program. Leginon's tilt is the separation of its two images."""

    step: str
    preset: str
    separation_rad: float
    tilt_rad: float
    limit_m: float
    correction: str


def settings_of(plan: Plan, instrument: Instrument) -> FocusSettings:
    """The plan's sequence. Presets are named as the instrument's magnifications; binning is the preset's."""
    names, last = names_of(plan), len(plan.steps) - 1
    of = [(one, name, k == last) for k, (one, name) in enumerate(zip(plan.steps, names, strict=True))]
    steps = tuple(_step(instrument, one, name, last=ends) for one, name, ends in of)
    start_m = 1.2 * plan.asked.start_m
    limits = CorrectionLimits(
        stage_z_absolute_m=_round(instrument.stage.z_max_m),
        defocus_absolute_m=min(max(100e-6, start_m), 1e-3),
        cumulative_m=min(_round(2 * start_m), 5e-3),
    )
    sequence = FocusSequence(name="Planned", steps=steps, accuracy_m=plan.asked.accuracy_m, limits=limits)
    return FocusSettings(
        sequence=sequence, accuracy_limit_m=None, beam_tilt_settle_time_s=min(instrument.times.tilt_s, 10.0)
    )


def names_of(plan: Plan) -> tuple[str, ...]:
    """What the steps are called."""
    return _NAMES[len(plan.steps)]


def elsewhere(plan: Plan) -> tuple[Elsewhere, ...]:
    """The steps for other programs."""
    return tuple(
        Elsewhere(
            step=name,
            preset=one.candidate.magnification.name,
            separation_rad=2 * one.candidate.tilt_rad,
            tilt_rad=one.candidate.tilt_rad,
            limit_m=_limit(one),
            correction=str(one.candidate.correction),
        )
        for name, one in zip(names_of(plan), plan.steps, strict=True)
    )


def _step(instrument: Instrument, one: PlannedStep, name: str, *, last: bool) -> FocusStep:
    candidate = one.candidate
    by_stage = candidate.correction is CorrectionType.STAGE_Z
    return FocusStep(
        name=name,
        preset=candidate.magnification.name,
        tilt_rad=candidate.tilt_rad,
        pattern=candidate.pattern,
        correction_type=candidate.correction,
        offset_m=_round(candidate.offset_m),
        delta_max_m=_limit(one),
        tolerance_m=_round(one.tolerance_m),
        looks_min=2 if last else 1,
        iterations=max(4, one.looks),
        settle_s=instrument.stage.settle_s if by_stage else 1.0,
        reset_defocus=ResetDefocus.YES if last and not by_stage else ResetDefocus.NO,
    )


def _limit(one: PlannedStep) -> float:
    """No correction is larger: a tenth above what the step may start from."""
    return min(_round(1.1 * one.start_m), 2e-3)


def _round(value_m: float) -> float:
    """Three digits: as people write it."""
    return float(f"{value_m:.3g}")
