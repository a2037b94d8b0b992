"""The rotation centre against the simulation's truth: it is not the coma-free axis."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from eucentric.calibrate.outcome import Level
from eucentric.calibrate.rotation_centre import _outcome, _solve, measure_rotation_centre
from eucentric.calibration.instrument import Calibration
from eucentric.calibration.quantities import RotationCentre
from eucentric.microscope.simulated.truth import constants
from eucentric.optics.column import Column
from tests.calibrate.optics_scope import optics_scope, tilt_known


def test_the_rotation_centre_is_found_beside_the_coma_free_axis() -> None:
    scope = optics_scope(
        seed=2, column={"coma_free_rad": 0.7e-3, "rotation_centre_rad": 0.5e-3, "image_rotation_rad": 3.14}
    )
    before = scope.state()
    outcome = measure_rotation_centre(scope.guarded, tilt_known(scope, axis=True))
    found, truth = outcome.quantity, constants(scope.inner)
    assert isinstance(found, RotationCentre)
    assert outcome.good is Level.GREEN
    assert np.abs(np.subtract(found.tilt_rad, truth.rotation_centre_rad)).max() < 3.5 * found.tilt_sigma_rad
    assert math.dist(found.tilt_rad, truth.coma_free_rad) > 10 * found.tilt_sigma_rad
    assert scope.state() == before


@pytest.mark.parametrize("degrees", [2.0, -2.0])
def test_a_believed_tilt_that_is_turned_moves_no_centre(degrees: float) -> None:
    """Where the image stands still is a setting of the coils: how their tilt is believed to be turned is fitted.

    Without noise, so the centre comes out exactly; turned the wrong way it would be 4° of 5.8 mrad off, 0.4 mrad.
    """
    centre, pixel, turn = np.array([3e-3, -5e-3]), 0.6e-9, math.radians(degrees)
    (c, s) = (math.cos(turn), math.sin(turn))
    calibration = Calibration("scope", Column(200e3, 2.7e-3), tilt_matrix=((c, s), (-s, c)))
    shots: Any = SimpleNamespace(calibration=calibration, pixel_m=pixel, dose_per_m2=0.0, seconds=0.0)
    seen: list[Any] = []
    for number, tilt in enumerate(((3, 0), (-3, 0), (0, 3), (0, -3)) * 2):
        at = np.array(tilt) * 1e-3
        moved = 2e-6 * (at - centre) / pixel  # the true tilt is the instrument's
        first, second = (SimpleNamespace(tilt_rad=tuple(at), defocus_m=d * 1e-6) for d in (2, 4))
        seconds = 1.0 if number % 2 else 2.0
        both = {"vector": moved, "shift_px": tuple(moved), "covariance_px2": 1e-4 * np.eye(2)}
        seen.append(SimpleNamespace(first=first, second=second, seconds=seconds, **both))
    found = _outcome(seen, _solve(seen, shots), shots, 0.0)
    assert isinstance(found.quantity, RotationCentre)
    assert found.quantity.tilt_rad == pytest.approx(tuple(centre), abs=1e-9)
    for series in found.evidence[0].series:  # the line goes through zero at the centre, points on it
        assert series.fit_x is not None
        assert series.fit_y is not None
        assert np.abs(series.y - np.interp(series.x, series.fit_x, series.fit_y)).max() < 1e-6
