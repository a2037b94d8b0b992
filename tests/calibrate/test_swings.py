"""The line of vectors through swings of the stage, in closed form."""

from __future__ import annotations

import cmath
import math

import pytest

from eucentric.calibrate.swings import Swing, fit_one, fit_swings
from eucentric.errors import NotMeasuredError

PIXEL_M = 5e-9
T = math.radians(1)
RISE = 2 * math.tan(T)
P = cmath.rect(1 / PIXEL_M, 0.7)


def swings(z0_m: float, sideways: complex, heights: tuple[float, ...]) -> tuple[Swing, ...]:
    """d = p·(z − z₀)·2 tan t + sideways motion (m per rad of tilt)."""
    return tuple(Swing(z, (P * (z - z0_m) + sideways / PIXEL_M) * RISE, 1.0, RISE, 0.0) for z in heights)


def test_slope_and_zero_of_the_line() -> None:
    fit = fit_swings(swings(12e-6, 0j, (-30e-6, 0.0, 30e-6)), pixel_m=PIXEL_M)
    assert fit.slope_px_per_m == pytest.approx(P, rel=1e-9)
    assert fit.z_m == pytest.approx(12e-6, abs=1e-12)
    assert fit.across_m == pytest.approx(0.0, abs=1e-12)
    # One swing of 1 px has 1/(|p|·2 tan t) = 143 nm of height; of three, 83 nm and the lever of 12 µm.
    one = PIXEL_M / RISE
    assert fit.z_sigma_m == pytest.approx(one * math.hypot(1 / math.sqrt(3), 12 / (30 * math.sqrt(2))), rel=1e-3)


def test_sideways_motion_along_p_is_a_height_and_across_it_shows() -> None:
    """Tied: r along p moves z₀ by −r; r across it moves nothing, and is told."""
    unit = P / abs(P)
    along = fit_swings(swings(0.0, 2e-6 * unit, (-30e-6, 30e-6)), pixel_m=PIXEL_M)
    assert along.z_m == pytest.approx(-2e-6, abs=1e-12)
    assert along.across_m == pytest.approx(0.0, abs=1e-12)
    across = fit_swings(swings(0.0, 2e-6j * unit, (-30e-6, 30e-6)), pixel_m=PIXEL_M)
    assert across.z_m == pytest.approx(0.0, abs=1e-12)
    assert across.across_m == pytest.approx(2e-6, rel=1e-9)


def test_what_is_expected_of_the_next_swing() -> None:
    known = swings(5e-6, 3e-6j, (-30e-6, 10e-6, 30e-6))
    fit = fit_swings(known, pixel_m=PIXEL_M)
    further = swings(5e-6, 3e-6j, (50e-6,))[0]
    expected, sigma = fit.expects(50e-6, RISE)
    assert expected == pytest.approx(further.moved_px, rel=1e-9)
    assert sigma < 2


def test_one_swing_tells_the_zero_where_the_slope_is_known() -> None:
    fit = fit_one(swings(7e-6, 0j, (40e-6,))[0], P, 0.01 * abs(P), pixel_m=PIXEL_M)
    assert fit.z_m == pytest.approx(7e-6, abs=1e-12)
    assert fit.z_sigma_m == pytest.approx(math.hypot(PIXEL_M / RISE, 0.01 * 33e-6), rel=1e-6)


def test_a_stage_that_does_not_move_is_said() -> None:
    still = tuple(Swing(z, 40 + 3j, 1.0, RISE, 0.0) for z in (-30e-6, 0.0, 30e-6))
    with pytest.raises(NotMeasuredError, match="lever is not seen"):
        fit_swings(still, pixel_m=PIXEL_M)
