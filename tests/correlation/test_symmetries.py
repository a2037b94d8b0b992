"""What must not matter, or must turn the answer in a known way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from eucentric.correlation.register import register
from eucentric.correlation.shift import Method, Shift
from tests.correlation.pairs import Pair, shifted_pair

SAME_SIGMAS = 0.4
"""A repeat with the same noise: the two ways differ by rounding, and by where either iteration stops (0.2σ each)."""
# Derandomised: the same examples every time. Not shrunk: that takes 40 s, and no pair is simpler than another.
FEW = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)
OTHER_PIXELS_SIGMAS = 1.5
"""Tiles are cut from the first row on and rounded down to fast lengths: turned images leave other pixels out, up to a
tenth of them. The answers then differ by √(2·0.1) = 0.45 sigmas rms; three times that, and the rounding above."""
SHIFTS = st.tuples(st.floats(-40, 40), st.floats(-40, 40)).filter(lambda s: np.hypot(*s) > 12)
METHODS = st.sampled_from(list(Method))


def drawn(seed: int, shift: tuple[float, float]) -> Pair:
    """A small pair, not square."""
    return shifted_pair(seed, shift, shape=(128, 150), grain_px=1.5)


def same(one: Shift, other: tuple[float, float], sigmas: float = SAME_SIGMAS) -> None:
    """Same shift, to a part of its error (0.02 px for methods that state none)."""
    sigma = one.sigma_px or (0.02 / sigmas, 0.02 / sigmas)
    assert abs(one.shift_px[0] - other[0]) <= sigmas * sigma[0] + 2e-3
    assert abs(one.shift_px[1] - other[1]) <= sigmas * sigma[1] + 2e-3


@FEW
@given(st.integers(0, 1000), SHIFTS, METHODS)
def test_swapped_images_move_the_other_way(seed: int, shift: tuple[float, float], method: Method) -> None:
    pair = drawn(seed, shift)
    one = register(pair.reference, pair.moving, method=method)
    two = register(pair.moving, pair.reference, method=method)
    same(one, (-two.shift_px[0], -two.shift_px[1]))
    assert two.overlap == pytest.approx(one.overlap, abs=1e-3)


@FEW
@given(st.integers(0, 1000), SHIFTS, st.floats(0.01, 1000), st.floats(0, 50), METHODS)
def test_units_of_the_counts_do_not_matter(
    seed: int, shift: tuple[float, float], scale: float, offset: float, method: Method
) -> None:
    """One image in other units, with a dark level left on."""
    pair = drawn(seed, shift)
    one = register(pair.reference, pair.moving, method=method)
    two = register(pair.reference, scale * (pair.moving + offset), method=method)
    same(one, two.shift_px)
    assert two.contrast_sign == one.contrast_sign


@FEW
@given(st.integers(0, 1000), SHIFTS, METHODS)
def test_transposed_images_swap_the_components(seed: int, shift: tuple[float, float], method: Method) -> None:
    pair = drawn(seed, shift)
    one = register(pair.reference, pair.moving, method=method)
    two = register(pair.reference.T, pair.moving.T, method=method)
    same(one, (two.shift_px[1], two.shift_px[0]))
    if one.sigma_px is not None and two.sigma_px is not None:
        assert two.sigma_px == pytest.approx(one.sigma_px[::-1], rel=0.05)


@FEW
@given(st.integers(0, 1000), SHIFTS, METHODS)
def test_turned_by_half_a_turn_the_sign_changes(seed: int, shift: tuple[float, float], method: Method) -> None:
    pair = drawn(seed, shift)
    one = register(pair.reference, pair.moving, method=method)
    two = register(pair.reference[::-1, ::-1], pair.moving[::-1, ::-1], method=method)
    same(one, (-two.shift_px[0], -two.shift_px[1]), OTHER_PIXELS_SIGMAS)


@FEW
@given(st.integers(0, 1000), SHIFTS, st.sampled_from([np.uint16, np.int32, np.float64, ">i2"]))
def test_pixel_types_do_not_matter(seed: int, shift: tuple[float, float], kind: object) -> None:
    """Poisson counts are whole numbers below 2¹⁵: any type holds them."""
    pair = drawn(seed, shift)
    one = register(pair.reference, pair.moving)
    two = register(pair.reference.astype(kind), pair.moving.astype(kind))  # type: ignore[call-overload]
    assert two.shift_px == one.shift_px


def test_same_call_same_answer() -> None:
    """No hidden random state; one or two workers."""
    pair = drawn(1, (20.0, -13.0))
    one, two = (register(pair.reference, pair.moving, workers=n) for n in (1, 2))
    assert two.shift_px == pytest.approx(one.shift_px, abs=1e-4)  # float32 sums in another order
    assert register(pair.reference, pair.moving, workers=1).shift_px == one.shift_px


def test_images_are_left_as_they_were() -> None:
    pair = drawn(1, (20.0, -13.0))
    pair.reference[10, 10] = 1e5  # repaired inside, not in the caller's array
    before = (pair.reference.copy(), pair.moving.copy())
    register(pair.reference, pair.moving)
    assert (pair.reference == before[0]).all()
    assert (pair.moving == before[1]).all()
