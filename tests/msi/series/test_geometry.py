"""Place and focus of a feature over stage tilts, predicted from what was seen."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from eucentric.microscope.simulated.clock import Clock
from eucentric.microscope.simulated.magnitudes import StageMagnitudes
from eucentric.microscope.simulated.stage import Stage
from eucentric.msi.series.geometry import Priors, Seen, TiltGeometry

PRIORS = Priors(lens_m=-0.4e-6, lens_sigma_m=0.2e-6, height_m=0.3e-6)
RIGID = replace(PRIORS, wobble_m=1e-12, arrival_m=1e-12, runout_m_per_rad=1e-12)
SURE_M = 1e-9
ALPHAS = np.radians(np.arange(-45, 46, 3))
PREDICTED = (0, 7, 15, 18, 30)
"""Numbers of tilts: both ends, one between foci, 0 and one beside it."""
DRAWS = 100


def lens_at(alpha: float, height_m: float, axis_m: float) -> float:
    """F = f − h₀ cos α + a sin α, of a rigid goniometer; f is 50 nm from where it is believed."""
    return PRIORS.lens_m + 50e-9 - height_m * math.cos(alpha) + axis_m * math.sin(alpha)


def across_at(alpha: float, height_m: float, axis_m: float) -> float:
    """y = a (1 − cos α) − h₀ sin α."""
    return axis_m * (1 - math.cos(alpha)) - height_m * math.sin(alpha)


def test_before_anything_is_seen_the_priors_are_told() -> None:
    """σ² = σ_f² + σ_h² + wobble² + arrival² at alpha 0; at 45° with the axis' offset."""
    geometry = TiltGeometry(PRIORS)
    flat, tilted = geometry.lens(0.0, 0), geometry.lens(math.radians(45), 0)
    assert flat.value_m == PRIORS.lens_m
    own = PRIORS.wobble_m**2 + PRIORS.arrival_m**2 + PRIORS.lens_sigma_m**2
    assert flat.sigma_m == pytest.approx(math.sqrt(own + PRIORS.height_m**2))
    assert tilted.sigma_m == pytest.approx(math.sqrt(own + 0.5 * PRIORS.height_m**2 + 0.5 * PRIORS.axis_m**2))
    assert geometry.across(0.0).sigma_m == 0.0  # by definition of the feature


def test_on_a_rigid_goniometer_displacements_tell_the_focus() -> None:
    """The image's motion at small tilts gives h₀ and a, focus at one tilt gives f: all the rest is known."""
    height_m, axis_m = 0.25e-6, -0.8e-6
    geometry = TiltGeometry(RIGID).with_seen(Seen("lens", 0.0, lens_at(0.0, height_m, axis_m), SURE_M, 0))
    for alpha in np.radians([10.0, -10.0, 20.0, -20.0]):
        geometry = geometry.with_seen(Seen("across", alpha, across_at(alpha, height_m, axis_m), SURE_M, 1))
    for alpha in ALPHAS:
        found = geometry.lens(float(alpha), 2)
        # 1 nm over 1 − cos 20° leaves 10 to 20 nm of the axis' offset.
        assert found.sigma_m < 20e-9
        assert abs(found.value_m - lens_at(float(alpha), height_m, axis_m)) < 3 * found.sigma_m + 1e-9


def test_a_goniometer_that_runs_out_hides_the_height() -> None:
    """Displacements r·α and h₀·sin α look the same: with an unknown runout they tell nothing of focus."""
    shaky = replace(RIGID, runout_m_per_rad=1e-3)
    geometry = TiltGeometry(shaky)
    before = geometry.lens(0.0, 0).sigma_m
    for alpha in np.radians([3.0, -3.0]):
        geometry = geometry.with_seen(Seen("across", alpha, 0.1e-6 * float(alpha), SURE_M, 1))
    assert geometry.lens(0.0, 0).sigma_m == pytest.approx(before, rel=1e-3)


def places(stage: Stage, lens_m: float, height_m: float) -> list[tuple[float, float, float]]:
    """(lens in focus, across, along) of a feature on a simulated goniometer at `ALPHAS`, reached from below; places
    count from where it was at 0."""
    out = []
    for alpha in (0.0, *ALPHAS):
        stage.move({"alpha_rad": float(alpha) - math.radians(0.5)})
        stage.move({"alpha_rad": float(alpha)})
        at = stage.place()
        rigid_m = height_m * math.cos(at.alpha_rad) - at.axis_m * math.sin(at.alpha_rad)
        across_m = across_at(at.alpha_rad, height_m, at.axis_m) + at.sideways_m.imag
        out.append((lens_m - rigid_m - at.rise_m, across_m, at.sideways_m.real))
    _, across_m, along_m = out[0]
    return [(lens, y - across_m, x - along_m) for lens, y, x in out[1:]]


def series_pulls(seed: int) -> list[float]:
    """Focus is seen at four tilts, places at all up to ±30°, to 20 nm each: errors at five tilts over stated σ."""
    rng = np.random.default_rng((seed, 1))
    stage = Stage(StageMagnitudes(), Clock(), seed)
    lens_m, height_m = (float(rng.normal()) * sigma for sigma in (PRIORS.lens_sigma_m, PRIORS.height_m))
    true, geometry = places(stage, PRIORS.lens_m + lens_m, height_m), TiltGeometry(PRIORS)
    for k, (alpha, values) in enumerate(zip(ALPHAS, true, strict=True)):
        wanted = (k in {3, 9, 15, 21}, 5 <= k <= 25, 5 <= k <= 25)
        for what, value, seen in zip(("lens", "across", "along"), values, wanted, strict=True):
            if seen:
                noisy = value + float(rng.normal()) * 20e-9
                geometry = geometry.with_seen(Seen(what, float(alpha), noisy, 20e-9, k))
    found = [(geometry.lens(float(ALPHAS[k]), k), true[k][0]) for k in PREDICTED]
    return [(one.value_m - lens) / one.sigma_m for one, lens in found]


def test_stated_errors_are_those_made() -> None:
    """On 100 of the simulator's goniometers as they are by default: of the priors only f and h₀ are drawn from.

    An rms of at most 1 at each tilt; drawn anew it scatters by 1/√(2·100), and 3 σ of that is 0.21. At least 0.5: the
    priors' axis (1 µm for 0.7) and wobble (0.2 µm for 0.15, waves that are not known) are at most 1.5 times too wide,
    and 0.67 less 0.21·0.67 is 0.53. Of 500 pulls 0.3 % are beyond 3 σ; those of one draw go together, so two draws of
    100 may be.
    """
    pulls = np.array([series_pulls(seed) for seed in range(DRAWS)])
    rms = np.sqrt(np.mean(pulls**2, axis=0))
    assert rms.max() <= 1 + 3 / math.sqrt(2 * DRAWS)
    assert rms.min() >= 0.5
    assert (np.abs(pulls) < 3).mean() >= 0.98


def test_two_focus_targets_take_the_films_slope_out() -> None:
    """One side leaves the slope of the film, both leave half of what each is off by, and its curvature."""
    priors = replace(RIGID, film_odd_m=60e-9, film_even_m=4e-9)
    one = TiltGeometry(priors).with_seen(Seen("lens", 0.0, 0.0, SURE_M, 0, side=1))
    both = one.with_seen(Seen("lens", 0.0, 0.0, SURE_M, 0, side=-1))
    # The feature's own height has the prior of f and h₀, 0.36 µm: it leaves 60·(1 − 60²/2/360²) of the slope.
    assert one.lens(0.0, 0).sigma_m == pytest.approx(60e-9, rel=0.03)
    assert both.lens(0.0, 0).sigma_m == pytest.approx(math.hypot(4e-9, SURE_M / math.sqrt(2)), rel=0.02)


def test_the_films_slope_counts_more_on_a_tilted_stage() -> None:
    """A target beside the feature by image shift is ΔH/cos α higher: at 60° one side leaves twice the 60 nm, both twice
    the 4 nm. The feature itself has a prior of 0.9 µm there: 1 % less."""
    priors, alpha = replace(RIGID, film_odd_m=60e-9, film_even_m=4e-9), math.radians(60)
    one = TiltGeometry(priors).with_seen(Seen("lens", alpha, 0.0, SURE_M, 0, side=1))
    both = one.with_seen(Seen("lens", alpha, 0.0, SURE_M, 0, side=-1))
    assert one.lens(alpha, 0).sigma_m == pytest.approx(120e-9, rel=0.03)
    assert both.lens(alpha, 0).sigma_m == pytest.approx(math.hypot(8e-9, SURE_M / math.sqrt(2)), rel=0.02)


def test_what_all_measurements_share_does_not_average() -> None:
    """Foci at 31 tilts, each ±10 nm of its own and 30 nm off together: known to 30 nm at best, 10 nm among themselves.

    The priors (0.36 µm at alpha 0) tell 0.3 % of the 30 nm; what is left of the 10 nm adds at most 3 nm.
    """
    geometry = TiltGeometry(RIGID)
    for k, alpha in enumerate(ALPHAS):
        geometry = geometry.with_seen(Seen("lens", float(alpha), 0.0, 10e-9, k, shared_m=30e-9))
    sigma_m = geometry.lens(0.0, 99).sigma_m / geometry.surprise
    assert 29.5e-9 < sigma_m < math.hypot(30e-9, 3e-9)


def test_what_does_not_come_back_is_known_within_a_stay_alone() -> None:
    """Focus seen in this stay has the height's arrival in it; in the next stay at the same tilt it is another one."""
    priors = replace(RIGID, arrival_m=30e-9)
    geometry = TiltGeometry(priors).with_seen(Seen("lens", 0.3, 0.0, SURE_M, visit=7))
    assert geometry.lens(0.3, 7).sigma_m == pytest.approx(SURE_M, rel=0.01)
    assert geometry.lens(0.3, 8).sigma_m == pytest.approx(30e-9 * math.sqrt(2), rel=0.02)


def test_another_run_is_known_worse_until_it_measures_itself() -> None:
    """Lens and stage come back otherwise: by 100 nm against the first run for focus, which the prior of f shares; by
    √2·50 nm for places. One focus, one place in the run itself, and it is known as before."""
    priors = replace(RIGID, height_m=1e-12, axis_m=1e-12, lens_sigma_m=1e-6, restart_m=100e-9, play_m=50e-9)
    first = TiltGeometry(priors, run=1, first_run=1).with_seen(
        *(Seen("lens", float(alpha), 0.0, SURE_M, k, run=1) for k, alpha in enumerate(ALPHAS)),
        *(Seen("across", float(alpha), 0.0, SURE_M, k, run=1) for k, alpha in enumerate(ALPHAS)),
    )
    assert first.lens(0.2, 99).sigma_m / first.surprise < 2 * SURE_M
    assert first.across(0.2).sigma_m < 2 * SURE_M
    second = replace(first, run=2)
    # What is told of f by one run is off by its 100 nm, and the next one by another: √2·100 nm, less 1 % by the prior.
    assert second.lens(0.2, 99).sigma_m / second.surprise == pytest.approx(math.sqrt(2) * 100e-9, rel=0.01)
    assert second.across(0.2).sigma_m == pytest.approx(math.sqrt(2) * 50e-9, rel=1e-3)
    again = second.with_seen(Seen("lens", 0.3, 0.0, SURE_M, 50, run=2), Seen("across", 0.3, 0.0, SURE_M, 50, run=2))
    assert again.lens(0.2, 99).sigma_m / again.surprise < 2 * SURE_M
    assert again.across(0.2).sigma_m < 2 * SURE_M


def test_surprises_widen_what_is_stated() -> None:
    """Four foci each 4 σ from their predictions: rms (4 + 4·16)/(4 + 4) = √8.5 with the prior counting as four."""
    lone = replace(RIGID, wobble_m=0.1e-6, wobble_length_rad=0.02, lens_sigma_m=1e-12, height_m=1e-12, axis_m=1e-12)
    geometry = TiltGeometry(lone)
    for k, alpha in enumerate((-0.6, -0.2, 0.2, 0.6)):  # many lengths apart: none predicts another
        geometry = geometry.with_seen(Seen("lens", alpha, lone.lens_m + 0.4e-6, 1e-12, k))
    assert geometry.surprise == pytest.approx(math.sqrt((4 + 4 * 16) / 8), rel=1e-3)
    assert geometry.lens(0.0, 9).sigma_m == pytest.approx(0.1e-6 * geometry.surprise, rel=1e-2)
    assert TiltGeometry(lone).surprise == 1.0
