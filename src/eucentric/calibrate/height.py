"""Stage Z against the lens: how C1 follows Z, in commanded metres of defocus.

The specimen is moved to several Z, each reached from below, and the lens, each time approached the same way, is set so
that C1 stays where it was. Then C1 = m + g·(f + s·z): f what the lens is commanded, z what the stage is, s = dC1/dz in
commanded metres, and g the scale of the beam tilts, which a lens step at one height shows and which therefore cancels.

Ranges. The error of s is that of C1 (some nm) over the range of Z. Far from where the lens stands its tilts, axis and
image change (1 % per 100 µm is usual), and Z moves the specimen sideways (0.2 µm per 100 µm, onto a film that is not
flat): ±20 µm at a focus preset leaves 0.2 % of a defocus of 1 µm, and 40 nm sideways, which is 0.7 nm of height at 1°.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from eucentric.calibrate.outcome import Array, Evidence, Level, Outcome, Progress, Series, silent
from eucentric.calibrate.reading import Near, Order, Reading, bring_near, calibrated, read_c1, weighted_fit
from eucentric.calibrate.shots import Shots, approach_defocus, approach_z
from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.quantities import HeightResponse
from eucentric.errors import CalibrationError, NotMeasuredError
from eucentric.microscope.guarded import Guarded

FLAT_RAD = math.radians(1.0)
_UM = 1e6
_FAR_PER_M = 200.0
"""Relative change of the tilts' scale per metre of lens excursion to reckon with: 1 % per 100 µm, twice."""
_FLOOR_M = 3e-9
"""1σ of a height that neither noise nor drift tells: the stage's last digit."""
_LEAST_SCALE = 1e-3  # no tilt response is known better
GOOD = 0.005
USABLE = 0.02


@dataclass(frozen=True, slots=True)
class HeightPlan:
    """How it is measured: Z ± `range_m` at `points`, C1 kept at `c1_m`, lens steps of `lens_step_m` at the middle.

    `tilt_rad` is each image's beam tilt, `settle_s` the wait after a stage move, `coarse_preset` finds focus at first.
    """

    preset: str = "fa"
    range_m: float = 20e-6
    points: int = 5
    lens_step_m: float = 3e-6
    c1_m: float = -1e-6
    tilt_rad: float = 5e-3
    settle_s: float = 8.0
    coarse_preset: str | None = "hl"


@dataclass(frozen=True, slots=True, eq=False)
class ZSeries:
    """What the run found: readings, and s = dC1/dz (commanded metres per metre of Z) with g, the tilts' scale."""

    readings: tuple[Reading, ...]
    c1_per_z: float
    c1_per_z_sigma: float
    tilt_scale: float
    lens_at_z: Array  # what the lens would have to be commanded for the same C1, at each reading's z
    dose_per_m2: float
    seconds: float


def measure_height(
    microscope: Guarded, book: CalibrationBook, plan: HeightPlan | None = None, *, progress: Progress = silent
) -> Outcome:
    """Measure dC1/dz of the stage in commanded metres of lens defocus; everything is put back.

    Raises CalibrationError without a tilt response or with the stage tilted, NotMeasuredError where the images do not
    tell it, LimitError before anything beyond a limit.
    """
    plan = plan or HeightPlan()
    return height_outcome(z_series(microscope, book, plan, progress), plan)


def height_outcome(series: ZSeries, plan: HeightPlan) -> Outcome:
    """What a series of heights says about the stage."""
    s, sigma = series.c1_per_z, series.c1_per_z_sigma
    quantity = HeightResponse(c1_per_z=s, c1_per_z_sigma=sigma)
    level = Level.GREEN if sigma <= GOOD else Level.AMBER if sigma <= USABLE else Level.RED
    said = f"C1 changes by {s:.4f} ± {sigma:.4f} commanded metres of defocus per metre of stage Z."
    if level is Level.GREEN:
        said += f" Good: a correction of 100 µm by height arrives within {100 * sigma:.2f} µm."
    else:
        said += (
            f" Measure again over a wider range (it was ±{plan.range_m * _UM:g} µm), after the stage has come to rest."
        )
    if not 0.8 < s < 1.25:
        level = max(level, Level.AMBER, key=list(Level).index)
        said += " It should be near 1: check the scale of Z and of defocus, and that the specimen was in the beam."
    return Outcome(quantity, level, said, (z_evidence(series),), series.dose_per_m2, series.seconds)


def z_evidence(series: ZSeries) -> Evidence:
    """The lens setting that keeps C1, against Z."""
    z = np.array([r.z_m for r in series.readings]) * _UM
    lens, sigma = series.lens_at_z * _UM, np.hypot([r.sigma_m for r in series.readings], _FLOOR_M) * _UM
    at = np.array([z.min(), z.max()])
    line = lens.mean() - series.c1_per_z * (at - z.mean())
    points = Series("readings", z, lens, sigma, at, line)
    return Evidence("Lens against stage Z", "stage Z (µm)", "defocus for the same C1 (µm)", (points,))


def z_series(microscope: Guarded, book: CalibrationBook, plan: HeightPlan, progress: Progress = silent) -> ZSeries:
    """Take the readings and fit them; lens, stage and preset are put back."""
    check_flat(microscope)
    with microscope.preserved():
        microscope.set_preset(plan.preset)
        shots = Shots(microscope, calibrated(book, plan.preset))
        progress("going near focus", 0.0)
        near = Near(plan.c1_m, plan.tilt_rad, coarse_preset=plan.coarse_preset, settle_s=plan.settle_s)
        bring_near(shots, book, near)
        shots.melt()
        readings = _readings(shots, plan, progress)
    return _fitted(shots, readings, plan)


def check_flat(microscope: Guarded) -> None:
    """Raises CalibrationError where the stage is tilted: what Z does there is another number."""
    alpha = microscope.stage().alpha_rad
    if abs(alpha) > FLAT_RAD:
        raise CalibrationError(
            f"The stage is tilted by {math.degrees(alpha):.1f}°. Set its tilt to 0, then calibrate again."
        )


def _readings(shots: Shots, plan: HeightPlan, progress: Progress) -> tuple[Reading, ...]:
    """From the lowest Z to the highest; at the middle one also with the lens a step lower and a step higher."""
    scope = shots.microscope
    z, lens = scope.stage().z_m, scope.defocus_m()
    believed = shots.calibration.height_per_z
    readings = []
    offsets = np.linspace(-plan.range_m, plan.range_m, plan.points)
    for done, offset in enumerate(offsets):
        progress(f"stage Z {offset * _UM:+.0f} µm", (done + 1) / (plan.points + 1))
        approach_z(scope, z + float(offset))
        scope.wait(plan.settle_s)
        steps = (-plan.lens_step_m, 0.0, plan.lens_step_m) if done == plan.points // 2 else (0.0,)
        for step in steps:
            approach_defocus(scope, lens - believed * float(offset) + step, range_m=2 * plan.range_m)
            readings.append(read_c1(shots, plan.tilt_rad, Order.QUAD))
    return tuple(readings)


def _fitted(shots: Shots, readings: tuple[Reading, ...], plan: HeightPlan) -> ZSeries:
    """C1 = m + g·f + (g·s)·z, with a prior of 1 on g."""
    z, lens, c1 = (np.array([getattr(r, name) for r in readings]) for name in ("z_m", "defocus_m", "c1_m"))
    sigma = np.hypot([r.sigma_m for r in readings], _FLOOR_M)
    sure = shots.calibration.uncertainty
    believed = shots.calibration.height_per_z
    z0, lens0 = float(z.mean()), float(lens.mean())
    # What is left after the believed slopes is small, and its prior is zero.
    rest = c1 - ((lens - lens0) + believed * (z - z0))
    scale_sigma = math.hypot(sure.tilt_scale, sure.focus_scale, _LEAST_SCALE)
    design = np.stack([np.ones(z.size), (lens - lens0) * _UM, (z - z0) * _UM], axis=-1)
    prior = np.diag([0.0, (scale_sigma / _UM) ** -2, 0.0])
    best, covariance = weighted_fit(design, rest, sigma, prior=prior)
    g = 1.0 + float(best[1]) * _UM
    gs = believed + float(best[2]) * _UM
    if g <= 0.1:
        raise NotMeasuredError(
            f"A lens step changes C1 by {g:.2f} of what was commanded. Calibrate the beam tilt of this preset first."
        )
    s = gs / g
    gradient = np.array([0.0, -s / g, 1 / g]) * _UM
    far = _FAR_PER_M * (abs(plan.c1_m) + 0.5e-6)
    s_sigma = math.hypot(float(np.sqrt(gradient @ covariance @ gradient)), far * s)
    same = lens - (c1 - float(np.mean(c1))) / g
    return ZSeries(readings, s, s_sigma, g, np.asarray(same), shots.dose_per_m2, shots.seconds)
