"""Tilt patterns by their design matrix: closed forms, symmetries, and the fit's own statement."""

from __future__ import annotations

import cmath
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from eucentric.calibration.instrument import Uncertainty
from eucentric.errors import InputError
from eucentric.focus.patterns import Pattern, PatternName, pattern, pattern_of
from eucentric.focus.predict import predicted_measurement
from eucentric.optics.aberrations import Aberrations, direction, image_shift, wave_aberration
from eucentric.optimize.patterns.design import Aim, covariance, criterion_weights, told
from eucentric.optimize.patterns.link import Apart, LinkSigma
from eucentric.optimize.patterns.search import optimal, usual
from tests.optimize.patterns.made import (
    C3_M,
    DRIFTING,
    EXACT,
    FREE,
    LARGEST_RAD,
    SHIFT_M,
    SIZES_RAD,
    conditions_for,
)


def _bound_m(images: int, weights: float) -> float:
    """The error with `images` images at the largest tilt where nothing else is unknown: each pair tells C1 and both
    components of A1 to s/2β."""
    return SHIFT_M / LARGEST_RAD * math.sqrt(weights / (2 * images))


# Closed forms.


@pytest.mark.parametrize("images", [2, 4, 6])
def test_for_defocus_alone_all_images_go_to_the_largest_tilts(images: int) -> None:
    best = optimal(images, SIZES_RAD, conditions_for(Aim.C1))
    assert best.told.error_m == pytest.approx(_bound_m(images, 1.0), rel=1e-6)
    assert {round(math.hypot(*tilt), 9) for tilt in best.plan.tilts} == {LARGEST_RAD}
    assert best.told.c1_statistical_m == pytest.approx(best.told.error_m, rel=1e-6)


def test_where_larger_tilts_are_noisier_the_largest_is_not_the_best() -> None:
    """σ = s·exp(t²/2τ²): σ/t is least at t = τ."""
    sizes = (2e-3, 3e-3, 4e-3, 5e-3, 7e-3)

    def damped(_c1_m: float, apart: Apart) -> LinkSigma:
        sigma = SHIFT_M * math.exp(0.5 * (apart.tilt_rad / 4e-3) ** 2)
        return LinkSigma(sigma, sigma)

    best = optimal(4, sizes, conditions_for(Aim.C1, noise=damped))
    assert {round(math.hypot(*tilt), 9) for tilt in best.plan.tilts} == {4e-3}
    assert math.hypot(*usual(PatternName.PAIR, sizes, conditions_for(Aim.C1, noise=damped)).plan.tilts[0]) == 4e-3


def test_the_quad_is_the_best_of_four_in_steady_drift() -> None:
    """(−, +, +, −) is free of it at no cost, so nothing can be better; (−, +, −, +) is not."""
    drifting = conditions_for(Aim.C1, DRIFTING)
    quad = told(pattern(PatternName.QUAD, LARGEST_RAD), drifting)
    assert quad.error_m == pytest.approx(_bound_m(4, 1.0), rel=1e-6)
    assert optimal(4, SIZES_RAD, drifting).told.error_m == pytest.approx(quad.error_m, rel=1e-6)
    t = LARGEST_RAD
    alternating = told(pattern_of([(0, -t), (0, t), (0, -t), (0, t)]), drifting)
    # Each pair is off by v·1 s/2β alike.
    assert alternating.error_m == pytest.approx(100e-9 / (2 * t), rel=0.01)


def test_astigmatism_takes_two_directions_whose_axes_balance() -> None:
    """With d/Δβ = C1 + A1·e^{−2iφ} for each pair the errors are least, and equal, where Σe^{2iφ} = 0: cross, star."""
    asked = conditions_for(Aim.C1_A1)
    assert told(pattern(PatternName.QUAD, LARGEST_RAD), asked).a1_m is None
    for images, name in ((4, PatternName.CROSS), (6, PatternName.STAR)):
        best = optimal(images, SIZES_RAD, asked)
        assert best.told.error_m == pytest.approx(_bound_m(images, 2.0), rel=FREE)
        assert told(pattern(name, LARGEST_RAD), asked).error_m == pytest.approx(best.told.error_m, rel=FREE)
        axes = [cmath.phase(direction(best.plan.tilts[j])) for _, j in best.plan.links]
        assert abs(sum(cmath.exp(2j * a) for a in axes)) < 1e-9
        assert best.told.a1_m == pytest.approx(best.told.c1_total_m, rel=FREE)


def test_astigmatism_in_steady_drift_takes_six_images_and_the_star_is_free_of_it() -> None:
    """Two pairs are four numbers for five unknowns (C1, A1, drift). Of a star, and of a cross there and back, drift is
    seen apart: v·e^{−iφ} sums up to nothing, so they reach what can be reached without drift."""
    asked = conditions_for(Aim.C1_A1, DRIFTING)
    assert optimal(4, SIZES_RAD, asked).told.error_m > 100e-9
    for name in (PatternName.STAR, PatternName.CROSS_QUAD):
        plan = pattern(name, LARGEST_RAD)
        assert told(plan, asked).error_m == pytest.approx(_bound_m(plan.images, 2.0), rel=FREE)
    assert optimal(6, SIZES_RAD, asked).told.error_m == pytest.approx(_bound_m(6, 2.0), rel=FREE)


def test_tilts_of_two_sizes_tell_defocus_where_cs_is_not_known() -> None:
    """d/2β = C1 + C3β² at β₁ < β₂ gives C1 to (β₂⁴σ₁² + β₁⁴σ₂²)^½/(β₂² − β₁²), σ = s/2β; one size leaves C3's error."""
    unknown = conditions_for(Aim.C1, replace(EXACT, c3_relative=1.0))
    small, large = SIZES_RAD[1:]
    both = told(pattern_of([(0, -small), (0, small), (0, -large), (0, large)]), unknown)
    one, two = (SHIFT_M / (2 * t) for t in (small, large))
    wanted = math.hypot(large**2 * one, small**2 * two) / (large**2 - small**2)
    assert both.c1_total_m == pytest.approx(wanted, rel=FREE)
    cross = told(pattern(PatternName.CROSS, small), unknown)
    assert cross.c1_total_m == pytest.approx(C3_M * small**2, rel=FREE)
    assert optimal(4, SIZES_RAD, unknown).told.error_m <= both.error_m


RING = Pattern(
    tuple((7e-3 * math.sin(math.radians(a)), 7e-3 * math.cos(math.radians(a))) for a in (0, 90, 60, 150, 120, 210)),
    ((0, 1), (2, 3), (4, 5)),
)
"""Each pair a quarter turn of the axis apart."""


def _lens_shifts(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shifts (…, 6) of the ring for (…, 5) of C1, a, b, axis y and x, by the lens' own ∇W (not the fit's model)."""
    c1, a, b, y, x = np.moveaxis(values[..., np.newaxis], -2, 0)
    beta = np.array([direction(t) for t in RING.tilts]) + x + 1j * y
    at = c1 * beta + (a + 1j * b) * np.conj(beta) + image_shift(beta, Aberrations(c3_m=C3_M))
    gap = np.stack([at[..., j] - at[..., i] for i, j in RING.links], axis=-1)
    return np.stack([gap.imag, gap.real], axis=-1).reshape(*gap.shape[:-1], -1)


def test_opposite_tilts_do_not_tell_the_axis_and_others_do_as_least_squares_has_it() -> None:
    """Least squares with priors of 1 µm of A1 and 0.3 mrad of axis, and as noise what such an axis does beyond its
    linear effect, drawn."""
    asked = conditions_for(Aim.C1_A1_COMA)
    assert all(told(pattern(name, LARGEST_RAD), asked).axis_rad is None for name in PatternName)
    at, sigma = np.array([-0.5e-6, 0, 0, 0, 0]), np.array([1e-6, 1e-6, 1e-6, 0.3e-3, 0.3e-3])
    step = 0.01 * np.diag(sigma)
    design = (_lens_shifts(at + step) - _lens_shifts(at - step)).T / 0.02  # (6, 5), per prior σ
    draws = np.zeros((50_000, 5))
    draws[:, 3:] = np.random.default_rng(2).normal(size=(50_000, 2))
    rest = _lens_shifts(at + draws * sigma) - _lens_shifts(at) - draws @ design.T
    noise = SHIFT_M**2 * np.eye(6) + rest.T @ rest / len(rest)
    precision = design.T @ np.linalg.inv(noise) @ design + np.diag([0.0, 1, 1, 1, 1])
    wanted = np.sqrt(np.diag(np.linalg.inv(precision))) * sigma
    # Mean squares of so many draws scatter by 1 %, and third orders are left out.
    assert np.sqrt(np.diag(covariance(RING, asked))) == pytest.approx(wanted, rel=0.02)
    assert told(RING, asked).axis_rad == pytest.approx(max(wanted[3:]), rel=0.02)


def test_an_axis_is_asked_for_and_found() -> None:
    asked = conditions_for(Aim.C1_A1_COMA)
    best = optimal(6, SIZES_RAD, asked)
    assert best.told.axis_rad is not None
    assert best.told.error_m <= told(RING, asked).error_m
    sizes = [[abs(direction(best.plan.tilts[k])) for k in link] for link in best.plan.links]
    assert all(one == pytest.approx(two) for one, two in sizes)
    assert sorted(k for link in best.plan.links for k in link) == list(range(6))  # each image once


def test_the_criterion_is_the_mean_square_of_what_the_wave_is_off_by() -> None:
    """2W/θ² over all directions, W from optics/aberrations.py with the axis as coma, B2 = −C3·ω̄0."""
    rng = np.random.default_rng(3)
    conditions = conditions_for(Aim.C1_A1_COMA)
    off = rng.normal(size=5) * np.array([5e-9, 5e-9, 5e-9, 1e-4, 1e-4])
    b2 = -C3_M * complex(off[4], -off[3])  # ω0 = x + iy
    lens = Aberrations(c1_m=off[0], a1_m=(off[1], off[2]), b2_m=(b2.real, b2.imag))
    around = conditions.angle_rad * np.exp(2j * np.pi * np.arange(360) / 360)
    wanted = np.mean((2 * wave_aberration(around, lens) / conditions.angle_rad**2) ** 2)
    assert off**2 @ np.array(criterion_weights(conditions)) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("images", [0, 1, 3, 14])
def test_images_that_do_not_make_pairs_are_refused(images: int) -> None:
    with pytest.raises(InputError, match="even number"):
        optimal(images, SIZES_RAD, conditions_for(Aim.C1))


# The design matrix is the fit's.


@pytest.mark.parametrize("name", PatternName)
def test_what_is_told_is_what_the_fit_states(name: PatternName) -> None:
    prior = Uncertainty()
    plan = pattern(name, 5e-3, 0.3)
    stated = predicted_measurement(plan, c1_m=-0.5e-6, shift_sigma_m=SHIFT_M, interval_s=1.0, c3_m=C3_M, prior=prior)
    got = told(plan, conditions_for(Aim.C1, prior))
    assert got.c1_total_m == pytest.approx(stated.total_sigma_m, rel=1e-6)
    assert got.c1_statistical_m == pytest.approx(stated.sigma_m, rel=1e-6)
    assert covariance(plan, conditions_for(Aim.C1, prior))[:3, :3] == pytest.approx(
        np.array(stated.covariance_m2), rel=1e-5, abs=1e-24
    )


def test_the_same_search_finds_the_same() -> None:
    asked = conditions_for(Aim.C1_A1, Uncertainty())
    assert optimal(4, SIZES_RAD, asked).plan == optimal(4, SIZES_RAD, asked).plan


def test_what_is_told_is_the_mean_over_where_defocus_may_be() -> None:
    """The tilt's scale s puts s·|C1 + 3C3β²| on C1: its square at ±σ has the mean s²((3C3β²)² + σ²)."""
    scaled = replace(EXACT, tilt_scale=0.002)
    asked = replace(conditions_for(Aim.C1, scaled), c1_m=(-1e-6, 1e-6))
    got = told(pattern(PatternName.PAIR, 5e-3), asked)
    wanted = 0.002 * math.hypot(3 * C3_M * 5e-3**2, 1e-6)
    assert got.c1_total_m == pytest.approx(math.hypot(wanted, got.c1_statistical_m), rel=1e-4)


# Symmetries.

PAIRS = st.lists(st.tuples(st.floats(1e-3, 10e-3), st.floats(0, 6.28)), min_size=2, max_size=4)


def _shuffled(pairs: list[tuple[float, float]], seed: int) -> Pattern:
    """Opposite tilts of these sizes and directions, in any order."""
    omega = np.array([sign * cmath.rect(*pair) for pair in pairs for sign in (-1, 1)])
    order = np.random.default_rng(seed).permutation(omega.size)
    place = np.argsort(order)
    links = tuple((int(place[2 * k]), int(place[2 * k + 1])) for k in range(len(pairs)))
    return Pattern(tuple((float(omega[k].imag), float(omega[k].real)) for k in order), links)


@settings(max_examples=30, deadline=None)
@given(PAIRS, st.integers(0, 99), st.floats(-3, 3))
def test_a_turned_pattern_tells_a_turned_astigmatism(pairs: list[tuple[float, float]], seed: int, turn: float) -> None:
    """A1 = a + ib turns twice as fast as the tilts, the axis as they do; the criterion does not notice."""
    asked = conditions_for(Aim.C1_A1_COMA, Uncertainty())
    plan = _shuffled(pairs, seed)
    turned = [direction(t) * cmath.exp(1j * turn) for t in plan.tilts]
    other = replace(plan, tilts=tuple((w.imag, w.real) for w in turned))
    c, s = math.cos(2 * turn), math.sin(2 * turn)
    r = np.array([[c, -s], [s, c]])
    before, after = covariance(plan, asked), covariance(other, asked)
    scale = math.sqrt(np.trace(before[1:3, 1:3]))
    assert after[1:3, 1:3] / scale**2 == pytest.approx(r @ (before[1:3, 1:3] / scale**2) @ r.T, abs=1e-5)
    assert told(other, asked).error_m == pytest.approx(told(plan, asked).error_m, rel=1e-5)


@settings(max_examples=30, deadline=None)
@given(PAIRS, st.integers(0, 99))
def test_in_steady_drift_a_pattern_taken_backwards_tells_the_same(pairs: list[tuple[float, float]], seed: int) -> None:
    asked = conditions_for(Aim.C1_A1, replace(EXACT, drift_m_per_s=1e-9))
    plan = _shuffled(pairs, seed)
    last = plan.images - 1
    backwards = Pattern(plan.tilts[::-1], tuple((last - i, last - j) for i, j in plan.links))
    assert told(backwards, asked).error_m == pytest.approx(told(plan, asked).error_m, rel=1e-6)
