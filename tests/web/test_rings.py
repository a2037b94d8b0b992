"""The Thon rings that are drawn, and the estimate that they are drawn for."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from eucentric.focus.measurement import Measurement
from eucentric.images.frame import Frame, OpticalState
from eucentric.optics.column import Column
from eucentric.web.estimate import Anchor, Estimate
from eucentric.web.rings import MOST_DRAWN, rings, spread, zeros_per_m

COLUMN = Column(voltage_v=300e3, c3_m=2.7e-3)
EDGE_PER_M = 1.25e9
AT = OpticalState(
    preset="fa",
    magnification=50_000,
    defocus_m=0.0,
    focus_m=3e-6,
    stage_z_m=1e-6,
    stage_x_m=0.0,
    stage_y_m=0.0,
    stage_alpha_rad=0.0,
    image_shift_m=(0.0, 0.0),
)
MEASURED = Measurement(-0.5e-6, 5e-9, 20e-9, (0.0, 0.0), (0.0, 0.0), (0.0, 0.0), 1.0, 1, (), ())


@pytest.mark.parametrize("c1_m", [-4.5e-6, -0.5e-6, -20e-9, 0.0, 3e-6, -100e-6])
def test_the_rings_lie_where_the_transfer_changes_its_sign(c1_m: float) -> None:
    wave = COLUMN.wavelength_m
    q = np.linspace(0, EDGE_PER_M, 2_000_001)
    chi = np.pi * wave * c1_m * q**2 + 0.5 * np.pi * COLUMN.c3_m * wave**3 * q**4
    transfer = np.sin(chi - math.asin(COLUMN.amplitude_contrast))
    crossed = q[:-1][np.sign(transfer[1:]) != np.sign(transfer[:-1])]
    assert zeros_per_m(c1_m, COLUMN, EDGE_PER_M) == pytest.approx(crossed, abs=2 * q[1])


def test_many_rings_are_thinned_out_evenly_and_few_are_all_drawn() -> None:
    few = spread(zeros_per_m(-1e-6, COLUMN, EDGE_PER_M))
    assert (few.every, few.note) == (1, "")
    for c1_m in (-4.5e-6, -20e-6, 200e-6):
        radii = zeros_per_m(c1_m, COLUMN, EDGE_PER_M)
        many = spread(radii)
        assert len(radii) > MOST_DRAWN >= len(many.radii_per_m) > MOST_DRAWN / 2
        assert set(many.radii_per_m) <= set(radii)
        assert f"of {len(radii)} rings is drawn" in many.note


def test_the_picture_carries_the_rings_and_what_is_said_of_them() -> None:
    frame = Frame(np.random.default_rng(1).normal(size=(128, 128)), pixel_m=0.4e-9, state=AT)
    packet = rings(frame, COLUMN, Estimate(-6e-6, 20e-9))
    assert packet is not None
    assert len(packet.about["rings_per_m"]) <= MOST_DRAWN
    assert packet.about["said"].startswith("Rings of the estimate for this image: −6.000 µm (underfocus). Only every ")
    blank = rings(frame, None, None)
    assert blank is not None
    assert blank.about["rings_per_m"] == []
    assert "measure once" in blank.about["said"]
    assert rings(replace(frame, pixel_m=None), COLUMN, None) is None


def test_within_its_error_an_estimate_is_in_focus() -> None:
    assert Estimate(-1.12e-9, 20e-9).words == "−1.1 nm (in focus)"
    assert Estimate(0.3e-6, 20e-9).words == "0.300 µm (overfocus)"


def test_the_estimate_is_carried_by_the_read_backs_of_lens_and_stage() -> None:
    anchor = Anchor(MEASURED, 0.0, AT, None)
    moved = replace(AT, focus_m=3.5e-6, defocus_m=0.0, stage_z_m=2e-6)  # defocus zero was reset there
    there = anchor.carried_to(moved)
    assert there is not None
    assert there.c1_m == pytest.approx(1e-6)
    back = anchor.carried_to(AT)
    assert back == Estimate(MEASURED.c1_m, MEASURED.total_sigma_m)
    offset = Anchor(MEASURED, -20e-6, replace(AT, focus_m=-17e-6), None).carried_to(AT)
    assert offset is not None
    assert offset.c1_m == pytest.approx(MEASURED.c1_m)


def test_without_an_absolute_setting_the_lens_is_followed_from_its_zero() -> None:
    at = replace(AT, focus_m=None)
    there = Anchor(MEASURED, 0.0, at, None).carried_to(replace(at, defocus_m=0.2e-6))
    assert there is not None
    assert there.c1_m == pytest.approx(-0.3e-6)


@pytest.mark.parametrize(
    "now",
    [
        replace(AT, preset="hl"),
        replace(AT, stage_x_m=10e-6),
        replace(AT, image_shift_m=(0.0, 5e-6)),
        replace(AT, stage_alpha_rad=0.1),
        replace(AT, stage_z_m=None),
        replace(AT, focus_m=None),
    ],
)
def test_elsewhere_or_unread_the_estimate_is_not_known(now: OpticalState) -> None:
    assert Anchor(MEASURED, 0.0, AT, None).carried_to(now) is None
