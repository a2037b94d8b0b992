"""Eucentric focus: the absolute lens setting that focuses a specimen at eucentric height; from the scope and to it.

The specimen is brought to where tilting the stage moves nothing (or to a declared Z), and the lens setting of C1 = 0
is read from both sides, the lens coming from below. Stored per preset, it is what the lens is set to before the height
of a specimen is measured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from eucentric.calibrate.alpha import AlphaPlan, find_again, find_eucentric, swinging_shots
from eucentric.calibrate.height import check_flat
from eucentric.calibrate.null_focus import Null, find_null, half_range
from eucentric.calibrate.outcome import Evidence, Level, Outcome, Progress, Series, silent
from eucentric.calibrate.reading import Near, bring_near, calibrated
from eucentric.calibrate.shots import Shots, approach_defocus, approach_z
from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.quantities import EucentricFocus
from eucentric.errors import CalibrationError
from eucentric.microscope import checks
from eucentric.microscope.guarded import Guarded
from eucentric.units import show_measured

_UM = 1e6


@dataclass(frozen=True, slots=True)
class EucentricFocusPlan:
    """How it is measured: at the declared Z (± its 1σ), or where stage tilts by `alpha` say that eucentric height is.

    `hysteresis_m` is 1σ of where the lens arrives when it comes another way than from below.
    """

    preset: str = "fa"
    eucentric_z_m: float | None = None
    eucentric_z_sigma_m: float = 2.1e-6
    alpha: AlphaPlan = field(default_factory=AlphaPlan)
    tilt_rad: float = 5e-3
    hysteresis_m: float = 0.15e-6
    settle_s: float = 8.0
    coarse_preset: str | None = "hl"


def measure_eucentric_focus(
    microscope: Guarded, book: CalibrationBook, plan: EucentricFocusPlan | None = None, *, progress: Progress = silent
) -> Outcome:
    """Measure the lens setting that focuses eucentric height at the plan's preset; everything is put back.

    Raises InstrumentError where the absolute lens setting can't be read, CalibrationError, NotMeasuredError,
    LimitError.
    """
    plan = plan or EucentricFocusPlan()
    calibration = calibrated(book, plan.preset)
    check_flat(microscope)
    zero = microscope.focus_m() - microscope.defocus_m()
    with microscope.preserved():
        z, z_sigma, dose = _eucentric_z(microscope, book, plan, progress)
        microscope.set_preset(plan.preset)
        shots = Shots(microscope, calibration)
        progress("focusing at eucentric height", 0.6)
        approach_z(microscope, z)
        microscope.wait(plan.settle_s)
        half = half_range(shots.pixel_m, plan.tilt_rad)
        near = Near(-half, plan.tilt_rad, tolerance_m=0.3 * half, coarse_preset=plan.coarse_preset)
        bring_near(shots, book, near, by_lens=True)
        shots.melt()
        null = find_null(shots, plan.tilt_rad)
    height_sigma = z_sigma * abs(calibration.height_per_z)
    sigma = math.hypot(null.sigma_m, height_sigma, plan.hysteresis_m)
    quantity = EucentricFocus(focus_m=zero + null.defocus_m, focus_sigma_m=sigma)
    return Outcome(
        quantity, *_words(quantity, z, z_sigma, plan), (_evidence(null),), dose + shots.dose_per_m2, shots.seconds
    )


def _eucentric_z(
    microscope: Guarded, book: CalibrationBook, plan: EucentricFocusPlan, progress: Progress
) -> tuple[float, float, float]:
    """Eucentric Z at this place, its 1σ with the goniometer's runout, and the dose that it took."""
    if plan.eucentric_z_m is not None:
        return plan.eucentric_z_m, plan.eucentric_z_sigma_m, 0.0
    start = microscope.defocus_m()
    microscope.set_preset(plan.alpha.preset)
    known = book.of(plan.alpha.preset).alpha
    shots = swinging_shots(microscope, book, plan.alpha)
    if known is None:
        fit = find_eucentric(shots, plan.alpha, progress)
    else:
        fit = find_again(shots, plan.alpha, known, progress)
    microscope.set_defocus(start)
    sigma = math.hypot(fit.z_sigma_m, max(plan.alpha.runout_m_per_rad, fit.across_m))
    return fit.z_m, sigma, shots.dose_per_m2


def _words(quantity: EucentricFocus, z: float, z_sigma: float, plan: EucentricFocusPlan) -> tuple[Level, str]:
    level = Level.GREEN if quantity.focus_sigma_m < 5e-6 else Level.AMBER
    lens, height = show_measured(quantity.focus_m, (quantity.focus_sigma_m, "")), show_measured(z, (z_sigma, ""))
    said = f"At preset '{plan.preset}' the lens setting {lens} focuses eucentric height (stage Z {height} here). "
    if level is Level.GREEN:
        return level, said + "Good enough to bring specimens to eucentric height by focusing with the stage."
    return level, said + "Declare eucentric Z more exactly, or calibrate the stage tilt again."


def _evidence(null: Null) -> Evidence:
    lens = np.array([null.below.defocus_m, null.above.defocus_m]) * _UM
    c1 = np.array([null.below.c1_m, null.above.c1_m]) * _UM
    sigma = np.array([null.below.sigma_m, null.above.sigma_m]) * _UM
    points = Series("readings", lens, c1, sigma, lens, c1)
    return Evidence("Eucentric focus", "commanded defocus (µm)", "C1 (µm)", (points,))


def set_eucentric_focus(microscope: Guarded, book: CalibrationBook, preset: str | None = None) -> float:
    """To the scope: set the lens to the stored eucentric focus of `preset` (None: the present one), from below.

    Returns the commanded defocus. Raises CalibrationError where none is stored or the preset is not the present one,
    LimitError before anything moves.
    """
    present = microscope.preset().name
    name = preset or present
    focus = book.of(name).eucentric_focus_m
    if focus is None:
        raise CalibrationError(
            f"The eucentric focus of preset '{name}' is not known. Run: eucentric calibrate eucentric-focus "
            f"--preset {name}"
        )
    if name != present:
        raise CalibrationError(
            f"The microscope is at preset '{present}', and the eucentric focus of '{name}' holds there only. "
            f"Go to '{name}' first."
        )
    defocus = focus - (microscope.focus_m() - microscope.defocus_m())
    # Before the approach from below, which would move the lens.
    checks.within(checks.DEFOCUS, focus, microscope.limits.defocus_max_m)
    approach_defocus(microscope, defocus)
    return defocus
