"""C1 from displacements in closed form, the two-sided difference, and the way to focus."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from eucentric.calibrate.reading import (
    Displaced,
    Near,
    Order,
    Reading,
    between_sides,
    bring_near,
    calibrated,
    read_c1,
    solve_c1,
    weighted_fit,
)
from eucentric.calibrate.shots import Shots
from eucentric.errors import CalibrationError, NotMeasuredError
from eucentric.microscope.simulated.truth import truth
from tests.calibrate.stage_scope import scope_with

C3_M = 2.7e-3
TILT = 5e-3


def displaced(c1: float, a1: complex, drift: complex) -> tuple[Displaced, ...]:
    """A mirrored cross in closed form: p = C1β + A1·conj(β) + C3|β|²β + v·t, 1 s between images."""
    units = (-1, 1, -1j, 1j, 1j, -1j, 1, -1)

    def at(i: int) -> complex:
        beta = TILT * complex(units[i])
        return c1 * beta + a1 * beta.conjugate() + C3_M * abs(beta) ** 2 * beta + drift * i

    links = ((0, 1), (2, 3), (5, 4), (7, 6))
    return tuple(
        Displaced(TILT * complex(units[i]), TILT * complex(units[j]), j - i, at(j) - at(i), 1e-11) for i, j in links
    )


def test_c1_and_astigmatism_are_told_apart_whatever_the_drift() -> None:
    """The mirrored order cancels a steady drift, so C1 and A1 come out as put in, but for the pull of A1's prior."""
    c1, _, a1 = solve_c1(displaced(-1e-6, 20e-9 + 10e-9j, 0.3e-9 - 0.4e-9j), c3_m=C3_M, a1_sigma_m=50e-9)
    # The prior of 50 nm pulls A1 by (σ_A1/50 nm)² of itself; σ_A1 ≈ 1e-11/(2·5e-3·√2) = 0.7 nm: 2e-4, 4 pm.
    assert c1 == pytest.approx(-1e-6, abs=1e-12)
    assert a1 == pytest.approx((20e-9, 10e-9), abs=10e-12)


def test_the_stated_sigma_is_that_of_the_links() -> None:
    """Four links of separation 2β, σ each per component: σ/(2β·√4)."""
    _, sigma, _ = solve_c1(displaced(-1e-6, 0j, 0j), c3_m=C3_M, a1_sigma_m=50e-9)
    assert sigma == pytest.approx(1e-11 / (2 * TILT * 2), rel=0.05)  # the drift's prior of 0.5 nm/s cancels


def test_from_one_axis_the_prior_of_astigmatism_is_in_sigma() -> None:
    pairs = displaced(-1e-6, 0j, 0j)
    _, sigma, _ = solve_c1((pairs[0], pairs[3]), c3_m=C3_M, a1_sigma_m=15e-9)
    assert sigma == pytest.approx(15e-9, rel=0.01)


def test_sides_are_told_apart_from_a_steady_drift_of_height() -> None:
    sides = (1, -1, 1, -1)
    readings = tuple(
        Reading(0.1e-6 * side + 2e-9 * k, 1e-9, (0.0, 0.0), 0.0, 0.0, 10.0 * k) for k, side in enumerate(sides)
    )
    # 2 nm in 10 s are 12 nm/min; its 1σ from these four, 1 nm ÷ 22 s = 3 nm/min, lets the prior of 20 pull it by 2 %,
    # 0.3 nm/min: over the 10 s between the sides 0.05 nm.
    assert between_sides(readings, sides).value == pytest.approx(0.2e-6, abs=0.06e-9)


def test_scatter_beyond_the_stated_errors_raises_sigma() -> None:
    """Points ±10 σ off a constant: χ² per degree of freedom is 100·n/(n−1), so σ grows by √133."""
    seen, sigma = np.array([10.0, -10.0, 10.0, -10.0]), np.ones(4)
    _, covariance = weighted_fit(np.ones((4, 1)), seen, sigma)
    assert covariance[0, 0] == pytest.approx(400 / 3 / 4)


def test_a_reading_is_the_true_c1() -> None:
    """A perfect microscope: 1 nm of noise (0.03 px of 0.3 nm over 10 mrad, each link) and 0.5 % of what folds back."""
    scope = scope_with()
    scope.guarded.set_preset("fa")
    scope.guarded.set_defocus(-1e-6)
    reading = read_c1(Shots(scope.guarded, scope.book.of("fa")), TILT, Order.QUAD)
    assert reading.c1_m == pytest.approx(truth(scope.inner).c1_m, abs=max(5e-9, 4 * reading.sigma_m))
    assert scope.inner.beam_tilt_rad() == (0.0, 0.0)


@pytest.mark.parametrize("by_lens", [False, True])
def test_focus_is_found_from_far_away(by_lens: bool) -> None:
    scope = scope_with(size=512, specimen={"height_m": 120e-6})
    scope.guarded.set_preset("fa")
    shots = Shots(scope.guarded, scope.book.of("fa"))
    near = Near(-1e-6, TILT, tolerance_m=0.3e-6)
    bring_near(shots, scope.book, near, by_lens=by_lens)
    assert truth(scope.inner).c1_m == pytest.approx(near.c1_m, abs=near.tolerance_m + 10e-9)
    assert scope.inner.preset().name == "fa"
    assert (scope.inner.stage().z_m == 0.0) is by_lens
    assert (scope.inner.defocus_m() == 0.0) is not by_lens


def test_where_nothing_is_to_be_seen_it_says_so() -> None:
    """No film, no ice: vacuum."""
    scope = scope_with(specimen={"film_thickness_m": 0.0, "ice_thickness_m": 0.0})
    scope.guarded.set_preset("fa")
    with pytest.raises(NotMeasuredError, match="height is not found at preset 'hl'"):
        bring_near(Shots(scope.guarded, scope.book.of("fa")), scope.book, Near(-1e-6, TILT))


def test_without_a_tilt_response_the_command_is_named() -> None:
    book = scope_with().book
    known = book.of("fa")
    wide = dataclasses.replace(known, uncertainty=dataclasses.replace(known.uncertainty, tilt_rotation_rad=3.1))
    with pytest.raises(CalibrationError, match="eucentric calibrate tilt --preset fa"):
        calibrated(dataclasses.replace(book, presets={"fa": wide}), "fa")
