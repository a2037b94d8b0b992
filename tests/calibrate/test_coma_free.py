"""The coma-free axis against the simulation's truth."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from eucentric.calibrate.coma_free import _outcome, _Round, measure_coma_free
from eucentric.calibrate.outcome import Level
from eucentric.calibrate.shots import believing
from eucentric.calibration.believed import AXIS_UNKNOWN_RAD
from eucentric.calibration.instrument import Calibration
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
    assert found.tilt_sigma_rad >= AXIS_UNKNOWN_RAD
    assert max(map(abs, found.b2_m)) < 3.5 * found.b2_sigma_m


def test_it_names_the_calibration_that_it_needs() -> None:
    scope = optics_scope()
    with pytest.raises(CalibrationError, match="eucentric calibrate tilt --preset fa"):
        measure_coma_free(scope.guarded, unknown(scope))


@pytest.mark.parametrize(
    ("c3_m", "sigma_rad", "good", "says"),
    [
        (0.01e-3, 6e-3, Level.AMBER, "Cs is too small"),  # 60 nm of 10 µm per rad
        (1e-9, 20e-3, Level.AMBER, "Cs is too small"),  # further than any tilt: nowhere
        (0.0, AXIS_UNKNOWN_RAD, Level.AMBER, "Cs is too small"),
        (0.05e-3, AXIS_UNKNOWN_RAD, Level.AMBER, "Cs is too small"),  # 1.2 mrad by B2, but nobody aligned it
        (0.1e-3, None, Level.RED, "not good enough"),  # 0.6 mrad: told
    ],
)
def test_an_axis_that_is_not_told_is_as_uncertain_as_it_is(
    c3_m: float, sigma_rad: float | None, good: Level, says: str
) -> None:
    found = told(c3_m, b2_sigma_m=60e-9)
    assert isinstance(found.quantity, ComaFreeAxis)
    assert (found.good, says in found.sentence) == (good, True)
    if sigma_rad is not None:
        assert found.quantity.tilt_rad == (0.0, 0.0)
        assert found.quantity.tilt_sigma_rad == pytest.approx(sigma_rad)
        assert "B2 is 100 / -200 nm" in found.sentence


def test_noise_is_not_called_a_small_cs() -> None:
    found = told(2.7e-3, b2_sigma_m=5e-6)
    assert found.good is Level.RED
    assert "too noisy" in found.sentence
    assert "Cs is too small" not in found.sentence


def told(c3_m: float, b2_sigma_m: float) -> Any:
    """What is made of B2 = (100, −200) nm ± `b2_sigma_m`, seen from the centre."""
    values, sigma = np.array([0.0, 0.0, 100e-9, -200e-9]), np.array([1e-9, 1e-9, b2_sigma_m, b2_sigma_m])
    fit = SimpleNamespace(values=values, covariance=np.diag(sigma**2), rest=np.zeros(0))
    calibration = Calibration("scope", Column(200e3, c3_m))
    shots: Any = SimpleNamespace(calibration=calibration, pixel_m=0.6e-9, dose_per_m2=0.0, seconds=0.0)
    found: Any = _Round((0.0, 0.0), fit, [])  # type: ignore[arg-type]
    return _outcome(found, shots, 0.0)
