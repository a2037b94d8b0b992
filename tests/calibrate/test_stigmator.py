"""Stigmator response and astigmatism against the simulation's truth, in commanded metres."""

from __future__ import annotations

import numpy as np

from eucentric.calibrate.outcome import Level
from eucentric.calibrate.stigmator import measure_stigmator
from eucentric.calibration.quantities import StigmatorResponse
from eucentric.microscope.simulated.truth import constants
from tests.calibrate.optics_scope import PRESET, optics_scope, tilt_known


def test_response_and_astigmatism_are_found() -> None:
    scope = optics_scope(seed=3, column={"a1_m": 40e-9, "image_rotation_rad": 3.14, "focus_scale": 0.03})
    scope.guarded.set_stigmator((0.95, 0.0))  # a step up would leave the range: it is made downwards
    before = scope.state()
    outcome = measure_stigmator(scope.guarded, tilt_known(scope, axis=True))
    found, truth = outcome.quantity, constants(scope.inner)
    assert isinstance(found, StigmatorResponse)
    assert outcome.good is Level.GREEN
    response = np.array(truth.stigmator_m[PRESET]) / truth.focus_scale
    assert np.abs(found.matrix_m - response).max() < 3.5 * found.matrix_sigma_m
    a1 = np.array(truth.a1_m[PRESET]) / truth.focus_scale + response @ np.array((0.95, 0.0))
    assert np.abs(found.a1_m - a1).max() < 3.5 * found.a1_sigma_m
    assert found.value == (0.95, 0.0)
    assert scope.state() == before
    for series in outcome.evidence[0].series:
        assert series.fit_x is not None
        assert series.fit_y is not None
        assert np.allclose(np.interp(series.x, series.fit_x, series.fit_y), series.y, atol=3.0)  # nm, of ±100
