"""Values and errors as people read them."""

from __future__ import annotations

import cmath
import math
from typing import get_args

import pytest

from eucentric.calibration import quantities as q
from eucentric.calibration.commands import COMMANDS, command_for
from eucentric.calibration.record import SCOPES
from eucentric.calibration.words import lines, scale_and_rotation, sentence, with_sigma

from .kept import FA, response

ONE_OF_EACH: tuple[q.AnyQuantity, ...] = (
    response(),
    q.FocusScale(scale=1.012, scale_sigma=0.003, reference="stage Z"),
    q.HeightResponse(c1_per_z=0.987, c1_per_z_sigma=0.001),
    q.AlphaResponse(
        px_per_m=(2e8, 0.0), px_per_m_sigma=1e5, eucentric_z_m=1e-6, eucentric_z_sigma_m=1e-7, axis_rad=0.3,
        axis_sigma_rad=2e-3,
    ),
    q.EucentricFocus(focus_m=0.4e-6, focus_sigma_m=1e-7),
    q.Parfocality(reference="fa", difference_m=-1.6e-6, difference_sigma_m=7e-8),
    q.StigmatorResponse(
        matrix_m=((1e-6, 0.0), (0.0, 1e-6)), matrix_sigma_m=1e-9, a1_m=(3e-8, 4e-8), a1_sigma_m=1e-9, value=(0.0, 0.0)
    ),
    q.ComaFreeAxis(tilt_rad=(1e-3, -2e-3), tilt_sigma_rad=5e-5, b2_m=(1e-6, 0.0), b2_sigma_m=1e-7),
    q.RotationCentre(tilt_rad=(1e-3, -2e-3), tilt_sigma_rad=5e-5),
    q.PivotPoint(matrix_m_per_rad=((2e-5, 0.0), (0.0, 2e-5)), sigma_m_per_rad=1e-6),
    q.LensHysteresis(width_m=2e-7, width_sigma_m=1e-9, excursion_m=20e-6),
    q.StageBacklash(z_m=2e-7, z_sigma_m=1e-9, alpha_rad=1e-3, alpha_sigma_rad=1e-4),
    q.TiltSettling(time_s=0.04, time_sigma_s=0.002, left_at_return=0.002),
)  # fmt: skip


def test_every_kind_has_words_a_command_and_a_scope() -> None:
    kinds = {one.model_fields["kind"].default for one in get_args(get_args(q.AnyQuantity)[0])}
    assert {one.kind for one in ONE_OF_EACH} == kinds == set(COMMANDS.values()) == set(SCOPES)


@pytest.mark.parametrize("quantity", ONE_OF_EACH, ids=lambda one: one.kind)
def test_values_come_with_errors_and_units(quantity: q.AnyQuantity) -> None:
    told = lines(quantity, FA)
    assert told
    assert all("±" in value for name, value in told if name not in ("tied", "still missing when the call returns"))
    assert "-" not in "".join(value for name, value in told if name != "tied").replace("e-", "")
    assert ("tied" in dict(told)) == (getattr(quantity, "tied", None) is not None)
    assert "tied" not in sentence(quantity, FA)
    assert command_for(quantity.kind, "fa").startswith("eucentric calibrate ")


def test_digits_are_those_that_the_error_leaves() -> None:
    assert with_sigma(1.23456e-6, 2e-9, "nm", 1e9) == "1234.6 ± 2.0 nm"
    assert with_sigma(0.98761, 0.0023, "%", 100) == "98.76 ± 0.23%"
    assert with_sigma(5.0, 120.0, "nm") == "5 ± 120 nm"
    assert with_sigma(5.0, 0.0, "nm") == "5.000 ± 0.000 nm"


def test_scale_and_rotation_of_a_matrix() -> None:
    turn = cmath.rect(1.1, math.radians(-70))
    scale, angle = scale_and_rotation(response(FA, turn).matrix_px_per_rad_m)
    assert scale * FA.pixel_m == pytest.approx(1.1)
    assert math.degrees(angle) == pytest.approx(-70)
