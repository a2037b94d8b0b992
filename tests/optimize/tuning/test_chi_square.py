"""The χ² limit: closed forms, and repeats drawn from the very errors that are stated."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import special, stats

from eucentric.focus.patterns import PatternName
from eucentric.optimize.tuning.chi_square import chi_square, limit_at, limit_from, refused_as_stated
from eucentric.optimize.tuning.fit_limit import translation
from eucentric.optimize.tuning.misfits import Level, Series, series_of
from eucentric.optimize.tuning.rates import Found

from .repeated import BINNING, KNOWN, PIXEL_M, SIGMA_PX, Bench, renumbered


def test_closed_forms_of_the_tail() -> None:
    assert refused_as_stated(9.0, 3) == pytest.approx(0.0293, abs=1e-4)  # tables
    assert refused_as_stated(12.0, 1) == pytest.approx(math.erfc(math.sqrt(6)))
    assert refused_as_stated(12.0, 2) == pytest.approx(math.exp(-6))
    assert limit_at(12.0, 1) == pytest.approx(12.0)
    assert limit_from(limit_at(12.0, 7), 7) == pytest.approx(12.0)
    assert limit_at(12.0, 3) / 3 == pytest.approx(5.9, abs=0.05)  # as the setting's help says


@pytest.mark.parametrize("name", [PatternName.PAIR, PatternName.QUAD, PatternName.CROSS_QUAD])
def test_as_many_good_ones_are_refused_as_stated(name: PatternName) -> None:
    """200 places whose errors are drawn as stated (seed 11): the share above the limit is that of χ²."""
    rng, bench, count = np.random.default_rng(11), Bench(name), 200
    chi2 = [bench.repeat(n, n, bench.errors(rng), rng).result.measurement for n in range(count)]
    for limit in (1.0, 3.0, 6.0):
        allowed = limit_at(limit, chi2[0].dof)
        low, high = Found(sum(m.chi2 > allowed for m in chi2), count).interval
        assert low <= refused_as_stated(allowed, chi2[0].dof) <= high


def test_misfits_add_up_to_chi_square_and_scatter_alike_in_all_directions_but_defocus() -> None:
    rng, bench = np.random.default_rng(3), Bench(PatternName.QUAD)
    all_of_them = [bench.repeat(n, n, bench.errors(rng), rng).result.measurement for n in range(200)]
    for one in all_of_them:
        assert one.misfits is not None
        assert sum(v * v for v in one.misfits) == pytest.approx(one.chi2, rel=1e-6)
    size = np.linalg.eigvalsh(np.cov(np.array([one.misfits for one in all_of_them]).T))
    assert size[0] == pytest.approx(0.0, abs=1e-5)  # what is not linear
    assert size[1:] == pytest.approx([1, 1, 1], abs=0.4)  # √(2/200) is 10 % of each; eigenvalues spread by twice that


def test_without_offset_and_with_errors_as_stated_a_level_is_chi_square_itself() -> None:
    for dof in (1, 3, 7):
        level = Level(np.zeros((5, dof)), np.eye(dof))
        for chi2 in (1.0, 9.0, 30.0):
            assert level.above(chi2) == pytest.approx(float(special.chdtrc(dof, chi2)))


def test_with_an_offset_a_level_is_near_non_central_chi_square() -> None:
    level = Level(np.array([[2.0, 0.0, 0.0]]), 0.25 * np.eye(3))
    for chi2 in (3.0, 6.0, 9.0):
        exact = float(stats.ncx2.sf(chi2 / 0.25, 3, 4.0 / 0.25))
        assert level.above(chi2) == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize("name", [PatternName.PAIR, PatternName.CROSS_QUAD])
def test_the_predicted_share_of_refusals_is_found_in_further_repeats_of_the_place(name: PatternName) -> None:
    """12 places of 40 repeats (seed 5): learned from every other one, predicted for those between.

    20 repeats leave the rates between `ends`; what is found in the 240 others must be there, and in the mean within
    their binomial error and that of the learned offsets (√(1/20) of a scatter each: 9 % of a share, 3 % in all).
    """
    rng, bench = np.random.default_rng(5), Bench(name)
    for share in (0.5, 0.05):
        count, ends = 0, []
        for place in range(12):
            repeats = bench.series(40, place, rng)
            learned = series_of(repeats[::2])
            assert learned is not None
            limit = _limit(learned.level(), share)
            ends.append(learned.ends(limit))
            count += sum(one.result.measurement.chi2 > limit for one in repeats[1::2])
        lowest, highest = np.mean(ends, axis=0)
        assert lowest < share < highest
        low, high = Found(count, 240).interval
        assert max(low - 0.05, lowest) <= share <= min(high + 0.05, highest)


def _limit(level: Level, share: float) -> float:
    low, high = 0.0, 1e4
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if level.above(middle) > share else (low, middle)
    return high


def test_one_place_with_errors_as_stated_leaves_the_limit_as_it_is() -> None:
    rng = np.random.default_rng(1)
    told = chi_square(Bench().series(20, 0, rng), 12.0, None)
    assert (told.limit, told.believed, told.places) == (12.0, 1.0, 1)
    assert told.elsewhere.rate == pytest.approx(refused_as_stated(12.0, 1))
    assert told.elsewhere.high > 0.05  # one place says little of others
    assert told.here.found == Found(0, 20)


def test_a_share_that_is_asked_for_makes_the_limit() -> None:
    rng = np.random.default_rng(1)
    told = chi_square(Bench().series(20, 0, rng), 12.0, 0.01)
    assert told.limit == pytest.approx(6.64, abs=0.01)  # χ²(1) at 1 %: 6.635, upwards to three digits
    assert told.elsewhere.rate == pytest.approx(0.01, rel=0.01)


def test_errors_that_are_larger_than_stated_raise_the_limit() -> None:
    rng = np.random.default_rng(6)
    bench = Bench(PatternName.CROSS_QUAD, larger=2.0)
    told = chi_square(renumbered(*(bench.series(5, 0, rng) for _ in range(10))), 12.0, None)
    assert told.scale == pytest.approx(4.0, rel=0.4)  # 70 degrees of freedom: 17 %, and 2 σ more
    assert told.believed == told.scale
    assert told.limit > 24.0
    assert told.allowed >= told.scale * limit_at(12.0, 7) * 0.999


def test_errors_that_are_smaller_lower_it_only_where_several_places_say_so() -> None:
    bench = Bench(PatternName.CROSS_QUAD, larger=0.3)
    one = chi_square(bench.series(20, 0, np.random.default_rng(8)), 12.0, None)
    assert one.limit == 12.0
    rng = np.random.default_rng(8)
    several = chi_square(renumbered(*(bench.series(5, 0, rng) for _ in range(6))), 12.0, None)
    assert several.believed == several.scale_high < 1
    assert several.limit < 12.0
    rng = np.random.default_rng(8)
    cut = chi_square(renumbered(*(bench.series(5, 0, rng) for _ in range(6))), 12.0, None, cut=True)
    assert (cut.believed, cut.limit) == (1.0, 12.0)


def test_what_the_places_need_is_allowed_even_where_stated_errors_ask_for_less() -> None:
    """An operator who marks a misfit of 4 σ good gets a limit that accepts it."""
    rng = np.random.default_rng(4)
    bench = Bench(prior=replace(KNOWN, drift_m_per_s=0.2e-9))
    errors = bench.errors(rng)
    errors[3:5] = 4 * 0.2e-9  # drift (y, x), the fourth and fifth parameter
    told = chi_square([bench.repeat(n + 1, 0, errors, rng) for n in range(20)], 12.0, None)
    assert told.allowed > 16.0
    assert told.here.found.count == 0


def test_px2_and_chi_square_are_exact_where_drift_and_noise_are_all_there_is() -> None:
    """σ² across the tilt: (0.2 nm/s · 1 s)² + (0.02² + 0.01²) px². A fit limit F is √F/binning pixels."""
    rng = np.random.default_rng(2)
    bench = Bench(prior=replace(KNOWN, drift_m_per_s=0.2e-9))
    told = translation(bench.series(7, 0, rng))
    sigma2 = 0.2e-9**2 + (SIGMA_PX**2 + 0.01**2) * PIXEL_M**2
    assert told.chi2_per_m2 == pytest.approx(1 / sigma2, rel=1e-6)
    old = told.of_px2(1000.0)
    assert old.across_m == pytest.approx(math.sqrt(1000) / BINNING * PIXEL_M)
    assert old.defocus_m == pytest.approx(old.across_m / 10e-3)
    assert old.chi2 == pytest.approx(old.across_m**2 / sigma2, rel=1e-6)
    assert told.of_chi2(old.chi2).px2 == pytest.approx(1000.0)
    assert old.refuses == pytest.approx(math.erfc(math.sqrt(old.chi2 / 2)))


def test_a_measured_pair_is_translated_as_it_was_measured() -> None:
    rng = np.random.default_rng(12)
    repeats = Bench().series(5, 0, rng)
    told = translation(repeats)
    for one in repeats:
        assert one.result.misfit_px2 is not None
        # The tilt's rotation is uncertain, so σ across grows with the shift: a thousandth between these repeats.
        assert told.of_px2(one.result.misfit_px2).chi2 == pytest.approx(one.result.measurement.chi2, rel=1e-2)


def test_too_few_repeats_tell_no_scatter() -> None:
    rng = np.random.default_rng(12)
    assert series_of(Bench().series(2, 0, rng)) is None
    assert isinstance(series_of(Bench().series(3, 0, rng)), Series)
