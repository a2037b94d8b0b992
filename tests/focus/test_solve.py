"""The fit against the exact forward model with tilt, axis, lens and drift drawn from the stated priors."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from eucentric.calibration.instrument import Uncertainty
from eucentric.errors import InputError
from eucentric.focus.patterns import PatternName, pattern
from eucentric.focus.predict import predicted_measurement
from eucentric.focus.solve import Exposures, LinkShift, predicted_shifts, solve
from eucentric.optics.aberrations import Aberrations, direction, image_shift

C3_M = 2.7e-3
TILT_RAD = 5e-3
SHIFT_SIGMA_M = 20e-12
PRIOR = Uncertainty()
EXACT = Uncertainty(
    0.0, 0.0, 0.0, 0.0, 0.0, 1e-15, 0.0
)  # an A1 prior of zero would be singular nowhere, but keep it > 0


def _shifts(
    exposures: Exposures, links: tuple[tuple[int, int], ...], rows: NDArray[np.float64]
) -> tuple[LinkShift, ...]:
    covariance = np.eye(2) * SHIFT_SIGMA_M**2
    return tuple(LinkShift(k, (float(r[0]), float(r[1])), covariance) for k, r in zip(links, rows, strict=True))


@pytest.mark.parametrize("name", PatternName)
@pytest.mark.parametrize("c1_m", [-150e-6, -0.3e-6, 0.0, 2e-6])
def test_an_exact_pair_gives_back_its_defocus(name: PatternName, c1_m: float) -> None:
    plan = pattern(name, TILT_RAD, 0.7)
    exposures = Exposures(plan.tilts, tuple(float(i) for i in range(plan.images)))
    rows = predicted_shifts(exposures, plan.links, Aberrations(c1_m=c1_m, c3_m=C3_M))
    measured = solve(exposures, _shifts(exposures, plan.links, rows), c3_m=C3_M, prior=PRIOR)
    # The model is smooth and the shifts exact: only rounding of the Gauss-Newton step is left.
    assert measured.c1_m == pytest.approx(c1_m, abs=1e-6 * abs(c1_m) + 1e-13)
    assert measured.chi2 < 1e-6
    assert measured.dof == 2 * len(plan.links) - 1


def test_the_formula_of_a_pair() -> None:
    """d = 2(C1 β + C3 β³) along the tilt: C1 = d/2β − C3 β²."""
    plan = pattern(PatternName.PAIR, TILT_RAD)
    shift = LinkShift((0, 1), (0.0, 3e-9), np.eye(2) * SHIFT_SIGMA_M**2)
    measured = solve(Exposures(plan.tilts, (0.0, 1.0)), (shift,), c3_m=C3_M, prior=PRIOR)
    assert measured.c1_m == pytest.approx(3e-9 / (2 * TILT_RAD) - C3_M * TILT_RAD**2, abs=1e-12)
    assert measured.sigma_m == pytest.approx(SHIFT_SIGMA_M / (2 * TILT_RAD), rel=1e-3)


def test_a_quadruple_does_not_feel_steady_drift_and_a_pair_does() -> None:
    velocity = complex(3e-9, -2e-9)  # x + iy, m/s: far beyond the prior
    answers = {}
    for name in (PatternName.PAIR, PatternName.QUAD):
        plan = pattern(name, TILT_RAD)
        exposures = Exposures(plan.tilts, tuple(float(i) for i in range(plan.images)))
        rows = predicted_shifts(exposures, plan.links, Aberrations(c1_m=-1e-6, c3_m=C3_M))
        gaps = np.array([exposures.times_s[j] - exposures.times_s[i] for i, j in plan.links])
        rows = rows + gaps[:, np.newaxis] * np.array([velocity.imag, velocity.real])
        wide = replace(PRIOR, drift_m_per_s=10e-9)
        answers[name] = solve(exposures, _shifts(exposures, plan.links, rows), c3_m=C3_M, prior=wide).c1_m
    # Links (0, 1) and (3, 2) span +1 and −1 s: their mean is free of drift. The products of parameters leave < 0.1 nm.
    assert answers[PatternName.QUAD] == pytest.approx(-1e-6, abs=1e-10)
    assert answers[PatternName.PAIR] - -1e-6 == pytest.approx(velocity.real * 1.0 / (2 * TILT_RAD), rel=0.01)


def test_a_cross_measures_astigmatism_and_a_pair_can_not() -> None:
    lens = Aberrations(c1_m=-1e-6, a1_m=(200e-9, -100e-9), c3_m=C3_M)
    wide = replace(PRIOR, a1_m=1e-6)
    results = {}
    for name in (PatternName.PAIR, PatternName.CROSS):
        plan = pattern(name, TILT_RAD)
        exposures = Exposures(plan.tilts, (0.0,) * plan.images)
        rows = predicted_shifts(exposures, plan.links, lens)
        results[name] = solve(exposures, _shifts(exposures, plan.links, rows), c3_m=C3_M, prior=wide)
    cross, pair = results[PatternName.CROSS], results[PatternName.PAIR]
    # At 1 µm of defocus 1 % of tilt scale and 0.5° of rotation (2b' = 2·8.7e-3·C1) are what a cross has left.
    assert cross.c1_m == pytest.approx(lens.c1_m, abs=1e-9)
    assert cross.a1_m == pytest.approx(lens.a1_m, abs=12e-9)
    assert pair.c1_m == pytest.approx(lens.c1_m + lens.a1_m[0], abs=1e-9)
    assert pair.total_sigma_m > 0.9e-6  # the prior of A1 is in the total error


@pytest.mark.parametrize("name", PatternName)
@pytest.mark.parametrize("c1_m", [-0.3e-6, 20e-6])
def test_the_total_covariance_is_that_of_drawn_calibration_errors(name: PatternName, c1_m: float) -> None:
    rng = np.random.default_rng(7)
    plan = pattern(name, TILT_RAD, 0.4)
    times = np.arange(plan.images, dtype=np.float64)
    exposures = Exposures(plan.tilts, tuple(times))
    believed = np.array([direction(t) for t in plan.tilts])
    draws = 300
    errors, totals, chi2 = [], [], []
    for _ in range(draws):
        turned = believed * (1 + rng.normal(0, PRIOR.tilt_scale)) * np.exp(1j * rng.normal(0, PRIOR.tilt_rotation_rad))
        axis = complex(*rng.normal(0, PRIOR.axis_rad, 2))
        a1 = rng.normal(0, PRIOR.a1_m, 2)
        position = image_shift(turned + axis, Aberrations(c1_m=c1_m, a1_m=(a1[0], a1[1]), c3_m=C3_M))
        position = position + complex(*rng.normal(0, PRIOR.drift_m_per_s, 2)) * times
        gap = np.array([position[j] - position[i] for i, j in plan.links])
        rows = np.stack([gap.imag, gap.real], axis=-1) + rng.normal(0, SHIFT_SIGMA_M, (gap.size, 2))
        measured = solve(exposures, _shifts(exposures, plan.links, rows), c3_m=C3_M, prior=PRIOR)
        errors.append(measured.c1_m - c1_m)
        totals.append(measured.total_sigma_m)
        chi2.append(measured.chi2)
    # The rms of n Gaussian draws scatters by 1/√(2n) = 2.9 %; three times that, and 2 % for what is not linear.
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.mean(totals), rel=3 / math.sqrt(2 * draws) + 0.02)
    # χ² of k degrees of freedom has mean k and variance 2k: three standard errors of the mean, and 5 % as above.
    dof = 2 * len(plan.links) - 1
    assert np.mean(chi2) == pytest.approx(dof, abs=3 * math.sqrt(2 * dof / draws) + 0.05 * dof)


def test_the_budget_adds_up_to_the_total() -> None:
    plan = pattern(PatternName.QUAD, TILT_RAD)
    got = predicted_measurement(plan, c1_m=-2e-6, shift_sigma_m=SHIFT_SIGMA_M, interval_s=1.0, c3_m=C3_M, prior=PRIOR)
    assert math.sqrt(sum(part.sigma_m**2 for part in got.budget)) == pytest.approx(got.total_sigma_m, rel=1e-6)
    budget = {part.source: part.sigma_m for part in got.budget}
    assert budget["astigmatism"] == pytest.approx(PRIOR.a1_m, rel=0.01)
    # C1 + C3β² moves with the tilt scale once, the C3 part three times: ε(C1 + 3C3β²) over ... = 1 % of (C1 + 3 C3 β²).
    assert budget["tilt scale"] == pytest.approx(PRIOR.tilt_scale * abs(-2e-6 + 3 * C3_M * TILT_RAD**2), rel=0.01)
    assert got.sigma_m < got.total_sigma_m


def test_a_known_calibration_leaves_the_statistical_error() -> None:
    plan = pattern(PatternName.PAIR, TILT_RAD)
    got = predicted_measurement(plan, c1_m=-2e-6, shift_sigma_m=SHIFT_SIGMA_M, interval_s=1.0, c3_m=C3_M, prior=EXACT)
    assert got.total_sigma_m == pytest.approx(got.sigma_m, rel=1e-6)


def test_the_sideways_shift_of_a_pair_is_judged_against_the_total_error() -> None:
    """One nanometre across the tilt is 50 σ of the noise, and less than 1 σ of what drift and astigmatism may do."""
    plan = pattern(PatternName.PAIR, TILT_RAD)
    exposures = Exposures(plan.tilts, (0.0, 5.0))
    rows = predicted_shifts(exposures, plan.links, Aberrations(c1_m=-1e-6, c3_m=C3_M))
    near = solve(exposures, _shifts(exposures, plan.links, rows + np.array([[1e-9, 0]])), c3_m=C3_M, prior=PRIOR)
    far = solve(exposures, _shifts(exposures, plan.links, rows + np.array([[20e-9, 0]])), c3_m=C3_M, prior=PRIOR)
    assert near.chi2_per_dof < 2
    assert far.chi2_per_dof > 100


def test_no_shift_or_no_separation_is_told() -> None:
    tilts = ((0.0, TILT_RAD), (0.0, TILT_RAD))
    with pytest.raises(InputError, match="at least two images"):
        solve(Exposures(tilts, (0.0, 1.0)), (), c3_m=C3_M, prior=PRIOR)
    same = (LinkShift((0, 1), (0.0, 0.0), np.eye(2)),)
    with pytest.raises(InputError, match="same beam tilt"):
        solve(Exposures(tilts, (0.0, 1.0)), same, c3_m=C3_M, prior=PRIOR)


def test_readable() -> None:
    plan = pattern(PatternName.PAIR, TILT_RAD)
    got = predicted_measurement(plan, c1_m=-0.3e-6, shift_sigma_m=SHIFT_SIGMA_M, interval_s=1.0, c3_m=C3_M, prior=PRIOR)
    assert str(got) == "−0.300 ± 0.002 (statistical) ± 0.025 (total) µm (underfocus)"
