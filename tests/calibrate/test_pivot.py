"""The pivot point where the beam's edge is in view, and honest words where it is not."""

from __future__ import annotations

import numpy as np

from eucentric.calibrate.outcome import Level
from eucentric.calibrate.pivot import half_light, measure_pivot
from eucentric.calibration.quantities import PivotPoint
from eucentric.microscope.simulated.truth import constants
from tests.calibrate.optics_scope import PRESET, optics_scope, tilt_known


def test_the_lit_area_is_followed_by_its_edge() -> None:
    """154 nm of view in a disc of 130 nm radius: at 4 mrad it moves 80 nm, and the edge comes in."""
    column = {"pivot_m_per_rad": 20e-6, "image_rotation_rad": 3.14, "illumination_gradient": 0.05}
    scope = optics_scope(seed=5, column=column, fa={"lit_radius_m": 130e-9})
    before = scope.state()
    outcome = measure_pivot(scope.guarded, tilt_known(scope, axis=True))
    found = outcome.quantity
    assert isinstance(found, PivotPoint)
    assert outcome.good is Level.AMBER
    assert "pivot points" in outcome.sentence
    true = np.array(constants(scope.inner).pivot_m_per_rad[PRESET])
    assert np.abs(np.array(found.matrix_m_per_rad) - true).max() < 3 * found.sigma_m_per_rad
    assert found.sigma_m_per_rad < 0.05 * np.linalg.norm(true, ord=2)
    assert scope.state() == before


def test_without_an_edge_nothing_is_claimed() -> None:
    scope = optics_scope(seed=5, column={"pivot_m_per_rad": 5e-6})
    outcome = measure_pivot(scope.guarded, tilt_known(scope, axis=True))
    assert outcome.quantity is None
    assert outcome.good is Level.AMBER
    assert "not in view" in outcome.sentence


def test_half_of_the_light_is_found_between_cells() -> None:
    """A slope from 1 to 0 over ten cells crosses 0.35 at 6.5."""
    light = np.tile(np.clip(1 - np.arange(20) / 10, 0, 1), (4, 1))
    points = half_light(light, 0.35)
    assert np.allclose(points[:, 1], 6.5)
    assert sorted(points[:, 0]) == [0, 1, 2, 3]
