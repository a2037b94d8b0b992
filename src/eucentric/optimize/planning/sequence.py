"""A plan as focus settings: what the Focus class runs as it is, and the same in the words of others. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from eucentric.focus.patterns import PatternName
from eucentric.focus.preset_settings import NamedPreset
from eucentric.focus.settings import (
    CorrectionLimits,
    CorrectionType,
    FocusSequence,
    FocusSettings,
    FocusStep,
    ResetDefocus,
)
from eucentric.optimize.instrument import Instrument
from eucentric.optimize.planning.plan import Plan, PlannedStep
from eucentric.optimize.planning.prediction import LENS_SETTLE_S, z_approach_m


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A step as it is typed into another program, which takes a pair whatever the plan's `pattern` is; `tilt_rad` is
    each image's, `offset_m` lens defocus for the images.

    SerialEM tilts to either side by what it calls beam tilt. Leginon takes its images at 0 and at what it calls tilt:
    the same shift takes twice the angle, at which Cs adds `leginon_bias_m` = C3·tilt² that its calibration does not
    take off; beyond `leginon_tilt_max_rad` lies the tilt limit. `leaves_m` is the plan's.
    """

    step: str
    preset: str
    pattern: PatternName
    tilt_rad: float
    offset_m: float
    limit_m: float
    leaves_m: float
    correction: str
    leginon_bias_m: float
    leginon_tilt_max_rad: float

    @property
    def leginon_tilt_rad(self) -> float:
        """The angle between the two images."""
        return 2 * self.tilt_rad

    @property
    def leginon_beyond(self) -> bool:
        """Whether its second image is too far from the axis."""
        return self.leginon_tilt_rad > self.leginon_tilt_max_rad


def settings_of(plan: Plan, instrument: Instrument) -> FocusSettings:
    """The plan's sequence, with presets of its own for its images, each like the instrument's of that name."""
    names = names_of(plan)
    steps = tuple(_step(plan, instrument, one, name) for one, name in zip(plan.steps, names, strict=True))
    start_m = 1.2 * plan.asked.start_m
    limits = CorrectionLimits(
        stage_z_absolute_m=_round(instrument.stage.z_max_m),
        defocus_absolute_m=min(max(100e-6, start_m), 1e-3),
        cumulative_m=min(_round(2 * start_m), 5e-3),
    )
    sequence = FocusSequence(name="Planned", steps=steps, accuracy_m=plan.asked.accuracy_m, limits=limits)
    return FocusSettings(
        sequence=sequence,
        presets=presets_of(plan),
        accuracy_limit_m=None,
        beam_tilt_settle_time_s=instrument.times.told_tilt_s,
        z_approach_m=z_approach_m(instrument),
    )


def presets_of(plan: Plan) -> tuple[NamedPreset, ...]:
    """The presets of its steps, each once."""
    made = {}
    for one in (step.candidate for step in plan.steps):
        size = (one.size_px, one.size_px)
        made[one.preset] = NamedPreset(
            name=one.preset,
            like=one.magnification.name,
            pixel_m=_round(one.pixel_m),
            binning=one.binning,
            size=size,
            exposure_s=one.exposure_s,
            dose_per_m2=one.image_dose_per_m2,
        )
    return tuple(made.values())


def names_of(plan: Plan) -> tuple[str, ...]:
    """What the steps are called: the last one is Focus, those by height before it Z Focus."""
    *others, _ = plan.steps
    by_stage = [one.candidate.correction is CorrectionType.STAGE_Z for one in others]
    names = [*("Z Focus" if stage else "Coarse Focus" for stage in by_stage), "Focus"]
    seen: Counter[str] = Counter()
    out = []
    for name in names:
        seen[name] += 1
        out.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return tuple(out)


def elsewhere(plan: Plan, instrument: Instrument) -> tuple[Elsewhere, ...]:
    """The steps for other programs."""
    return tuple(
        Elsewhere(
            step=name,
            preset=one.candidate.preset,
            pattern=one.candidate.pattern,
            tilt_rad=one.candidate.tilt_rad,
            offset_m=one.candidate.offset_m,
            limit_m=_limit(one),
            leaves_m=one.leaves_m,
            correction=str(one.candidate.correction),
            leginon_bias_m=instrument.lens.cs_m * (2 * one.candidate.tilt_rad) ** 2,
            leginon_tilt_max_rad=instrument.tilt_most_rad,
        )
        for name, one in zip(names_of(plan), plan.steps, strict=True)
    )


def _step(plan: Plan, instrument: Instrument, one: PlannedStep, name: str) -> FocusStep:
    candidate = one.candidate
    by_stage = candidate.correction is CorrectionType.STAGE_Z
    last = one is plan.steps[-1]
    sigma = one.leaves_m / plan.asked.sigmas
    again = last and plan.asked.look_again
    # What a look can't tell from focus is not corrected; a look after the last correction forgives half the accuracy.
    tolerance = plan.asked.accuracy_m / 2 if again else min(0.3 * sigma, plan.asked.accuracy_m / 10 if last else sigma)
    return FocusStep(
        name=name,
        preset=candidate.preset,
        tilt_rad=candidate.tilt_rad,
        pattern=candidate.pattern,
        correction_type=candidate.correction,
        offset_m=_round(candidate.offset_m),
        delta_max_m=_limit(one),
        tolerance_m=_round(max(tolerance, 1e-9)),
        look_again=again,
        looks_min=2 if again else 1,
        settle_s=instrument.stage.settle_s if by_stage else LENS_SETTLE_S,
        reset_defocus=ResetDefocus.YES if last and not by_stage else ResetDefocus.NO,
    )


def _limit(one: PlannedStep) -> float:
    """No correction is larger: a tenth above what the step may start from, and as much above that as it may see."""
    return min(_round(max(1.1 * one.start_m, min(2 * one.start_m, one.range_m))), 2e-3)


def _round(value_m: float) -> float:
    """Three digits: as people write it."""
    return float(f"{value_m:.3g}")
