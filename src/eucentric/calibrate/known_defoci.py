"""The tilt calibration tried out: the lens is set to three known defoci, and beam-tilt pairs say what they see.

A pair along direction k moves by d = R·M·Δc·C + I_k + v·Δt pixels, M the believed response, C the commanded defocus:
R = 1 where the calibration is right. |R| is the ratio measured ÷ actual, its angle the error of the tilts, and the
intercepts I_k hold focus and astigmatism, whatever they are.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass

import numpy as np

from eucentric.calibrate.least_squares import Array, Fit, fit
from eucentric.calibrate.report import DefocusPoint
from eucentric.calibrate.rough import AXES, pair_along
from eucentric.calibrate.shots import Moved, Shots, approach_defocus, step_up
from eucentric.calibration.instrument import Calibration
from eucentric.calibration.tilt_response import true_tilt
from eucentric.errors import NotMeasuredError
from eucentric.optics.aberrations import Aberrations, direction, image_shift

FRACTIONS = (-1.0, -0.4, 0.8)
"""The three defoci from focus, of the range: not symmetric, and none at focus."""
FILL = 0.3
"""The largest defocus moves a pair by this part of the view."""


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """What the three defoci say. `ratio` is measured ÷ actual, `turn_rad` by how much the tilts point elsewhere than
    believed, `fast` the same ratio with no wait after each tilt, relative to the one with (None: not told).
    """

    ratio: float
    ratio_sigma: float
    turn_rad: float
    turn_sigma_rad: float
    a1_m: tuple[float, float]
    a1_sigma_m: float
    drift_m_per_s: float
    points: tuple[DefocusPoint, ...]
    fast: float | None
    fast_sigma: float
    focus_m: float


def try_known_defoci(shots: Shots, fast: Shots, focus_m: float, *, tilt_rad: float, range_max_m: float = 3e-6) -> Tried:
    """Measure at three known defoci about `focus_m` (commanded). `shots` waits after each tilt, `fast` does not.

    Lens and tilt are left where they were last. Raises NotMeasuredError where pairs can't be compared.
    """
    reach = min(FILL * shots.field_m / (2 * tilt_rad), range_max_m)
    seen: list[Moved] = []
    quick: list[Moved] = []
    approach_defocus(shots.microscope, focus_m + FRACTIONS[0] * reach, range_m=2 * reach)
    for number, fraction in enumerate(FRACTIONS):
        step_up(shots.microscope, focus_m + fraction * reach)
        for axis in AXES:
            seen += pair_along(shots, axis, tilt_rad, backwards=number % 2 == 1)
        if number == 0:
            for axis in AXES:
                quick += pair_along(fast, axis, tilt_rad)
    return _solved(seen, quick, shots)


def _solved(seen: list[Moved], quick: list[Moved], shots: Shots) -> Tried:
    calibration, pixel = shots.calibration, shots.pixel_m
    if len({(m.first.defocus_m, _is_x(m)) for m in seen}) < 2 * len(FRACTIONS):
        raise NotMeasuredError(
            "At some of the three known defoci the images of a beam tilt pair could not be compared. "
            "Go to a place with more contrast, expose longer, or check that the beam stays on the view when it tilts."
        )
    middle = float(np.mean([m.first.defocus_m for m in seen]))
    found = fit(
        np.concatenate([_rows(m, calibration, middle, pixel) for m in seen]),
        np.concatenate([m.vector - _spherical(m, calibration) / pixel for m in seen]),
        np.array([m.covariance_px2 for m in seen]),
    )
    factor = complex(found.values[0], found.values[1])
    c1, a, b = (float(v) for v in found.values[4:7])
    fast, fast_sigma = _fast(quick, seen)
    sigma = float(found.sigma[0])
    return Tried(
        ratio=abs(factor),
        ratio_sigma=sigma,
        turn_rad=cmath.phase(factor),
        turn_sigma_rad=float(found.sigma[1]),
        a1_m=(a, b),
        a1_sigma_m=float(max(found.sigma[5:7])),
        drift_m_per_s=float(np.hypot(*found.values[7:9])),
        points=_points(seen, found, calibration, middle, pixel),
        fast=fast,
        fast_sigma=fast_sigma,
        focus_m=middle - c1 / abs(factor),
    )


def _rows(moved: Moved, calibration: Calibration, middle_m: float, pixel_m: float) -> Array:
    """(2, 9): R as a complex number and its conjugate part (shear), C1 in the middle, a, b, drift (y, x); in (y, x)."""
    one, two = (direction(true_tilt(calibration, shot.tilt_rad)) for shot in (moved.first, moved.second))
    step = two - one
    actual = moved.first.defocus_m - middle_m
    columns = [
        *(step * actual, 1j * step * actual, step.conjugate() * actual, 1j * step.conjugate() * actual),
        *(step, step.conjugate(), 1j * step.conjugate(), 1j * moved.seconds, moved.seconds + 0j),
    ]
    return np.array([[c.imag for c in columns], [c.real for c in columns]]) / pixel_m


def _spherical(moved: Moved, calibration: Calibration) -> Array:
    """The part of Cs in a pair's shift, metres (y, x)."""
    lens = Aberrations(c3_m=calibration.column.c3_m)
    one, two = (direction(true_tilt(calibration, shot.tilt_rad)) for shot in (moved.first, moved.second))
    shift = complex(image_shift(two, lens)) - complex(image_shift(one, lens))
    return np.array([shift.imag, shift.real])


def _points(
    seen: list[Moved], found: Fit, calibration: Calibration, middle_m: float, pixel_m: float
) -> tuple[DefocusPoint, ...]:
    """C1 by each defocus' pairs through the believed calibration, from that in the middle; what the fit says of
    astigmatism and drift is taken off.
    """
    told = found.values.copy()
    told[[0, 1, 2, 3, 4]] = 0.0
    points = []
    for defocus in sorted({m.first.defocus_m for m in seen}):
        values, weights = [], []
        for moved in (m for m in seen if m.first.defocus_m == defocus):
            rows = _rows(moved, calibration, middle_m, pixel_m)
            rest = moved.vector - _spherical(moved, calibration) / pixel_m - rows @ told
            along = rows[:, 4]
            values.append(float(rest @ along / (along @ along)) - float(found.values[4]))
            weights.append(float(np.trace(moved.covariance_px2) / 2 / (along @ along)))
        sigma = math.sqrt(sum(weights)) / len(weights)
        points.append(DefocusPoint(defocus - middle_m, float(np.mean(values)), sigma))
    return tuple(points)


def _fast(quick: list[Moved], seen: list[Moved]) -> tuple[float | None, float]:
    """How long the pairs without a wait are, relative to those with, at the same defocus and direction."""
    ratios, variances = [], []
    for pair in quick:
        slow = next((m for m in seen if m.first.defocus_m == pair.first.defocus_m and _is_x(m) == _is_x(pair)), None)
        if slow is None:
            continue
        length = float(np.hypot(*slow.vector))
        ratios.append(float(pair.vector @ slow.vector) / length**2)
        variances.append(float(np.trace(pair.covariance_px2) + np.trace(slow.covariance_px2)) / 2 / length**2)
    if not ratios:
        return None, 0.0
    return float(np.mean(ratios)), math.sqrt(sum(variances)) / len(variances)


def _is_x(moved: Moved) -> bool:
    y, x = np.subtract(moved.second.tilt_rad, moved.first.tilt_rad)
    return bool(abs(x) > abs(y))
