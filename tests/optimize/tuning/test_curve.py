"""Courses through time: jumps do not bend them, drift does not widen the scatter."""

from __future__ import annotations

import numpy as np
import pytest

from eucentric.optimize.tuning.curve import curve_through, scatter_of, smoothed
from eucentric.optimize.tuning.rates import scale_interval

TIMES = np.arange(40) * 3.0


def test_a_line_is_found_beside_jumps() -> None:
    rng = np.random.default_rng(1)
    values = 5e-9 + 0.3e-9 * TIMES + rng.normal(0, 0.2e-9, 40)
    values[[0, 7, 30]] += 50e-9
    curve = curve_through(TIMES, values)
    assert len(curve.terms) == 2
    assert curve.speed(0.0) == pytest.approx(0.3e-9, abs=5 * curve.slope_sigma)
    assert curve.slope_sigma == pytest.approx(0.2e-9 / np.sqrt(np.sum((TIMES - TIMES.mean()) ** 2)), rel=0.5)
    # 37 values: the scatter is known to 12 %; that of the largest residuals which are cut is little beside it.
    assert curve.scatter_m == pytest.approx(0.2e-9, rel=0.4)


def test_a_drift_that_calms_down_is_curved() -> None:
    rng = np.random.default_rng(4)
    curve = curve_through(TIMES, 30e-9 * np.exp(-TIMES / 60) + rng.normal(0, 0.2e-9, 40))
    assert len(curve.terms) == 3
    assert curve.speed(TIMES[0]) < curve.speed(TIMES[-1]) < 0


@pytest.mark.parametrize("drift", [0.0, 30.0])
def test_the_scatter_is_that_of_the_noise_whatever_drifts(drift: float) -> None:
    """Of 200 series the ratio's interval, by its own degrees of freedom, holds the true one in 19 of 20."""
    rng = np.random.default_rng(9)
    inside = 0
    for _ in range(200):
        told = scatter_of(TIMES, drift * np.exp(-TIMES / 40) + rng.normal(0, 0.7, 40), np.full(40, 0.5))
        assert told is not None
        low, high = scale_interval(told.dof * told.ratio**2, round(told.dof))
        inside += low <= 1.4**2 <= high
    assert inside >= 178  # 95 % of 200, less four of its own σ


def test_jumps_are_counted_and_left_out() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(0, 1, 40)
    values[20] += 100
    told = scatter_of(TIMES, values, np.ones(40))
    assert told is not None
    assert told.jumps == 3  # it is in three second differences
    assert told.ratio < 1.4


def test_neither_noise_nor_change_is_taken_for_the_other() -> None:
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 1, (40, 1))
    mean, covariance = smoothed(TIMES, noise)
    assert np.ptp(mean) < 3.0
    assert covariance[0, 0] == pytest.approx(1.0, rel=0.6)
    decay = 30 * np.exp(-TIMES / 6)[:, None]
    mean, covariance = smoothed(TIMES, decay + noise)
    assert np.abs(mean - decay)[1:-1].max() < 8.0
    assert covariance[0, 0] < 9.0  # the decay alone varies by 40
