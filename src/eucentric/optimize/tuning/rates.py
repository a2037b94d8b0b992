"""How often something happens: what was found among so many, and what a model says, each with its interval. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

CONFIDENCE = 0.95
"""Of all intervals here."""
FEWEST = 5
"""Fewer values say nothing of their spread, or of their tail."""
_TAIL = (1 - CONFIDENCE) / 2


@dataclass(frozen=True, slots=True)
class Found:
    """So many of so many."""

    count: int
    of: int

    @property
    def interval(self) -> tuple[float, float]:
        """Lowest and highest rate that this leaves open; (0, 1) where nothing was looked at.

        Clopper & Pearson, Biometrika 26 (1934) 404-413, doi:10.1093/biomet/26.4.404.
        """
        if self.of == 0:
            return 0.0, 1.0
        interval = stats.binomtest(self.count, self.of).proportion_ci(CONFIDENCE, method="exact")
        return float(interval.low), float(interval.high)


@dataclass(frozen=True, slots=True)
class Modelled:
    """A rate by a model whose parameters were measured: the best value, and the lowest and highest left open.

    `least`: no smaller rate can be told from so few values; one that is this small is only known to be below it.
    """

    rate: float
    low: float
    high: float
    least: float = 0.0


@dataclass(frozen=True, slots=True)
class Rates:
    """A rate as found, and by a model where there is one."""

    found: Found
    model: Modelled | None = None


def scale_interval(total: float, dof: int) -> tuple[float, float]:
    """Lowest and highest s where `total`/s is distributed as χ² with so many degrees of freedom."""
    return total / float(special.chdtri(dof, _TAIL)), total / float(special.chdtri(dof, 1 - _TAIL))


def least_of(count: int) -> float:
    """The smallest rate that a fitted distribution is believed for: a hundred times rarer than one of all values."""
    return 1 / (100 * max(count, 1))


def below(values: Sequence[float], limit: float) -> Modelled | None:
    """The chance that the next value is below the limit, all being drawn from one normal distribution.

    Student's predictive distribution, P = T[(limit − mean)/(s√(1 + 1/n)); n − 1]; the interval is that of mean and s.
    None for fewer than `FEWEST` values.
    """
    n = len(values)
    if n < FEWEST:
        return None
    mean, s = _normal(values)
    rate = float(special.stdtr(n - 1, (limit - mean) / (s * math.sqrt(1 + 1 / n))))
    off = float(special.stdtrit(n - 1, 1 - _TAIL)) * s / math.sqrt(n)
    widths = [math.sqrt(v) for v in scale_interval((n - 1) * s * s, n - 1)]
    ends = [float(special.ndtr((limit - m) / w)) for m in (mean - off, mean + off) for w in widths]
    return Modelled(rate, min(*ends, rate), max(*ends, rate), least_of(n))


def quantile(values: Sequence[float], chance: float) -> float:
    """The value that the next one is below with this chance: the inverse of `below`. Needs two values."""
    n = len(values)
    mean, s = _normal(values)
    return mean + float(special.stdtrit(n - 1, chance)) * s * math.sqrt(1 + 1 / n)


def _normal(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation; equal values still have one that numbers can be divided by."""
    x = np.asarray(values, np.float64)
    mean = float(x.mean())
    return mean, max(float(x.std(ddof=1)), 1e-9 * abs(mean), 1e-300)


@dataclass(frozen=True, slots=True)
class Tail:
    """The exponential tail of values that are −ln of a stated chance: P(value > v) = share·exp(−(v − start)/length).

    `length` is 1 where stated chances are true ones; `over` of `of` values are above `start`.
    """

    start: float
    over: int
    of: int
    length: float
    length_low: float
    length_high: float

    def above(self, limit: float) -> Modelled:
        """The chance of a value above the limit: with the stated length where the values leave it open, else theirs."""
        stated = self.length_low <= 1 <= self.length_high
        share, (low, high) = self.over / self.of, Found(self.over, self.of).interval
        far = max(limit - self.start, 0.0)

        def rate(part: float, length: float) -> float:
            return part * math.exp(-far / length)

        return Modelled(
            rate(share, 1.0 if stated else self.length), rate(low, self.length_low), rate(high, self.length_high)
        )


def tail_of(values: Sequence[float], start: float) -> Tail | None:
    """The tail of the values above `start`; None where fewer than `FEWEST` lie there.

    The sum of k excesses over the length is Γ(k): 2·sum/length is χ² with 2k degrees of freedom.
    """
    over = [v - start for v in values if v > start]
    if len(over) < FEWEST:
        return None
    low, high = scale_interval(2 * sum(over), 2 * len(over))
    return Tail(start, len(over), len(values), sum(over) / len(over), low, high)
