"""Does the goniometer move the specimen sideways as it tilts? Stage tilts take it for a height, beam tilts do not.

Beam tilts find C1; with the stored eucentric focus f₀ of the same preset and the lens at f that is the height above
the eucentric plane, (C1 − f + f₀) ÷ (dC1/dz). Stage tilts find the Z at which tilting moves nothing. Where the two
planes lie apart by r, the goniometer moves by r per radian across its axis, beyond what eucentric focus was calibrated
with: Stage Tilt then takes every specimen for higher by r than it is. What it moves along its axis looks like no
height, and harms nobody.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from eucentric.calibrate.alpha import AlphaPlan, find_again, swinging_shots
from eucentric.calibrate.focus_here import c1_here
from eucentric.calibrate.height import FLAT_RAD
from eucentric.calibrate.plan import Presets
from eucentric.calibrate.report import Line, graded
from eucentric.calibrate.shots import Shots, approach_defocus, approach_z
from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.commands import command_for
from eucentric.calibration.record import Level
from eucentric.calibration.words import with_sigma
from eucentric.focus.stage_shift import RUNOUT_M_PER_RAD
from eucentric.microscope.guarded import Guarded
from eucentric.units import minus, show_length

KEY = "runout"
_SIGMAS = 3.0
_LIMITS_M_PER_RAD = (math.sqrt(2) * RUNOUT_M_PER_RAD, _SIGMAS * RUNOUT_M_PER_RAD)
"""What Stage Tilt reckons with: 3 µm/rad in all; beyond three of the 1σ across the axis its stated error is wrong."""
_AWAY_M = 15e-6
"""The stage is tilted so far from the eucentric plane: there the image moves, and is told from the camera's pattern."""
_C1_SIGMA_M = 0.1e-6
"""1σ of C1 by two pairs: 1 % of the 2 µm by which the lens is set aside for them, and astigmatism."""
_HYSTERESIS_M = 0.15e-6
"""1σ of where the lens arrives, from below, beside where it did when eucentric focus was calibrated."""


@dataclass(frozen=True, slots=True)
class Runout:
    """How much higher (m) stage tilts take the specimen than it is, its 1σ, and the dose that it took (per m²).

    It is also the sideways motion across the tilt axis, in metres per radian.
    """

    m_per_rad: float
    sigma_m_per_rad: float
    dose_per_m2: float


def why_not(microscope: Guarded, book: CalibrationBook, presets: Presets) -> str | None:
    """Why it can't be looked at, in words; None where it can. Nothing is moved."""
    can, plan, alpha = microscope.capabilities, AlphaPlan(), microscope.stage().alpha_rad
    hole, limit = book.presets.get(presets.hole), microscope.limits.stage_alpha_max_rad
    tilt_unknown = hole is None or hole.alpha is None
    problems = (
        (not (can.stage_alpha and can.stage_z), "the stage can't be tilted and moved in height"),
        (not can.defocus_zero, "the lens tells no absolute setting"),
        (tilt_unknown, f"stage tilt is not calibrated ({command_for('stage alpha', presets.hole)})"),
        (
            book.of(presets.focus).eucentric_focus_m is None,
            f"eucentric focus is not calibrated ({command_for('eucentric focus', presets.focus)})",
        ),
        (abs(alpha) > FLAT_RAD, f"the stage is tilted by {math.degrees(alpha):.0f}°; set its tilt to 0"),
        (
            abs(alpha) + plan.tilt_rad + plan.approach_rad > limit,
            f"the stage may be tilted by {math.degrees(limit):.1f}° only",
        ),
    )
    return next((why for there, why in problems if there), None)


def measure_runout(microscope: Guarded, book: CalibrationBook, presets: Presets) -> Runout:
    """Compare the eucentric plane by beam tilt with that by stage tilt, the specimen being near focus at defocus zero.

    Nothing is put back. Ask `why_not` first. Raises NotMeasuredError, InstrumentError, LimitError.
    """
    believed, plan = book.of(presets.focus), AlphaPlan(preset=presets.hole)
    known, stored = book.of(presets.hole).alpha, believed.eucentric_focus_m
    assert known is not None
    assert stored is not None
    microscope.set_preset(presets.focus)
    approach_defocus(microscope, 0.0)
    shots = Shots(microscope, believed)
    per_z = believed.c1_per_z(microscope.stage().alpha_rad)
    by_beam = microscope.stage().z_m - (c1_here(shots) - microscope.focus_m() + stored) / per_z
    microscope.set_preset(presets.hole)
    microscope.set_defocus(0.0)
    approach_z(microscope, by_beam - math.copysign(_AWAY_M, by_beam))  # towards the middle of the stage's way
    microscope.wait(plan.settle_s)
    swinging = swinging_shots(microscope, book, plan)
    fit = find_again(swinging, plan, known)
    height = math.hypot(believed.eucentric_focus_sigma_m or 0.0, _C1_SIGMA_M, _HYSTERESIS_M) / abs(per_z)
    scale = _AWAY_M * believed.uncertainty.height_scale
    sigma = math.hypot(fit.z_sigma_m, height, scale)
    return Runout(by_beam - fit.z_m, sigma, shots.dose_per_m2 + swinging.dose_per_m2)


def not_done(why: str) -> Line:
    """The line where it can't be looked at: Stage Tilt can't be used there, or says that it knows height badly."""
    return Line(KEY, Level.GREEN, f"not done: {why}", "Only Stage Tilt depends on it.")


def runout_line(found: Runout, presets: Presets) -> Line:
    """What it means for focusing by stage tilt."""
    off, sigma = found.m_per_rad, found.sigma_m_per_rad
    sure = abs(off) > _SIGMAS * sigma
    level = graded(off if sure else sigma, *_LIMITS_M_PER_RAD)
    value = minus(f"{with_sigma(off, sigma, 'µm/rad', 1e6)} across the tilt axis")
    if level is Level.GREEN:
        said = "Stage tilts and beam tilts find the same height."
    elif not sure:
        said = (
            "Too uncertain to judge Stage Tilt by. Calibrate eucentric focus better, or measure again after the drift."
        )
    else:
        said = (
            f"The goniometer moves sideways as it tilts: Stage Tilt takes a specimen for {show_length(abs(off))} "
            f"{'higher' if off > 0 else 'lower'} than it is, and reckons with {show_length(_LIMITS_M_PER_RAD[0])}. "
            "Don't trust it to better than that: end with Beam Tilt and Stage Z. If the stage or its holder was "
            "changed, run: "
            f"{command_for('stage alpha', presets.hole)}, then {command_for('eucentric focus', presets.focus)}"
        )
    return Line(KEY, level, value, said, off, sigma)
