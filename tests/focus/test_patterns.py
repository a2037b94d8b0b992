"""The tilts of each pattern, and what is compared."""

from __future__ import annotations

import math

import pytest

from eucentric.focus.patterns import PatternName, pattern
from eucentric.optics.aberrations import direction

TILT_RAD = 5e-3


@pytest.mark.parametrize("name", PatternName)
def test_every_link_joins_opposite_tilts_and_no_image_is_used_twice(name: PatternName) -> None:
    plan = pattern(name, TILT_RAD, 0.3)
    used = [i for link in plan.links for i in link]
    assert sorted(used) == list(range(plan.images))
    for i, j in plan.links:
        assert direction(plan.tilts[i]) == pytest.approx(-direction(plan.tilts[j]))
    assert all(abs(direction(t)) == pytest.approx(TILT_RAD) for t in plan.tilts)


def test_the_direction_turns_from_columns_to_rows() -> None:
    assert pattern(PatternName.PAIR, TILT_RAD).tilts[1] == pytest.approx((0.0, TILT_RAD))
    assert pattern(PatternName.PAIR, TILT_RAD, math.pi / 2).tilts[1] == pytest.approx((TILT_RAD, 0.0))


def test_a_quadruple_goes_there_and_back() -> None:
    minus, plus, again, back = pattern(PatternName.QUAD, TILT_RAD).tilts
    assert (minus, plus) == (back, again)
