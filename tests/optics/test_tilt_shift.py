"""Beam tilt to image shift, and back."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from eucentric.errors import InputError
from eucentric.optics.aberrations import Aberrations
from eucentric.optics.tilt_shift import (
    defocus_from_pair_shift,
    defocus_from_shift,
    shift_at,
    shift_between,
    tilt_for_shift,
    tilt_for_shift_vector,
)

_angle = st.floats(-20e-3, 20e-3)
_tilt = st.tuples(_angle, _angle)
_small = st.floats(-1e-6, 1e-6)
lenses = st.builds(
    Aberrations,
    c1_m=st.floats(-100e-6, 100e-6),
    a1_m=st.tuples(_small, _small),
    b2_m=st.tuples(st.floats(-10e-6, 10e-6), st.floats(-10e-6, 10e-6)),
    c3_m=st.floats(0, 3e-3),
)

# Shifts here are below 5 µm; double rounding of a handful of such terms.
_SHIFT_ROUNDING_M = 1e-20


@pytest.mark.parametrize("axis", [0, 1])
def test_on_one_axis_the_shift_is_cs_a3_plus_z_a(axis: int) -> None:
    cs, z, a = 2.7e-3, -1.3e-6, 7e-3
    tilt = (a, 0.0) if axis == 0 else (0.0, a)
    shift = shift_at(tilt, Aberrations(c1_m=z, c3_m=cs))
    assert shift[axis] == pytest.approx(cs * a**3 + z * a, rel=1e-12)
    assert shift[1 - axis] == 0


def test_an_overfocused_image_moves_with_the_tilt() -> None:
    assert shift_at((0.0, 5e-3), Aberrations(c1_m=1e-6)) == pytest.approx((0.0, 5e-9))
    assert shift_at((5e-3, 0.0), Aberrations(c1_m=-1e-6)) == pytest.approx((-5e-9, 0.0))


def test_astigmatism_turns_the_shift_as_its_matrix_says() -> None:
    a, b = 0.3e-6, 0.2e-6
    x, y = 4e-3, -3e-3
    shift = shift_at((y, x), Aberrations(a1_m=(a, b)))
    assert shift == pytest.approx((b * x - a * y, a * x + b * y), rel=1e-12)


@given(lenses, _tilt, _tilt)
def test_swapping_the_images_changes_the_sign(
    lens: Aberrations, first: tuple[float, float], second: tuple[float, float]
) -> None:
    there, back = shift_between(first, second, lens), shift_between(second, first, lens)
    assert np.asarray(there) == pytest.approx(-np.asarray(back), abs=_SHIFT_ROUNDING_M)


@given(lenses, _tilt, _tilt)
def test_the_defocus_comes_back_from_the_shift(
    lens: Aberrations, first: tuple[float, float], second: tuple[float, float]
) -> None:
    separation = float(np.hypot(second[0] - first[0], second[1] - first[1]))
    assume(separation > 1e-4)
    found = defocus_from_shift(shift_between(first, second, lens), first, second, lens.with_defocus(0.7))
    assert found.c1_m == pytest.approx(lens.c1_m, abs=1e-19 / separation + 1e-12 * abs(lens.c1_m))
    assert found.perpendicular_m == pytest.approx(0, abs=1e-19)


def test_what_moves_across_the_tilt_is_told_with_its_sign() -> None:
    # From +x, +y is the positive turn.
    found = defocus_from_shift((2e-9, 10e-9), (0.0, -5e-3), (0.0, 5e-3), Aberrations())
    assert found.c1_m == pytest.approx(1e-6)
    assert found.perpendicular_m == pytest.approx(2e-9)


@given(st.floats(-50e-6, 50e-6), st.floats(0.1e-3, 20e-3), st.floats(0, 3e-3))
def test_a_symmetric_pair_agrees_with_the_vectors(c1: float, tilt: float, c3: float) -> None:
    shift = shift_between((0.0, -tilt), (0.0, tilt), Aberrations(c1_m=c1, c3_m=c3))[1]
    assert defocus_from_pair_shift(shift, tilt, c3_m=c3) == pytest.approx(c1, rel=1e-12, abs=1e-16)


@given(st.floats(-1e-3, 1e-3), st.floats(0, 3e-3), st.floats(-5e-6, 5e-6))
def test_the_tilt_found_makes_the_shift(c1: float, c3: float, shift: float) -> None:
    assume(abs(c1) > 1e-10 and (c3 == 0 or c3 > 1e-7) and abs(shift) > 1e-13)
    tilt = tilt_for_shift(shift, c1_m=c1, c3_m=c3)
    # At the turning point a root is double and known to half the digits, so its shift, flat there, to all of them.
    largest = abs(c3 * tilt**3) + abs(c1 * tilt)
    assert c3 * tilt**3 + c1 * tilt == pytest.approx(shift, abs=1e-9 * largest)


def test_of_three_tilts_the_smallest_is_given() -> None:
    # (a − 1)(a − 2)(a + 3) = a³ − 7a + 6 in mrad: C3 = 1 m·1e-3 keeps numbers those of a lens.
    c3 = 2e-3
    tilt = tilt_for_shift(-6e-9 * c3, c1_m=-7e-6 * c3, c3_m=c3)
    assert tilt == pytest.approx(1e-3, rel=1e-9)


def test_beyond_the_turning_point_the_tilt_changes_sign() -> None:
    c1, c3 = -1e-6, 2.7e-3
    turn = np.sqrt(-c1 / (3 * c3))
    most = abs(c3 * turn**3 + c1 * turn)
    assert tilt_for_shift(-0.99 * most, c1_m=c1, c3_m=c3) > 0
    assert tilt_for_shift(-1.01 * most, c1_m=c1, c3_m=c3) < -2 * turn


@given(
    st.builds(
        Aberrations,
        c1_m=st.floats(5e-6, 100e-6),
        a1_m=st.tuples(_small, _small),
        b2_m=st.tuples(st.floats(-10e-6, 10e-6), st.floats(-10e-6, 10e-6)),
        c3_m=st.floats(0, 3e-3),
    ),
    _tilt,
)
def test_the_vector_tilt_makes_the_vector_shift(lens: Aberrations, tilt: tuple[float, float]) -> None:
    # Overfocus of 5 µm and more keeps ∇W one-to-one here: |A1| + 4|B2||ω| < 2.6 µm.
    shift = shift_at(tilt, lens)
    assume(np.hypot(*shift) > 1e-13)
    assert shift_at(tilt_for_shift_vector(shift, lens), lens) == pytest.approx(shift, abs=1e-9 * np.hypot(*shift))


def test_no_shift_needs_no_tilt() -> None:
    assert tilt_for_shift(0.0, c1_m=0.0, c3_m=0.0) == 0
    assert tilt_for_shift_vector((0.0, 0.0), Aberrations()) == (0.0, 0.0)


def test_impossible_questions_are_refused() -> None:
    with pytest.raises(InputError, match="same beam tilt"):
        defocus_from_shift((0.0, 1e-9), (1e-3, 0.0), (1e-3, 0.0), Aberrations())
    with pytest.raises(InputError, match="zero tilt"):
        defocus_from_pair_shift(1e-9, 0.0, c3_m=0.0)
    with pytest.raises(InputError, match="does not move"):
        tilt_for_shift(1e-9, c1_m=0.0, c3_m=0.0)
    # All the defocus in one astigmatic direction: across it nothing moves.
    with pytest.raises(InputError, match="No beam tilt"):
        tilt_for_shift_vector((1e-9, 0.0), Aberrations(c1_m=1e-6, a1_m=(1e-6, 0.0)))
