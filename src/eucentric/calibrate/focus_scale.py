"""The scale of the lens' defocus: true metres of C1 per commanded metre, against a declared reference.

Against stage Z it is 1 ÷ (dC1/dz in commanded metres), as good as the stage's own scale, which is declared. Against
Thon rings it needs no stage: λ and Cs are known, and the rings' positions give C1 in true metres where the pixel is
true; a pixel wrong by 1 % makes 2 % of the scale (q² times C1 is what is seen).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from eucentric.calibrate.height import HeightPlan, ZSeries, height_outcome, z_evidence, z_series
from eucentric.calibrate.outcome import Evidence, Level, Outcome, Progress, Series, silent
from eucentric.calibrate.reading import Near, bring_near, calibrated, weighted_fit
from eucentric.calibrate.shots import Shots, approach_defocus, step_up
from eucentric.calibrate.thon import Rings, fit_rings, radial_spectrum
from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.quantities import FocusScale
from eucentric.errors import NotMeasuredError
from eucentric.microscope.guarded import Guarded

_UM = 1e6
GOOD = 0.01
USABLE = 0.03


@dataclass(frozen=True, slots=True)
class FocusScalePlan:
    """Which reference, and how sure it is (1σ, relative): stage Z's scale, or the pixel size of the preset.

    `heights` is how stage Z is used. Thon rings: images at `defoci_m` (C1, all on one side of focus), `images` at each.
    """

    preset: str = "fa"
    reference: Literal["stage Z", "Thon rings"] = "stage Z"
    z_scale_sigma: float = 0.005
    pixel_sigma: float = 0.01
    heights: HeightPlan | None = None
    defoci_m: tuple[float, ...] = (-3.5e-6, -2.9e-6, -2.3e-6, -1.7e-6, -1.1e-6)
    images: int = 3
    tilt_rad: float = 5e-3
    coarse_preset: str | None = "hl"


def measure_focus_scale(
    microscope: Guarded, book: CalibrationBook, plan: FocusScalePlan | None = None, *, progress: Progress = silent
) -> Outcome:
    """Measure the true metres of C1 per commanded metre against the plan's reference; everything is put back.

    Raises CalibrationError, NotMeasuredError, LimitError.
    """
    plan = plan or FocusScalePlan()
    if plan.reference == "Thon rings":
        return _by_rings(microscope, book, plan, progress)
    return scale_outcome(z_series(microscope, book, heights_of(plan), progress), plan)


def measure_height_and_scale(
    microscope: Guarded, book: CalibrationBook, plan: FocusScalePlan | None = None, *, progress: Progress = silent
) -> tuple[Outcome, Outcome]:
    """Both numbers of one run: (dC1/dz in commanded metres, focus scale against stage Z)."""
    plan = plan or FocusScalePlan()
    series = z_series(microscope, book, heights_of(plan), progress)
    return height_outcome(series, heights_of(plan)), scale_outcome(series, plan)


def heights_of(plan: FocusScalePlan) -> HeightPlan:
    """How stage Z is used."""
    return plan.heights or HeightPlan(preset=plan.preset, tilt_rad=plan.tilt_rad, coarse_preset=plan.coarse_preset)


def scale_outcome(series: ZSeries, plan: FocusScalePlan) -> Outcome:
    """The focus scale, with stage Z as the ruler."""
    scale = 1 / series.c1_per_z
    own = series.c1_per_z_sigma / series.c1_per_z**2
    sigma = math.hypot(own, plan.z_scale_sigma * scale)
    quantity = FocusScale(
        scale=scale, scale_sigma=sigma, reference="stage Z", tied="focus scale ÷ scale of stage Z: Z is the ruler"
    )
    level = _level(sigma)
    said = (
        f"One commanded metre of defocus is {scale:.4f} ± {sigma:.4f} m if stage Z is right within "
        f"{plan.z_scale_sigma:.1%} (the comparison itself is good to {own:.2%}). "
    )
    return Outcome(quantity, level, said + _advice(level), (z_evidence(series),), series.dose_per_m2, series.seconds)


def _by_rings(microscope: Guarded, book: CalibrationBook, plan: FocusScalePlan, progress: Progress) -> Outcome:
    """Spectra at several defoci on one side of focus, the C1 of each, and the slope."""
    with microscope.preserved():
        microscope.set_preset(plan.preset)
        shots = Shots(microscope, calibrated(book, plan.preset))
        progress("going near focus", 0.0)
        bring_near(shots, book, Near(-1e-6, plan.tilt_rad, tolerance_m=0.2e-6, coarse_preset=plan.coarse_preset))
        shots.melt()
        commanded, rings = _ring_series(shots, plan, progress)
    return _rings_outcome(shots, plan, commanded, rings)


def _ring_series(shots: Shots, plan: FocusScalePlan, progress: Progress) -> tuple[list[float], list[Rings]]:
    scope = shots.microscope
    here = scope.defocus_m() + 1e-6  # the lens setting of focus, as bring_near left it
    axis = shots.calibration.coma_free_rad
    span = max(plan.defoci_m) - min(plan.defoci_m)
    commanded, rings = [], []
    for done, c1 in enumerate(sorted(plan.defoci_m)):
        progress(f"Thon rings at {c1 * _UM:+.1f} µm", (done + 1) / (len(plan.defoci_m) + 1))
        if done == 0:
            approach_defocus(scope, here + c1, range_m=span)
        else:
            step_up(scope, here + c1)
        frames = [shots.take(axis).frame.pixels for _ in range(plan.images)]
        spectrum = radial_spectrum(frames, shots.pixel_m)
        found = fit_rings(spectrum, shots.calibration.column, expected_m=c1, reach_m=0.5 * abs(c1))
        if found is not None:
            commanded.append(scope.defocus_m())
            rings.append(found)
    if len(rings) < 3:
        raise NotMeasuredError(
            f"Thon rings were found at {len(rings)} of {len(plan.defoci_m)} defoci. Use amorphous carbon film, a "
            "longer exposure or a smaller pixel, then calibrate again; or declare stage Z as the reference."
        )
    return commanded, rings


def _rings_outcome(shots: Shots, plan: FocusScalePlan, commanded: list[float], rings: list[Rings]) -> Outcome:
    x, y = np.array(commanded), np.array([r.c1_m for r in rings])
    sigma = np.array([r.sigma_m for r in rings])
    design = np.stack([np.ones(x.size), (x - x.mean()) * _UM], axis=-1)
    best, covariance = weighted_fit(design, y, sigma)
    scale, own = float(best[1]) * _UM, float(np.sqrt(covariance[1, 1])) * _UM
    total = math.hypot(own, 2 * plan.pixel_sigma * scale)
    tied = "focus scale × pixel size squared: rings show only their quotient"
    quantity = FocusScale(scale=scale, scale_sigma=total, reference="Thon rings", tied=tied)
    level = _level(total)
    said = (
        f"One commanded metre of defocus is {scale:.4f} ± {total:.4f} m if the pixel of '{plan.preset}' is right "
        f"within {plan.pixel_sigma:.1%} (the rings themselves are good to {own:.2%}). "
    )
    at = np.array([x.min(), x.max()])
    line = float(best[0]) + scale * (at - x.mean())
    points = Series("Thon rings", x * _UM, y * _UM, sigma * _UM, at * _UM, line * _UM)
    shown = Evidence("Thon rings", "commanded defocus (µm)", "C1 from the rings (µm)", (points,))
    return Outcome(quantity, level, said + _advice(level), (shown,), shots.dose_per_m2, shots.seconds)


def _level(sigma: float) -> Level:
    return Level.GREEN if sigma <= GOOD else Level.AMBER if sigma <= USABLE else Level.RED


def _advice(level: Level) -> str:
    if level is Level.GREEN:
        return "Good enough to give defocus in true metres."
    return (
        "Focusing does not need it; to give defocus in true metres, use a better reference (a grating for the pixel)."
    )
