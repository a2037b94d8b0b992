"""How far the lens is stepped for an intended defocus: some part of a step stays behind."""

from __future__ import annotations

import pytest

from eucentric.calibration.instrument import Calibration, Uncertainty
from eucentric.focus.acquisition import approach_defocus
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.registry import open_microscope
from eucentric.microscope.simulated.truth import truth
from eucentric.msi.going import lens_step_m
from eucentric.optics.column import Column

BEHIND = 0.01
CALIBRATION = Calibration("any", Column(200e3, 2.7e-3), uncertainty=Uncertainty(focus_hysteresis=BEHIND))


@pytest.mark.parametrize("approach_m", [4e-6, 10e-6])
@pytest.mark.parametrize("defocus_m", [-1e-6, -3e-6])
def test_arriving_from_below_between_none_and_all_of_it_stays_behind(defocus_m: float, approach_m: float) -> None:
    """On the simulator's lens, after focusing at an offset: the first step, and those after it."""
    step_m = lens_step_m(CALIBRATION, defocus_m, approach_m)
    assert step_m == pytest.approx(defocus_m / (1 - BEHIND / 2))
    scope = Guarded(open_microscope("simulated", perfect=True, size=64, magnitudes={"column": {"hysteresis": BEHIND}}))
    for _ in range(6):
        for at_m in (-0.5e-6, 0.0):
            approach_defocus(scope, at_m, approach_m)
    focus_m = truth(scope).lens_c1_m
    for _ in range(6):
        approach_defocus(scope, step_m, approach_m)
        made_m = truth(scope).lens_c1_m - focus_m
        assert abs(made_m - defocus_m) <= 0.5 * BEHIND * abs(defocus_m)


def test_straight_all_of_it_stays_behind() -> None:
    for approach_m in (0.0, 1e-6):
        assert lens_step_m(CALIBRATION, -2e-6, approach_m) == pytest.approx(-2e-6 / (1 - BEHIND))
