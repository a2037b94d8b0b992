"""The coma-free axis against the simulation's truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from eucentric.calibrate.coma_free import measure_coma_free
from eucentric.calibrate.outcome import Level
from eucentric.calibrate.shots import believing
from eucentric.calibration.quantities import ComaFreeAxis
from eucentric.errors import CalibrationError
from eucentric.microscope.simulated.truth import constants
from eucentric.optics.column import Column
from tests.calibrate.optics_scope import optics_scope, tilt_known, unknown


@pytest.mark.parametrize("perfect", [True, False], ids=["axis alone", "all default faults"])
def test_the_axis_is_found_and_its_sigma_is_honest(perfect: bool) -> None:
    scope = optics_scope(seed=4, perfect=perfect, column={"coma_free_rad": 0.7e-3})
    before = scope.state()
    outcome = measure_coma_free(scope.guarded, tilt_known(scope))
    found = outcome.quantity
    assert isinstance(found, ComaFreeAxis)
    assert outcome.good is Level.GREEN
    true = constants(scope.inner).coma_free_rad
    assert math.dist(found.tilt_rad, true) < 0.1e-3  # the product's bar
    assert np.abs(np.subtract(found.tilt_rad, true)).max() < 3.5 * found.tilt_sigma_rad  # the larger of two components
    assert scope.state() == before
    (series,) = outcome.evidence[0].series
    assert series.fit_x is not None
    assert series.fit_y is not None
    assert len(series.x) == 12
    # Centred on the axis nothing even is left but noise: 0.02 px of a model, 0.03 px of two images, in nm.
    assert np.abs(series.y - np.interp(series.x, series.fit_x, series.fit_y)).max() < 5 * 0.036 * 0.6


def test_without_cs_the_axis_is_not_told_but_b2_is() -> None:
    """With C3 = 0 tilts see no axis, and the lens has no coma: B2 = 0 within its error."""
    scope = optics_scope(seed=4, column={"c3_m": 0.0})
    known = believing(tilt_known(scope), column=Column(scope.inner.voltage_v, 0.0))
    outcome = measure_coma_free(scope.guarded, known)
    found = outcome.quantity
    assert isinstance(found, ComaFreeAxis)
    assert outcome.good is Level.AMBER
    assert "Cs is too small" in outcome.sentence
    assert found.tilt_sigma_rad >= 1e-3
    assert max(map(abs, found.b2_m)) < 3.5 * found.b2_sigma_m


def test_it_names_the_calibration_that_it_needs() -> None:
    scope = optics_scope()
    with pytest.raises(CalibrationError, match="tilt-response"):
        measure_coma_free(scope.guarded, unknown(scope))
