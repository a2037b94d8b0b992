"""The tilts of each pattern, and what is compared."""

from __future__ import annotations

import math

import numpy as np
import pytest

from eucentric.errors import InputError
from eucentric.focus.patterns import Pattern, PatternName, pattern, pattern_of
from eucentric.optics.aberrations import direction

TILT_RAD = 5e-3
ONE_AXIS = {PatternName.PAIR, PatternName.QUAD, PatternName.SEXTET}


@pytest.mark.parametrize("name", PatternName)
def test_every_link_joins_opposite_tilts_and_no_image_is_used_twice(name: PatternName) -> None:
    plan = pattern(name, TILT_RAD, 0.3)
    used = [i for link in plan.links for i in link]
    assert sorted(used) == list(range(plan.images))
    for i, j in plan.links:
        assert direction(plan.tilts[i]) == -direction(plan.tilts[j])  # exactly: C3 must not act like an axis error
    assert all(abs(direction(t)) == pytest.approx(TILT_RAD) for t in plan.tilts)


def test_the_direction_turns_from_columns_to_rows() -> None:
    assert pattern(PatternName.PAIR, TILT_RAD).tilts[1] == pytest.approx((0.0, TILT_RAD))
    assert pattern(PatternName.PAIR, TILT_RAD, math.pi / 2).tilts[1] == pytest.approx((TILT_RAD, 0.0))


def test_a_quadruple_goes_there_and_back() -> None:
    minus, plus, again, back = pattern(PatternName.QUAD, TILT_RAD).tilts
    assert (minus, plus) == (back, again)
    assert pattern(PatternName.QUAD, TILT_RAD).links == ((0, 1), (3, 2))


def test_a_cross_quad_goes_through_the_cross_and_back_in_mirrored_order() -> None:
    x, y = (0.0, TILT_RAD), (TILT_RAD, 0.0)
    minus_x, minus_y = (0.0, -TILT_RAD), (-TILT_RAD, 0.0)
    plan = pattern(PatternName.CROSS_QUAD, TILT_RAD)
    assert np.array(plan.tilts) == pytest.approx(np.array([minus_x, x, minus_y, y, y, minus_y, x, minus_x]), abs=1e-18)
    assert plan.links == ((0, 1), (2, 3), (5, 4), (7, 6))


def test_how_many_directions() -> None:
    for name in PatternName:
        wanted = 1 if name in ONE_AXIS else 2 if "cross" in name else 3
        assert pattern(name, TILT_RAD, 1.1).directions == wanted


def _felt(plan: Pattern, motion: list[float], axis: complex | None = None) -> list[float]:
    """What a motion (one value for each image) adds to the links along an axis (None: all)."""
    at = [direction(plan.tilts[j]) for _, j in plan.links]
    chosen = [k for k, w in enumerate(at) if axis is None or abs(w - axis) < 1e-9]
    return [motion[plan.links[k][1]] - motion[plan.links[k][0]] for k in chosen]


def test_what_a_quad_and_a_sextet_cancel() -> None:
    """The module's sentence: equal weights of a quad cancel f = t; ¼ ½ ¼ of a sextet f = t and f = t²."""
    quad = pattern(PatternName.QUAD, TILT_RAD)
    assert sum(_felt(quad, [0, 1, 2, 3])) == 0
    sextet = pattern(PatternName.SEXTET, TILT_RAD)
    for power in (1, 2):
        assert np.dot([0.25, 0.5, 0.25], _felt(sextet, [n**power for n in range(6)])) == 0


def test_each_axis_of_a_cross_quad_cancels_a_steady_drift() -> None:
    plan = pattern(PatternName.CROSS_QUAD, TILT_RAD)
    for axis in (TILT_RAD, 1j * TILT_RAD):
        assert sum(_felt(plan, list(range(8)), axis)) == 0


def test_a_star_separates_a_steady_drift_from_focus_and_astigmatism() -> None:
    """Links at 0°, 120°, 240°: C1 acts as e^{iφ}, A1 as e^{−iφ}, drift as 1: orthogonal over the links."""
    plan = pattern(PatternName.STAR, TILT_RAD, 0.2)
    steps = np.array([direction(plan.tilts[j]) - direction(plan.tilts[i]) for i, j in plan.links])
    drift = np.array(_felt(plan, list(range(6))))
    for one, other in ((steps, np.conj(steps)), (steps, drift), (np.conj(steps), drift)):
        assert abs(np.vdot(one, other)) < 1e-12 * np.linalg.norm(one) * np.linalg.norm(other)


def test_given_tilts_make_the_same_pattern_as_a_name() -> None:
    for name in PatternName:
        named = pattern(name, TILT_RAD, 0.4)
        assert pattern_of(list(named.tilts)) == named


def test_the_tilts_of_a_phase_plate_in_any_order() -> None:
    plan = pattern_of([(1e-3, 2e-3), (-3e-3, 0), (3e-3, 0), (-1e-3, -2e-3)])
    assert plan.links == ((0, 3), (1, 2))
    assert plan.directions == 2


@pytest.mark.parametrize(
    ("tilts", "words"),
    [
        ([(0.0, 5e-3), (0.0, 0.0)], "0 mrad"),
        ([(0.0, 5e-3)], "at least one tilt and its opposite"),
        ([(0.0, 5e-3), (0.0, -5e-3), (5e-3, 0.0)], "image 3 has no opposite"),
        ([(0.0, 5e-3), (0.0, 5e-3)], "image 1 has no opposite"),
        ([(0.0, 5e-3), (0.0, float("nan"))], "not finite"),
    ],
)
def test_tilts_without_opposite_ones_are_refused(tilts: list[tuple[float, float]], words: str) -> None:
    with pytest.raises(InputError, match=words):
        pattern_of(tilts)
