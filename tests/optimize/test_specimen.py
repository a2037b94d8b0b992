"""A film that is neither level nor flat: where it is seen, and what that puts on a measured focus."""

from __future__ import annotations

import math

import numpy as np
import pytest

from eucentric.optimize.specimen import Specimen, centroid_sigma_m

PITCH_M, COVERED = 3e-6, 0.65
RADIUS_M = PITCH_M * math.sqrt((1 - COVERED) / math.pi)


@pytest.mark.parametrize("field_m", [1e-6, 2e-6, 5e-6, 10e-6])
def test_the_centroid_is_that_of_a_film_with_holes(field_m: float) -> None:
    """Against films that are drawn: the first moment of what is film, over what is on average, rms over all places."""
    side, places = 160, 16
    x = ((np.arange(side) + 0.5) / side - 0.5) * field_m

    def off(at: float) -> np.ndarray:
        return np.asarray((x - at + PITCH_M / 2) % PITCH_M - PITCH_M / 2)

    moments = []
    for place in np.ndindex(places, places):
        row, column = (off((k + 0.5) / places * PITCH_M) for k in place)
        film = np.add.outer(row**2, column**2) > RADIUS_M**2
        moments.append(np.mean(film * x) / COVERED)
    # A pixel at a hole's edge is film or not: per cents of the moment.
    assert centroid_sigma_m(PITCH_M, COVERED, field_m) == pytest.approx(np.sqrt(np.mean(np.square(moments))), rel=0.03)


def test_the_centroid_of_whole_pitches_is_the_same_for_any_number() -> None:
    """There sin(G L/2) = 0: √(2 Σ (f_m P / 2πm)²) / c, which no longer knows L."""
    one, ten = (centroid_sigma_m(PITCH_M, COVERED, k * PITCH_M) for k in (1, 10))
    assert one == pytest.approx(ten)
    assert 0.05 * PITCH_M < one < 0.07 * PITCH_M


def test_a_film_without_holes_or_without_slope_is_seen_at_the_axis() -> None:
    assert centroid_sigma_m(PITCH_M, 1.0, 10e-6) == 0.0
    assert Specimen(tilt_rad=0.0, bend_m=0.0).tilt_sigma_m(10e-6) == 0.0
    assert Specimen(bend_m=0.0).bend_sigma_m(50e-6) == 0.0


def test_a_tilted_film_is_off_by_slope_times_centroid() -> None:
    """The simulated film's tilt has two components drawn from ±0.7 of the largest: its rms is 0.7·√(2/3) of that."""
    drawn = np.random.default_rng(1).uniform(-0.7, 0.7, (100_000, 2)) * math.tan(0.02)
    film = Specimen(tilt_rad=0.02, bend_m=0.0)
    assert film.slope == pytest.approx(np.sqrt(np.mean(np.sum(drawn**2, axis=1))), rel=0.01)
    assert film.tilt_sigma_m(10e-6) == pytest.approx(film.slope * centroid_sigma_m(PITCH_M, COVERED, 10e-6))


def test_waves_of_a_film_are_those_of_the_simulated_one() -> None:
    """Heights of waves of random phases in a grid square of 85 µm: their slope, and the mean over a field."""
    rng = np.random.default_rng(2)
    k, bend, field = 2 * np.pi / 85e-6, 1.5e-6, 40e-6
    phase = rng.uniform(0, 2 * np.pi, (20_000, 2))
    slope = 0.5 * bend * k * np.sqrt(np.mean(np.sum(np.cos(phase) ** 2, axis=1)))
    x = (np.arange(200) + 0.5) / 200 * field - field / 2
    mean = 0.5 * bend * (np.mean(np.sin(k * x + phase[..., None]), axis=-1) - np.sin(phase)).sum(axis=1)
    film = Specimen(tilt_rad=0.0, bend_m=bend)
    # 40 000 draws of a square: half a per cent.
    assert film.slope == pytest.approx(slope, rel=0.02)
    assert film.bend_sigma_m(field) == pytest.approx(np.std(mean), rel=0.02)
