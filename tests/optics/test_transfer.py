"""Symmetries of the tilted transfer, and what a pair has in common."""

import cmath
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from eucentric.optics.aberrations import Aberrations, Tilt
from eucentric.optics.column import Column
from eucentric.optics.tilt_shift import shift_between
from eucentric.optics.transfer import TiltedPair, coma_phase, pair_contrast, pair_phase, pair_product, tilted_transfer

_angle = st.floats(-10e-3, 10e-3)
tilts = st.tuples(_angle, _angle)
_micrometre = st.floats(-2e-6, 2e-6)
lenses = st.builds(
    Aberrations,
    c1_m=_micrometre,
    a1_m=st.tuples(_micrometre, _micrometre),
    b2_m=st.tuples(_micrometre, _micrometre),
    c3_m=st.floats(0, 3e-3),
)
columns = st.builds(
    Column,
    voltage_v=st.sampled_from([100e3, 200e3, 300e3]),
    c3_m=st.just(2.7e-3),
    convergence_rad=st.floats(0, 0.2e-3),
    focal_spread_m=st.floats(0, 10e-9),
    amplitude_contrast=st.floats(0, 0.3),
    aperture_rad=st.none() | st.floats(5e-3, 30e-3),
    aperture_centre_rad=st.tuples(st.floats(-3e-3, 3e-3), st.floats(-3e-3, 3e-3)),
)

# χ here is below 2π/λ·(½·4e-6·θ² + |B2'|θ³ + ¼C3θ⁴) < 2e4 rad at 4 /nm and 100 kV, known to 1e-16 of itself times a
# dozen terms: T ≤ 2 is known to 1e-10.
_ROUNDING = 1e-10


def _frequencies() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fixed odd places: none lies on the edge of an aperture that a search could find."""
    rng = np.random.default_rng(1)
    return rng.uniform(-2.7e9, 2.7e9, 50), rng.uniform(-2.7e9, 2.7e9, 50)


QX, QY = _frequencies()


@given(lenses, tilts, columns)
def test_the_image_is_real(lens: Aberrations, tilt: Tilt, column: Column) -> None:
    there, opposite = (tilted_transfer(s * QX, s * QY, tilt, lens, column) for s in (1, -1))
    assert np.abs(opposite - np.conj(there)).max() <= _ROUNDING


@given(lenses, tilts, columns)
def test_without_coma_the_opposite_tilt_is_the_mirror_image(lens: Aberrations, tilt: Tilt, column: Column) -> None:
    even, centred = replace(lens, b2_m=(0.0, 0.0)), replace(column, aperture_centre_rad=(0.0, 0.0))
    there = tilted_transfer(QX, QY, tilt, even, centred)
    back = tilted_transfer(QX, QY, (-tilt[0], -tilt[1]), even, centred)
    assert np.abs(back - np.conj(there)).max() <= _ROUNDING


@given(lenses, tilts, st.floats(-np.pi, np.pi))
def test_turning_everything_turns_the_transfer(lens: Aberrations, tilt: Tilt, angle: float) -> None:
    column = Column(voltage_v=300e3, c3_m=2.7e-3)  # round: an aperture's edge would round either way
    turn = cmath.exp(1j * angle)
    a1, b2 = complex(*lens.a1_m) * turn**2, complex(*lens.b2_m) / turn
    turned = replace(lens, a1_m=(a1.real, a1.imag), b2_m=(b2.real, b2.imag))
    q, beta = (QX + 1j * QY) * turn, complex(tilt[1], tilt[0]) * turn
    there = tilted_transfer(q.real, q.imag, (beta.imag, beta.real), turned, column)
    assert np.abs(there - tilted_transfer(QX, QY, tilt, lens, column)).max() <= _ROUNDING


@given(lenses, tilts, tilts, columns)
def test_the_pair_is_the_two_transfers_without_the_ramp(
    lens: Aberrations, first: Tilt, second: Tilt, column: Column
) -> None:
    pair = TiltedPair(first, second, lens, column)
    one, two = (tilted_transfer(QX, QY, t, lens, column) for t in (first, second))
    dy, dx = shift_between(first, second, lens)
    without_ramp = np.conj(one) * two * np.exp(2j * np.pi * (QX * dx + QY * dy))
    product = pair_product(QX, QY, pair)
    assert np.abs(product - without_ramp).max() <= 4 * _ROUNDING
    assert np.abs(np.abs(product) * np.exp(1j * pair_phase(QX, QY, pair)) - product).max() <= _ROUNDING
    in_phase = (product * np.exp(-1j * coma_phase(QX, QY, pair))).real
    assert np.abs(pair_contrast(QX, QY, pair) - in_phase).max() <= _ROUNDING


@given(lenses, tilts, tilts, columns)
def test_swapping_the_images_conjugates_the_pair(lens: Aberrations, first: Tilt, second: Tilt, column: Column) -> None:
    there, back = TiltedPair(first, second, lens, column), TiltedPair(second, first, lens, column)
    assert np.abs(pair_product(QX, QY, there) - np.conj(pair_product(QX, QY, back))).max() <= _ROUNDING
    assert pair_contrast(QX, QY, there) == pytest.approx(pair_contrast(QX, QY, back), abs=_ROUNDING)


def test_a_symmetric_pair_has_the_coma_of_the_design_and_no_reversal() -> None:
    column = Column(voltage_v=200e3, c3_m=2.7e-3, convergence_rad=0.0, focal_spread_m=0.0)
    beta = 5e-3
    pair = TiltedPair((0.0, -beta), (0.0, beta), Aberrations(c1_m=-1e-6, c3_m=2.7e-3), column)
    theta_x, theta_y = column.wavelength_m * QX, column.wavelength_m * QY
    coma = 2 * np.pi / column.wavelength_m * 2.7e-3 * (theta_x**2 + theta_y**2) * theta_x * 2 * beta
    assert coma_phase(QX, QY, pair) == pytest.approx(-coma, rel=1e-9)
    assert np.abs(coma).max() > np.pi  # it does move peaks
    assert pair_contrast(QX, QY, pair).min() >= -_ROUNDING


def test_a_misaligned_axis_reverses_contrast_somewhere() -> None:
    column = Column(voltage_v=200e3, c3_m=2.7e-3)
    pair = TiltedPair((0.0, -3e-3), (0.0, 7e-3), Aberrations(c1_m=-0.3e-6, c3_m=2.7e-3), column)
    contrast = pair_contrast(QX, QY, pair)
    assert contrast.min() < 0 < contrast.max()


def test_the_aperture_cuts_each_sideband_where_it_lies() -> None:
    """A frequency along x at 8 mrad under a tilt of 5 mrad: its sidebands lie at 13 and −3 mrad."""
    open_column = Column(voltage_v=200e3, c3_m=0.0, convergence_rad=0.0, focal_spread_m=0.0, amplitude_contrast=0.0)
    q, tilt, lens = np.array([8e-3 / open_column.wavelength_m]), (0.0, 5e-3), Aberrations(c1_m=0.3e-6)

    def modulus(radius: float, centre: Tilt) -> float:
        column = replace(open_column, aperture_rad=radius, aperture_centre_rad=centre)
        return float(np.abs(tilted_transfer(q, np.zeros(1), tilt, lens, column))[0])

    both = float(np.abs(tilted_transfer(q, np.zeros(1), tilt, lens, open_column))[0])
    assert modulus(14e-3, (0.0, 0.0)) == pytest.approx(both)
    assert modulus(12e-3, (0.0, 0.0)) == pytest.approx(1.0)  # one sideband left: no Thon rings
    assert modulus(9e-3, (0.0, 5e-3)) == pytest.approx(both)  # centred on the beam both pass again
    assert modulus(7.5e-3, (0.0, 5e-3)) == 0  # both cut
    assert modulus(4e-3, (0.0, -3e-3)) == 0  # the sideband passes, the beam does not: dark field, not linear
