"""From the tilts of a lens with astigmatism to the stigmator's change that takes it away."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from eucentric.calibration.instrument import Uncertainty
from eucentric.calibration.quantities import Pair, StigmatorResponse
from eucentric.errors import CalibrationError, InputError
from eucentric.focus.measurement import Measurement
from eucentric.focus.motion import after_exposure
from eucentric.focus.patterns import PatternName, pattern
from eucentric.focus.settings import FocusStep
from eucentric.focus.solve import Exposures, LinkShift, predicted_shifts, solve
from eucentric.focus.stigmator import (
    StigmatorCorrection,
    check_stigmated,
    enough,
    for_stigmator,
    significance,
    stigmator_correction,
)
from eucentric.focus.verdict import Finding, Reason
from eucentric.optics.aberrations import Aberrations

C3_M = 2.7e-3
SHIFT_SIGMA_M = 20e-12
STEP = FocusStep(name="stig", preset="fa", pattern=PatternName.STAR, stig_correction=True)
# 1 µm at value 1, the coils turned by 30° against the image and not quite square.
MATRIX = ((0.85e-6, 0.5e-6), (-0.52e-6, 0.9e-6))
RESPONSE = StigmatorResponse(matrix_m=MATRIX, matrix_sigma_m=10e-9, a1_m=(0.0, 0.0), a1_sigma_m=2e-9, value=(0.0, 0.0))
SURE = for_stigmator(after_exposure(Uncertainty(), math.inf))


def _measured(a1_m: Pair, name: PatternName = PatternName.STAR, c1_m: float = -0.5e-6) -> Measurement:
    plan = pattern(name, 5e-3, 0.3)
    exposures = Exposures(plan.tilts, tuple(float(i) for i in range(plan.images)))
    rows = predicted_shifts(exposures, plan.links, Aberrations(c1_m=c1_m, a1_m=a1_m, c3_m=C3_M))
    covariance = np.eye(2) * SHIFT_SIGMA_M**2
    shifts = tuple(LinkShift(k, (float(r[0]), float(r[1])), covariance) for k, r in zip(plan.links, rows, strict=True))
    return solve(exposures, shifts, c3_m=C3_M, prior=SURE)


@pytest.mark.parametrize("name", [PatternName.STAR, PatternName.CROSS_QUAD, PatternName.DOUBLE_STAR])
@pytest.mark.parametrize("a1_m", [(200e-9, -100e-9), (-30e-9, 25e-9), (0.0, 600e-9)])
def test_the_change_takes_the_astigmatism_away(name: PatternName, a1_m: Pair) -> None:
    got = stigmator_correction(_measured(a1_m, name), (0.1, -0.05), RESPONSE, STEP)
    assert isinstance(got, StigmatorCorrection)
    left = np.array(a1_m) + np.array(MATRIX) @ np.array(got.change)
    # The shifts are exact; the finite prior of A1 and the shear's share of it leave less than 1 %.
    assert np.hypot(*left) < 0.01 * np.hypot(*a1_m)
    assert got.target == pytest.approx((0.1 + got.change[0], -0.05 + got.change[1]))
    assert got.measured_a1_m == pytest.approx(a1_m, abs=0.01 * np.hypot(*a1_m))


@pytest.mark.parametrize("name", [PatternName.STAR, PatternName.CROSS_QUAD])
def test_ten_nanometres_are_reached_at_half_a_micrometre_with_default_errors(name: PatternName) -> None:
    """0.3 % of shear at C1 (1.5 nm), 20 pm of noise over 10 mrad (2 nm, shared by the links), and no drift."""
    measured = _measured((0.0, 0.0), name)
    assert max(measured.a1_sigma_m) < math.hypot(1.5e-9, 2e-9)
    assert enough(measured)
    # A plain cross drifts by 0.2 nm/s · 1 s / 10 mrad = 20 nm in each link: half the difference has 14 nm.
    assert not enough(_measured((0.0, 0.0), PatternName.CROSS))


def test_what_is_left_has_the_errors_of_measurement_and_response() -> None:
    measured = _measured((300e-9, 0.0))
    got = stigmator_correction(measured, (0.0, 0.0), RESPONSE, STEP)
    assert isinstance(got, StigmatorCorrection)
    size = math.hypot(*got.change)
    wanted = [math.hypot(s, RESPONSE.matrix_sigma_m * size) for s in measured.a1_sigma_m]
    assert got.sigma_m == pytest.approx(wanted)


def test_astigmatism_within_its_error_is_left_alone() -> None:
    assert significance(_measured((0.0, 0.0))) < 1e-6
    got = stigmator_correction(_measured((3e-9, 0.0)), (0.0, 0.0), RESPONSE, STEP)
    assert isinstance(got, Finding)
    assert got.reason is Reason.STIG_NOT_SIGNIFICANT
    assert "Nothing needs to be corrected" in str(got)


@pytest.mark.parametrize(("c1_m", "offset_m"), [(-5e-6, 0.0), (-1e-6, 0.9e-6), (-3e-6, -1.5e-6)])
def test_only_within_the_stig_defocus_range(c1_m: float, offset_m: float) -> None:
    step = STEP.model_copy(update={"stig_defocus_min_m": 0.2e-6})
    got = stigmator_correction(_measured((300e-9, 0.0), c1_m=c1_m), (0.0, 0.0), RESPONSE, step, offset_m=offset_m)
    assert isinstance(got, Finding)
    assert got.reason is Reason.STIG_DEFOCUS


def test_one_direction_of_tilt_is_not_enough() -> None:
    got = stigmator_correction(_measured((300e-9, 0.0), PatternName.QUAD), (0.0, 0.0), RESPONSE, STEP)
    assert isinstance(got, Finding)
    assert got.reason is Reason.STIG_PATTERN


def test_the_stigmator_never_goes_beyond_one() -> None:
    got = stigmator_correction(_measured((300e-9, 0.0)), (0.9, 0.0), RESPONSE, STEP)
    assert isinstance(got, StigmatorCorrection)  # away from the limit
    far = stigmator_correction(_measured((-300e-9, 0.0)), (0.9, 0.0), RESPONSE, STEP)
    assert isinstance(far, Finding)
    assert far.reason is Reason.STIG_LIMIT
    assert "0.90" in far.found


def test_a_response_of_one_coil_is_told() -> None:
    flat = RESPONSE.model_copy(update={"matrix_m": ((1e-6, 2e-6), (2e-6, 4e-6))})
    with pytest.raises(CalibrationError, match="eucentric calibrate stigmator"):
        stigmator_correction(_measured((300e-9, 0.0)), (0.0, 0.0), flat, STEP)


def test_without_a_covariance_nothing_is_significant() -> None:
    with pytest.raises(InputError, match="no covariance"):
        significance(replace(_measured((300e-9, 0.0)), covariance_m2=None))


def test_nothing_is_believed_of_astigmatism_that_is_asked_for() -> None:
    """A large A1 fits as well as none: its χ² is that of the wide prior."""
    measured = _measured((400e-9, 300e-9))
    assert measured.chi2 < 1
    assert SURE.a1_m == 1e-6
    assert for_stigmator(replace(SURE, a1_m=5e-6)).a1_m == 5e-6


@pytest.mark.parametrize("left", [0.0, 0.05, 0.5])
def test_astigmatism_that_shrank_is_accepted(left: float) -> None:
    assert check_stigmated(_measured((200e-9, 0.0)), _measured((200e-9 * left, 0.0))) is None


@pytest.mark.parametrize("left", [(400e-9, 0.0), (200e-9, 0.0), (200e-9, 200e-9), (100e-9, 173e-9)])
def test_astigmatism_that_did_not_shrink_accuses_the_stigmator(left: Pair) -> None:
    """Wrong sign, stuck, coils turned by 90° and by 60°."""
    refusal = check_stigmated(_measured((200e-9, 0.0)), _measured(left))
    assert refusal is not None
    assert refusal.reason is Reason.WRONG_SIGN
    assert "calibrate stigmator" in str(refusal)
