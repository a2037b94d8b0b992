"""What changes through time in a series of numbers, and how they scatter beside that; jumps do not disturb it. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from eucentric.optimize.tuning.rates import FEWEST

Array = NDArray[np.float64]

CURVED_SIGMAS = 3.0
"""A drift that is this surely not steady gets a parabola instead of a line."""
OUTLIER_SIGMAS = 3.5
"""Further from the rest than so many robust σ is a jump, and no scatter."""
MAD = 1.4826  # from the median of |x| to σ, for normal x
_ROUNDS = 20
_CUT = 1.004  # normal x cut at 3.5 σ has a standard deviation smaller by so much
_SMOOTH = 0.51  # of the numbers that second differences are made of count as independent: 2.25/(2.25 + 2 + 1/8)


@dataclass(frozen=True, slots=True)
class Curve:
    """C1 through time, robustly: c0 + c1·u + c2·u², u = t − `middle_s`; `scatter_m` is the robust 1σ about it."""

    middle_s: float
    terms: tuple[float, ...]
    slope_sigma: float
    scatter_m: float

    def at(self, time_s: float) -> float:
        """C1 at a time, metres."""
        u = time_s - self.middle_s
        return sum(term * u**power for power, term in enumerate(self.terms))

    def speed(self, time_s: float) -> float:
        """dC1/dt at a time, m/s."""
        u = time_s - self.middle_s
        return sum(power * term * u ** (power - 1) for power, term in enumerate(self.terms) if power)


def curve_through(times_s: Sequence[float], values_m: Sequence[float]) -> Curve:
    """A line, or where the drift clearly changes a parabola, through values; jumps are left aside. Needs `FEWEST`."""
    t, x = np.asarray(times_s, np.float64), np.asarray(values_m, np.float64)
    middle = float(t.mean())
    straight, curved = _fit(t - middle, x, 1), _fit(t - middle, x, 2)
    if len(t) > FEWEST and abs(curved.terms[2]) > CURVED_SIGMAS * curved.sigmas[2]:
        straight = curved
    terms = tuple(float(v) for v in straight.terms)
    return Curve(middle, terms, float(straight.sigmas[1]), straight.scatter)


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    terms: Array
    sigmas: Array
    scatter: float


def _fit(u: Array, x: Array, degree: int) -> _Fit:
    """A polynomial, least squares on what is within `OUTLIER_SIGMAS` of it, starting from the smallest |residuals|."""
    scale = max(float(np.abs(u).max()), 1e-9)
    design = np.vander(u / scale, degree + 1, increasing=True)
    weight = np.ones(x.size)
    for _ in range(_ROUNDS):  # least absolute residuals, by weights of 1/|residual|
        best = np.linalg.lstsq(design * weight[:, None], x * weight, rcond=None)[0]
        size = np.abs(x - design @ best)
        weight = 1 / np.sqrt(np.maximum(size, max(float(np.median(size)), 1e-15) * 0.1))
    scatter = MAD * float(np.median(size))
    near = size <= OUTLIER_SIGMAS * max(scatter, 1e-15)
    if int(near.sum()) > degree + 1:
        best = np.linalg.lstsq(design[near], x[near], rcond=None)[0]
        left = x[near] - design[near] @ best
        scatter = math.sqrt(float(left @ left) / (int(near.sum()) - degree - 1))
    precision = np.linalg.pinv(design[near].T @ design[near])
    powers = scale ** np.arange(degree + 1)
    return _Fit(best / powers, scatter * np.sqrt(np.diag(precision)) / powers, scatter)


@dataclass(frozen=True, slots=True)
class Scatter:
    """How numbers scatter from one to the next, in units of their stated σ: ratio, and about how many are behind it."""

    ratio: float
    dof: float
    jumps: int


def scatter_of(times_s: Sequence[float], values: Sequence[float], sigmas: Sequence[float]) -> Scatter | None:
    """The scatter that no smooth drift makes: each value against the line between its neighbours in time.

    e_k = x_k − w x_{k−1} − (1 − w) x_{k+1}, and σ² of it is σ_k² + w²σ² + (1 − w)²σ² of the neighbours'. Those beyond
    `OUTLIER_SIGMAS` of the median size are counted as jumps and left out. None for fewer than `FEWEST` values.
    """
    if len(values) < FEWEST:
        return None
    t, x, s = (np.asarray(v, np.float64) for v in (times_s, values, sigmas))
    w = (t[2:] - t[1:-1]) / (t[2:] - t[:-2])
    off = x[1:-1] - w * x[:-2] - (1 - w) * x[2:]
    stated = np.sqrt(s[1:-1] ** 2 + (w * s[:-2]) ** 2 + ((1 - w) * s[2:]) ** 2)
    size = np.abs(off / np.maximum(stated, 1e-30))
    near = size <= OUTLIER_SIGMAS * MAD * max(float(np.median(size)), 1e-30)
    ratio = _CUT * math.sqrt(float(np.mean(size[near] ** 2)))
    return Scatter(ratio, max(_SMOOTH * int(near.sum()), 1.0), int((~near).sum()))


def smoothed(times_s: Array, values: Array) -> tuple[Array, Array]:
    """The means (n, m) of n values of m components, and the covariance (m, m) beside them. Needs three values.

    The mean of a component is a constant, a line or a parabola, what the values ask for. Where they clearly change more
    about that than neighbours differ, it is a running mean of three (¼, ½, ¼), and neighbours tell the variance.
    """
    t, x = np.asarray(times_s, np.float64), np.asarray(values, np.float64)
    w = ((t[2:] - t[1:-1]) / (t[2:] - t[:-2]))[:, None]
    near = (x[1:-1] - w * x[:-2] - (1 - w) * x[2:]) / np.sqrt(1 + w**2 + (1 - w) ** 2)  # (n−2, m)
    columns = [_smooth(t - t.mean(), column, beside) for column, beside in zip(x.T, near.T, strict=True)]
    left = np.stack([beside for _, beside in columns], axis=1)
    return np.stack([mean for mean, _ in columns], axis=1), left.T @ left / len(left)


_LEFT = math.sqrt(1 - 0.375)  # the running mean scatters too, with ¼² + ½² + ¼² of the variance: together they are one
_SELDOM = 0.05  # the chance that values which change smoothly are taken for others


def _smooth(u: Array, x: Array, near: Array) -> tuple[Array, Array]:
    """The mean of a component, and what is beside it at all but the first and last value."""
    for degree in range(min(2, x.size - 2), -1, -1):
        design = np.vander(u / max(float(np.abs(u).max()), 1e-9), degree + 1, increasing=True)
        terms = np.linalg.lstsq(design, x, rcond=None)[0]
        left = x - design @ terms
        free = x.size - degree - 1
        variance = float(left @ left) / free
        sigma = math.sqrt(variance * float(np.linalg.inv(design.T @ design)[-1, -1]))
        if degree == 0 or abs(terms[-1]) > CURVED_SIGMAS * sigma:
            break
    allowed = float(special.fdtri(free, max(near.size // 2, 1), 1 - _SELDOM))
    if variance > allowed * float(np.mean(near**2)):
        return np.concatenate([x[:1], 0.25 * x[:-2] + 0.5 * x[1:-1] + 0.25 * x[2:], x[-1:]]), near * _LEFT
    return np.asarray(design @ terms), left[1:-1] * math.sqrt(x.size / free)
