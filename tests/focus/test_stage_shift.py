"""Height from stage tilts: against a plane that is turned about its axis, by construction."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from eucentric.focus.stage_shift import Halves, Known, equivalent_tilts, measured

PIXEL_M = 5e-9
TILT = math.radians(1.0)
G = (0.6 / PIXEL_M, -0.8 / PIXEL_M)  # one metre per metre, along (0.6, −0.8)
KNOWN = Known(px_per_m=G, relative_sigma=0.01, c1_per_height=1.0, drift_m_per_s=0.2e-9)
NOISE_PX2 = np.eye(2) * 0.05**2


def _halves(
    height_m: float,
    *,
    sideways_px: tuple[float, float] = (0.0, 0.0),
    drift_px: tuple[float, float] = (0.0, 0.0),
    jump_px: tuple[float, float] = (0.0, 0.0),
    steps: tuple[float, float] = (-TILT, TILT),
) -> Halves:
    """What a rotation by Δα does to a point on the axis at height h: it goes to h·sin Δα; and what else may move it.

    `sideways_px` per radian; `drift_px` from image to image; `jump_px` of the last image alone.
    """
    first, last = (
        np.array(G) * height_m * math.sin(step) + np.array(sideways_px) * step + np.array(drift_px) * sign
        for step, sign in zip(steps, (-1, 1), strict=True)
    )
    return Halves(first, last + np.array(jump_px), NOISE_PX2, NOISE_PX2, steps, (0.0, 5.0, 10.0), PIXEL_M)


@pytest.mark.parametrize("height_m", [-120e-6, 0.0, 3e-6])
def test_the_height_of_a_turned_plane_is_found(height_m: float) -> None:
    found = measured(_halves(height_m), KNOWN)
    assert found.c1_m == pytest.approx(height_m, abs=1e-15)
    assert found.chi2 == pytest.approx(0, abs=1e-12)
    # Noise of two shifts over the whole swing: 0.05 px·√2·5 nm / (2 sin 1°).
    assert found.sigma_m == pytest.approx(0.05 * math.sqrt(2) * PIXEL_M / (2 * math.sin(TILT)), rel=1e-6)
    assert found.total_sigma_m == pytest.approx(math.sqrt(sum(c.sigma_m**2 for c in found.budget)))


def test_tilts_that_are_not_opposite_by_their_read_back_are_no_disagreement() -> None:
    found = measured(_halves(50e-6, steps=(-TILT, 1.1 * TILT)), KNOWN)
    assert found.c1_m == pytest.approx(50e-6, rel=1e-12)
    assert found.chi2 == pytest.approx(0, abs=1e-9)


def test_sideways_motion_and_steady_drift_are_no_disagreement_but_in_the_error() -> None:
    found = measured(_halves(0.0, sideways_px=(-0.8 * 300, -0.6 * 300), drift_px=(0.3, 0.1)), KNOWN)
    assert found.chi2 < 1e-3
    drift = next(c for c in found.budget if c.source == "drift")
    assert drift.sigma_m == pytest.approx(0.2e-9 * 10 / (2 * math.sin(TILT)))


def test_halves_that_disagree_widen_the_error_and_show_in_chi2() -> None:
    jump = np.array(G) / np.hypot(*G) * 40.0  # the last image jumps by 40 px along the motion
    found = measured(_halves(20e-6, jump_px=(float(jump[0]), float(jump[1]))), KNOWN)
    half = next(c for c in found.budget if c.source == "halves").sigma_m
    assert half == pytest.approx(0.5 * 40 * PIXEL_M / math.sin(TILT), rel=1e-6)
    assert abs(found.c1_m - 20e-6) <= half * 1.0001
    assert found.chi2 / found.dof > 100


def test_the_lens_counts_from_eucentric_focus() -> None:
    away = replace(KNOWN, lens_m=-2e-6, lens_sigma=0.01, c1_per_height=0.98)
    found = measured(_halves(10e-6), away)
    assert found.c1_m == pytest.approx(0.98 * 10e-6 - 2e-6)
    assert next(c for c in found.budget if c.source == "focus offset").sigma_m == pytest.approx(20e-9)


def test_equivalent_tilts_move_the_image_by_as_much() -> None:
    (first, _, last) = equivalent_tilts((-TILT, 0.0, TILT), KNOWN, PIXEL_M)
    moved = 30e-6 * (np.array(last) - np.array(first)) / PIXEL_M
    halves = _halves(30e-6)
    assert moved == pytest.approx(halves.plus_px - halves.minus_px)
