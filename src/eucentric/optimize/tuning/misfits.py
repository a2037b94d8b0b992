"""χ² at one place: misfits with an offset that stays, and a scatter that is new in each repeat. Pure.

The misfits of a measurement are a vector z, |z|² = χ². From repeat to repeat z = o + n: o stays or changes smoothly
(calibration, astigmatism, a drift that calms down), n is normal with covariance S, which the repeats tell. χ² is then a
quadratic form of normal variables, with the cumulants

    κ1 = o² + tr S,   κ2 = 4 oᵀSo + 2 tr S²,   κ3 = 24 oᵀS²o + 8 tr S³,

and close to a + s·χ²(ν) with the same three: s = κ3/4κ2, ν = 8κ2³/κ3², a = κ1 − νs. Without an offset, and with errors
as stated in d directions (S = 1), that is χ²(d) exactly. Imhof, Biometrika 48 (1961) 419-426,
doi:10.1093/biomet/48.3-4.419.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from eucentric.focus.measurement import Measurement
from eucentric.optimize.tuning.curve import smoothed
from eucentric.optimize.tuning.rates import CONFIDENCE, scale_interval
from eucentric.optimize.tuning.repeats import Repeat

Array = NDArray[np.float64]

FEWEST = 3
"""Repeats that tell a scatter beside a change."""
WIDER = 1.05
"""A total error of C1 that is larger than the usual one by this is that of another situation."""


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """The `offsets` (n, m) of n repeats, and the covariance (m, m) of their scatter, in units of the stated errors."""

    offsets: Array
    covariance: Array

    @property
    def offset(self) -> float:
        """The rms length of the offset, σ."""
        return math.sqrt(float(np.mean(np.sum(self.offsets**2, axis=1))))

    @property
    def scatter(self) -> float:
        """The rms length of the scatter, σ."""
        return math.sqrt(float(np.trace(self.covariance)))

    def above(self, chi2: float) -> float:
        """The chance of a larger χ², averaged over the repeats."""
        s, s2 = self.covariance, self.covariance @ self.covariance
        first = np.sum(self.offsets**2, axis=1) + np.trace(s)
        second = 4 * np.einsum("ni,ij,nj->n", self.offsets, s, self.offsets) + 2 * np.trace(s2)
        third = 24 * np.einsum("ni,ij,nj->n", self.offsets, s2, self.offsets) + 8 * np.trace(s2 @ s)
        if float(second.max()) < _STILL:
            return float(np.mean(first > chi2))
        scale, freedom = third / (4 * second), 8 * second**3 / third**2
        return float(np.mean(special.chdtrc(freedom, np.maximum((chi2 - first) / scale + freedom, 0.0))))


_STILL = 1e-24


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """The misfits (n, m) of the good repeats of one place through time; `FEWEST` or more."""

    times_s: Array
    misfits: Array

    @property
    def count(self) -> int:
        """How many repeats there are."""
        return len(self.times_s)

    def level(self) -> Level:
        """Offset and scatter: the smooth course through time, and how neighbours differ beside it."""
        return Level(*smoothed(self.times_s, self.misfits))

    def ends(self, chi2: float) -> tuple[float, float]:
        """The lowest and highest chance of a larger χ² that offset and scatter, each with its interval, leave open."""
        level, independent = self.level(), max(self.count // 2, 1)  # differences of neighbours share them
        length = max(level.offset, 1e-12)
        along = level.offsets.mean(axis=0) / length
        off = float(special.stdtrit(self.count - 1, 0.5 * (1 + CONFIDENCE)))
        off *= math.sqrt(max(float(along @ level.covariance @ along), 0.0) / self.count)
        rates = [
            replace(level, offsets=level.offsets * factor, covariance=level.covariance * scale).above(chi2)
            for factor in (max(1 - off / length, 0.0), 1 + off / length)
            for scale in scale_interval(float(independent), independent)
        ]
        return min(rates), max(rates)


def series_of(there: Sequence[Repeat]) -> Series | None:
    """The misfits of one place's repeats; None for fewer than `FEWEST`, or where they are not known.

    The first ones are left out where they are judged with much wider errors, those of a first exposure: their misfits
    are in other units.
    """
    alike = settled([one.result.measurement for one in there])
    used = [one for one, keep in zip(there, alike, strict=True) if keep]
    misfits = [one.result.measurement.misfits for one in used]
    if len(used) < FEWEST or any(one is None for one in misfits):
        return None
    return Series(np.array([one.time_s for one in used]), np.array(misfits, dtype=np.float64))


def settled(measured: Sequence[Measurement]) -> list[bool]:
    """Which measurements are stated with about the error of most of them."""
    usual = float(np.median([one.total_sigma_m for one in measured]))
    return [one.total_sigma_m <= WIDER * usual for one in measured]
