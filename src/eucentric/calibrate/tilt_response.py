"""Tilt response: how far a pair of beam tilts moves the image for each metre of commanded defocus.

A pair at t₁, t₂ moves by d = M·(c(t₂) − c(t₁))·C + Q·C² + I + drift, c(t) = t(1 + k|t|²): the slope against commanded
defocus C is the response M, whatever Cs, astigmatism and the axis put into the intercept I. Defoci lie on both sides of
focus, so that the dependence of the optics on the lens is the quadratic term Q; k comes from a second, smaller tilt.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from eucentric.calibrate.focus_here import c1_here
from eucentric.calibrate.least_squares import Array
from eucentric.calibrate.outcome import Evidence, Level, Outcome, Progress, Series, silent
from eucentric.calibrate.response_fit import Response, solve_response
from eucentric.calibrate.rough import AXES, Rough, pair_along, rough_response
from eucentric.calibrate.shots import APPROACH_RANGES, Moved, Shots, approach_defocus, believing, knows_tilt, step_up
from eucentric.calibration.elsewhere import SCALE_PER_M, TURN_RAD_PER_M, scale_sigma, turn_sigma
from eucentric.calibration.instrument import Calibration
from eucentric.calibration.quantities import TiltResponse
from eucentric.microscope.guarded import Guarded
from eucentric.units import show_length

_FRACTIONS = (-1.0, -0.6, 0.6, 1.0)  # of the range; none at focus, where thin specimens have no contrast
_GREEN = (0.005, math.radians(0.3))  # 1σ of scale and rotation
_AMBER = (0.02, math.radians(1.0))


@dataclass(frozen=True, slots=True)
class TiltResponsePlan:
    """How it is measured. Instrument tilts in radians (each image's, from the believed axis), defoci in metres.

    Defoci reach to ±`range_m` from focus; without it as far as moves a pair by `fill` of the view, at most
    `range_max_m`.
    """

    tilt_rad: float = 10e-3
    small_tilt_rad: float = 5e-3
    rough_tilt_rad: float = 2.5e-3
    range_m: float | None = None
    range_max_m: float = 40e-6
    fill: float = 0.35
    settle_s: float = 0.5


def measure_tilt_response(
    microscope: Guarded,
    calibration: Calibration,
    plan: TiltResponsePlan | None = None,
    *,
    progress: Progress | None = None,
) -> Outcome:
    """The tilt response at the present preset and place, anywhere within reach of focus; everything is put back.

    `calibration` is what is believed so far; an `untouched` one is enough. Raises NotMeasuredError, InstrumentError.
    """
    plan, tell = plan or TiltResponsePlan(), progress or silent
    shots = Shots(microscope, calibration, settle_s=plan.settle_s)
    with microscope.preserved():
        tell("first look", 0.05)
        rough = _first_look(shots, plan)
        if not knows_tilt(calibration):
            shots.calibration = roughly(calibration, rough, shots.pixel_m)
        seen = _series(shots, plan, rough, tell)
    found = solve_response(seen, rough.focus_m)
    return _outcome(found, shots, plan)


def _first_look(shots: Shots, plan: TiltResponsePlan) -> Rough:
    """Response and focus as far as they are known, or from a rough pass; its exposures melt the place as well."""
    known = shots.calibration
    if not knows_tilt(known):
        return rough_response(shots, plan.rough_tilt_rad)
    (yy, yx), (xy, xx) = (np.array(known.tilt_matrix) / shots.pixel_m).tolist()
    return Rough(((yy, yx), (xy, xx)), shots.microscope.defocus_m() - c1_here(shots))


def roughly(calibration: Calibration, rough: Rough, pixel_m: float) -> Calibration:
    """What to believe after the rough pass alone."""
    (yy, yx), (xy, xx) = (np.array(rough.matrix_px_per_rad_m) * pixel_m).tolist()
    sure = {"tilt_scale": 0.05, "tilt_rotation_rad": 0.05}
    return believing(calibration, sure=sure, tilt_matrix=((yy, yx), (xy, xx)))


def _series(shots: Shots, plan: TiltResponsePlan, rough: Rough, tell: Progress) -> list[Moved]:
    """Pairs along x and y at all defoci, going upwards; the order of the pairs turns round at each, against drift."""
    scope, reach = shots.microscope, _range(shots, plan, rough)
    defoci = [rough.focus_m + f * reach for f in _FRACTIONS]
    approach_defocus(scope, defoci[0], range_m=2 * reach)
    seen: list[Moved] = []
    for number, defocus in enumerate(defoci):
        tell(f"pairs at {show_length(defocus - rough.focus_m)} from focus", 0.3 + 0.7 * number / len(defoci))
        step_up(scope, defocus)
        ends = number in (0, len(defoci) - 1)
        for size in (plan.tilt_rad, plan.small_tilt_rad) if ends else (plan.tilt_rad,):
            for axis in AXES:
                seen.extend(pair_along(shots, axis, size, backwards=number % 2 == 1))
    return seen


def _range(shots: Shots, plan: TiltResponsePlan, rough: Rough) -> float:
    if plan.range_m is not None:
        return plan.range_m
    gain = math.sqrt(abs(np.linalg.det(np.array(rough.matrix_px_per_rad_m)))) * shots.pixel_m
    return min(plan.fill * shots.field_m / (2 * plan.tilt_rad * gain), plan.range_max_m)


def _errors(found: Response, hysteresis: float) -> tuple[float, float]:
    """1σ of scale (relative) and rotation (rad): the larger of the two directions, and what the lens' loop leaves."""
    scale, turn = 0.0, 0.0
    for k in (0, 1):  # instrument y, x
        column = found.matrix[:, k]
        size = float(np.hypot(*column))
        along = column / size
        across = np.array([-along[1], along[0]])
        covariance = found.covariance[np.ix_([k, 2 + k], [k, 2 + k])]
        scale = max(scale, math.sqrt(float(along @ covariance @ along)) / size)
        turn = max(turn, math.sqrt(float(across @ covariance @ across)) / size)
    # Coming from three ranges below, a loop as wide as the range or narrower has exp(−3) left to follow.
    return math.hypot(scale, hysteresis * math.exp(-APPROACH_RANGES)), turn


def _outcome(found: Response, shots: Shots, plan: TiltResponsePlan) -> Outcome:
    scale, turn = _errors(found, shots.calibration.uncertainty.focus_hysteresis)
    away = abs(found.focus_m)
    told_scale, told_turn = scale_sigma(scale, away), turn_sigma(turn, away)
    (yy, yx), (xy, xx) = found.matrix.tolist()
    told = found.cubic_sigma_per_rad2
    quantity = TiltResponse(
        matrix_px_per_rad_m=((yy, yx), (xy, xx)),
        scale_sigma=told_scale,
        rotation_sigma_rad=told_turn,
        cubic_per_rad2=found.cubic_per_rad2,
        cubic_sigma_per_rad2=told if told is not None else 0.0,
        tilt_rad=plan.tilt_rad,
        defoci_m=tuple(sorted({round(float(c) + found.focus_m, 12) for c in found.defocus_m})),
    )
    level = Level.RED
    if scale <= _AMBER[0] and turn <= _AMBER[1]:
        level = Level.GREEN if told_scale <= _GREEN[0] and told_turn <= _GREEN[1] else Level.AMBER
    sentence = _sentence(level, told_scale, told_turn, away)
    return Outcome(quantity, level, sentence, _evidence(found), shots.dose_per_m2, shots.seconds)


def _sentence(level: Level, scale: float, turn: float, away_m: float) -> str:
    known = f"The tilt response is known to {scale:.2%}, its direction to {math.degrees(turn):.2f}°"
    if level is Level.GREEN:
        return f"{known}: good enough."
    if level is Level.AMBER and (SCALE_PER_M * away_m > 0.5 * scale or TURN_RAD_PER_M * away_m > 0.5 * turn):
        return (
            f"{known}, because focus is {show_length(away_m)} from defocus zero: usable to come near. Bring the "
            "specimen to eucentric height, and measure again."
        )
    if level is Level.AMBER:
        return (
            f"{known}: usable for coarse steps. Measure again on a place with more contrast, or with longer exposures."
        )
    return f"{known}: not good enough. Move to clean carbon, wait for drift to end, expose longer, and measure again."


def _evidence(found: Response) -> tuple[Evidence, ...]:
    """Shift along each direction's own response, against defocus, without intercept and drift."""
    series = []
    separation = float(found.separation_rad.max())
    for k, name in ((0, "tilt along x"), (1, "tilt along y")):
        column = found.matrix[:, 1 - k]
        size = float(np.hypot(*column))
        mine = (found.axis == k) & (found.separation_rad > 0.75 * separation)
        x: Array = found.defocus_m[mine] * 1e6
        y: Array = np.abs(found.by_defocus_px[mine] @ column / size) * np.sign(x)
        order = np.argsort(x)
        line = np.array([x.min(), x.max()])
        gain = 1 + found.cubic_per_rad2 * (separation / 2) ** 2
        sigma = found.sigma_px[mine][order]
        series.append(Series(name, x[order], y[order], sigma, line, line * 1e-6 * size * separation * gain))
    return (Evidence("Tilt response", "defocus from focus (µm)", "displacement of a pair (px)", tuple(series)),)
