"""Settling of the tilt: seen where there is some, bounded where there is none."""

from __future__ import annotations

import pytest

from eucentric.calibrate.outcome import Level
from eucentric.calibrate.settling import measure_settling
from eucentric.calibration.quantities import TiltSettling
from eucentric.microscope.simulated.truth import constants
from tests.calibrate.optics_scope import optics_scope, tilt_known


@pytest.mark.parametrize("time_s", [0.04, 0.3])
def test_a_slow_coil_is_seen(time_s: float) -> None:
    scope = optics_scope(column={"tilt_settling_s": time_s})
    before = scope.state()
    outcome = measure_settling(scope.guarded, tilt_known(scope))
    found, truth = outcome.quantity, constants(scope.inner)
    assert isinstance(found, TiltSettling)
    assert found.time_s == pytest.approx(time_s, abs=3 * found.time_sigma_s)
    # 0.19 % of a step of 200 px is 0.4 px, seen to 0.02 px in each of two images.
    assert found.left_at_return == pytest.approx(truth.tilt_left_at_return, rel=0.15)
    assert abs(found.left_at_return - truth.tilt_left_at_return) < 3.5 * found.left_sigma
    assert outcome.good is (Level.GREEN if time_s < 0.1 else Level.RED)
    assert ("settle time" in outcome.sentence) is (time_s > 0.1)
    assert scope.state() == before


def test_a_quick_one_is_bounded() -> None:
    scope = optics_scope()
    outcome = measure_settling(scope.guarded, tilt_known(scope))
    found = outcome.quantity
    assert isinstance(found, TiltSettling)
    assert outcome.good is Level.GREEN
    assert found.left_at_return < 1e-3
    assert 0 < found.left_sigma < 1e-3
    assert found.time_s + found.time_sigma_s < 0.06  # what leaves exp(−0.25/0.06) = 1.5 % is excluded
    assert outcome.sentence.startswith("Less than")
