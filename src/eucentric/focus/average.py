"""Several focus targets of one place told as one measurement. Pure.

    C1 = Σ wᵢ·cᵢ,   wᵢ ∝ 1/(oᵢ² + φ²),   Σ wᵢ = 1

oᵢ is what a target does not share with the others (noise, first motion, drift); φ² the variance of the film's height
between the targets, from their scatter beyond oᵢ: φ² = max(0, (Q − (n − 1)) / (Σu − Σu²/Σu)), u = 1/o², Q = Σu(c − c̄)²
(DerSimonian & Laird, Controlled Clinical Trials 7 (1986) 177-188).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from eucentric.errors import InputError
from eucentric.focus.measurement import Contribution, Measurement

FILM = "film"
"""What the budget calls the scatter between targets."""
OWN = frozenset({"noise", "first motion", "drift", "drift change"})
_INDEPENDENT = frozenset({"noise", "first motion"})
_LEAST_M = 1e-12  # an own error of a picometre: without any, weights would be infinite
_ONE_SIGMA = 0.8413447460685429  # Φ(1)

Array = NDArray[np.float64]


def average(measurements: Sequence[Measurement]) -> Measurement:
    """The weighted average of accepted measurements at several targets, with its errors.

    Noise and first motion average down. What calibration leaves is the same at all targets and does not, nor does
    drift, which a stage keeps up from target to target; its parts are taken to act alike. That the film is not flat
    is a part of its own, "film": how far the mean height of the targets may be from that of the film around them,
    φ·√(Σwᵢ²), times Student's factor for a scatter known from n targets only (1.8 for two, 1.3 for three).
    χ² and degrees of freedom are the sums; the covariance with A1 is not known. Raises InputError for none.
    """
    if not measurements:
        raise InputError("There is no accepted measurement to average. Measure at one focus target at least.")
    if len(measurements) == 1:
        return measurements[0]
    c1 = np.array([m.c1_m for m in measurements])
    own = np.array([max(math.hypot(*(c.sigma_m for c in m.budget if c.source in OWN)), _LEAST_M) for m in measurements])
    film2 = _film_variance(c1, own)
    weight = 1 / (own**2 + film2)
    weight /= weight.sum()
    budget = (*_parts(measurements, weight), Contribution(FILM, _film_error(film2, weight)))
    return replace(
        measurements[0],
        c1_m=float(weight @ c1),
        sigma_m=float(np.hypot.reduce(weight * [m.sigma_m for m in measurements])),
        total_sigma_m=math.hypot(*(part.sigma_m for part in budget)),
        a1_m=_mean(weight, [m.a1_m for m in measurements]),
        a1_sigma_m=_mean(weight, [m.a1_sigma_m for m in measurements]),
        drift_m_per_s=_mean(weight, [m.drift_m_per_s for m in measurements]),
        chi2=sum(m.chi2 for m in measurements),
        dof=sum(m.dof for m in measurements),
        budget=budget,
        covariance_m2=None,
        misfits=None,
    )


def own_sigma_m(measured: Measurement) -> float:
    """1σ of what another target does not share, metres: noise and motion, not what calibration leaves."""
    parts = [c.sigma_m for c in measured.budget if c.source in OWN]
    return min(math.hypot(*parts), measured.total_sigma_m)


def _film_variance(c1: Array, own: Array) -> float:
    sure = 1 / own**2
    scatter = float(sure @ (c1 - sure @ c1 / sure.sum()) ** 2)
    return max(0.0, (scatter - (c1.size - 1)) / float(sure.sum() - (sure @ sure) / sure.sum()))


def _film_error(film2: float, weight: Array) -> float:
    student = float(special.stdtrit(weight.size - 1, _ONE_SIGMA))
    return student * math.sqrt(film2 * float(weight @ weight))


def _parts(measurements: Sequence[Measurement], weight: Array) -> list[Contribution]:
    """Each source's 1σ on the average: added in squares where targets don't share it, straight where they do."""
    sources = dict.fromkeys(c.source for m in measurements for c in m.budget)
    parts = []
    for source in sources:
        each = np.array([math.hypot(*(c.sigma_m for c in m.budget if c.source == source)) for m in measurements])
        alone = source in _INDEPENDENT
        parts.append(Contribution(source, float(np.hypot.reduce(weight * each) if alone else weight @ each)))
    return parts


def _mean(weight: Array, pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    first, second = weight @ np.array(pairs)
    return (float(first), float(second))
