"""The real fit of drawn microscopes scatters as the design matrix predicts."""

from __future__ import annotations

import cmath
import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from eucentric.calibration.instrument import Uncertainty
from eucentric.focus.forward import DECAYS
from eucentric.focus.patterns import Pattern, PatternName
from eucentric.focus.solve import Exposures, LinkShift, solve
from eucentric.optics.aberrations import Aberrations, direction, image_shift
from eucentric.optimize.patterns.design import Aim, Conditions, told
from eucentric.optimize.patterns.link import Apart
from tests.optimize.patterns.made import C3_M, EXACT, compared, row

DRAWS = 300
CHANCE = 1e-3  # of a scatter outside the interval: seeds are fixed


def _measured_c1(plan: Pattern, conditions: Conditions, prior: Uncertainty, seed: int) -> list[float]:
    """C1 as the fit finds it, less the true one, with the lens' own ∇W at tilts and motion drawn from a prior, and
    noise."""
    rng, times = np.random.default_rng(seed), np.arange(plan.images) * conditions.interval_s
    exposures = Exposures(plan.tilts, tuple(times))
    believed = np.array([direction(t) for t in plan.tilts])
    before = np.concatenate([[0j], believed[:-1]])
    (c1_m,) = conditions.c1_m
    matrices = [_covariance(plan, link, conditions) for link in plan.links]
    roots = [np.linalg.cholesky(matrix) for matrix in matrices]

    def vector(sigma: float) -> complex:
        return complex(*rng.normal(0, sigma, 2))

    out = []
    for _ in range(DRAWS):
        size = 1 + rng.normal(0, prior.tilt_scale) + rng.normal(0, prior.tilt_cubic_per_rad2) * np.abs(believed) ** 2
        true = believed * size * np.exp(1j * rng.normal(0, prior.tilt_rotation_rad))
        true = true + vector(prior.tilt_shear) * np.conj(believed) + vector(prior.axis_rad)
        true = true + rng.normal(0, prior.tilt_settling) * (before - believed)
        a1 = rng.normal(0, prior.a1_m, 2)
        lens = Aberrations(c1_m, (a1[0], a1[1]), c3_m=C3_M * (1 + rng.normal(0, prior.c3_relative)))
        at = image_shift(true, lens) + vector(prior.drift_m_per_s) * times
        at = at + 0.5 * vector(prior.drift_change_m_per_s2) * (times - times.mean()) ** 2
        for decay in DECAYS:
            motion = vector(prior.first_motion_m / math.sqrt(len(DECAYS)))
            at = at + motion * np.exp(-times / (decay * prior.first_motion_s))
        shifts = []
        for (i, j), matrix, root in zip(plan.links, matrices, roots, strict=True):
            gap = at[j] - at[i]
            y, x = np.array([gap.imag, gap.real]) + root @ rng.normal(size=2)
            shifts.append(LinkShift((i, j), (float(y), float(x)), matrix))
        found = solve(exposures, tuple(shifts), c3_m=C3_M, prior=conditions.believed)
        out.append(found.c1_m - c1_m)
    return out


def _covariance(plan: Pattern, link: tuple[int, int], conditions: Conditions) -> NDArray[np.float64]:
    """(y, x) of a shift, its errors along and across the separation turned into the image's axes."""
    one, two = (direction(plan.tilts[k]) for k in link)
    sigma = conditions.noise(conditions.c1_m[0], Apart(abs(one), abs(cmath.phase(two / one))))
    unit = (two - one) / abs(two - one)
    along, across = np.array([unit.imag, unit.real]), np.array([unit.real, -unit.imag])
    return np.outer(along, along) * sigma.along**2 + np.outer(across, across) * sigma.across**2


def _agrees(errors: list[float], sigma_m: float) -> bool:
    """Whether Gaussian errors of 1σ `sigma_m` scatter so: Σe²/σ² is χ² of as many degrees of freedom."""
    low, high = stats.chi2.ppf([0.5 * CHANCE, 1 - 0.5 * CHANCE], len(errors))
    return bool(low < np.sum(np.square(errors)) / sigma_m**2 < high)


@pytest.mark.parametrize(
    ("aim", "name"),
    [
        (Aim.C1, None),
        (Aim.C1, PatternName.QUAD),
        (Aim.C1, PatternName.STAR),
        (Aim.C1_A1, None),
        (Aim.C1_A1_COMA, None),
    ],
)
def test_the_fit_scatters_as_predicted(aim: Aim, name: PatternName | None) -> None:
    made = compared(aim)
    conditions = replace(made.conditions, offset_sigma_m=0.0)
    plan = row(made, name).plan
    # An A1 that counts as unknown is as small as microscopes leave it: one of 1 µm makes more of the tilts' errors.
    drawn = replace(conditions.believed, a1_m=conditions.prior.a1_m)
    errors = _measured_c1(plan, conditions, drawn, seed=20_261_206)
    assert _agrees(errors, told(plan, conditions).c1_total_m)


def test_noise_alone_scatters_as_the_statistical_error() -> None:
    """The fit weighs for all that it does not know; only the noise is drawn."""
    made = compared(Aim.C1)
    plan = row(made, None).plan
    errors = _measured_c1(plan, made.conditions, EXACT, seed=5)
    assert _agrees(errors, told(plan, made.conditions).c1_statistical_m)
