"""The capture range of a step, and the pattern that holds an accuracy."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from eucentric.calibration.instrument import Uncertainty
from eucentric.focus.patterns import PatternName, pattern
from eucentric.focus.predict import OVERLAP_FOR_RANGE, Conditions, best_pattern, capture_range_m


@pytest.mark.parametrize("direction", [0.0, 0.4, math.pi / 4, math.pi / 2, 2.5])
def test_the_range_leaves_the_overlap_that_it_is_stated_for(direction: float) -> None:
    ny, nx, pixel_m, tilt = 900, 1024, 5e-9, 4e-3
    shift_m = capture_range_m((ny, nx), pixel_m, tilt, direction_rad=direction) * 2 * tilt
    along_x, along_y = shift_m * abs(math.cos(direction)), shift_m * abs(math.sin(direction))
    left = (1 - along_x / (nx * pixel_m)) * (1 - along_y / (ny * pixel_m))
    assert left == pytest.approx(OVERLAP_FOR_RANGE, abs=1e-9)
    assert along_x < nx * pixel_m
    assert along_y < ny * pixel_m


def test_along_one_axis_it_is_that_part_of_the_side() -> None:
    assert capture_range_m((512, 1024), 1e-9, 5e-3) == pytest.approx(0.8 * 1024e-9 / 10e-3)


STORM = replace(Uncertainty(), drift_m_per_s=2e-9 / math.sqrt(2), first_motion_m=3e-9 / math.sqrt(2))
"""The issue's question: drift of 2 nm/s, first motion of 3 nm, in unknown directions."""
CANDIDATES = {str(name): pattern(name, 5e-3) for name in PatternName}


def _conditions(prior: Uncertainty) -> Conditions:
    return Conditions(c1_m=-0.5e-6, shift_sigma_m=20e-12, interval_s=1.05, c3_m=2.7e-3, prior=prior)


def test_in_drift_and_first_motion_a_pair_does_not_hold_what_a_longer_pattern_holds() -> None:
    found = best_pattern(CANDIDATES, _conditions(STORM), accuracy_m=50e-9)
    assert found.name is not None
    assert 3 * found.predicted[found.name].total_sigma_m <= 50e-9
    # 2 nm/s/√2 · 1.05 s over 10 mrad alone is 148 nm.
    assert found.predicted["pair"].total_sigma_m > 148e-9
    fewer = [name for name, plan in CANDIDATES.items() if plan.images < CANDIDATES[found.name].images]
    assert all(3 * found.predicted[name].total_sigma_m > 50e-9 for name in fewer)


def test_where_nothing_moves_the_pair_is_the_cheapest() -> None:
    still = replace(Uncertainty(), drift_m_per_s=0.0, drift_change_m_per_s2=0.0, first_motion_m=0.0)
    assert best_pattern(CANDIDATES, _conditions(still), accuracy_m=50e-9).name == "pair"


def test_what_no_pattern_holds_is_not_found() -> None:
    found = best_pattern(CANDIDATES, _conditions(STORM), accuracy_m=1e-9)
    assert found.name is None
    assert set(found.predicted) == set(CANDIDATES)
