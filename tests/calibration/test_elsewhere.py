"""What a calibration is worth elsewhere: with the lens away from where it was made."""

from __future__ import annotations

import math

import pytest

from eucentric.calibration.elsewhere import away_from
from eucentric.calibration.instrument import Uncertainty


def test_a_lens_away_from_eucentric_focus_turns_and_scales_the_tilts() -> None:
    """1 %, 1° and 0.3 mrad per 100 µm, either way."""
    exact = Uncertainty(tilt_scale=0.0, tilt_rotation_rad=0.0, axis_rad=0.0)
    for excursion_m in (100e-6, -100e-6):
        there = away_from(exact, excursion_m)
        assert there.tilt_scale == pytest.approx(0.01)
        assert there.tilt_rotation_rad == pytest.approx(math.radians(1))
        assert there.axis_rad == pytest.approx(0.3e-3)
    assert away_from(exact, 0.0) == exact
