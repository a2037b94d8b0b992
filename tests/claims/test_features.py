"""The place and height of a feature are those that the simulated microscope itself shows."""

from __future__ import annotations

import math

import pytest

from benchmarks.features import Feature
from eucentric.microscope.registry import open_microscope
from eucentric.microscope.simulated.truth import height_at


@pytest.mark.parametrize("degrees", [-45.0, -9.0, 0.0, 30.0])
def test_what_lies_in_the_middle_is_there_and_as_high(degrees: float) -> None:
    """A picometre: the steps by which the line of sight is solved on the waving film."""
    scope = open_microscope("simulated", seed=5, size=64, magnitudes={"specimen": {"height_m": 2e-6}})
    scope.set_preset("fa")
    scope.move_stage(alpha_rad=math.radians(degrees))
    scope.set_image_shift((0.4e-6, -0.3e-6))
    seen = Feature.in_the_middle(scope).seen(scope)
    assert seen.away_m < 1e-12
    assert seen.height_m == pytest.approx(height_at(scope), abs=1e-12)


def test_an_image_shift_moves_it_by_its_length() -> None:
    scope = open_microscope("simulated", seed=5, size=64, magnitudes={"specimen": {"height_m": 2e-6}})
    scope.set_preset("fa")
    feature = Feature.in_the_middle(scope)
    scope.set_image_shift((0.4e-6, -0.3e-6))
    assert feature.seen(scope).away_m == pytest.approx(0.5e-6, rel=1e-9)


def test_a_tilt_moves_and_lifts_it_by_its_height() -> None:
    """Without faults: −h sin α across the tilt axis, h cos α high."""
    scope = open_microscope("simulated", seed=5, perfect=True, size=64, magnitudes={"specimen": {"height_m": 2e-6}})
    scope.set_preset("fa")
    feature, alpha = Feature.in_the_middle(scope), math.radians(40)
    scope.move_stage(alpha_rad=alpha)
    seen = feature.seen(scope)
    assert seen.away_m == pytest.approx(2e-6 * math.sin(alpha), rel=1e-6)
    assert seen.height_m == pytest.approx(2e-6 * math.cos(alpha), rel=1e-6)
    assert height_at(scope) == pytest.approx(2e-6 / math.cos(alpha), rel=1e-6)
