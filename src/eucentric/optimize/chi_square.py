"""The χ² limit: what it refuses, at the places looked at and elsewhere. Pure.

χ² is the squared misfit of the shifts to a defocus, in units of all its stated errors. With errors as stated it is
distributed as χ² with the pattern's degrees of freedom, d. Repeats at one place tell one part of it: there the misfit
has an offset that is the same each time (calibration, astigmatism, a steady drift) and a scatter r about it, and χ²/r²
is distributed as non-central χ². What the offset is at other places, only other places tell.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from eucentric.optimize.rates import CONFIDENCE, Found, Modelled, Rates, least_of, scale_interval
from eucentric.optimize.repeats import Repeat, places_of

LEAST_CHANCE = 1e-300
PLACES = 3
"""From so many places on the errors are believed to be smaller than stated, when they are."""
_RESAMPLED = 300


def limit_at(limit: float, dof: int) -> float:
    """The largest χ² in all at `dof` degrees of freedom that is as likely as `limit` at one, by stated errors."""
    return float(special.chdtri(dof, max(float(special.chdtrc(1, limit)), LEAST_CHANCE)))


def limit_from(chi2: float, dof: int) -> float:
    """The limit at one degree of freedom, as the setting has it, from χ² in all at `dof`: the inverse of `limit_at`."""
    return float(special.chdtri(1, max(float(special.chdtrc(dof, chi2)), LEAST_CHANCE)))


def refused_as_stated(chi2: float, dof: int) -> float:
    """The share of good measurements above χ², with errors as stated."""
    return float(special.chdtrc(dof, chi2))


@dataclass(frozen=True, slots=True)
class Level:
    """χ² at one place: a misfit of `offset` σ that stays, and `scatter` σ (in each of d directions) that does not."""

    offset: float
    scatter: float
    dof: int

    def above(self, chi2: float) -> float:
        """The chance of a larger χ²: 1 − F(χ²/r²; d, offset²/r²), F of non-central χ²."""
        r2 = max(self.scatter**2, 1e-12 * (self.offset**2 + 1e-12))
        noncentral = self.offset**2 / r2
        if noncentral > _FAR:  # the χ distribution is normal there: offset σ, with a width of scatter σ
            return float(special.ndtr(-(math.sqrt(chi2) - math.hypot(self.offset, self.scatter)) / math.sqrt(r2)))
        return max(1 - float(special.chndtr(chi2 / r2, self.dof, noncentral)), 0.0)


_FAR = 1e3


def level_of(chi2: Sequence[float], dof: int) -> Level:
    """Offset and scatter from mean and variance: E = d·r² + o², Var = 2d·r⁴ + 4r²o². Needs two values.

    A variance that is larger than even no offset explains (2E²/d) leaves the offset at none.
    """
    values = np.asarray(chi2, np.float64)
    mean, variance = float(values.mean()), float(values.var(ddof=1))
    r2 = (mean - math.sqrt(max(mean**2 - 0.5 * dof * variance, 0.0))) / dof
    return Level(math.sqrt(max(mean - dof * r2, 0.0)), math.sqrt(r2), dof)


@dataclass(frozen=True, slots=True)
class ChiSquare:
    """χ² of the good repeats: what it is at each place, how its mean compares with stated errors, and the limit.

    `scale` is the mean χ² per degree of freedom, by places; it is one where errors are as stated. `limit` and `before`
    are at one degree of freedom, as the setting has them; `allowed` is χ² in all at `dof`.
    `here` are refusals at the places looked at, `elsewhere` those of good measurements at others.
    """

    dof: int
    levels: tuple[Level, ...]
    places: int
    scale: float
    scale_low: float
    scale_high: float
    before: float
    limit: float
    here: Rates
    elsewhere: Modelled

    @property
    def allowed(self) -> float:
        """The largest χ² in all that the limit accepts."""
        return limit_at(self.limit, self.dof)

    @property
    def believed(self) -> float:
        """The scale that rates and limit are made with: 1 where the places looked at leave it open."""
        return _believed(self.scale, (self.scale_low, self.scale_high), self.places)


def chi_square(good: Sequence[Repeat], before: float, goal: float | None, rng: np.random.Generator) -> ChiSquare:
    """What the good repeats say of the χ² limit `before`, and the limit that refuses a share `goal` of good ones.

    `goal` None: the share that `before` refuses with errors as stated. The limit is that of the believed scale, and at
    least what the places looked at need.
    """
    dof = good[0].result.measurement.dof
    places = [[one.result.measurement.chi2 for one in there] for there in places_of(good).values()]
    total = sum(float(np.mean(there)) for there in places)
    interval = scale_interval(total, dof * len(places))
    scale = total / (dof * len(places))
    wanted = max(refused_as_stated(before, 1) if goal is None else goal, LEAST_CHANCE)
    series = [there for there in places if len(there) > 1]
    believed = _believed(scale, interval, len(places))
    needed = max([believed * float(special.chdtri(dof, wanted)), *(_needed(level_of(s, dof), wanted) for s in series)])
    limit = _rounded(limit_from(needed, dof), before)
    allowed = limit_at(limit, dof)
    lowest, highest = interval
    return ChiSquare(
        dof,
        tuple(level_of(one, dof) for one in series),
        len(places),
        scale,
        lowest,
        highest,
        before,
        limit,
        Rates(Found(sum(v > allowed for there in places for v in there), len(good)), _here(series, allowed, dof, rng)),
        Modelled(
            refused_as_stated(allowed / believed, dof),
            refused_as_stated(allowed / lowest, dof),
            refused_as_stated(allowed / highest, dof),
        ),
    )


def _believed(scale: float, interval: tuple[float, float], places: int) -> float:
    """1 unless the places contradict it: larger at once, smaller only where there are `PLACES`, and then cautiously."""
    low, high = interval
    if low > 1:
        return scale if places >= PLACES else low
    return high if high < 1 and places >= PLACES else 1.0


def _needed(level: Level, chance: float) -> float:
    """The χ² that is exceeded with this chance at a place."""
    low, high = 0.0, 4 * (level.offset + 40 * level.scatter + 1) ** 2
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if level.above(middle) > chance else (low, middle)
    return high


_HALVINGS = 60


def _here(series: Sequence[Sequence[float]], allowed: float, dof: int, rng: np.random.Generator) -> Modelled | None:
    """Refusals at the places looked at, averaged over the repeats; the interval by drawing the repeats anew."""
    count = sum(len(one) for one in series)
    if count == 0:
        return None
    rate = _rate(series, allowed, dof)
    drawn = []
    for _ in range(_RESAMPLED):
        again = [[one[i] for i in rng.integers(len(one), size=len(one))] for one in series]
        drawn.append(_rate(again, allowed, dof))
    tail = 50 * (1 - CONFIDENCE)
    low, high = (float(v) for v in np.percentile(drawn, (tail, 100 - tail)))
    return Modelled(rate, min(low, rate), max(high, rate), least_of(count))


def _rate(series: Sequence[Sequence[float]], allowed: float, dof: int) -> float:
    """The share above the allowed χ², each place by its own level."""
    count = sum(len(one) for one in series)
    return sum(len(one) * level_of(one, dof).above(allowed) for one in series) / count


def _rounded(limit: float, before: float) -> float:
    """Upwards to three digits; the limit as it was where it changes by less than that."""
    if abs(limit / before - 1) < 1e-2:
        return before
    step = 10 ** (math.floor(math.log10(limit)) - 2)
    return float(f"{math.ceil(limit / step - 1e-9) * step:.3g}")
