"""The fit behind the tilt response: shifts of pairs against commanded defocus, two directions, two tilts, drift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eucentric.calibrate.least_squares import Array, Fit, fit, sigma_px
from eucentric.calibrate.shots import Moved
from eucentric.calibration.instrument import Vector
from eucentric.errors import NotMeasuredError

_FEWEST = 3  # defoci of a direction that a slope with a quadratic term needs
_ROUNDS = 5  # the products that are not linear (k and Q times M) are half a per cent: each round gains two digits
_CUBIC = 4  # column
_INTERCEPTS = slice(7, 11)  # columns: of the large tilt along x and along y
_COLUMNS = 19


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """What the pairs tell. n pairs; `matrix` in px per rad and metre, [[yy, yx], [xy, xx]]."""

    matrix: Array
    covariance: Array  # (4, 4) of yy, yx, xy, xx
    cubic_per_rad2: float
    cubic_sigma_per_rad2: float | None  # None: only one size of tilt was seen
    fit: Fit
    defocus_m: Array  # (n,) from focus
    axis: NDArray[np.int_]  # (n,) 0: tilted along x, 1: along y
    separation_rad: Array  # (n,)
    by_defocus_px: Array  # (n, 2) shifts without intercept and drift
    sigma_px: Array  # (n,) 1σ of them, per component
    focus_m: float  # the lens' defocus at focus, where the response is told


def coils(tilt: Vector, cubic: float) -> Array:
    """What the coils make of a setting: t(1 + k|t|²)."""
    t = np.array(tilt)
    return np.asarray(t * (1 + cubic * float(t @ t)))


def solve_response(seen: list[Moved], focus_m: float) -> Response:
    """Least squares over all pairs, of one or two sizes of tilt. Raises NotMeasuredError where too few are left.

    The slope is told at focus: `focus_m` may be off by some per cent of the way that led there, and is found again.
    """
    return _solved(seen, _solved(seen, focus_m).focus_m)


def _solved(seen: list[Moved], focus_m: float) -> Response:
    defocus = np.array([m.first.defocus_m - focus_m for m in seen])
    steps = np.array([np.subtract(m.second.tilt_rad, m.first.tilt_rad) for m in seen]).reshape(-1, 2)
    axis = np.where(np.abs(steps[:, 1]) > np.abs(steps[:, 0]), 0, 1)
    size = np.hypot(steps[:, 0], steps[:, 1])
    small = size < 0.75 * size.max(initial=0.0)
    for k in (0, 1):
        if np.unique(np.round(defocus[(axis == k) & ~small], 9)).size < _FEWEST:
            raise NotMeasuredError(
                f"Too few of the pairs along {'xy'[k]} could be compared. Move to a place with more contrast, expose "
                "longer, or use a smaller range of defoci."
            )
    observed = np.array([m.shift_px for m in seen]).ravel()
    covariances = np.array([m.covariance_px2 for m in seen])
    matrix, cubic = np.zeros((2, 2)), 0.0  # the first round is without k and Q
    for _ in range(_ROUNDS):
        design = _design(seen, defocus, axis, small, matrix)
        there = np.any(design != 0, axis=0)
        there[_CUBIC] &= bool(small.any())
        found = fit(design[:, there], observed, covariances)
        values, covariance = np.zeros(_COLUMNS), np.zeros((_COLUMNS, _COLUMNS))
        values[there], covariance[np.ix_(there, there)] = found.values, found.covariance
        matrix, cubic = values[:_CUBIC].reshape(2, 2), float(values[_CUBIC])
    rest = observed - design[:, _CUBIC + 1 :] @ values[_CUBIC + 1 :]
    told = float(np.sqrt(covariance[_CUBIC, _CUBIC])) if small.any() else None
    focus = focus_m + _zero(matrix, values, float(size.max()))
    sigmas, left = np.array([sigma_px(c) for c in covariances]), rest.reshape(-1, 2)
    return Response(matrix, covariance[:4, :4], cubic, told, found, defocus, axis, size, left, sigmas, focus)


def _zero(matrix: Array, values: Array, separation_rad: float) -> float:
    """Where, from the origin of defoci, the large pairs' shifts come nearest to zero (Cs·t² aside)."""
    slopes = separation_rad * np.array([matrix[:, 1], matrix[:, 0]])  # [along x, along y]
    intercepts = values[_INTERCEPTS].reshape(2, 2)
    return -float(np.sum(slopes * intercepts) / np.sum(slopes**2))


def _design(
    seen: list[Moved], defocus: Array, axis: NDArray[np.int_], small: NDArray[np.bool_], matrix: Array
) -> Array:
    """(2n, 19). Columns: M (yy, yx, xy, xx); with M of the last round, k, and growth and turn of M by the lens; then
    (y, x) of each: I of the large tilt along x and y, I of the small one along x and y, drift, its change."""
    times = np.array([0.5 * (m.first.time_s + m.second.time_s) for m in seen])
    times = (times - times.mean()) / max(float(np.ptp(times)), 1.0)
    design = np.zeros((len(seen), 2, _COLUMNS))
    for i, moved in enumerate(seen):
        first, second = moved.first.tilt_rad, moved.second.tilt_rad
        linear = np.subtract(second, first)
        cube = coils(second, 1.0) - coils(first, 1.0) - linear
        forward = 1.0 if linear.sum() > 0 else -1.0  # I turns round with the order of the pair
        row, k = design[i], int(axis[i])
        row[:, _CUBIC] = matrix @ cube * defocus[i]
        y, x = matrix @ linear * defocus[i] ** 2
        row[:, 5], row[:, 6] = (y, x), (x, -y)
        for part in (0, 1):
            row[part, 2 * part : 2 * part + 2] = linear * defocus[i]
            row[part, (11 if small[i] else 7) + 2 * k + part] = forward
            row[part, 15 + part] = moved.seconds
            row[part, 17 + part] = moved.seconds * times[i]
    return np.asarray(design.reshape(-1, _COLUMNS))
