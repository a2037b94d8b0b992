"""W, its gradient, and the lens as seen about another axis."""

import cmath
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucentric.optics.aberrations import Aberrations, about_axis, direction, image_shift, wave_aberration

_angle = st.floats(-20e-3, 20e-3)
_tilt = st.tuples(_angle, _angle)
_micrometre = st.floats(-5e-6, 5e-6)
lenses = st.builds(
    Aberrations,
    c1_m=_micrometre,
    a1_m=st.tuples(_micrometre, _micrometre),
    b2_m=st.tuples(st.floats(-20e-6, 20e-6), st.floats(-20e-6, 20e-6)),
    c3_m=st.floats(-3e-3, 3e-3),
)

# The largest W of these lenses is below 3e-3/4 · 0.06⁴ m; sums of a few such numbers round at 1e-15 of it.
_W_ROUNDING_M = 1e-22


@given(lenses, _tilt)
def test_the_image_shift_is_the_gradient_of_w(lens: Aberrations, tilt: tuple[float, float]) -> None:
    omega, step = direction(tilt), 1e-5
    slope_x = (wave_aberration(omega + step, lens) - wave_aberration(omega - step, lens)) / (2 * step)
    slope_y = (wave_aberration(omega + 1j * step, lens) - wave_aberration(omega - 1j * step, lens)) / (2 * step)
    shift = complex(image_shift(omega, lens))
    # A central difference is wrong by W'''·step²/6; W''' ≤ 6·C3·|ω| + 6·|B2| < 1e-3.
    allowed = 1e-3 * step**2 / 6 + _W_ROUNDING_M / step
    assert abs(shift - complex(slope_x, slope_y)) <= allowed


@given(lenses, _tilt, _tilt)
def test_about_an_axis_w_is_w_less_its_value_and_ramp(
    lens: Aberrations, axis: tuple[float, float], offset: tuple[float, float]
) -> None:
    centre, omega = direction(axis), direction(offset)
    ramp = (complex(image_shift(centre, lens)).conjugate() * omega).real
    expected = wave_aberration(centre + omega, lens) - wave_aberration(centre, lens) - ramp
    assert abs(float(wave_aberration(omega, about_axis(lens, centre)) - expected)) <= _W_ROUNDING_M


@given(lenses, _tilt, _tilt)
def test_going_to_an_axis_and_back_changes_nothing(
    lens: Aberrations, axis: tuple[float, float], probe: tuple[float, float]
) -> None:
    there = about_axis(about_axis(lens, direction(axis)), -direction(axis))
    difference = float(wave_aberration(direction(probe), there) - wave_aberration(direction(probe), lens))
    assert abs(difference) <= _W_ROUNDING_M


@given(lenses, _tilt, st.floats(-np.pi, np.pi))
def test_turning_lens_and_direction_together_changes_nothing(
    lens: Aberrations, tilt: tuple[float, float], angle: float
) -> None:
    turn = cmath.exp(1j * angle)
    a1, b2 = complex(*lens.a1_m) * turn**2, complex(*lens.b2_m) / turn
    turned = replace(lens, a1_m=(a1.real, a1.imag), b2_m=(b2.real, b2.imag))
    omega = direction(tilt)
    assert float(wave_aberration(omega * turn, turned)) == pytest.approx(
        float(wave_aberration(omega, lens)), abs=_W_ROUNDING_M
    )


def test_a_coma_free_axis_off_the_optical_one_is_an_axial_coma() -> None:
    c3, axis = 2.7e-3, complex(2e-3, -1e-3)
    seen = about_axis(Aberrations(c3_m=c3), -axis)  # the coma-free axis lies at +axis from there
    assert complex(*seen.b2_m) == pytest.approx(-c3 * axis.conjugate())
    assert seen.c1_m == pytest.approx(2 * c3 * abs(axis) ** 2)
    assert complex(*seen.a1_m) == pytest.approx(c3 * axis**2)


def test_a_misaligned_pair_differs_in_defocus_as_the_design_says() -> None:
    # 2 mrad along a 10 mrad tilt, Cs 2.7 mm: 0.65 µm between the images, along the tilt.
    lens = Aberrations(c3_m=2.7e-3)
    along = [about_axis(lens, beta) for beta in (12e-3 + 0j, -8e-3 + 0j)]
    difference = (along[0].c1_m + along[0].a1_m[0]) - (along[1].c1_m + along[1].a1_m[0])
    assert difference == pytest.approx(3 * 2.7e-3 * (144e-6 - 64e-6))
    assert difference == pytest.approx(0.65e-6, abs=0.005e-6)  # as printed
