"""Rates with their intervals: closed forms, and draws whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from eucentric.optimize.tuning.rates import FEWEST, Found, below, quantile, scale_interval, tail_of


def test_none_of_twenty_leaves_seventeen_per_cent_open() -> None:
    """Clopper & Pearson in closed form: (1 − p)²⁰ = 2.5 %."""
    assert Found(0, 20).interval == (0.0, pytest.approx(1 - 0.025 ** (1 / 20)))
    assert Found(20, 20).interval == (pytest.approx(0.025 ** (1 / 20)), 1.0)
    assert Found(0, 0).interval == (0.0, 1.0)


def test_a_scale_is_inside_its_interval_as_often_as_is_said() -> None:
    rng = np.random.default_rng(3)
    inside = [low <= 2.0 <= high for low, high in (scale_interval(2 * x, 5) for x in rng.chisquare(5, 2000))]
    low, high = Found(sum(inside), 2000).interval
    assert low <= 0.95 <= high


def test_the_next_normal_value_is_below_its_quantile_as_often_as_is_said() -> None:
    """Student's predictive distribution: exact on average over the samples that it is made from."""
    rng = np.random.default_rng(7)
    fell = 0
    for _ in range(3000):
        sample = rng.normal(size=10).tolist()
        limit = quantile(sample, 0.05)
        told = below(sample, limit)
        assert told is not None
        assert told.low <= told.rate <= told.high
        fell += rng.normal() < limit
    low, high = Found(fell, 3000).interval
    assert low <= 0.05 <= high


def test_the_quantile_is_the_inverse_and_few_values_say_nothing() -> None:
    sample = [3.0, 4.0, 4.5, 5.0, 6.0, 6.5]
    told = below(sample, quantile(sample, 0.02))
    assert told is not None
    assert told.rate == pytest.approx(0.02)
    assert below(sample[: FEWEST - 1], 0.0) is None


def test_no_rate_is_told_that_so_few_values_can_not_support() -> None:
    told = below([30.0, 31.0, 29.0, 30.5, 29.5], 5.0)
    assert told is not None
    assert told.rate < told.least == pytest.approx(1 / 500)


@pytest.mark.parametrize(("length", "stated"), [(1.0, True), (2.0, False)])
def test_a_tail_is_continued_as_stated_unless_the_values_contradict(length: float, stated: bool) -> None:
    """−ln of a chance is exponential with length 1 where chances are honest; P(> v) = e^(−v/length)."""
    rng = np.random.default_rng(2)
    tail = tail_of(rng.exponential(length, 4000).tolist(), math.log(10))
    assert tail is not None
    assert (tail.length_low <= 1 <= tail.length_high) is stated
    told = tail.above(math.log(1e4))
    assert told.low <= math.exp(-math.log(1e4) / length) <= told.high
    assert tail_of([0.1] * 100, math.log(10)) is None
