"""Stage backlash: where Z and alpha arrive when they come from above and from below.

Z: the difference of C1, by beam tilt. Alpha: the image's displacement between both arrivals, at two Z: it is the
height above the tilt axis times the difference of tan α, so the difference between the two Z tells it, whatever the
eucentric Z is and however the goniometer moves sideways.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from eucentric.calibrate.alpha import approach_alpha
from eucentric.calibrate.height import check_flat
from eucentric.calibrate.hysteresis import ABOVE, BELOW, sided_evidence
from eucentric.calibrate.outcome import Level, Outcome, Progress, silent
from eucentric.calibrate.reading import (
    PEAK_FLOOR_PX,
    Estimate,
    Near,
    Order,
    between_sides,
    bring_near,
    calibrated,
    read_c1,
    weighted_fit,
)
from eucentric.calibrate.shots import Shot, Shots, approach_z
from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.quantities import AlphaResponse, StageBacklash
from eucentric.errors import NotMeasuredError
from eucentric.microscope.guarded import Guarded
from eucentric.units import minus, show_length, show_measured

_MOVE_NOISE_M = 5e-9


@dataclass(frozen=True, slots=True)
class BacklashPlan:
    """How it is measured: Z from `z_way_m` away, alpha from `alpha_way_rad` away, `cycles` from both sides.

    Alpha at `alpha_preset`, `lever_m` above and below; only where the response to stage tilt is known.
    """

    preset: str = "fa"
    z_way_m: float = 3e-6
    alpha_way_rad: float = math.radians(0.3)
    cycles: int = 2
    lever_m: float = 60e-6
    alpha_preset: str = "hl"
    alpha_offset_m: float = -100e-6
    c1_m: float = -1e-6
    tilt_rad: float = 5e-3
    settle_s: float = 8.0
    coarse_preset: str | None = "hl"


def measure_backlash(
    microscope: Guarded, book: CalibrationBook, plan: BacklashPlan | None = None, *, progress: Progress = silent
) -> Outcome:
    """Measure what Z and alpha reach from above minus what they reach from below; everything is put back.

    Raises CalibrationError, NotMeasuredError, LimitError.
    """
    plan = plan or BacklashPlan()
    calibration = calibrated(book, plan.preset)
    check_flat(microscope)
    with microscope.preserved():
        microscope.set_preset(plan.preset)
        shots = Shots(microscope, calibration)
        progress("going near focus", 0.0)
        bring_near(shots, book, Near(plan.c1_m, plan.tilt_rad, coarse_preset=plan.coarse_preset))
        shots.melt()
        z, sides = microscope.stage().z_m, (ABOVE, BELOW) * plan.cycles
        readings = []
        for done, side in enumerate(sides):
            progress("stage Z from both sides", (done + 1) / (2 * len(sides) + 2))
            approach_z(microscope, z, below_m=-side * plan.z_way_m)
            microscope.wait(plan.settle_s)
            readings.append(read_c1(shots, plan.tilt_rad, Order.QUAD))
        alpha, why, dose = _alpha(microscope, book, plan, progress)
    play = between_sides(tuple(readings), sides)
    # C1 counts in metres of the tilts, which are those that the lens is commanded: what these scales, and the
    # commanded metre itself, are known to is part of the error of a true height.
    sure = calibration.uncertainty
    sigma = math.hypot(play.sigma, play.value * math.hypot(sure.tilt_scale, sure.focus_scale, sure.c1_scale))
    quantity = StageBacklash(
        z_m=play.value,
        z_sigma_m=sigma,
        alpha_rad=None if alpha is None else alpha.value,
        alpha_sigma_rad=None if alpha is None else alpha.sigma,
    )
    shown = sided_evidence(tuple(readings), sides, "Stage Z from both sides")
    return Outcome(quantity, *_words(quantity, why), (shown,), shots.dose_per_m2 + dose, shots.seconds)


def _alpha(
    microscope: Guarded, book: CalibrationBook, plan: BacklashPlan, progress: Progress
) -> tuple[Estimate | None, str, float]:
    """Backlash of alpha (None and why not), and the dose that it took."""
    known = book.presets.get(plan.alpha_preset)
    if known is None or known.alpha is None or not microscope.capabilities.stage_alpha:
        return None, f"run `eucentric calibrate alpha --preset {plan.alpha_preset}` first", 0.0
    microscope.set_preset(plan.alpha_preset)
    microscope.set_defocus(microscope.defocus_m() + plan.alpha_offset_m)
    shots = Shots(microscope, known)
    try:
        return _alpha_play(shots, known.alpha, plan, progress), "", shots.dose_per_m2
    except NotMeasuredError as error:
        return None, str(error), shots.dose_per_m2


def _alpha_play(shots: Shots, response: AlphaResponse, plan: BacklashPlan, progress: Progress) -> Estimate:
    """Displacement (above − below) = p·(z − z₀)·Δα + sideways motion, at two Z: Δα is the slope."""
    scope = shots.microscope
    stage = scope.stage()
    p = complex(response.px_per_m[1], response.px_per_m[0])
    ways: list[float] = []
    moved: list[float] = []
    for done, way in enumerate((-plan.lever_m, plan.lever_m)):
        progress("stage tilt from both sides", 0.6 + 0.2 * done)
        approach_z(scope, stage.z_m + way)
        taken = [_arrived(shots, stage.alpha_rad, side, plan) for side in (BELOW, ABOVE) * plan.cycles]
        # Each with the one before it: a steady drift adds to one and takes from the next.
        for number, (first, second) in enumerate(pairwise(taken)):
            shift = shots.between(first, second).shift_px
            upwards = 1 if number % 2 == 0 else -1
            ways.append(way)
            moved.append(upwards * (complex(shift[1], shift[0]) / p).real)
    noise = math.hypot(_MOVE_NOISE_M / shots.pixel_m, PEAK_FLOOR_PX) / abs(p)
    x, y = np.array(ways), np.array(moved)
    design = np.stack([np.ones(x.size), x * 1e6], axis=-1)
    # Neighbouring differences share an image: their errors add up in the mean as if there were half of them.
    best, covariance = weighted_fit(design, y, np.full(x.size, math.sqrt(2) * noise))
    value, sigma = float(best[1]) * 1e6, float(np.sqrt(covariance[1, 1])) * 1e6
    return Estimate(value, math.hypot(sigma, value * response.px_per_m_sigma / abs(p)))


def _arrived(shots: Shots, alpha_rad: float, side: int, plan: BacklashPlan) -> Shot:
    approach_alpha(shots.microscope, alpha_rad, -side * plan.alpha_way_rad)
    shots.microscope.wait(plan.settle_s)
    return shots.take()


def _words(quantity: StageBacklash, why: str) -> tuple[Level, str]:
    play = show_measured(quantity.z_m, (quantity.z_sigma_m, ""))
    said = f"Stage Z arrives {play} higher from above than from below"
    if quantity.alpha_rad is None or quantity.alpha_sigma_rad is None:
        said += f"; alpha was not measured ({why}). "
    else:
        alpha, sigma = math.degrees(quantity.alpha_rad), math.degrees(quantity.alpha_sigma_rad)
        said += f", its tilt {minus(f'{alpha:+.3f}')} ± {sigma:.3f}° further. "
    if quantity.z_sigma_m > 0.1e-6:
        return Level.AMBER, said + "Measure again when the drift is over."
    if abs(quantity.z_m) < 0.05e-6:
        return Level.GREEN, said + "No approach is needed."
    return Level.GREEN, said + f"Approach Z from one side, from at least {show_length(3 * abs(quantity.z_m))} away."
