"""The rotation centre against the simulation's truth: it is not the coma-free axis."""

from __future__ import annotations

import math

import numpy as np

from eucentric.calibrate.outcome import Level
from eucentric.calibrate.rotation_centre import measure_rotation_centre
from eucentric.calibration.quantities import RotationCentre
from eucentric.microscope.simulated.truth import constants
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
