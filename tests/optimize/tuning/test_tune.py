"""A tuning as a whole: what is learned, which limits move and which stay, and what blank pairs are."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from eucentric.correlation.shift import Shift
from eucentric.focus.how import How
from eucentric.focus.measure import measure_frames
from eucentric.focus.patterns import PatternName, pattern
from eucentric.focus.settings import FocusStep, Thresholds
from eucentric.focus.verdict import Reason
from eucentric.images.frame import Frame
from eucentric.optimize.tuning.blanks import measure_blank, random_peaks, without_phase
from eucentric.optimize.tuning.learned import learned
from eucentric.optimize.tuning.rates import Found
from eucentric.optimize.tuning.repeats import By, Mark, Marking, Repeat, marked
from eucentric.optimize.tuning.tune import Given, Tuning, enough, rejudged, tune

from .repeated import BINNING, COLUMN, PIXEL_M, Bench
from .test_repeats import REFUSED

STEP = FocusStep(name="Focus", preset="fa", pattern=PatternName.PAIR)
LEAST_OVERLAP = 0.08


def _tuned(repeats: list[Repeat], step: FocusStep = STEP, by_hand: dict[int, Mark] | None = None) -> Tuning:
    return tune(Given(step, tuple(repeats), marked(repeats, by_hand or {})))


def _series(count: int = 20, seed: int = 3, **changes: float) -> list[Repeat]:
    rng, bench = np.random.default_rng(seed), Bench()
    errors = bench.errors(rng)
    return [bench.repeat(n + 1, 0, errors, rng, **changes) for n in range(count)]


def test_clear_repeats_leave_the_limits_as_they_are() -> None:
    told = _tuned(_series())
    assert told.thresholds == STEP.thresholds
    assert told.together_refuses == Found(0, 20)
    for limit in told.limits:
        assert limit.refuses.found == Found(0, 20)
    lock = told.limits[0].refuses.model
    assert lock is not None
    assert lock.rate <= lock.least  # sure, but told as no surer than 20 repeats can make it


def test_the_noise_is_that_of_the_shifts() -> None:
    """σ of C1 = √2·hypot(σ, model) of a pair's ends: shifts scatter by 0.0224 pixel, and 0.02 of that is stated."""
    repeats = _series(60)
    noise = learned(repeats).noise
    assert noise is not None
    assert noise.low <= math.hypot(0.02, 0.01) / 0.02 <= noise.high
    assert noise.scatter_m == pytest.approx(math.hypot(0.02, 0.01) * PIXEL_M / 10e-3, rel=0.3)


def test_drift_and_first_motion_are_seen() -> None:
    repeats = [
        replace(
            one,
            result=replace(
                one.result,
                measurement=replace(one.result.measurement, c1_m=one.c1_m + 0.5e-9 * one.time_s),
            ),
            moved_m=(0.3e-9 + (2e-9 if one.number == 2 else 0.0), 0.0),
        )
        for one in _series()
    ]
    (motion,) = learned(repeats).motions
    assert motion.c1.speed(30.0) == pytest.approx(0.5e-9, rel=0.2)
    assert motion.image_m_per_s == pytest.approx(0.1e-9, rel=1e-3)
    assert motion.first_motion
    assert motion.first_m == pytest.approx(2e-9, rel=0.05)


def _chance(one: Repeat, chance: float) -> Shift:
    return replace(one.result.shift, false_lock_probability=chance)


def test_good_ones_that_are_refused_for_little_evidence_lower_the_limit_only_as_far_as_blank_pairs_let() -> None:
    rng = np.random.default_rng(1)
    repeats = [one for n in range(20) for one in _series(1, n, p=math.exp(-0.5 * (4.5 + 0.5 * rng.normal()) ** 2))]
    repeats = [replace(one, number=n, time_s=3.0 * n) for n, one in enumerate(repeats, start=1)]
    by_hand = dict.fromkeys(range(1, 21), Mark.GOOD)
    without = _tuned(repeats, by_hand=by_hand).limits[0]
    assert without.after == STEP.thresholds.false_lock_max  # without blank pairs nothing says how far it may go
    blanks = tuple(
        replace(one, result=replace(one.result, shifts=(_chance(one, float(rng.uniform())),)))
        for one in _series(1) * 400
    )
    given = Given(STEP, tuple(repeats), marked(repeats, by_hand), blanks)
    limit = tune(given).limits[0]
    assert 1e-4 < limit.after < 2e-3
    assert limit.refuses.found.count < without.refuses.found.count
    assert limit.blank is not None
    assert limit.blank.model is not None
    assert limit.blank.model.rate < 1.1e-3


def test_blank_pairs_that_pass_make_the_limit_stricter() -> None:
    rng = np.random.default_rng(8)
    blanks = tuple(
        replace(one, result=replace(one.result, shifts=(_chance(one, float(rng.uniform() ** 8)),)))
        for one in _series(1) * 300
    )
    repeats = _series()
    limit = tune(Given(STEP, tuple(repeats), marked(repeats, {}), blanks)).limits[0]
    assert limit.after < 1e-15  # u⁸ < p as often as u < p^(1/8): 1e-3 at p = 1e-24
    assert limit.refuses.found.count == 0


def test_odds_and_lit_area_are_lowered_for_good_ones_but_never_below_what_the_words_mean() -> None:
    rng = np.random.default_rng(1)
    repeats = [one for n in range(20) for one in _series(1, n, odds=300 * math.exp(rng.normal()), lit=0.4)]
    repeats = [replace(one, number=n, time_s=3.0 * n) for n, one in enumerate(repeats, start=1)]
    told = _tuned(repeats, by_hand=dict.fromkeys(range(1, 21), Mark.GOOD))
    odds, lit = told.limits[1:]
    least = min(one.result.shift.runner_up.odds for one in repeats if one.result.shift.runner_up is not None)
    assert 20 <= odds.after <= least
    assert lit.after == 0.4
    assert told.together_refuses.count == 0
    far = [replace(one, number=n) for n, one in enumerate(_series(20, odds=3.0, lit=0.1), start=1)]
    told = _tuned(far, by_hand=dict.fromkeys(range(1, 21), Mark.GOOD))
    assert [one.after for one in told.limits[1:]] == [20.0, 0.2]
    assert told.together_refuses.count == 20


def test_marked_bad_ones_are_counted_as_accepted_or_not() -> None:
    told = _tuned(_series(), by_hand={3: Mark.BAD, 4: Mark.SKIPPED})
    assert told.chi2.here.found.of == 18
    assert told.passing.bad == Found(1, 1)
    assert told.together_accepts == Found(1, 1)
    assert all(limit.accepts == Found(1, 1) for limit in told.limits)


def test_where_chi_square_itself_refused_some_nobody_says_that_errors_are_small() -> None:
    repeats = _series(7)
    refused = replace(repeats[2], result=replace(repeats[2].result, verdict=REFUSED))
    marks = {n: Marking(Mark.BAD if n == 3 else Mark.GOOD, By.VERDICT) for n in range(1, 8)}
    given = Given(STEP, (*repeats[:2], refused, *repeats[3:]), marks)
    assert given.cut
    assert not Given(STEP, given.repeats, {**marks, 3: Marking(Mark.BAD, By.OPERATOR)}).cut
    assert not Given(STEP, tuple(repeats), marks).cut


def test_too_few_good_ones_are_said_so() -> None:
    repeats = _series(6)
    marks = {n: Marking(Mark.GOOD if n < 5 else Mark.BAD, By.OPERATOR) for n in range(1, 7)}
    said = enough(Given(STEP, tuple(repeats), marks))
    assert said == "Of 6 repeats 4 good, 2 bad, 0 skipped: at least 5 good ones are needed to tune limits by."
    assert enough(Given(STEP, tuple(repeats), marked(repeats, {}))) is None


def test_a_result_is_judged_anew_by_other_thresholds() -> None:
    (one,) = _series(1, p=1e-4)
    assert rejudged(one, Thresholds()).reason is Reason.FALSE_LOCK
    assert rejudged(one, Thresholds(false_lock_max=1e-3)).accepted


def test_peaks_anywhere_pass_a_fit_limit_as_its_band_of_the_searched_area() -> None:
    """Searched is (1 − |y|)(1 − |x|) ≥ m, an area of 4[(1 − m) + m ln m]; within ±h of the tilt's line lie
    4[h + m ln(1 − h)] of it, h = √F/binning/side."""
    (one,) = _series(1)
    side, fit_limit, count = 256, 2e4, 300
    peaks = random_peaks(one, (side, side), count, np.random.default_rng(6))
    h, m = math.sqrt(fit_limit) / BINNING / side, LEAST_OVERLAP
    share = (h + m * math.log(1 - h)) / ((1 - m) + m * math.log(m))
    low, high = Found(sum(p.misfit_px2 <= fit_limit for p in peaks), count).interval
    assert low <= share <= high


def _pair(rng: np.random.Generator, side: int = 256) -> tuple[Frame, Frame]:
    """The same grain twice, moved by 7 pixels along x, with noise of their own."""
    grain = rng.normal(0, 1, (side, side + 7))
    images = (grain[:, 7:], grain[:, :-7])
    return tuple(
        Frame((100 + 10 * image + rng.normal(0, 5, image.shape)).astype(np.float32), pixel_m=PIXEL_M, time_s=float(k))
        for k, image in enumerate(images)
    )  # type: ignore[return-value]


def test_random_phases_keep_power_and_mean_and_nothing_else() -> None:
    rng = np.random.default_rng(4)
    frame, _ = _pair(rng)
    blank = without_phase(frame, rng)
    assert blank.shape == frame.shape
    assert float(blank.pixels.mean()) == pytest.approx(float(frame.pixels.mean()), rel=1e-5)
    assert float(blank.pixels.std()) == pytest.approx(float(frame.pixels.std()), rel=0.05)
    correlation = np.corrcoef(blank.pixels.ravel(), frame.pixels.ravel())[0, 1]
    assert abs(correlation) < 5 / 256  # 1/√n is 1/256


def test_a_blank_pair_is_refused_where_the_pair_it_is_made_of_is_accepted() -> None:
    rng = np.random.default_rng(4)
    plan = pattern(PatternName.PAIR, 5e-3)
    frames, how = _pair(rng), How(column=COLUMN)
    result = measure_frames(frames, plan.tilts, plan.links, how)
    assert result.accepted
    blank = measure_blank(frames, Repeat(1, 0, 0, 0.0, result, how, plan.links), rng).result
    assert blank.verdict.reason is Reason.FALSE_LOCK
    assert blank.shift.false_lock_probability > 1e-4
    assert blank.shift.map is None
