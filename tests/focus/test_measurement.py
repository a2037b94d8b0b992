"""Further errors of a measurement: of the offset that it was made at, and of the metre that it is told in."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from eucentric.calibration.instrument import Uncertainty
from eucentric.focus.measurement import Measurement, with_error, with_unit_error, without_offset
from eucentric.focus.patterns import PatternName, pattern
from eucentric.focus.predict import predicted_measurement

C3_M = 2.7e-3
TILT_RAD = 5e-3


def _at(c1_m: float, sure: Uncertainty | None = None) -> Measurement:
    return predicted_measurement(
        pattern(PatternName.STAR, TILT_RAD),
        c1_m=c1_m,
        shift_sigma_m=5e-12,
        interval_s=1.0,
        c3_m=C3_M,
        prior=sure or Uncertainty(),
    )


def test_the_offset_is_taken_out_and_its_error_added() -> None:
    measured = _at(-0.7e-6)
    told = without_offset(measured, -0.5e-6, 0.02)
    assert told.c1_m == pytest.approx(-0.2e-6, abs=1e-12)
    assert told.budget[-1].source == "focus offset"
    assert told.budget[-1].sigma_m == pytest.approx(10e-9)
    assert without_offset(measured, 0.0, 0.02) is measured


def test_a_lens_that_lags_ends_short_of_the_way_back() -> None:
    """1 % of −0.5 µm stays behind: taken back, C1 is 5 nm lower; anything from none to twice that: 5 nm/√3 of error."""
    told = without_offset(_at(-0.5e-6), -0.5e-6, 0.0, left_behind=0.01)
    assert told.c1_m == pytest.approx(-5e-9, abs=1e-12)
    assert told.budget[-1].sigma_m == pytest.approx(5e-9 / 3**0.5)


def test_the_error_of_the_unit_grows_with_defocus() -> None:
    measured = _at(-2e-6)
    told = with_unit_error(measured, 0.01)
    assert told.budget[-1].sigma_m == pytest.approx(20e-9, rel=1e-6)
    assert told.total_sigma_m == pytest.approx(math.hypot(measured.total_sigma_m, 20e-9), rel=1e-6)
    # At focus there is none: C1 there is 0 in any unit.
    assert with_unit_error(replace(measured, c1_m=0.0), 0.01).total_sigma_m == measured.total_sigma_m
    assert with_unit_error(measured, 0.0) is measured


def test_a_further_error_is_in_total_budget_and_covariance_alike() -> None:
    told = with_error(_at(-1e-6), "something", 30e-9)
    assert told.covariance_m2 is not None
    assert math.sqrt(told.covariance_m2[0][0]) == pytest.approx(told.total_sigma_m)
    assert math.sqrt(sum(c.sigma_m**2 for c in told.budget)) == pytest.approx(told.total_sigma_m)
    assert with_error(replace(_at(-1e-6), covariance_m2=None), "something", 30e-9).covariance_m2 is None


def test_cs_counts_three_times_in_a_unit_that_is_not_known() -> None:
    """Tilts that are s times too large go with C3/s³: 3 · 1 % of C3β²."""
    sure = replace(Uncertainty(), c3_relative=0.0, c1_scale=0.01)
    part = next(c.sigma_m for c in _at(-0.5e-6, sure).budget if c.source == "Cs")
    # Noise of 5 pm hides Cs behind the free C1: its prior stays as it is.
    assert part == pytest.approx(0.03 * C3_M * TILT_RAD**2, rel=0.02)
