"""The χ² limit: what it refuses, at the places looked at and elsewhere. Pure.

χ² is the squared misfit of the shifts to a defocus, in units of all its stated errors. With errors as stated it is
distributed as χ² with the pattern's degrees of freedom. Repeats at one place tell one part of it (misfits.py): an
offset that stays there, and a scatter about it. What the offset is at other places, only other places tell.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from eucentric.optimize.tuning.misfits import Level, Series, series_of
from eucentric.optimize.tuning.rates import Found, Modelled, Rates, least_of, scale_interval
from eucentric.optimize.tuning.repeats import Repeat, places_of, stretches_of

LEAST_CHANCE = 1e-300
PLACES = 3
"""From so many places on the errors are believed to be smaller than stated, when they are."""


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
class ChiSquare:
    """χ² of the good repeats: what it is at each place, how its mean compares with stated errors, and the limit.

    `scale` is the mean χ² per degree of freedom, by places; it is one where errors are as stated. `believed` is what
    rates and limit are made with: 1 where the places leave it open. `limit` and `before`
    are at one degree of freedom, as the setting has them; `allowed` is χ² in all at `dof`.
    `here` are refusals at the places looked at, `elsewhere` those of good measurements at others.
    """

    dof: int
    levels: tuple[Level, ...]  # of places with three repeats and more
    places: int
    scale: float
    scale_low: float
    scale_high: float
    believed: float
    before: float
    limit: float
    here: Rates
    elsewhere: Modelled

    @property
    def allowed(self) -> float:
        """The largest χ² in all that the limit accepts."""
        return limit_at(self.limit, self.dof)


def chi_square(good: Sequence[Repeat], before: float, goal: float | None, *, cut: bool = False) -> ChiSquare:
    """What the good repeats say of the χ² limit `before`, and the limit that refuses a share `goal` of good ones.

    `goal` None: the share that `before` refuses with errors as stated. The limit is that of the believed scale, and at
    least what the places looked at need. `cut`: others may be missing because they are beyond `before`; so the errors
    are not believed to be smaller than stated.
    """
    dof = good[0].result.measurement.dof
    places = list(places_of(good).values())
    total = sum(float(np.mean([one.result.measurement.chi2 for one in there])) for there in places)
    low, high = scale_interval(total, dof * len(places))
    scale = total / (dof * len(places))
    wanted = max(refused_as_stated(before, 1) if goal is None else goal, LEAST_CHANCE)
    series = [one for there in stretches_of(good).values() if (one := series_of(there)) is not None]
    believed = max(_believed(scale, (low, high), len(places)), 1.0 if cut else 0.0)
    needed = max(
        [believed * float(special.chdtri(dof, wanted)), *(_needed(one.level(), _least(wanted, one)) for one in series)]
    )
    limit = _rounded(limit_from(needed, dof), before)
    allowed = limit_at(limit, dof)
    refused = sum(one.result.measurement.chi2 > allowed for one in good)
    elsewhere = [refused_as_stated(allowed / s, dof) for s in (believed, low, high)]
    levels = tuple(one.level() for one in series)
    here = Rates(Found(refused, len(good)), _here(series, allowed))
    rates = Modelled(elsewhere[0], min(elsewhere), max(elsewhere))
    return ChiSquare(dof, levels, len(places), scale, low, high, believed, before, limit, here, rates)


def _least(wanted: float, series: Series) -> float:
    """The share that is asked for, or the smallest that so few repeats can tell."""
    return max(wanted, least_of(series.count))


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


def _here(series: Sequence[Series], allowed: float) -> Modelled | None:
    """Refusals at the places looked at, averaged over their repeats."""
    counts = [one.count for one in series]
    if not counts:
        return None
    ends = [one.ends(allowed) for one in series]
    rate, low, high = (
        sum(n * v for n, v in zip(counts, values, strict=True)) / sum(counts)
        for values in ([one.level().above(allowed) for one in series], [e[0] for e in ends], [e[1] for e in ends])
    )
    return Modelled(rate, min(low, rate), max(high, rate), least_of(sum(counts)))


def _rounded(limit: float, before: float) -> float:
    """Upwards to three digits; the limit as it was where it changes by less than that."""
    if abs(limit / before - 1) < 1e-2:
        return before
    step = 10 ** (math.floor(math.log10(limit)) - 2)
    return float(f"{math.ceil(limit / step - 1e-9) * step:.3g}")
