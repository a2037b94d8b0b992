"""What a step is predicted to reach and to leave, beside closed forms and draws."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from eucentric.focus.patterns import PatternName
from eucentric.focus.predict import capture_range_m
from eucentric.optimize.planning.apart import between, changed
from eucentric.optimize.planning.grid import grid_of
from eucentric.optimize.planning.prediction import (
    INSIDE,
    OFF_FOCUS,
    STANDS_OUT,
    Before,
    Left,
    left_after,
    looked_at,
    range_of,
    stands_out,
    unseen,
    z_scale_after,
)
from tests.optimize.planning.made import brighter, candidate, instrument, with_


def test_with_enough_electrons_in_parallel_light_the_range_is_what_the_images_share() -> None:
    """To the step of its search, less what offset and Cs move the images by."""
    clean = with_("lens", convergence_rad=0.0)
    fixed = {"gain_residual": 0.0, "dark_residual_e": 0.0}
    bright = brighter(30.0, clean.model_copy(update={"camera": clean.camera.model_copy(update=fixed)}))
    one = candidate("fa", 4, 2e-3, instrument=bright)
    shared = capture_range_m((1024, 1024), one.pixel_m, 2e-3) - abs(one.offset_m)
    assert range_of(one, bright) == pytest.approx(shared, rel=0.02)
    assert range_of(candidate("fa", 4, 2e-3), instrument()) <= 1.02 * shared


def test_light_that_is_less_parallel_shows_less_far_from_focus() -> None:
    """Convergence damps detail by exp(−(πα·C1·q)²)."""
    one, worse = candidate("hl", 4, 2e-3), with_("lens", convergence_rad=4e-3)
    assert stands_out(one, worse, 200e-6) < 0.5 * stands_out(one, instrument(), 200e-6)


def test_four_times_the_area_stand_out_twice_as_much() -> None:
    small, large = (candidate("fc", 2, 10e-3, size_px=size) for size in (512, 1024))
    there = instrument()
    shared = [1 - abs(2e-2 * (-2e-6 + 2.7e-3 * 1e-4)) / one.field_m for one in (small, large)]
    ratio = stands_out(large, there, -2e-6) / stands_out(small, there, -2e-6)
    assert ratio == pytest.approx(2 * math.sqrt(shared[1] / shared[0]))


def test_the_parts_of_an_error_add_up_and_grow_with_what_they_come_from() -> None:
    one = candidate("fa", 4, 5e-3)
    left = left_after(one, instrument(), 10e-6)
    assert left.sigma_m == pytest.approx(math.sqrt(sum(p.sigma_m**2 for p in left.budget)))
    of = {p.source: p.sigma_m for p in left.budget}
    assert of["stage Z scale"] == pytest.approx(0.005 * 10e-6)
    known = {p.source: p.sigma_m for p in left_after(one, instrument(), 10e-6, Before(z_scale=1e-4)).budget}
    assert known["stage Z scale"] == pytest.approx(1e-4 * 10e-6)
    # C1 and the offset, 10.5 µm, seen with a tilt scale of 0.2 %.
    seen = math.hypot(10e-6, -0.5e-6 + 3 * 2.7e-3 * 5e-3**2)  # C1 of either sign, beside the offset and what Cs adds
    assert of["tilt scale"] == pytest.approx(0.002 * seen, rel=0.01)


def test_a_tilted_and_wavy_film_is_in_the_budget_of_a_look() -> None:
    one, steep = candidate("hl", 4, 5e-3, size_px=2048), with_("specimen", tilt_rad=0.1, bend_m=10e-6)
    of = {p.source: p.sigma_m for p in looked_at(one, steep, 1e-6).budget}
    assert of["specimen tilt"] == steep.specimen.tilt_sigma_m(one.field_m) > 10e-9
    assert of["specimen bend"] == steep.specimen.bend_sigma_m(one.field_m) > 10e-9
    assert of["specimen tilt"] == dict(_parts(looked_at(one, steep, 100e-6)))["specimen tilt"]  # C1 does not matter
    level = with_("specimen", tilt_rad=0.0, bend_m=0.0)
    added = looked_at(one, steep, 1e-6).sigma_m ** 2 - looked_at(one, level, 1e-6).sigma_m ** 2
    assert added == pytest.approx(of["specimen tilt"] ** 2 + of["specimen bend"] ** 2)


def _parts(left: Left) -> list[tuple[str, float]]:
    return [(p.source, p.sigma_m) for p in left.budget]


def test_an_offset_may_take_away_what_an_error_of_the_tilt_acts_on() -> None:
    """d = C1·β + C3·β³ does not change with β where C1 = −3·C3·β²; on the other side it changes twice as much."""
    balance = 3 * 2.7e-3 * 5e-3**2
    of = {
        o: dict(_parts(looked_at(candidate("fa", 4, 5e-3, offset_m=o), instrument(), 0.0)))
        for o in (-balance, 0.0, balance)
    }
    assert of[-balance]["tilt scale"] < 0.01 * of[0.0]["tilt scale"]
    assert of[balance]["tilt scale"] == pytest.approx(2 * of[0.0]["tilt scale"], rel=0.01)


def test_the_search_and_a_budget_have_the_same_of_what_is_no_noise() -> None:
    """Pairs at any offset, of either sign about −3·C3·β²; the optics' change with the lens is in the budget alone."""
    there, error_m = with_("lens", far=0.0), 0.3e-6
    grid = grid_of(there, 14e-3, ("fc",))
    pairs = [k for k, c in enumerate(grid.candidates) if c.pattern is PatternName.PAIR and c.size_px == 1024]
    assert len({grid.candidates[k].offset_m for k in pairs}) > 3
    for k in pairs[::7]:
        of = dict(_parts(looked_at(grid.candidates[k], there, error_m, Before(5.0))))
        whole = math.hypot(*(sigma for source, sigma in of.items() if source != "noise"))
        assert math.sqrt(grid.base_m2[k] + grid.slope[k] * error_m**2) == pytest.approx(whole, rel=0.02)


def test_a_tilts_error_is_what_many_pairs_drawn_with_it_scatter() -> None:
    """d = 2(C1·β + C3·β³) with β off by 0.2 %, focus anywhere about the offset: no derivative, no design matrix."""
    rng, count, c3_m, tilt = np.random.default_rng(4), 100_000, 2.7e-3, 10e-3
    one = candidate("fc", 2, tilt, offset_m=-2e-6)
    c1 = one.offset_m + 0.3e-6 * rng.normal(size=count)
    true = tilt * (1 + 0.002 * rng.normal(size=count))
    error = (c1 * true + c3_m * true**3) / tilt - c3_m * tilt**2 - c1
    told = dict(_parts(looked_at(one, instrument(), 0.3e-6)))["tilt scale"]
    assert told == pytest.approx(float(np.sqrt(np.mean(error**2))), rel=0.02)  # 1/√(2·count) is 0.2 %


def test_what_the_lens_changes_far_from_eucentric_focus_has_its_name() -> None:
    """Tilts change by 1 % for 100 µm: with an offset of 20 µm C1 and offset are seen 0.2 % too large, 1 σ."""
    one = candidate("fa", 4, 5e-3, offset_m=-20e-6)
    of = dict(_parts(looked_at(one, instrument(), 5e-6)))
    seen = math.hypot(
        -20e-6 + 3 * 2.7e-3 * 5e-3**2, 5e-6
    )  # an error of the tilt acts on C1 + 3·C3·β²; C1 of either sign
    # Of its axis, 0.06 mrad off, and of the two directions a few nanometres are added.
    assert of[OFF_FOCUS] == pytest.approx(0.002 * seen, rel=0.1)
    assert of["tilt scale"] == pytest.approx(of[OFF_FOCUS], rel=0.1)  # which is known to 0.2 %, too
    assert dict(_parts(looked_at(one, with_("lens", far=0.0), 5e-6)))[OFF_FOCUS] == 0.0
    assert dict(_parts(looked_at(replace(one, offset_m=0.0), instrument(), 5e-6)))[OFF_FOCUS] == 0.0


def test_magnifications_focus_apart_by_calibration_and_hysteresis() -> None:
    """25 nm for each factor of e: from pixels of 10 nm to 1.25, ln 8; five of them at most."""
    sq, hl, fc, fa = instrument().magnifications
    of = {p.source: p.sigma_m for p in changed(sq, hl, instrument())}
    assert of == pytest.approx({"parfocality": 0.1e-6, "hysteresis of the magnification": 25e-9 * math.log(8)})
    assert between(sq, hl, instrument()) == pytest.approx(math.hypot(*of.values()))
    far = sq.model_copy(update={"pixel_m": 1e-6})
    assert changed(far, fa, instrument())[1].sigma_m == pytest.approx(5 * 25e-9)
    assert changed(fc, fc, instrument()) == ()


def test_zs_scale_is_learned_as_well_as_the_move_was_seen() -> None:
    """0.5 % promised, a move of 500 µm seen to 1 µm (0.2 %): 1/√(1/0.5² + 1/0.2²) %."""
    assert z_scale_after(0.005, 1e-6, 500e-6) == pytest.approx(0.01 / math.hypot(1 / 0.5, 1 / 0.2))


def test_what_a_further_look_settles_near_focus_costs_that_look() -> None:
    """At its own focus a film shows little: the share of errors that end there take a second look, another offset."""
    there, one = instrument(), candidate("hl", 4, 1.5e-3)
    blind = np.array([stands_out(one, there, one.offset_m + f * 200e-6) < STANDS_OUT for f in INSIDE])
    assert 0 < blind.sum() < INSIDE.size
    assert unseen(one, there, 200e-6, None) == pytest.approx(blind.mean())
    assert unseen(one, there, 200e-6, 3.0) > blind.mean()  # of errors that mostly are near focus more are there


def test_light_that_does_not_fill_the_images_is_no_candidate() -> None:
    there = instrument()
    small = there.model_copy(
        update={"magnifications": tuple(m.model_copy(update={"beam_m": m.beam_m / 10}) for m in there.magnifications)}
    )
    assert range_of(candidate("fa", 4, 5e-3), there) > 0
    assert range_of(candidate("fa", 4, 5e-3, instrument=small), small) == 0.0
    # A pivot that is off by 1 µm for each mrad moves the light of 1.5 µm off the view.
    assert range_of(candidate("fa", 4, 5e-3), with_("lens", pivot_m=1e-6)) == 0.0
