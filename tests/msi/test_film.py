"""Kriging of the film: closed forms, and how often its errors hold on films drawn from its prior and otherwise."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from eucentric.errors import InputError
from eucentric.msi.application import GridSettings
from eucentric.msi.film import PLACE_M, Film, Now, Scales
from eucentric.msi.outcome import FocusFound

Array = NDArray[np.float64]
Heights = Callable[[Array], float]

GRID = GridSettings()
FLAT = GridSettings(slope_rad=0.0, bend_m=0.0, roughness_m=0.0)
PLANE = GridSettings(slope_rad=17e-3, bend_m=0.0, roughness_m=0.0)
OWN_M, SHARED_M = 2e-9, 6.5e-9
"""What Focus states of its own and shares, 1σ, with ±5 mrad and 0.5 µm of offset on the simulated microscope."""
UM = 1e-6


def _arrival_m(grid: GridSettings) -> float:
    """What a place that is not quite where it should be does to a height: 1σ per direction, both directions; and
    roughness.
    """
    return math.hypot(
        math.sqrt(2) * PLACE_M * math.hypot(grid.slope_rad, grid.bend_m / grid.bend_length_m), grid.roughness_m
    )


def _found(place_um: tuple[float, float], height_m: float, own_m: float = 0.0, shared_m: float = 0.0) -> FocusFound:
    place = (place_um[0] * UM, place_um[1] * UM)
    return FocusFound(place, 0.0, 0.0, "fa", -height_m, 0.0, math.hypot(own_m, shared_m), own_m, 0.0)


def test_one_point_grows_with_distance_by_slope_and_waves() -> None:
    film = Film(GRID, (_found((3.0, -2.0), 1e-6),))
    for away_m in (0.0, 2e-6, 30e-6):
        found = film.at((3e-6, -2e-6 + away_m), z_m=0.0)
        waves = 2 * GRID.bend_m**2 * (1 - math.exp(-(away_m**2) / (2 * GRID.bend_length_m**2)))
        arrivals = 2 * _arrival_m(GRID) ** 2  # of the point, and of the place asked for
        expected = math.sqrt((GRID.slope_rad * away_m) ** 2 + waves + arrivals)
        assert found.lens_m == pytest.approx(-1e-6, abs=1e-15)
        assert found.sigma_m == pytest.approx(expected, rel=1e-6)


def test_far_away_it_is_the_prior() -> None:
    far_m = 400e-6  # 27 correlation lengths: exp(−365) of the waves
    found = Film(GRID, (_found((0.0, 0.0), 0.0, own_m=5e-9),)).at((far_m, 0.0), z_m=0.0)
    prior = math.sqrt((GRID.slope_rad * far_m) ** 2 + 2 * GRID.bend_m**2 + 25e-18 + 2 * _arrival_m(GRID) ** 2)
    assert found.sigma_m == pytest.approx(prior, rel=1e-9)


def test_three_exact_points_on_a_plane_give_the_plane() -> None:
    def height(y_um: float, x_um: float) -> float:
        return (100 + 8e-3 * y_um - 5e-3 * x_um) * UM

    film = Film(PLANE, tuple(_found(p, height(*p)) for p in ((0.0, 0.0), (6.0, 0.0), (0.0, 6.0))))
    # Own errors are those of arrival, 1.2 nm; against them the prior of the slope, 17 mrad · 6 µm = 0.1 µm, pulls by
    # (1.2/100)² of 48 nm.
    assert film.at((4e-6, 3e-6), z_m=0.0).lens_m == pytest.approx(-height(4.0, 3.0), abs=0.05e-9)
    assert film.at((4e-6, 3e-6), z_m=0.0).film_sigma_m < 3 * _arrival_m(PLANE)


def test_equal_points_on_a_flat_film_average_their_own_errors_and_not_the_shared_ones() -> None:
    points = tuple(_found((float(k), 0.0), 1e-9 * k, own_m=4e-9, shared_m=7e-9) for k in range(4))
    found = Film(FLAT, points).at((9e-6, 9e-6), z_m=0.0)
    assert found.lens_m == pytest.approx(-1.5e-9, rel=1e-9)
    assert found.film_sigma_m == pytest.approx(2e-9, rel=1e-6)
    assert found.shared_sigma_m == pytest.approx(7e-9, rel=1e-9)


def test_what_is_left_of_defocus_and_the_stage_height_are_taken_off() -> None:
    place = (0.0, 0.0)
    found = FocusFound(place, 20e-6, 0.0, "fa", 3e-6, 0.4e-6, 1e-9, 1e-9, 0.0)
    film = Film(FLAT, (found,), Scales(c1_per_z=0.98, z_sigma=0.005))
    assert film.at(place, z_m=20e-6).lens_m == pytest.approx(3e-6 - 0.4e-6, rel=1e-12)
    higher = film.at(place, z_m=22e-6)
    assert higher.lens_m == pytest.approx(2.6e-6 - 0.98 * 2e-6, rel=1e-12)
    assert higher.shared_sigma_m == pytest.approx(0.005 * 0.98 * 2e-6, rel=1e-9)


def test_what_was_found_is_worth_less_as_it_ages_and_when_the_stage_was_elsewhere_since() -> None:
    aged = GridSettings(slope_rad=0.0, bend_m=0.0, roughness_m=0.0, drift_m_per_s=0.02e-9)
    places, times_s = ((0.0, 0.0), (1e-6, 0.0)), (100.0, 300.0)
    found = [
        FocusFound(p, 0.0, 0.0, "fa", 0.0, 0.0, 1e-9, 1e-9, 0.0, time_s=t) for p, t in zip(places, times_s, strict=True)
    ]
    film = Film(aged, found, Scales(c1_per_z=0.9, arrival_m=20e-9))
    assert film.at((0.0, 0.0), z_m=0.0).shared_sigma_m == 0.0
    # Alike, they weigh alike: (400 + 200)/2 s of drift; it does not average.
    stood = film.at((0.0, 0.0), z_m=0.0, now=Now(500.0, 50.0))
    assert stood.shared_sigma_m == pytest.approx(0.02e-9 * 300, rel=1e-9)
    half = film.at((0.0, 0.0), z_m=0.0, now=Now(500.0, 200.0))  # one of them before the stage moved
    assert half.shared_sigma_m == pytest.approx(math.hypot(6e-9, math.sqrt(2) * 20e-9 * 0.9 / 2), rel=1e-9)
    new = film.at((0.0, 0.0), z_m=0.0, now=Now(500.0, math.inf, play_m=0.3e-6))
    arrival_m = 0.9 * math.hypot(math.sqrt(2) * 20e-9, 0.3e-6)
    assert new.shared_sigma_m == pytest.approx(math.hypot(6e-9, arrival_m), rel=1e-9)


def test_a_wrong_lens_scale_counts_from_where_focus_was_measured() -> None:
    offset_m, scale = -0.5e-6, 0.01
    total_m = math.hypot(3e-9, scale * offset_m)  # as without_offset adds it
    found = FocusFound((0.0, 0.0), 0.0, 0.0, "fa", 0.0, 0.0, total_m, 0.0, 0.0, offset_m)
    film = Film(FLAT, (found,), Scales(lens_sigma=scale))
    for defocus_m, step_m in ((offset_m, 0.0), (0.0, 5e-9), (-1.5e-6, 10e-9)):
        told = film.at((0.0, 0.0), z_m=0.0, defocus_m=defocus_m)
        assert told.step_sigma_m == pytest.approx(step_m, abs=1e-18)
        assert told.sigma_m == pytest.approx(math.hypot(3e-9, step_m), rel=1e-6)
    unsure = Film(FLAT, (found,), Scales(metre_sigma=0.02)).at((0.0, 0.0), z_m=0.0, defocus_m=-2e-6)
    assert unsure.step_sigma_m == pytest.approx(0.02 * 2e-6, rel=1e-12)


def test_on_a_tilted_stage_the_film_is_steeper_on_the_axis() -> None:
    alpha = math.radians(60)
    flat, tilted = (
        Film(GRID, (FocusFound((0.0, 0.0), 0.0, a, "fa", 0.0, 0.0, 0.0, 0.0, 0.0),), Scales(alpha_rad=a))
        for a in (0.0, alpha)
    )
    place = (5e-6, 5e-6)
    assert tilted.at(place, z_m=0.0).sigma_m == pytest.approx(2 * flat.at(place, z_m=0.0).sigma_m, rel=1e-6)


def test_the_weights_add_up_to_one_so_that_no_height_matters() -> None:
    points = tuple(_found((float(y), float(x)), 0.0, 3e-9) for y, x in ((0, 0), (6, 1), (2, 7), (3, 3)))
    lifted = tuple(_found((p.place_m[0] / UM, p.place_m[1] / UM), 150e-6, 3e-9) for p in points)
    place = (2.5e-6, 1.5e-6)
    low, high = (Film(GRID, some).at(place, z_m=0.0) for some in (points, lifted))
    # 150 µm in doubles, through an inverse of condition (0.5 µm / 4.8 nm)² = 1e4: 1e-16 · 1e4 · 150 µm = 0.15 fm … × 10
    assert low.lens_m - high.lens_m == pytest.approx(150e-6, abs=1e-14)


def test_a_point_that_no_such_film_has_is_doubted_and_named() -> None:
    heights_um = {
        (0.0, 0.0): 0.0,
        (3.0, 3.0): 0.05,
        (0.0, 6.0): 0.1,
        (3.0, 9.0): 0.15,
        (6.0, 0.0): 0.0,
        (9.0, 3.0): 0.05,
    }
    fine = tuple(_found(p, h * UM, OWN_M) for p, h in heights_um.items())
    assert Film(GRID, fine).at((0.0, 0.0), z_m=0.0).doubt == ""
    wrong = tuple(_found(p, (h + (2.0 if p == (3.0, 3.0) else 0.0)) * UM, OWN_M) for p, h in heights_um.items())
    said = Film(GRID, wrong).at((0.0, 0.0), z_m=0.0).doubt
    assert "Focus found at (3.000 µm, 3.000 µm) (y, x) is 2." in said
    assert "from what the other 5 about it say" in said


def test_leaving_one_out_is_the_film_of_the_others() -> None:
    """The closed form against the film of the others: 1/Qᵢᵢ is its variance there and the point's own."""
    rng = np.random.default_rng(SEED)
    places = [(float(y), float(x)) for y, x in rng.uniform(0, 9, (5, 2))]
    far_m = 3e-6
    found = [_found(p, far_m * (k == 2), 4e-9) for k, p in enumerate(places)]
    others = Film(GRID, [f for k, f in enumerate(found) if k != 2]).at(found[2].place_m, z_m=0.0)
    sigmas = (far_m + others.lens_m) / math.hypot(others.sigma_m, 4e-9)
    assert f"({abs(sigmas):.1f} σ)" in Film(GRID, found).at((0.0, 0.0), z_m=0.0).doubt


def test_nothing_found_and_another_tilt_are_refused() -> None:
    with pytest.raises(InputError, match="No focus was found"):
        Film(GRID, ())
    with pytest.raises(InputError, match=r"0\.0° and is asked for at 45\.0°"):
        Film(GRID, (_found((0.0, 0.0), 0.0),), Scales(alpha_rad=math.radians(45)))


HOLES = ((0, 0), (0, 6), (6, 0))
CORNERS = ((-1.5, -1.5), (-1.5, 1.5), (1.5, -1.5), (1.5, 1.5))


def _at(about: tuple[tuple[float, float], ...]) -> Array:
    """Places about each hole, metres (n, 2)."""
    return np.array([(h[0] + y, h[1] + x) for h in HOLES for y, x in about]) * UM


EXPOSURES = _at(CORNERS)
ONE, TWO, THREE = _at(((0, 0),)), _at(((0, 0), (3, 3))), _at(((-3, 0), (0, -3), (3, 3)))


def _from_the_prior(rng: np.random.Generator, places: Array) -> Heights:
    return _drawn(rng, places, GRID)


def _drawn(rng: np.random.Generator, places: Array, grid: GridSettings) -> Heights:
    both = np.concatenate([places, EXPOSURES])
    apart2 = np.sum((both[:, None] - both[None]) ** 2, axis=-1)
    waves = grid.bend_m**2 * np.exp(-apart2 / (2 * grid.bend_length_m**2)) + grid.roughness_m**2 * (apart2 == 0)
    values, vectors = np.linalg.eigh(waves + grid.slope_rad**2 * both @ both.T)
    drawn = vectors @ (np.sqrt(np.maximum(values, 0)) * rng.normal(size=len(both)))
    of = {tuple(p): float(h) for p, h in zip(both, drawn, strict=True)}
    return lambda p: of[tuple(p)]


def _square(rng: np.random.Generator, _: Array) -> Heights:
    """As the simulated grid has it: a slope, and waves of ±0.75 µm along both directions, 85 µm long."""
    slope, phase, k = rng.uniform(-12e-3, 12e-3, 2), rng.uniform(0, 2 * np.pi, 2), 2 * np.pi / 85e-6
    return lambda p: float(slope @ p + 0.75e-6 * np.sin(k * p + phase).sum())


def _wave(rng: np.random.Generator, _: Array) -> Heights:
    """One wave of up to ±1 µm, 60 to 120 µm long, in any direction."""
    angle, phase = rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi)
    along, size = np.array([math.sin(angle), math.cos(angle)]), rng.uniform(0.2, 1.0) * UM
    k, slope = 2 * np.pi / rng.uniform(60e-6, 120e-6), rng.uniform(-12e-3, 12e-3, 2)
    return lambda p: float(slope @ p + size * math.sin(k * along @ p + phase))


def _dish(rng: np.random.Generator, _: Array) -> Heights:
    """A parabola of up to ±2 µm at 30 µm from its centre, anywhere within 30 µm."""
    centre, curvature = rng.uniform(-30e-6, 30e-6, 2), rng.uniform(-2e-6, 2e-6) / (30e-6) ** 2
    return lambda p: float(curvature * (p - centre) @ (p - centre))


FILMS = 150
SEED = 20261122


def _errors(places: Array, draw: Callable[[np.random.Generator, Array], Heights]) -> tuple[Array, Array]:
    """Errors at the exposures and their stated 1σ, of many films, each with one draw of the shared error."""
    rng = np.random.default_rng(SEED)
    errors, sigmas = [], []
    for _ in range(FILMS):
        height, shared = draw(rng, places), rng.normal() * SHARED_M
        seen = [height(p) + shared + rng.normal() * OWN_M for p in places]
        found = tuple(_found((p[0] / UM, p[1] / UM), h, OWN_M, SHARED_M) for p, h in zip(places, seen, strict=True))
        film = Film(GRID, found)
        for place in EXPOSURES:
            told = film.at((float(place[0]), float(place[1])), z_m=0.0)
            errors.append(-told.lens_m - height(place))
            sigmas.append(told.sigma_m)
    return np.array(errors), np.array(sigmas)


@pytest.mark.parametrize("draw", [_from_the_prior, _square, _wave, _dish])
@pytest.mark.parametrize("places", [ONE, TWO, THREE], ids=["one a hole", "two a hole", "three a hole"])
def test_its_errors_hold(places: Array, draw: Callable[[np.random.Generator, Array], Heights]) -> None:
    """At least 68, 95 and 99.7 % within 1, 2 and 3 σ, as far as the twelve exposures of a film, whose errors go
    together, can tell: 150 films count as so many draws (standard error of 68 %: 3.8 %, of 95 %: 1.8 %, of 99.7 %:
    0.45 %); two of them are allowed for.
    """
    errors, sigmas = _errors(places, draw)
    off = np.abs(errors) / sigmas
    assert np.mean(off < 1) >= 0.683 - 0.076
    assert np.mean(off < 2) >= 0.954 - 0.036
    assert np.mean(off < 3) >= 0.997 - 0.009


ROUGHER = {
    "bend x 2": GridSettings(bend_m=1e-6),
    "bend x 3": GridSettings(bend_m=1.5e-6),
    "roughness x 3": GridSettings(roughness_m=9e-9),
}


@pytest.mark.parametrize("film", ROUGHER.values(), ids=ROUGHER.keys())
def test_on_rougher_films_its_errors_grow_with_the_scatter(film: GridSettings) -> None:
    """A film two or three times as rough as the settings say, with the settings' σ, would have pulls of 2 and 3. Of six
    found points two must tell the scatter against a prior of two: σ is then some two thirds of what it should be.
    """
    errors, sigmas = _errors(TWO, lambda rng, places: _drawn(rng, places, film))
    assert np.sqrt(np.mean((errors / sigmas) ** 2)) < 1.5
    sure = 3 * sigmas <= 50e-9  # what would be exposed unflagged
    assert np.mean(np.abs(errors[sure]) > 50e-9) < 0.02


def test_scatter_as_the_settings_say_changes_nothing() -> None:
    exact = Film(GRID, tuple(_found(p, 0.0, OWN_M) for p in ((0.0, 0.0), (3.0, 3.0), (0.0, 6.0), (6.0, 0.0))))
    bump = 1e-6  # of one point of four: far beyond roughness and waves
    bent = Film(
        GRID, tuple(_found(p, bump * (p == (3.0, 3.0)), OWN_M) for p in ((0, 0), (3.0, 3.0), (0, 6.0), (6.0, 0)))
    )
    middle = (1e-6, 1e-6)
    assert bent.at(middle, z_m=0.0).film_sigma_m > 3 * exact.at(middle, z_m=0.0).film_sigma_m


def test_its_errors_are_no_larger_than_they_must_be() -> None:
    errors, sigmas = _errors(ONE, _from_the_prior)
    # rms of error/σ is 1 but for arrivals, which the drawn films have not: 150 films know it to 1/√300 = 6 %.
    assert np.sqrt(np.mean((errors / sigmas) ** 2)) == pytest.approx(1.0, abs=0.15)


def test_two_focus_targets_a_hole_keep_the_exposures_within_50_nm_where_one_does_not() -> None:
    worst = {}
    for name, places in (("one", ONE), ("two", TWO), ("three", THREE)):
        film = Film(GRID, tuple(_found((p[0] / UM, p[1] / UM), 0.0, OWN_M, SHARED_M) for p in places))
        worst[name] = max(3 * film.at((float(y), float(x)), z_m=0.0).sigma_m for y, x in EXPOSURES)
    # Three points never see the film's curvature: 1.7·bend/length² = 3.8 per mm, 6 µm · 1.5 µm of it are 20 nm.
    assert worst["one"] > 100e-9
    assert worst["two"] < 50e-9
    assert worst["three"] < 35e-9
