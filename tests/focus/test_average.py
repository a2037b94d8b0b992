"""Several targets as one: closed forms of weights and errors, and coverage over drawn films."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from eucentric.errors import InputError
from eucentric.focus.average import FILM, average
from eucentric.focus.measurement import Contribution, Measurement


def _at(c1_m: float, noise_m: float, scale_m: float = 0.0, drift_m: float = 0.0) -> Measurement:
    budget = (Contribution("noise", noise_m), Contribution("tilt scale", scale_m), Contribution("drift", drift_m))
    return Measurement(
        c1_m=c1_m,
        sigma_m=noise_m,
        total_sigma_m=math.hypot(noise_m, scale_m, drift_m),
        a1_m=(2e-9, 4e-9),
        a1_sigma_m=(3e-9, 3e-9),
        drift_m_per_s=(1e-10, 0.0),
        chi2=1.5,
        dof=3,
        tilts=((0.0, -5e-3), (0.0, 5e-3)),
        budget=budget,
    )


def _part(measured: Measurement, source: str) -> float:
    return next(c.sigma_m for c in measured.budget if c.source == source)


def test_one_is_itself_and_none_is_told() -> None:
    alone = _at(1e-7, 1e-9)
    assert average([alone]) is alone
    with pytest.raises(InputError, match="no accepted measurement"):
        average([])


def test_targets_that_agree_are_weighted_by_their_own_errors() -> None:
    """Without scatter beyond the errors w ∝ 1/o²: (1/4, 1/1) → 0.2 and 0.8, and the noise is 1/√(Σ1/o²)."""
    got = average([_at(10e-9, 20e-9), _at(20e-9, 10e-9)])
    assert got.c1_m == pytest.approx(0.2 * 10e-9 + 0.8 * 20e-9)
    assert _part(got, "noise") == pytest.approx(1 / math.sqrt(1 / 20e-9**2 + 1 / 10e-9**2))
    assert got.sigma_m == pytest.approx(_part(got, "noise"))
    assert _part(got, FILM) == 0
    assert (got.chi2, got.dof) == (3.0, 6)
    assert got.a1_m == pytest.approx((2e-9, 4e-9))


def test_what_is_common_does_not_average_down() -> None:
    many = average([_at(0.0, 9e-9, scale_m=5e-9, drift_m=2e-9)] * 9)
    assert _part(many, "noise") == pytest.approx(3e-9)
    assert _part(many, "tilt scale") == pytest.approx(5e-9)
    assert _part(many, "drift") == pytest.approx(2e-9)
    assert many.total_sigma_m == pytest.approx(math.sqrt(9 + 25 + 4) * 1e-9)


def test_a_film_that_is_not_flat_is_a_part_of_its_own() -> None:
    """Equal errors o: φ² = s² − o² with s² the sample variance; the mean's part is t·φ/√n, t(n − 1 = 2) = 1.321."""
    heights = np.array([-100e-9, 0.0, 160e-9])
    got = average([_at(h, 10e-9) for h in heights])
    film = math.sqrt(np.var(heights, ddof=1) - 10e-9**2)
    assert got.c1_m == pytest.approx(20e-9)
    assert _part(got, FILM) == pytest.approx(1.321 * film / math.sqrt(3), rel=1e-3)
    assert got.total_sigma_m == pytest.approx(math.hypot(_part(got, FILM), 10e-9 / math.sqrt(3)))


def test_on_a_rough_film_a_precise_target_is_no_better_than_the_others() -> None:
    got = average([_at(-1e-6, 1e-9), _at(1e-6, 30e-9), _at(0.2e-6, 30e-9)])
    # φ is near 1 µm: weights differ by (30 nm/1 µm)² = 0.1 %.
    assert got.c1_m == pytest.approx(0.2e-6 / 3, abs=5e-9)


def test_errors_of_nothing_do_no_harm() -> None:
    got = average([_at(1e-9, 0.0), _at(3e-9, 0.0)])
    assert got.c1_m == pytest.approx(2e-9)
    assert math.isfinite(got.total_sigma_m)


@pytest.mark.parametrize("targets", [2, 4, 8])
def test_the_mean_of_the_film_is_within_the_stated_error(targets: int) -> None:
    rng = np.random.default_rng(11)
    draws, film, noise = 1500, 60e-9, 15e-9
    inside = 0
    for _ in range(draws):
        seen = rng.normal(0, film, targets) + rng.normal(0, noise, targets)
        got = average([_at(float(c), noise) for c in seen])
        inside += abs(got.c1_m) < got.total_sigma_m
    # 68.3 % by construction of Student's t; the truncation of φ² at 0 costs two targets a few per cent. 3 σ of a
    # binomial of 1500: 3.6 %.
    assert inside / draws == pytest.approx(0.683, abs=0.036 + (0.04 if targets == 2 else 0.01))


def test_it_knows_no_covariance() -> None:
    known = replace(_at(0.0, 1e-9), covariance_m2=((1e-18, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
    assert average([known, known]).covariance_m2 is None
