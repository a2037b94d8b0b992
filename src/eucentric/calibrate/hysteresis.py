"""Lens hysteresis: the same lens setting reached from above and from below is not the same focus.

The lens goes an excursion up and back, an excursion down and back, and so on; C1 is read each time it is back. The
first cycle is not read: it forgets what was before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from eucentric.calibrate.outcome import Evidence, Level, Outcome, Progress, Series, silent
from eucentric.calibrate.reading import Near, Order, Reading, between_sides, bring_near, calibrated, read_c1
from eucentric.calibrate.shots import Shots
from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.quantities import LensHysteresis
from eucentric.microscope.guarded import Guarded
from eucentric.units import show_length, show_measured

ABOVE, BELOW = 1, -1


@dataclass(frozen=True, slots=True)
class HysteresisPlan:
    """How it is measured: excursions of `excursion_m` to either side, `cycles` of both, C1 read at `c1_m`."""

    preset: str = "fa"
    excursion_m: float = 20e-6
    cycles: int = 2
    c1_m: float = -1e-6
    tilt_rad: float = 5e-3
    coarse_preset: str | None = "hl"


def measure_hysteresis(
    microscope: Guarded, book: CalibrationBook, plan: HysteresisPlan | None = None, *, progress: Progress = silent
) -> Outcome:
    """Measure C1 reached from above minus that reached from below; everything is put back (the lens from below).

    Raises CalibrationError, NotMeasuredError, LimitError.
    """
    plan = plan or HysteresisPlan()
    calibration = calibrated(book, plan.preset)
    with microscope.preserved():
        microscope.set_preset(plan.preset)
        shots = Shots(microscope, calibration)
        progress("going near focus", 0.0)
        bring_near(shots, book, Near(plan.c1_m, plan.tilt_rad, coarse_preset=plan.coarse_preset))
        shots.melt()
        readings, sides = _cycles(shots, plan, progress)
    width = between_sides(readings, sides)
    sigma = math.hypot(width.sigma, width.value * calibration.uncertainty.tilt_scale)
    quantity = LensHysteresis(width_m=width.value, width_sigma_m=sigma, excursion_m=plan.excursion_m)
    shown = sided_evidence(readings, sides, "Lens hysteresis")
    return Outcome(quantity, *_words(quantity), (shown,), shots.dose_per_m2, shots.seconds)


def _cycles(shots: Shots, plan: HysteresisPlan, progress: Progress) -> tuple[tuple[Reading, ...], tuple[int, ...]]:
    scope = shots.microscope
    lens = scope.defocus_m()
    readings, sides = [], []
    for cycle in range(plan.cycles + 1):
        progress(f"lens cycle {cycle + 1}", (cycle + 1) / (plan.cycles + 2))
        for side in (ABOVE, BELOW):
            scope.set_defocus(lens + side * plan.excursion_m)
            scope.set_defocus(lens)
            if cycle:
                readings.append(read_c1(shots, plan.tilt_rad, Order.QUAD))
                sides.append(side)
    return tuple(readings), tuple(sides)


def _words(quantity: LensHysteresis) -> tuple[Level, str]:
    width, sigma = quantity.width_m, quantity.width_sigma_m
    said = (
        f"After excursions of {show_length(quantity.excursion_m)} the lens arrives {show_measured(width, (sigma, ''))} "
        "apart from above and from below. "
    )
    if abs(width) + 2 * sigma < 50e-9:
        return Level.GREEN, said + "No approach is needed."
    if sigma < max(20e-9, 0.2 * abs(width)):
        return Level.GREEN, said + "Approach focus from one side (focus approach), or normalise the lens."
    return Level.AMBER, said + "Measure again when the drift is over."


def sided_evidence(readings: tuple[Reading, ...], sides: tuple[int, ...], title: str) -> Evidence:
    """C1 against time, from above and from below, and two parallel lines: what lies between them was asked for."""
    time, c1, sigma = (np.array([getattr(r, name) for r in readings]) for name in ("time_s", "c1_m", "sigma_m"))
    side, time = np.array(sides), time - time[0]
    level, drift, width = np.linalg.lstsq(np.stack([np.ones(time.size), time, 0.5 * side], axis=-1), c1, rcond=None)[0]
    series, ends = [], np.array([time.min(), time.max()])
    for one, label in ((ABOVE, "from above"), (BELOW, "from below")):
        own, line = side == one, level + drift * ends + 0.5 * width * one
        series.append(Series(label, time[own], c1[own] * 1e6, sigma[own] * 1e6, ends, line * 1e6))
    return Evidence(title, "time (s)", "C1 (µm)", tuple(series))
