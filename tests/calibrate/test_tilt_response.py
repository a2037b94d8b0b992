"""Tilt response from nothing: against the simulation's truth, one fault on at a time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from eucentric.calibrate.outcome import Level
from eucentric.calibrate.tilt_response import TiltResponsePlan, measure_tilt_response
from eucentric.calibration.quantities import TiltResponse
from eucentric.errors import NotMeasuredError
from eucentric.microscope.simulated.truth import constants
from tests.calibrate.optics_scope import PRESET, optics_scope, scale_and_turn, unknown

# Half of the bars that the product promises (0.5 % and 0.3°).
SCALE, TURN_RAD = 0.0025, math.radians(0.15)


def _measured(scope: Any) -> TiltResponse:
    outcome = measure_tilt_response(scope.guarded, unknown(scope))
    assert isinstance(outcome.quantity, TiltResponse)
    assert outcome.good is Level.GREEN
    return outcome.quantity


@pytest.mark.parametrize(
    "faults",
    [
        {"column": {"image_rotation_rad": 3.14, "tilt_scale": 0.05, "tilt_rotation_rad": 0.09}},
        {"column": {"tilt_cubic": 50.0, "tilt_settling_s": 0.04}},
        {"column": {"hysteresis": 0.01, "focus_scale": 0.01, "coma_free_rad": 0.7e-3}},
    ],
    ids=["turned", "cubic", "hysteresis and axis"],
)
def test_an_unknown_instrument_tells_its_response(faults: dict[str, Any]) -> None:
    scope = optics_scope(height_m=1e-6, **faults)
    before = scope.state()
    found = _measured(scope)
    assert scope.state() == before
    truth = constants(scope.inner)
    scale, turn = scale_and_turn(found.matrix_px_per_rad_m, truth.tilt_response_px_per_rad_m[PRESET])
    assert abs(scale) < min(SCALE, 3 * found.scale_sigma)
    assert abs(turn) < min(TURN_RAD, 3 * found.rotation_sigma_rad)
    assert abs(found.cubic_per_rad2 - truth.tilt_cubic_per_rad2) < 3 * found.cubic_sigma_per_rad2


def test_with_all_default_faults_the_stated_sigma_is_honest() -> None:
    scope = optics_scope(seed=11, perfect=False, height_m=-1e-6)
    found = _measured(scope)
    scale, turn = scale_and_turn(found.matrix_px_per_rad_m, constants(scope.inner).tilt_response_px_per_rad_m[PRESET])
    assert abs(scale) < min(0.005, 3 * found.scale_sigma)
    assert abs(turn) < min(math.radians(0.3), 3 * found.rotation_sigma_rad)


def test_what_is_handed_back_can_be_drawn_and_counted() -> None:
    scope = optics_scope(height_m=1e-6)
    told: list[float] = []
    outcome = measure_tilt_response(
        scope.guarded, unknown(scope), TiltResponsePlan(settle_s=0.0), progress=lambda _what, part: told.append(part)
    )
    (figure,) = outcome.evidence
    for series in figure.series:
        assert len(series.x) == len(series.y) == 4
        assert series.fit_x is not None
        assert series.fit_y is not None
        # The points lie on the line: a pixel in some 180.
        assert np.allclose(np.interp(series.x, series.fit_x, series.fit_y), series.y, atol=1.0)
    assert told == sorted(told)
    # 12 for the first look, 24 in the series, 5 e/Å² each.
    assert outcome.dose_per_m2 == pytest.approx(36 * 5e20)
    assert outcome.seconds > 36 * 0.8  # exposure and readout


def test_far_from_focus_it_says_so_instead_of_guessing() -> None:
    scope = optics_scope(height_m=150e-6)  # 1.5 µm of shift at the first tilt, 0.4 at the last; the view is 0.15 µm
    before = scope.state()
    with pytest.raises(NotMeasuredError, match="nearer to focus"):
        measure_tilt_response(scope.guarded, unknown(scope))
    assert scope.state() == before
