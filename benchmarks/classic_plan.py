"""The classic plan, run: its pairs at the instrument's presets, one correction each, limits as wide as they go.

It is run on the microscopes that planned sequences are tried on, with symmetric pairs (which it would not have) and a
lens offset at which a film is seen, by phase correlation and by ours, at the presets' exposures and at shorter ones.
"""

from __future__ import annotations

from eucentric.cli.plan_verify import Job
from eucentric.correlation.shift import Method
from eucentric.focus.preset_settings import NamedPreset
from eucentric.focus.settings import (
    CorrectionLimits,
    CorrectionType,
    FocusSequence,
    FocusSettings,
    FocusStep,
    Thresholds,
)
from eucentric.optimize.instrument import Instrument
from eucentric.optimize.planning.prediction import LENS_SETTLE_S, z_approach_m
from eucentric.optimize.planning.rules import Knob, Needs
from eucentric.optimize.planning.rules import plan as classic
from eucentric.optimize.planning.rules_on import ClassicStep, classic_on

SEPARATION_RAD = 10e-3
OFFSET_M = -2e-6
BELIEVES_ALL = Thresholds(false_lock_max=1, odds_min=1, chi2_per_dof_max=1e12, overlap_min=0.01)


def steps_of(there: Instrument, start_m: float, accuracy_m: float) -> tuple[tuple[ClassicStep, Knob], ...]:
    """Its steps on an instrument, and what corrects each."""
    made = classic(Needs(start_m, accuracy_m, SEPARATION_RAD))
    return tuple(zip(classic_on(there, made), (step.knob for step in made.steps), strict=True))


def classic_jobs(
    there: Instrument, start_m: float, accuracy_m: float, *, exposure: float, method: Method, trials: int
) -> list[Job]:
    """Trials from anywhere within ±start, each image exposed so many times as long as its preset says."""
    steps = steps_of(there, start_m, accuracy_m)
    sequence = FocusSequence(
        name="Classic",
        steps=tuple(_step(there, number, knob, method) for number, (_, knob) in enumerate(steps)),
        accuracy_m=accuracy_m,
        limits=CorrectionLimits(stage_z_absolute_m=there.stage.z_max_m, defocus_absolute_m=1e-3, cumulative_m=2e-3),
    )
    settings = FocusSettings(
        sequence=sequence,
        presets=tuple(_preset(number, one, exposure) for number, (one, _) in enumerate(steps)),
        accuracy_limit_m=None,
        beam_tilt_settle_time_s=there.times.told_tilt_s,
        z_approach_m=z_approach_m(there),
    )
    last, _ = steps[-1]
    return [Job((settings,), last.magnification.name, there, start_m, seed) for seed in range(trials)]


def _preset(number: int, one: ClassicStep, exposure: float) -> NamedPreset:
    return NamedPreset(
        name=f"classic {number}",
        like=one.magnification.name,
        binning=one.binning,
        size=(one.size_px, one.size_px),
        exposure_s=one.magnification.exposure_s * exposure,
        dose_per_m2=one.magnification.dose_per_m2 * exposure,
    )


def _step(there: Instrument, number: int, knob: Knob, method: Method) -> FocusStep:
    by_stage = knob is Knob.STAGE_Z
    return FocusStep(
        name=f"Classic {number}",
        preset=f"classic {number}",
        tilt_rad=SEPARATION_RAD / 2,
        correlation_type=method,
        correction_type=CorrectionType.STAGE_Z if by_stage else CorrectionType.DEFOCUS,
        offset_m=OFFSET_M,
        delta_max_m=2e-3,
        tolerance_m=1e-9,
        look_again=False,
        looks_min=1,
        iterations=1,
        retries=0,
        settle_s=there.stage.settle_s if by_stage else LENS_SETTLE_S,
        thresholds=BELIEVES_ALL,
    )
