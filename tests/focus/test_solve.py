"""The fit against the exact forward model with tilt, axis, lens and drift drawn from the stated priors."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from eucentric.calibration.instrument import Uncertainty
from eucentric.errors import InputError
from eucentric.focus.forward import DECAYS
from eucentric.focus.measurement import Measurement
from eucentric.focus.motion import after_exposure
from eucentric.focus.patterns import PatternName, pattern
from eucentric.focus.predict import predicted_measurement
from eucentric.focus.solve import Exposures, LinkShift, predicted_shifts, solve
from eucentric.optics.aberrations import Aberrations, direction, image_shift

C3_M = 2.7e-3
TILT_RAD = 5e-3
SHIFT_SIGMA_M = 20e-12
PRIOR = Uncertainty()
EXPOSED = after_exposure(PRIOR, math.inf)  # a place that has been exposed before: no first motion
# All known; A1 keeps a prior of nothing.
EXACT = Uncertainty(
    *(0.0, 0.0, 0.0, 0.0, 0.0, 1e-15, 0.0),
    first_motion_m=0.0,
    tilt_shear=0.0,
    tilt_cubic_per_rad2=0.0,
    c3_relative=0.0,
    tilt_settling=0.0,
    drift_change_m_per_s2=0.0,
)


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
        wide = replace(EXPOSED, drift_m_per_s=10e-9)
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
    draws = 200
    errors, totals, chi2 = [], [], []
    for _ in range(draws):
        turned = believed * (1 + rng.normal(0, PRIOR.tilt_scale)) * np.exp(1j * rng.normal(0, PRIOR.tilt_rotation_rad))
        turned = turned + complex(*rng.normal(0, PRIOR.tilt_shear, 2)) * np.conj(believed)
        before = np.concatenate([[0j], believed[:-1]])
        turned = turned + rng.normal(0, PRIOR.tilt_settling) * (before - believed)
        axis = complex(*rng.normal(0, PRIOR.axis_rad, 2))
        a1 = rng.normal(0, PRIOR.a1_m, 2)
        c3_m = C3_M * (1 + rng.normal(0, PRIOR.c3_relative))
        position = image_shift(turned + axis, Aberrations(c1_m=c1_m, a1_m=(a1[0], a1[1]), c3_m=c3_m))
        position = position + complex(*rng.normal(0, PRIOR.drift_m_per_s, 2)) * times
        for decay in DECAYS:
            first = complex(*rng.normal(0, PRIOR.first_motion_m / math.sqrt(len(DECAYS)), 2))
            position = position + first * np.exp(-times / (decay * PRIOR.first_motion_s))
        gap = np.array([position[j] - position[i] for i, j in plan.links])
        rows = np.stack([gap.imag, gap.real], axis=-1) + rng.normal(0, SHIFT_SIGMA_M, (gap.size, 2))
        measured = solve(exposures, _shifts(exposures, plan.links, rows), c3_m=C3_M, prior=PRIOR)
        errors.append(measured.c1_m - c1_m)
        totals.append(measured.total_sigma_m)
        chi2.append(measured.chi2)
    # The rms of n Gaussian draws scatters by 1/√(2n) = 5 %; three times that, and 2 % for what is not linear.
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
    near = solve(exposures, _shifts(exposures, plan.links, rows + np.array([[1e-9, 0]])), c3_m=C3_M, prior=EXPOSED)
    far = solve(exposures, _shifts(exposures, plan.links, rows + np.array([[20e-9, 0]])), c3_m=C3_M, prior=EXPOSED)
    assert near.chi2_per_dof < 2
    assert far.chi2_per_dof > 100


def test_no_shift_or_no_separation_is_told() -> None:
    tilts = ((0.0, TILT_RAD), (0.0, TILT_RAD))
    with pytest.raises(InputError, match="at least two images"):
        solve(Exposures(tilts, (0.0, 1.0)), (), c3_m=C3_M, prior=PRIOR)
    same = (LinkShift((0, 1), (0.0, 0.0), np.eye(2)),)
    with pytest.raises(InputError, match="same beam tilt"):
        solve(Exposures(tilts, (0.0, 1.0)), same, c3_m=C3_M, prior=PRIOR)


NEXT_TO_NOTHING_M = 1e-13  # noise of the shifts: 10 pm of C1. Less would cost digits: the fit inverts its square


def _predicted(
    name: PatternName, prior: Uncertainty, c1_m: float = -0.5e-6, interval_s: float = 1.0, c3_m: float = C3_M
) -> Measurement:
    plan = pattern(name, TILT_RAD)
    return predicted_measurement(
        plan, c1_m=c1_m, shift_sigma_m=NEXT_TO_NOTHING_M, interval_s=interval_s, c3_m=c3_m, prior=prior
    )


def _part(measured: Measurement, source: str) -> float:
    return next(c.sigma_m for c in measured.budget if c.source == source)


def test_drift_puts_its_way_over_twice_the_tilt_on_a_pair_and_nothing_on_a_quad() -> None:
    drifting = replace(EXACT, drift_m_per_s=2e-9)
    pair = _predicted(PatternName.PAIR, drifting, interval_s=0.55)
    # 2 nm/s · 0.55 s / 10 mrad: the 110 nm of the issue.
    assert _part(pair, "drift") == pytest.approx(2e-9 * 0.55 / (2 * TILT_RAD), rel=1e-5)
    assert _part(_predicted(PatternName.QUAD, drifting), "drift") < 1e-5 * 2e-9 / (2 * TILT_RAD)


def test_the_first_exposures_put_what_decays_between_them_on_a_pair() -> None:
    """m0(1 − e^{−Δt/τ})/2β, the rms over half, once and twice τ: they share the prior's variance."""
    moving = replace(EXACT, first_motion_m=2e-9)
    pair = _predicted(PatternName.PAIR, moving, interval_s=1.1)
    left = [1 - math.exp(-1.1 / (k * moving.first_motion_s)) for k in DECAYS]
    wanted = 2e-9 * math.sqrt(sum(v**2 for v in left) / len(DECAYS)) / (2 * TILT_RAD)
    assert _part(pair, "first motion") == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("angle", np.linspace(0, math.pi, 5))
def test_the_first_measurement_covers_three_nanometres_of_first_motion(angle: float) -> None:
    """The default prior is that of a place never exposed: 3 nm with τ = 2 s are no surprise to any pattern."""
    for name in PatternName:
        plan = pattern(name, TILT_RAD)
        times = np.arange(plan.images) * 1.05
        exposures = Exposures(plan.tilts, tuple(times))
        moved = 3e-9 * np.exp(-times / 2.0)
        gaps = np.array([moved[j] - moved[i] for i, j in plan.links])
        rows = predicted_shifts(exposures, plan.links, Aberrations(c1_m=-0.5e-6, c3_m=C3_M))
        rows = rows + gaps[:, np.newaxis] * np.array([math.sin(angle), math.cos(angle)])
        measured = solve(exposures, _shifts(exposures, plan.links, rows), c3_m=C3_M, prior=PRIOR)
        # Along the tilt 3 nm are √2 of the prior's 2.1 nm per component, so no error may be above √2 σ.
        assert abs(measured.c1_m + 0.5e-6) < math.sqrt(2) * measured.total_sigma_m


def test_what_is_left_of_first_motion() -> None:
    assert after_exposure(PRIOR, 0.0) == PRIOR
    assert EXPOSED.first_motion_m == 0
    parts = [math.exp(-3.0 / (k * PRIOR.first_motion_s)) for k in DECAYS]
    wanted = PRIOR.first_motion_m * math.sqrt(sum(p**2 for p in parts) / len(DECAYS))
    assert after_exposure(PRIOR, 3.0).first_motion_m == pytest.approx(wanted, rel=1e-12)
    with pytest.raises(InputError, match="never exposed"):
        after_exposure(PRIOR, -1.0)


def test_an_unsure_cs_puts_its_part_of_the_spherical_term_on_c1() -> None:
    """C1 = d/2β − C3β²: an error ε of C3 is ε·C3β²."""
    pair = _predicted(PatternName.PAIR, replace(EXACT, c3_relative=0.02))
    assert _part(pair, "Cs") == pytest.approx(0.02 * C3_M * TILT_RAD**2, rel=1e-5)


def test_an_unsure_cubic_term_of_the_coils_is_a_scale_at_this_tilt() -> None:
    """β(1 + cβ²) scales d = C1β + C3β³ by (C1 + 3C3β²)·cβ²."""
    pair = _predicted(PatternName.PAIR, replace(EXACT, tilt_cubic_per_rad2=50.0), c1_m=-2e-6)
    wanted = 50.0 * TILT_RAD**2 * abs(-2e-6 + 3 * C3_M * TILT_RAD**2)
    assert _part(pair, "tilt cubic") == pytest.approx(wanted, rel=1e-4)  # ± 1σ differences leave (cβ²)² = 2e-6


def test_a_beam_that_lags_behind_has_half_a_step_more_missing_in_a_pair() -> None:
    """From 0 to −β λβ is missing, from −β to +β 2λβ: 1.5 λ of the separation, as a scale of C1 + 3C3β²."""
    pair = _predicted(PatternName.PAIR, replace(EXACT, tilt_settling=1e-3), c1_m=-2e-6)
    wanted = 1.5e-3 * abs(-2e-6 + 3 * C3_M * TILT_RAD**2)
    # The two images don't lag alike, so their middle moves by λβ/2 too: C3 does with it what is (λ/2)² of C3β².
    assert _part(pair, "tilt settling") == pytest.approx(wanted, rel=1e-3)


def test_what_no_model_knows_weighs_and_judges_but_is_no_noise() -> None:
    """3 pm per component of each shift are 0.3 nm of a pair at ±5 mrad; of two links the mean has 1/√2 of that."""
    for name, links in ((PatternName.PAIR, 1), (PatternName.QUAD, 2)):
        plan = pattern(name, TILT_RAD)
        exposures = Exposures(plan.tilts, (0.0,) * plan.images)
        rows = predicted_shifts(exposures, plan.links, Aberrations(c1_m=-1e-6, c3_m=C3_M))
        rows[0] += 30e-12
        sharp = tuple(replace(s, covariance_m2=np.eye(2) * 1e-26) for s in _shifts(exposures, plan.links, rows))
        soft = tuple(replace(s, model_sigma_m=3e-12) for s in sharp)
        got, refused = (solve(exposures, s, c3_m=C3_M, prior=EXACT) for s in (soft, sharp))
        wanted = 3e-12 / (2 * TILT_RAD) / math.sqrt(links)
        assert _part(got, "registration") == pytest.approx(wanted, rel=1e-4)
        assert got.total_sigma_m == pytest.approx(math.hypot(wanted, got.sigma_m), rel=1e-4)
        assert got.sigma_m == pytest.approx(1e-13 / (2 * TILT_RAD) / math.sqrt(links), rel=1e-4)
        # Both components of one shift are off by ten of 3 pm, or by 300 of 0.1 pm.
        assert got.chi2 < 2 * 10**2
        assert refused.chi2 > 300 * got.chi2


@pytest.mark.parametrize("name", [n for n in PatternName if pattern(n, TILT_RAD).directions > 1])
def test_a_shear_of_the_tilts_is_astigmatism_in_proportion_to_defocus(name: PatternName) -> None:
    """h·β̄ moves by C1·h·β̄, as A1 = C1·h does: 0.5 % between x and y (h = 0.25 %) at 0.5 µm make 1.25 nm of a."""
    sheared = replace(EXACT, a1_m=1e-6, tilt_shear=2.5e-3)
    for c1_m in (-0.5e-6, 10e-6):
        got = _predicted(name, sheared, c1_m=c1_m, c3_m=0.0)
        # A prior of 1 µm takes (25 nm / 1 µm)²/2 off.
        assert got.a1_sigma_m == pytest.approx([2.5e-3 * abs(c1_m)] * 2, rel=1e-3)


@pytest.mark.parametrize("name", [PatternName.CROSS, PatternName.STAR, PatternName.CROSS_QUAD])
def test_scale_and_rotation_of_the_tilts_are_no_astigmatism(name: PatternName) -> None:
    got = _predicted(name, replace(EXACT, a1_m=1e-6, tilt_scale=0.01, tilt_rotation_rad=0.01), c1_m=-2e-6)
    assert max(got.a1_sigma_m) < 2e-11  # the noise


def test_drift_reaches_the_astigmatism_of_a_cross_but_not_of_a_star_or_cross_quad() -> None:
    drifting = replace(EXACT, a1_m=1e-6, drift_m_per_s=1e-9)
    # Half the difference of two links that both drifted by v·1 s: along x (a1 + v/2β) and along y alike.
    cross = _predicted(PatternName.CROSS, drifting)
    assert max(cross.a1_sigma_m) > 0.5 * 1e-9 / (2 * TILT_RAD)
    for name in (PatternName.STAR, PatternName.CROSS_QUAD):
        assert max(_predicted(name, drifting).a1_sigma_m) < 2e-11  # the noise


def test_the_covariance_of_defocus_and_astigmatism() -> None:
    got = _predicted(PatternName.CROSS, PRIOR)
    assert got.covariance_m2 is not None
    matrix = np.array(got.covariance_m2)
    assert np.sqrt(np.diag(matrix)) == pytest.approx([got.total_sigma_m, *got.a1_sigma_m], rel=1e-12)
    assert matrix == pytest.approx(matrix.T)
    pair = np.array(_predicted(PatternName.PAIR, EXPOSED).covariance_m2)
    # One axis: an A1 along it is taken for defocus, C1 + a is all that is seen.
    assert pair[0, 1] == pytest.approx(-(EXPOSED.a1_m**2), rel=0.01)


def test_tilts_that_are_not_quite_opposite_and_times_that_are_not_even_do_no_harm() -> None:
    """What was read back goes into the fit: C3 with its true tilts, drift with its true times."""
    tilts = ((1e-5, -5.02e-3), (-3e-5, 4.97e-3), (2e-5, 5.01e-3), (0.0, -4.99e-3))
    exposures = Exposures(tilts, (0.0, 1.3, 1.9, 4.0))
    links = ((0, 1), (3, 2))
    rows = predicted_shifts(exposures, links, Aberrations(c1_m=-0.8e-6, c3_m=C3_M))
    rows = rows + np.array([[1.3], [1.9 - 4.0]]) * np.array([1e-9, -2e-9])
    measured = solve(exposures, _shifts(exposures, links, rows), c3_m=C3_M, prior=replace(EXACT, drift_m_per_s=100e-9))
    assert measured.c1_m == pytest.approx(-0.8e-6, abs=1e-11)
    assert measured.drift_m_per_s == pytest.approx((1e-9, -2e-9), abs=1e-12)


def test_readable() -> None:
    plan = pattern(PatternName.PAIR, TILT_RAD)
    got = predicted_measurement(
        plan, c1_m=-0.3e-6, shift_sigma_m=SHIFT_SIGMA_M, interval_s=1.0, c3_m=C3_M, prior=EXPOSED
    )
    assert str(got) == "−0.300 ± 0.002 (statistical) ± 0.025 (total) µm (underfocus)"


def test_a_drift_that_changes_is_allowed_for_and_a_pair_does_not_see_it() -> None:
    """½v't² moves both images of a pair alike; of a quad (t = ±1.5, ±0.5 s) each link by v'·1 s², 0.5 nm of C1 at
    v' = 5 pm/s² and 10 mrad apart."""
    changing = replace(EXACT, drift_change_m_per_s2=5e-12)
    assert _predicted(PatternName.PAIR, changing, c1_m=0.0, c3_m=0.0).total_sigma_m < 0.1e-9
    parts = {c.source: c.sigma_m for c in _predicted(PatternName.QUAD, changing, c1_m=0.0, c3_m=0.0).budget}
    assert parts["drift change"] == pytest.approx(5e-12 / (2 * TILT_RAD), rel=0.01)
