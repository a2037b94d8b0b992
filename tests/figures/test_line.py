"""The expected line: where a defocus puts the shift, and back."""

from __future__ import annotations

import math

import numpy as np
import pytest

from eucentric.errors import InputError
from eucentric.figures.line import expected_line

PIXEL_M, C3_M, BETA = 0.5e-9, 2.7e-3, 5e-3


def test_defocus_moves_along_the_tilt_by_twice_the_tilt():
    line = expected_line(((0.0, -BETA), (0.0, BETA)), PIXEL_M, c3_m=0.0)
    assert line.unit == pytest.approx((0.0, 1.0))
    # 1 µm · 10 mrad = 10 nm = 20 pixels
    assert line.along_of_um(1.0) == pytest.approx(20.0)
    assert line.defocus_um(20.0) == pytest.approx(1.0)


def test_no_shift_means_minus_c3_beta_squared():
    line = expected_line(((0.0, -BETA), (0.0, BETA)), PIXEL_M, c3_m=C3_M)
    assert line.defocus_um(0.0) == pytest.approx(-C3_M * BETA**2 * 1e6)


def test_a_cross_tilt_leaves_the_direction_and_lifts_the_line():
    cross = 1e-3
    line = expected_line(((cross, -BETA), (cross, BETA)), PIXEL_M, c3_m=C3_M)
    assert line.unit == pytest.approx((0.0, 1.0))
    # C3|β|²β: along 2·C3(β² + c²)β; across the same at both tilts, so no offset
    assert line.offset_px[1] * PIXEL_M == pytest.approx(2 * C3_M * (BETA**2 + cross**2) * BETA)
    assert line.offset_px[0] == pytest.approx(0.0, abs=1e-9)


def test_the_axis_of_pixels_and_the_axis_of_defocus_are_inverse():
    line = expected_line(((-2e-3, 1e-3), (3e-3, 4e-3)), PIXEL_M, c3_m=C3_M)
    places = np.linspace(-500, 500, 7)
    np.testing.assert_allclose(line.along_of_um(line.defocus_um(places)), places)


def test_reach_is_the_shift_without_overlap():
    angle = math.radians(30)
    y, x = BETA * math.sin(angle), BETA * math.cos(angle)
    line = expected_line(((-y, -x), (y, x)), PIXEL_M, c3_m=0.0)
    reach = line.reach_px((512, 1024))
    assert min(abs(reach * line.unit[0]) / 512, abs(reach * line.unit[1]) / 1024) < 1
    assert max(abs(reach * line.unit[0]) / 512, abs(reach * line.unit[1]) / 1024) == pytest.approx(1)


def test_equal_tilts_are_refused():
    with pytest.raises(InputError, match="same tilt"):
        expected_line(((0.0, BETA), (0.0, BETA)), PIXEL_M, c3_m=0.0)
