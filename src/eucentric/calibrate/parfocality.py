"""Parfocality: how much C1 of a preset differs from that of a reference preset, at the same lens setting and specimen.

At each preset the lens setting of C1 = 0 is read from both sides, so that the scale of the tilts does not matter, and
with two directions of tilt, so that astigmatism does not. Before each the lens comes from far below: what the changes
of magnification and focus before it left behind is then the same. In daily use it is not; that is in the stated error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from eucentric.calibrate.null_focus import Null, find_null, half_range
from eucentric.calibrate.outcome import Evidence, Level, Outcome, Progress, Series, silent
from eucentric.calibrate.reading import Near, bring_near, calibrated
from eucentric.calibrate.shots import Shots
from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.quantities import Parfocality
from eucentric.errors import CalibrationError, InputError
from eucentric.focus.settings import Thresholds
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.protocol import Preset
from eucentric.units import show_measured

_UM = 1e6
_LARGEST_PIXEL_M = 20e-9
"""Above this a shift of one pixel is more than 2 µm of defocus: beam tilt says nothing about parfocality there."""
_FOLLOWED = Thresholds(odds_min=1.0, false_lock_max=1e-2)
"""In a wide field holes repeat themselves, and overfocus shows little. A wrong match does not follow the lens: that
both sides of focus follow it within some per cent, which `find_null` asks for, is worth the factors left out here."""
_SLOPE_RAD = 10e-3
"""A film's slope: what is seen best in a wide field may lie off its centre, and so higher or lower."""


@dataclass(frozen=True, slots=True)
class ParfocalityPlan:
    """`preset` against `reference`. The lens keeps `hysteresis_m_per_e_fold` of a change of magnification (1σ)."""

    preset: str = "hl"
    reference: str = "fa"
    tilt_rad: float = 5e-3
    hysteresis_m_per_e_fold: float = 25e-9
    coarse_preset: str | None = "hl"


def measure_parfocality(
    microscope: Guarded, book: CalibrationBook, plan: ParfocalityPlan | None = None, *, progress: Progress = silent
) -> Outcome:
    """Measure C1(preset) − C1(reference) at one lens setting and specimen; everything is put back.

    Raises InputError for a preset against itself, CalibrationError without tilt responses or where the pixel is too
    large, NotMeasuredError, LimitError.
    """
    plan = plan or ParfocalityPlan()
    both = _presets(microscope, plan)
    calibrations = [calibrated(book, preset.name) for preset in both]
    nulls, shots_of = [], []
    with microscope.preserved():
        for done, (preset, calibration) in enumerate(zip(both, calibrations, strict=True)):
            progress(f"focus of preset '{preset.name}'", 0.5 * done)
            microscope.set_preset(preset.name)
            shots = Shots(microscope, calibration, thresholds=_FOLLOWED)
            half = half_range(shots.pixel_m, plan.tilt_rad)
            near = Near(-half, plan.tilt_rad, tolerance_m=0.3 * half, coarse_preset=plan.coarse_preset)
            # The specimen is brought to the lens once; the second preset's focus is found by the lens.
            bring_near(shots, book, near, by_lens=done > 0)
            shots.melt()
            nulls.append(find_null(shots, plan.tilt_rad))
            shots_of.append(shots)
    reference, other = nulls
    # A preset that needs a higher lens setting to be in focus has the lower C1.
    difference = reference.defocus_m - other.defocus_m
    sigma = math.hypot(reference.sigma_m, other.sigma_m, *_systematic(both, plan))
    quantity = Parfocality(reference=plan.reference, difference_m=difference, difference_sigma_m=sigma)
    dose, seconds = sum(s.dose_per_m2 for s in shots_of), shots_of[0].seconds
    return Outcome(quantity, *_words(quantity, plan), (_evidence(nulls, plan),), dose, seconds)


def _presets(microscope: Guarded, plan: ParfocalityPlan) -> tuple[Preset, Preset]:
    """The reference preset and the other one."""
    if plan.preset == plan.reference:
        raise InputError(f"Preset '{plan.preset}' is its own reference. Give another reference preset.")
    found = {preset.name: preset for preset in microscope.presets()}
    for name in (plan.reference, plan.preset):
        if name not in found:
            raise InputError(f"{microscope.name} has no preset '{name}'. Use one of: {', '.join(found)}.")
        if found[name].pixel_m > _LARGEST_PIXEL_M:
            raise CalibrationError(
                f"A pixel of preset '{name}' is {found[name].pixel_m * 1e9:g} nm: a beam tilt shows its focus to no "
                f"better than microns. Use presets with pixels below {_LARGEST_PIXEL_M * 1e9:g} nm."
            )
    return found[plan.reference], found[plan.preset]


def _systematic(both: tuple[Preset, Preset], plan: ParfocalityPlan) -> tuple[float, float]:
    """1σ (m) of what the way here leaves in the lens, and of where in the field the specimen shows most."""
    e_folds = abs(math.log(both[0].magnification / both[1].magnification))
    wide = max(min(preset.size) * preset.pixel_m for preset in both)
    return plan.hysteresis_m_per_e_fold * e_folds, _SLOPE_RAD * wide / 6


def _words(quantity: Parfocality, plan: ParfocalityPlan) -> tuple[Level, str]:
    shown = show_measured(quantity.difference_m, (quantity.difference_sigma_m, ""))
    said = f"C1 at preset '{plan.preset}' is that at '{plan.reference}' plus {shown} (commanded metres). "
    if quantity.difference_sigma_m < 0.1e-6:
        return Level.GREEN, said + f"Good enough to focus at '{plan.reference}' for '{plan.preset}'."
    if quantity.difference_sigma_m < 0.3e-6:
        return (
            Level.AMBER,
            said + f"For finer work focus at '{plan.preset}' itself, or normalise the lenses after a change.",
        )
    return Level.RED, said + f"Too uncertain: focus at '{plan.preset}' itself."


def _evidence(nulls: list[Null], plan: ParfocalityPlan) -> Evidence:
    series = []
    for name, null in zip((plan.reference, plan.preset), nulls, strict=True):
        lens = np.array([null.below.defocus_m, null.above.defocus_m]) * _UM
        c1 = np.array([null.below.c1_m, null.above.c1_m]) * _UM
        sigma = np.array([null.below.sigma_m, null.above.sigma_m]) * _UM
        series.append(Series(f"preset {name}", lens, c1, sigma, lens, c1))
    return Evidence("Parfocality", "commanded defocus (µm)", "C1 (µm)", tuple(series))
