"""The stage's faults: backlash, runout, settling, drift that decays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from eucentric.microscope.simulated.clock import Clock
from eucentric.microscope.simulated.magnitudes import StageMagnitudes, perfect
from eucentric.microscope.simulated.stage import Stage


def stage(seed: int = 1, **faults: Any) -> tuple[Stage, Clock]:
    """A perfect stage but for these faults."""
    clock = Clock()
    return Stage(perfect().stage.model_copy(update=faults), clock, seed), clock


def test_perfect_stage_goes_where_it_is_sent() -> None:
    """Every axis, exactly, and stays there."""
    built, clock = stage()
    built.move({"x_m": 1e-6, "y_m": -2e-6, "z_m": 30e-6, "alpha_rad": 0.1})
    clock.wait(100)
    place = built.place()
    assert place.xy_m == pytest.approx(complex(1e-6, -2e-6))
    assert (place.z_m, place.alpha_rad, place.velocity_m_per_s) == (30e-6, 0.1, 0)


def test_backlash_is_the_difference_between_the_sides() -> None:
    """The same z from below and from above differs by the play."""
    built, _ = stage(backlash_z_m=200e-9)
    arrived = []
    for start in (-5e-6, 5e-6):
        built.move({"z_m": start})
        built.move({"z_m": 0.0})
        arrived.append(built.place().z_m)
    assert arrived[1] - arrived[0] == pytest.approx(200e-9)


def test_z_scatters_and_its_height_drifts() -> None:
    """10 nm rms over 40 arrivals, known to 1/√80: 3 σ of that is a third. Without a move 15 pm/s, one way."""
    built, clock = stage(z_scatter_m=10e-9)
    heights = []
    for _turn in range(40):
        built.move({"z_m": -2e-6})
        built.move({"z_m": 0.0})
        heights.append(built.place().z_m)
    assert np.std(heights) == pytest.approx(10e-9, rel=0.34)
    built, clock = stage(drift_height_m_per_s=15e-12)
    clock.wait(100)
    assert abs(built.place().z_m) == pytest.approx(1.5e-9)


def test_z_runs_out_sideways() -> None:
    """100 µm of z move the view by 0.2 µm."""
    built, _ = stage(runout_per_z=2e-3)
    built.move({"z_m": 100e-6})
    assert abs(built.place().xy_m) == pytest.approx(0.2e-6)


def test_drift_begins_with_a_move_and_decays() -> None:
    """0.5 nm/s after the move, 1/e of it 20 s later; the way gone is its integral; the rest stays."""
    built, clock = stage(drift_m_per_s=0.5e-9, wait_s=0.0)
    built.move({"x_m": 10e-6})
    start = built.place()
    assert abs(start.velocity_m_per_s) == pytest.approx(0.5e-9)
    clock.wait(20)
    later = built.place()
    assert abs(later.velocity_m_per_s) == pytest.approx(0.5e-9 / np.e)
    assert abs(later.xy_m - start.xy_m) == pytest.approx(0.5e-9 * 20 * (1 - 1 / np.e))
    built.move({"z_m": 1e-6})
    # What has drifted is not taken back by the next move.
    assert abs(built.place().xy_m - later.xy_m) < 1e-15


def test_velocity_is_the_slope_of_the_position() -> None:
    """With every fault on: finite difference over 1 ms."""
    clock = Clock()
    built = Stage(StageMagnitudes(), clock, 3)
    built.move({"x_m": 3e-6, "z_m": 50e-6})
    before, after, middle = built.place(0.0), built.place(1e-3), built.place(0.5e-3)
    slope = (after.xy_m - before.xy_m) / 1e-3
    # Third derivative of exp(−t/1 s) over a millisecond: 1e-7 of it; round-off of 3 µm: 1e-22/1e-3.
    assert slope == pytest.approx(middle.velocity_m_per_s, abs=1e-15)


def test_a_small_move_shakes_less() -> None:
    """A 10 nm move starts a hundredth of the drift of a micrometre's."""
    built, _ = stage(drift_m_per_s=0.5e-9, wait_s=0.0)
    built.move({"x_m": 10e-9})
    assert abs(built.place().velocity_m_per_s) == pytest.approx(0.5e-11)


def test_no_move_no_drift() -> None:
    """Sent where it already is, it does nothing, and takes no time."""
    built, clock = stage(drift_m_per_s=0.5e-9)
    built.move({"x_m": 0.0})
    assert built.place().velocity_m_per_s == 0
    assert clock.now_s() == 0


def test_the_goniometer_wobbles_smoothly_and_not_at_all_at_zero() -> None:
    """Waves of 120° and 50°, each with amplitude 0.15 µm: within 4 × 0.15 µm of where it was at alpha 0, at most
    0.15 µm × (3 + 7.2) per radian; the same each time."""
    built, _ = stage(wobble_m=0.15e-6)
    alphas = np.radians(np.arange(-60, 61))
    rises, sideways = [], []
    for alpha in alphas:
        built.move({"alpha_rad": float(alpha)})
        rises.append(built.place().rise_m)
        sideways.append(built.place().sideways_m)
    for wave in (np.array(rises), np.array(sideways).real, np.array(sideways).imag):
        assert wave[60] == pytest.approx(0.0, abs=1e-15)
        assert 0.1e-6 < np.ptp(wave) < 0.6e-6
        assert np.abs(np.diff(wave)).max() < 0.15e-6 * (3 + 7.2) * np.radians(1.0)
    built.move({"alpha_rad": float(alphas[20])})
    assert built.place().rise_m == pytest.approx(rises[20], abs=1e-15)


def test_a_height_does_not_come_back_exactly_with_alpha() -> None:
    """20 nm rms over 40 returns, known to 1/√80: 3 σ of that is a third."""
    built, _ = stage(alpha_height_m=20e-9)
    heights = []
    for _turn in range(40):
        built.move({"alpha_rad": 0.5})
        built.move({"alpha_rad": 0.2})
        heights.append(built.place().rise_m)
    assert np.std(heights) == pytest.approx(20e-9, rel=0.34)
