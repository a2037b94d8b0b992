"""The rotation centre: the instrument tilt at which a change of defocus does not move the image.

With the tilt response M the image moves by ΔC·M·(c(t) − c(t_rc)) when the lens changes by ΔC: the wobble of defocus.
It is seen at tilts around the believed centre, where the movement is clear (at the rotation centre itself there
is none, and the camera's own pattern would be found), and below and above focus, so that what goes with defocus
cancels. How far the tilts move the image is fitted too: the centre does not depend on the scale of lens or tilt.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from eucentric.calibrate.focus_here import c1_here, needs_tilt
from eucentric.calibrate.least_squares import Array, Fit, fit, sigma_px
from eucentric.calibrate.outcome import Evidence, Level, Outcome, Progress, Series, silent
from eucentric.calibrate.response_fit import coils
from eucentric.calibrate.rough import AXES
from eucentric.calibrate.shots import Moved, Shots, approach_defocus, step_up
from eucentric.calibration.elsewhere import axis_sigma
from eucentric.calibration.instrument import Calibration
from eucentric.calibration.quantities import RotationCentre
from eucentric.errors import NotMeasuredError
from eucentric.microscope.guarded import Guarded
from eucentric.units import minus

_GREEN_RAD, _AMBER_RAD = 0.1e-3, 0.3e-3
_FEWEST = 5  # of eight; four unknowns and drift


@dataclass(frozen=True, slots=True)
class RotationCentrePlan:
    """Instrument tilts (rad) about the centre; defoci (m) from focus between which the lens wobbles, on each side."""

    tilt_rad: float = 3e-3
    near_m: float = 2e-6
    far_m: float = 4e-6
    settle_s: float = 0.5


def measure_rotation_centre(
    microscope: Guarded,
    calibration: Calibration,
    plan: RotationCentrePlan | None = None,
    *,
    progress: Progress | None = None,
) -> Outcome:
    """The rotation centre at the present preset; everything is put back.

    Needs the tilt response. Raises CalibrationError without it, NotMeasuredError, InstrumentError.
    """
    plan, tell = plan or RotationCentrePlan(), progress or silent
    shots = Shots(microscope, calibration, settle_s=plan.settle_s)
    needs_tilt(shots)
    seen: list[Moved] = []
    with microscope.preserved():
        tell("focus", 0.1)
        focus = microscope.defocus_m() - c1_here(shots)
        approach_defocus(microscope, focus - plan.far_m, range_m=2 * plan.far_m)
        for number, ends in enumerate(((-plan.far_m, -plan.near_m), (plan.near_m, plan.far_m))):
            tell("below focus" if number == 0 else "above focus", 0.2 + 0.4 * number)
            seen += _wobbled(shots, focus + ends[0], focus + ends[1], plan.tilt_rad)
    return _outcome(seen, _solve(seen, shots), shots, abs(focus))


def _wobbled(shots: Shots, low_m: float, high_m: float, tilt_rad: float) -> list[Moved]:
    """At four tilts, the image at both defoci: up, down, up, down, always told from low to high."""
    y0, x0 = shots.calibration.coma_free_rad
    tilts = [(y0 + s * tilt_rad * a[0], x0 + s * tilt_rad * a[1]) for a in AXES for s in (-1, 1)]
    step_up(shots.microscope, low_m)
    found = []
    for number, tilt in enumerate(tilts):
        first, second = (low_m, high_m) if number % 2 == 0 else (high_m, low_m)
        one, two = shots.take(tilt, first), shots.take(tilt, second)
        found.append(shots.try_between(one, two))
    return [m for m in found if m is not None]


def _solve(seen: list[Moved], shots: Shots) -> Fit:
    """M·c(t_rc) in believed true tilt (y, x), gain − 1 and turn of the response, drift (y, x)."""
    if len(seen) < _FEWEST:
        raise NotMeasuredError(
            f"Only {len(seen)} of 8 pairs of defoci could be compared. Move to a place with more contrast, or "
            "expose longer."
        )
    rows, observed = [], []
    for m in seen:
        step = (m.second.defocus_m - m.first.defocus_m) / shots.pixel_m
        y, x = _believed(m, shots.calibration)
        rows.append([[-step, 0, step * y, step * x, m.seconds, 0], [0, -step, step * x, -step * y, 0, m.seconds]])
        observed.append(m.vector - step * np.array([y, x]))
    covariances = np.array([m.covariance_px2 for m in seen])
    return fit(np.array(rows, float).reshape(-1, 6), np.concatenate(observed), covariances)


def _believed(moved: Moved, calibration: Calibration) -> Array:
    tilt = coils(moved.first.tilt_rad, calibration.tilt_cubic_per_rad2)
    return np.asarray(np.array(calibration.tilt_matrix) @ tilt)


def _outcome(seen: list[Moved], found: Fit, shots: Shots, away_m: float) -> Outcome:
    calibration = shots.calibration
    matrix = np.array(calibration.tilt_matrix)
    y, x = np.linalg.solve(matrix, _still(found))
    scale = math.sqrt(abs(float(np.linalg.det(matrix))))
    sigma = axis_sigma(float(found.sigma[:2].max()) / scale, 2 * away_m)  # of the axis, and of the lens' turn about it
    quantity = RotationCentre(tilt_rad=(float(y), float(x)), tilt_sigma_rad=sigma)
    at = minus(f"({y * 1e3:+.2f}, {x * 1e3:+.2f}) mrad (y, x)")
    known = f"The rotation centre is at {at}, known to {sigma * 1e3:.3f} mrad"
    more = "Wait for drift to end, or move to a place with more contrast, and measure again."
    level, sentence = Level.RED, f"{known}: not good enough. {more}"
    if sigma <= _AMBER_RAD:
        level, sentence = Level.AMBER, f"{known}: usable. {more}"
    if sigma <= _GREEN_RAD:
        level, sentence = Level.GREEN, f"{known}: good enough."
    return Outcome(quantity, level, sentence, _evidence(seen, found, shots), shots.dose_per_m2, shots.seconds)


def _still(found: Fit) -> Array:
    """Believed true tilt (y, x) at which the image stands still: d = ΔC·((1 + gain + i·turn)·β − r) is zero there."""
    ry, rx, gain, turn = found.values[:4]
    beta = complex(rx, ry) / complex(1 + gain, turn)
    return np.array([beta.imag, beta.real])


def _evidence(seen: list[Moved], found: Fit, shots: Shots) -> tuple[Evidence, ...]:
    """Movement per metre of defocus against the tilt, along y and along x: zero at the centre."""
    series, still = [], _still(found)
    residual = (np.array([m.shift_px for m in seen]).ravel() - _predicted(seen, found, shots)).reshape(-1, 2)
    for k, name in ((0, "y"), (1, "x")):
        tilt = np.array([_believed(m, shots.calibration)[k] for m in seen])
        step = np.array([m.second.defocus_m - m.first.defocus_m for m in seen])
        left = residual[:, k] * shots.pixel_m / step
        along = tilt - still[k] + left
        line = np.array([tilt.min(), tilt.max()])
        sigma = np.array([sigma_px(m.covariance_px2) for m in seen]) * shots.pixel_m / np.abs(step)
        fitted = (line * 1e3, (line - still[k]) * 1e3)
        series.append(Series(f"along {name}", tilt * 1e3, along * 1e3, sigma * 1e3, *fitted))
    labels = ("beam tilt in the image (mrad)", "movement per defocus (nm/µm)")
    return (Evidence("Rotation centre", *labels, tuple(series)),)


def _predicted(seen: list[Moved], found: Fit, shots: Shots) -> Array:
    tilts = np.array([_believed(m, shots.calibration) for m in seen])
    steps = np.array([m.second.defocus_m - m.first.defocus_m for m in seen])[:, None] / shots.pixel_m
    return np.asarray((tilts * steps).ravel() + found.fitted)
