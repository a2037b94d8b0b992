"""The stretch of a tilted specimen's images, against where each point of the specimen is seen by the lens' formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucentric.errors import InputError
from eucentric.optics.aberrations import Aberrations, direction, image_shift
from eucentric.optics.column import Column
from eucentric.optics.pair import PairOptics
from eucentric.optics.stretch import defocus_spread_m, stage_slope, stretch_of

PIXEL_M = 0.3e-9
COLUMN = Column(voltage_v=200e3, c3_m=2.7e-3)
ROUNDING_PX = 1e-8
"""Of pixels in the thousands, in double precision, with some cancellation."""

tilts = st.tuples(st.floats(-20e-3, 20e-3), st.floats(-20e-3, 20e-3))
slopes = st.tuples(st.floats(-2, 2), st.floats(-2, 2)).filter(lambda s: s != (0.0, 0.0))
defoci = st.floats(-20e-6, 20e-6)


def seen(pair: PairOptics, tilt: tuple[float, float], point: np.ndarray, c1_m: float) -> np.ndarray:
    """Where (y, x) in pixels the image of a tilt shows the specimen's point (y, x): ∇W at the defocus of that point."""
    local = c1_m + (pair.slope[0] * point[0] + pair.slope[1] * point[1]) * pair.pixel_m
    moved = complex(image_shift(direction(tilt), pair.at(local))) / pair.pixel_m
    return point + np.array([moved.imag, moved.real])


def some_pair(first: tuple[float, float], second: tuple[float, float], slope: tuple[float, float]) -> PairOptics:
    lens = Aberrations(a1_m=(30e-9, -20e-9), b2_m=(1e-6, 2e-6))
    return PairOptics(PIXEL_M, COLUMN, first, second, lens=lens, slope=slope)


@given(tilts, tilts, slopes, defoci, st.tuples(st.floats(-2000, 2000), st.floats(-2000, 2000)))
def test_every_point_is_displaced_alike_in_the_unstretched_images(first, second, slope, c1_m, place):
    """p stands at A⁻¹r in J, and the displacement there is that of the middle."""
    if np.hypot(*np.subtract(first, second)) < 1e-4:
        return
    pair = some_pair(first, second, slope)
    stretch = stretch_of(pair)
    assert stretch is not None
    for tilt, matrix in ((first, stretch.first), (second, stretch.second)):
        here = np.linalg.solve(matrix, seen(pair, tilt, np.array(place), c1_m)) - np.array(place)
        middle = np.linalg.solve(matrix, seen(pair, tilt, np.zeros(2), c1_m))
        assert np.allclose(here, middle, rtol=0, atol=ROUNDING_PX)


@given(tilts, tilts, slopes, defoci)
def test_the_shift_of_the_centre_is_exact(first, second, slope, c1_m):
    """From s' = A₂⁻¹d₂ − A₁⁻¹d₁ back to d₂ − d₁, whatever the tilts, with C3, A1 and B2 known."""
    if np.hypot(*np.subtract(first, second)) < 1e-4:
        return
    pair = some_pair(first, second, slope)
    stretch = stretch_of(pair)
    assert stretch is not None
    d = [seen(pair, tilt, np.zeros(2), c1_m) for tilt in (first, second)]
    found = np.linalg.solve(stretch.second, d[1]) - np.linalg.solve(stretch.first, d[0])
    centre = stretch.at_centre((float(found[0]), float(found[1])))
    assert np.allclose(centre, d[1] - d[0], rtol=1e-9, atol=ROUNDING_PX)
    assert pair.defocus_of(centre) == pytest.approx(c1_m, abs=1e-12)
    assert np.allclose(stretch.mean_displacement(centre), 0.5 * (d[0] + d[1]), rtol=1e-8, atol=1e-6)


def test_the_covariance_goes_the_way_of_the_shift():
    """J cov Jᵀ with the Jacobian taken from the map itself, which is affine: differences over one pixel are exact."""
    stretch = stretch_of(some_pair((0.0, 0.0), (15e-3, 9e-3), (1.5, -0.7)))
    assert stretch is not None
    zero = np.array(stretch.at_centre((0.0, 0.0)))
    jacobian = np.stack(
        [np.array(stretch.at_centre((1.0, 0.0))) - zero, np.array(stretch.at_centre((0.0, 1.0))) - zero], axis=1
    )
    covariance = np.array([[2.0, 0.3], [0.3, 0.5]])
    assert np.allclose(stretch.covariance_at_centre(covariance), jacobian @ covariance @ jacobian.T)


@given(tilts, tilts, slopes, st.tuples(st.floats(-300, 300), st.floats(-300, 300)))
def test_swapped_images_give_the_opposite_shift(first, second, slope, shift):
    if np.hypot(*np.subtract(first, second)) < 1e-4:
        return
    one, other = (stretch_of(some_pair(a, b, slope)) for a, b in ((first, second), (second, first)))
    assert one is not None
    assert other is not None
    back = other.at_centre((-shift[0], -shift[1]))
    assert np.allclose(one.at_centre(shift), (-back[0], -back[1]), atol=ROUNDING_PX)


def test_a_camera_pattern_is_where_both_images_have_it():
    """The pixel r shows in J₁ at A₁⁻¹r and in J₂ at A₂⁻¹r."""
    stretch = stretch_of(some_pair((0.0, -5e-3), (1e-3, 5e-3), (1.0, 0.4)))
    assert stretch is not None
    pixel = np.array([200.0, -150.0])
    apart = np.linalg.solve(stretch.second, pixel) - np.linalg.solve(stretch.first, pixel)
    assert np.allclose(stretch.pattern @ pixel, apart)


@pytest.mark.parametrize(
    ("axis_deg", "slope"),
    [(0.0, (1.0, 0.0)), (90.0, (0.0, -1.0)), (180.0, (-1.0, 0.0)), (-90.0, (0.0, 1.0))],
)
def test_defocus_grows_a_quarter_turn_further_than_the_tilt_axis(axis_deg, slope):
    """tan 45° = 1; a quarter turn from +x towards +y is +y, from +y it is −x."""
    assert np.allclose(stage_slope(math.radians(45), math.radians(axis_deg)), slope, atol=1e-12)
    mirrored = stage_slope(math.radians(-45), math.radians(axis_deg))
    assert np.allclose(mirrored, np.negative(slope), atol=1e-12)


def test_the_spread_of_defocus_is_the_rms_over_the_image():
    pair = some_pair((0.0, -5e-3), (0.0, 5e-3), (1.2, -0.5))
    y, x = np.mgrid[:200, :300]
    c1 = (1.2 * y - 0.5 * x) * PIXEL_M
    assert defocus_spread_m(pair, (200, 300)) == pytest.approx(c1.std(), rel=1e-4)  # pixels: 1/2·200² of itself


def test_without_a_slope_there_is_no_stretch():
    assert stretch_of(some_pair((0.0, -5e-3), (0.0, 5e-3), (0.0, 0.0))) is None


def test_a_wall_is_no_specimen():
    with pytest.raises(InputError, match="80°"):
        stretch_of(some_pair((0.0, -5e-3), (0.0, 5e-3), (60.0, 0.0)))
