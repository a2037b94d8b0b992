"""What a step is predicted to reach and leave, and the plan that is made of it."""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from eucentric.errors import SettingsError
from eucentric.focus.patterns import PatternName
from eucentric.focus.predict import capture_range_m
from eucentric.focus.settings import CorrectionType
from eucentric.focus.toml import read_toml, to_toml
from eucentric.optimize.instrument import Instrument, instrument_of
from eucentric.optimize.planning.asked import Asked, Cheapest
from eucentric.optimize.planning.candidate import Candidate
from eucentric.optimize.planning.grid import grid_of
from eucentric.optimize.planning.outlook import outlook
from eucentric.optimize.planning.plan import Plan, front, plan
from eucentric.optimize.planning.prediction import (
    DOUBTS,
    INSIDE,
    LENS_MAX_M,
    OFF_FOCUS,
    STANDS_OUT,
    Before,
    Left,
    between,
    changed,
    left_after,
    looked_at,
    range_of,
    stands_out,
    unseen,
    z_scale_after,
)
from eucentric.optimize.planning.rules import Needs
from eucentric.optimize.planning.rules import plan as classic
from eucentric.optimize.planning.rules_on import classic_on
from eucentric.optimize.planning.sequence import elsewhere, names_of, settings_of

ASKED = Asked(500e-6, 0.1e-6)


@functools.cache
def _instrument(name: str = "200kv-side-entry") -> Instrument:
    return instrument_of(name)


@functools.cache
def _plan(cheapest: Cheapest = Cheapest.ELECTRONS, probability: float = 0.99) -> Plan:
    return plan(_instrument(), Asked(500e-6, 0.1e-6, probability, cheapest=cheapest))


def _candidate(preset: str, binning: int, tilt_rad: float, **changes: object) -> Candidate:
    there = changes.pop("instrument", _instrument())
    assert isinstance(there, Instrument)
    magnification = next(m for m in there.magnifications if m.name == preset)
    values: dict[str, object] = {"size_px": 1024, "pattern": PatternName.PAIR, "offset_m": -0.5e-6}
    values |= {"correction": CorrectionType.STAGE_Z, **changes}
    return Candidate(magnification=magnification, binning=binning, tilt_rad=tilt_rad, **values)  # type: ignore[arg-type]


def _with(part: str, **values: float) -> Instrument:
    there = _instrument()
    return there.model_copy(update={part: getattr(there, part).model_copy(update=values)})


def _brighter(factor: float, there: Instrument | None = None) -> Instrument:
    there = there or _instrument()
    lit = tuple(m.model_copy(update={"dose_per_m2": factor * m.dose_per_m2}) for m in there.magnifications)
    return there.model_copy(update={"magnifications": lit})


def test_with_enough_electrons_in_parallel_light_the_range_is_what_the_images_share() -> None:
    """To the step of its search, less what offset and Cs move the images by."""
    clean = _with("lens", convergence_rad=0.0)
    fixed = {"gain_residual": 0.0, "dark_residual_e": 0.0}
    bright = _brighter(30.0, clean.model_copy(update={"camera": clean.camera.model_copy(update=fixed)}))
    one = _candidate("fa", 4, 2e-3, instrument=bright)
    shared = capture_range_m((1024, 1024), one.pixel_m, 2e-3) - abs(one.offset_m)
    assert range_of(one, bright) == pytest.approx(shared, rel=0.02)
    assert range_of(_candidate("fa", 4, 2e-3), _instrument()) <= 1.02 * shared


def test_light_that_is_less_parallel_shows_less_far_from_focus() -> None:
    """Convergence damps detail by exp(−(πα·C1·q)²)."""
    one, worse = _candidate("hl", 4, 2e-3), _with("lens", convergence_rad=4e-3)
    assert stands_out(one, worse, 200e-6) < 0.5 * stands_out(one, _instrument(), 200e-6)


def test_four_times_the_area_stand_out_twice_as_much() -> None:
    small, large = (_candidate("fc", 2, 10e-3, size_px=size) for size in (512, 1024))
    there = _instrument()
    shared = [1 - abs(2e-2 * (-2e-6 + 2.7e-3 * 1e-4)) / one.field_m for one in (small, large)]
    ratio = stands_out(large, there, -2e-6) / stands_out(small, there, -2e-6)
    assert ratio == pytest.approx(2 * math.sqrt(shared[1] / shared[0]))


def test_the_parts_of_an_error_add_up_and_grow_with_what_they_come_from() -> None:
    one = _candidate("fa", 4, 5e-3)
    left = left_after(one, _instrument(), 10e-6)
    assert left.sigma_m == pytest.approx(math.sqrt(sum(p.sigma_m**2 for p in left.budget)))
    of = {p.source: p.sigma_m for p in left.budget}
    assert of["stage Z scale"] == pytest.approx(0.005 * 10e-6)
    known = {p.source: p.sigma_m for p in left_after(one, _instrument(), 10e-6, Before(z_scale=1e-4)).budget}
    assert known["stage Z scale"] == pytest.approx(1e-4 * 10e-6)
    # C1 and the offset, 10.5 µm, seen with a tilt scale of 0.2 %.
    assert of["tilt scale"] == pytest.approx(0.002 * 10.5e-6, rel=0.05)


def test_a_tilted_and_wavy_film_is_in_the_budget_of_a_look() -> None:
    one, steep = _candidate("hl", 4, 5e-3, size_px=2048), _with("specimen", tilt_rad=0.1, bend_m=10e-6)
    of = {p.source: p.sigma_m for p in looked_at(one, steep, 1e-6).budget}
    assert of["specimen tilt"] == steep.specimen.tilt_sigma_m(one.field_m) > 10e-9
    assert of["specimen bend"] == steep.specimen.bend_sigma_m(one.field_m) > 10e-9
    assert of["specimen tilt"] == dict(_parts(looked_at(one, steep, 100e-6)))["specimen tilt"]  # C1 does not matter
    level = _with("specimen", tilt_rad=0.0, bend_m=0.0)
    added = looked_at(one, steep, 1e-6).sigma_m ** 2 - looked_at(one, level, 1e-6).sigma_m ** 2
    assert added == pytest.approx(of["specimen tilt"] ** 2 + of["specimen bend"] ** 2)


def _parts(left: Left) -> list[tuple[str, float]]:
    return [(p.source, p.sigma_m) for p in left.budget]


def test_an_offset_may_take_away_what_an_error_of_the_tilt_acts_on() -> None:
    """d = C1·β + C3·β³ does not change with β where C1 = −3·C3·β²; on the other side it changes twice as much."""
    balance = 3 * 2.7e-3 * 5e-3**2
    of = {
        o: dict(_parts(looked_at(_candidate("fa", 4, 5e-3, offset_m=o), _instrument(), 0.0)))
        for o in (-balance, 0.0, balance)
    }
    assert of[-balance]["tilt scale"] < 0.01 * of[0.0]["tilt scale"]
    assert of[balance]["tilt scale"] == pytest.approx(2 * of[0.0]["tilt scale"], rel=0.01)


def test_the_search_and_a_budget_have_the_same_of_what_is_no_noise() -> None:
    """Pairs at any offset, of either sign about −3·C3·β²; the optics' change with the lens is in the budget alone."""
    there, error_m = _with("lens", far=0.0), 0.3e-6
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
    one = _candidate("fc", 2, tilt, offset_m=-2e-6)
    c1 = one.offset_m + 0.3e-6 * rng.normal(size=count)
    true = tilt * (1 + 0.002 * rng.normal(size=count))
    error = (c1 * true + c3_m * true**3) / tilt - c3_m * tilt**2 - c1
    told = dict(_parts(looked_at(one, _instrument(), 0.3e-6)))["tilt scale"]
    assert told == pytest.approx(float(np.sqrt(np.mean(error**2))), rel=0.02)  # 1/√(2·count) is 0.2 %


def test_what_the_lens_changes_far_from_eucentric_focus_has_its_name() -> None:
    """Tilts change by 1 % for 100 µm: with an offset of 20 µm C1 and offset are seen 0.2 % too large, 1 σ."""
    one = _candidate("fa", 4, 5e-3, offset_m=-20e-6)
    of = dict(_parts(looked_at(one, _instrument(), 5e-6)))
    seen = math.hypot(
        -20e-6 + 3 * 2.7e-3 * 5e-3**2, 5e-6
    )  # an error of the tilt acts on C1 + 3·C3·β²; C1 of either sign
    # Of its axis, 0.06 mrad off, and of the two directions a few nanometres are added.
    assert of[OFF_FOCUS] == pytest.approx(0.002 * seen, rel=0.1)
    assert of["tilt scale"] == pytest.approx(of[OFF_FOCUS], rel=0.1)  # which is known to 0.2 %, too
    assert dict(_parts(looked_at(one, _with("lens", far=0.0), 5e-6)))[OFF_FOCUS] == 0.0
    assert dict(_parts(looked_at(replace(one, offset_m=0.0), _instrument(), 5e-6)))[OFF_FOCUS] == 0.0


def test_backlash_is_taken_away_by_an_approach_that_is_longer() -> None:
    """What remains of a move of Z is its scale, and how well it comes back from one side."""
    slack, tight = _with("stage", backlash_m=5e-6), _with("stage", backlash_m=0.0)
    one = _candidate("fa", 4, 5e-3)
    assert left_after(one, slack, 10e-6) == left_after(one, tight, 10e-6)
    assert settings_of(_plan(), slack).z_approach_m == 10e-6
    assert settings_of(_plan(), tight).z_approach_m == 2e-6


def test_magnifications_focus_apart_by_calibration_and_hysteresis() -> None:
    """25 nm for each factor of e: from pixels of 10 nm to 1.25, ln 8; five of them at most."""
    sq, hl, fc, fa = _instrument().magnifications
    of = {p.source: p.sigma_m for p in changed(sq, hl, _instrument())}
    assert of == pytest.approx({"parfocality": 0.1e-6, "hysteresis of the magnification": 25e-9 * math.log(8)})
    assert between(sq, hl, _instrument()) == pytest.approx(math.hypot(*of.values()))
    far = sq.model_copy(update={"pixel_m": 1e-6})
    assert changed(far, fa, _instrument())[1].sigma_m == pytest.approx(5 * 25e-9)
    assert changed(fc, fc, _instrument()) == ()


def test_zs_scale_is_learned_as_well_as_the_move_was_seen() -> None:
    """0.5 % promised, a move of 500 µm seen to 1 µm (0.2 %): 1/√(1/0.5² + 1/0.2²) %."""
    assert z_scale_after(0.005, 1e-6, 500e-6) == pytest.approx(0.01 / math.hypot(1 / 0.5, 1 / 0.2))


def test_what_a_further_look_settles_near_focus_costs_that_look() -> None:
    """At its own focus a film shows little: the share of errors that end there take a second look, another offset."""
    there, one = _instrument(), _candidate("hl", 4, 1.5e-3)
    blind = np.array([stands_out(one, there, one.offset_m + f * 200e-6) < STANDS_OUT for f in INSIDE])
    assert 0 < blind.sum() < INSIDE.size
    assert unseen(one, there, 200e-6, None) == pytest.approx(blind.mean())
    assert unseen(one, there, 200e-6, 3.0) > blind.mean()  # of errors that mostly are near focus more are there


def test_a_run_that_sees_nothing_is_refused_and_has_missed() -> None:
    """±10 mrad moves the images by 20 nm per µm, a fifth of 5.12 µm is left at 205 µm: half of what begins in ±410."""
    outside = outlook((_candidate("hl", 4, 10e-3, offset_m=-2e-6),), _instrument(), 410e-6)
    assert outside.within(1.0) == pytest.approx(0.5, abs=0.02)
    assert outside.bound_m(0.9) == math.inf


def test_far_errors_do_not_cost_less_than_near_ones() -> None:
    """A start four times as far takes about as much, or more: dips of contrast are no walls."""
    costs = [plan(_instrument(), replace(ASKED, start_m=um * 1e-6)).dose_e_per_m2 for um in (30, 60, 120, 240, 480)]
    assert all(far > 0.8 * near for near, far in itertools.pairwise(costs))


def test_each_step_sees_what_arrives_and_the_outlook_holds_what_is_asked() -> None:
    made = _plan()
    assert made.steps[0].start_m == ASKED.start_m
    for one in made.steps:
        assert one.start_m <= one.range_m
        assert one.candidate.correction is CorrectionType.STAGE_Z or one.start_m <= 1.01 * LENS_MAX_M
        assert one.looks <= 2 + DOUBTS
    for before, after in zip(made.steps, made.steps[1:], strict=False):
        assert after.start_m >= before.leaves_m  # and what lies between two magnifications
    assert made.outlook.within(ASKED.accuracy_m) >= ASKED.probability
    assert made.outlook.bound_m(0.5) == made.outlook.median_m < ASKED.accuracy_m


def test_the_outlook_of_one_perfect_step_is_the_error_of_its_look() -> None:
    """Without errors of Z what is left is what was measured wrong: normal, with the σ of the look."""
    perfect = _with("stage", z_scale=0.0, arrival_m=0.0)
    one = _candidate("fa", 4, 5e-3, offset_m=0.0, instrument=perfect)
    start = 0.1e-6
    sigma = looked_at(one, perfect, start / math.sqrt(3)).sigma_m
    ends = outlook((one,), perfect, start)
    assert ends.median_m == pytest.approx(0.6745 * sigma, rel=0.03)  # the quartile of a normal distribution
    assert ends.within(2 * sigma) == pytest.approx(0.9545, abs=5 * math.sqrt(0.9545 * 0.0455 / ends.errors_m.size))
    ended = ends.errors_m[np.isfinite(ends.errors_m)]
    assert np.all(np.diff(ended) >= 0)
    # χ² above 12 at one degree of freedom is a normal number beyond √12 = 3.46 σ: 0.053 %, 10.6 of 20 000 draws.
    assert abs(ends.errors_m.size - ended.size - 10.6) < 5 * math.sqrt(10.6)


def test_where_the_optics_hardly_change_with_the_lens_it_corrects_far_errors_too() -> None:
    """A lens does not have to settle for seconds: quicker than the stage, where it may go so far."""
    quick = Asked(200e-6, 1e-6, cheapest=Cheapest.TIME)
    assert plan(_instrument(), quick).steps[0].candidate.correction is CorrectionType.STAGE_Z
    assert plan(_with("lens", far=0.05), quick).steps[0].candidate.correction is CorrectionType.DEFOCUS


def test_more_hysteresis_puts_a_step_in_between() -> None:
    """From 18 µm by the lens (the stage comes back to 1 µm): one correction leaves 5 % of it behind, two do not."""
    there = _with("stage", arrival_m=1e-6)
    there = there.model_copy(update={"errors": there.errors.model_copy(update={"focus_scale": 1e-3})})

    def steps(hysteresis: float) -> int:
        lens = there.lens.model_copy(update={"hysteresis": hysteresis})
        asked = Asked(18e-6, 0.3e-6, cheapest=Cheapest.TIME)
        return len(plan(there.model_copy(update={"lens": lens}), asked).steps)

    assert [steps(hysteresis) for hysteresis in (1e-3, 0.01, 0.02, 0.05)] == [1, 1, 2, 2]


def test_what_is_saved_is_least_and_a_front_has_no_plan_that_another_beats() -> None:
    electrons, time = _plan(Cheapest.ELECTRONS), _plan(Cheapest.TIME)
    assert electrons.dose_e_per_m2 <= time.dose_e_per_m2
    assert time.seconds <= electrons.seconds
    plans = front(_instrument(), ASKED)
    doses, seconds = [p.dose_e_per_m2 for p in plans], [p.seconds for p in plans]
    assert doses == sorted(doses)
    assert seconds == sorted(seconds, reverse=True)
    assert _plan(Cheapest.BOTH).dose_e_per_m2 in doses


def test_runs_that_are_not_sure_look_once_more_and_cost_it() -> None:
    made = plan(_instrument("300kv-autoloader"), Asked(500e-6, 0.1e-6, steps_max=2, one_preset=True, presets=("fc",)))
    chain = tuple(step.candidate for step in made.steps)
    trusting = outlook(chain, _instrument("300kv-autoloader"), 500e-6)
    further = outlook(chain, _instrument("300kv-autoloader"), 500e-6, sure_m=0.1e-6)
    assert trusting.unsure == 0.0
    assert 0.05 < further.unsure < 0.3
    assert further.bound_m(0.99) < 0.8 * trusting.bound_m(0.99)
    once = sum(step.candidate.dose_e_per_m2 for step in made.steps)
    assert made.dose_e_per_m2 == pytest.approx(once + made.outlook.unsure * chain[-1].dose_e_per_m2, rel=0.01)


def test_a_plan_is_a_sequence_that_reads_back() -> None:
    settings = settings_of(_plan(), _instrument())
    assert read_toml(to_toml(settings)) == settings
    assert [s.preset for s in settings.sequence.steps] == list(_plan().presets)
    assert {p.name for p in settings.presets} == set(_plan().presets)
    others = elsewhere(_plan(), _instrument())
    assert [e.tilt_rad for e in others] == [s.candidate.tilt_rad for s in _plan().steps]  # SerialEM: to either side
    assert [e.leginon_tilt_rad for e in others] == [2 * s.candidate.tilt_rad for s in _plan().steps]
    # 20 mrad and Cs 2.7 mm: 2.7 mm · 0.0004 = 1.08 µm.
    assert all(e.leginon_bias_m == pytest.approx(1.08e-6) for e in others if e.tilt_rad == 10e-3)
    assert others[-1].leginon_bias_m == pytest.approx(2.7e-3 * others[-1].leginon_tilt_rad ** 2)
    assert not any(e.leginon_beyond for e in others if 2 * e.tilt_rad <= 18e-3)
    limits = settings.sequence.limits
    assert limits.stage_z_absolute_m > 1.1 * ASKED.start_m  # what it starts from is not beyond its own limits
    assert limits.cumulative_m > 1.1 * ASKED.start_m
    assert names_of(_plan())[-1] == "Focus"
    assert not any(step.look_again for step in settings.sequence.steps)


def test_at_one_preset_all_images_are_alike() -> None:
    made = plan(_instrument("300kv-autoloader"), Asked(500e-6, 0.1e-6, steps_max=2, one_preset=True, presets=("fc",)))
    assert len(made.steps) == 2
    assert len(set(made.presets)) == 1
    assert made.steps[0].candidate.magnification.name == "fc"
    old = classic_on(_instrument("300kv-autoloader"), classic(Needs(500e-6, 0.1e-6, 10e-3)))
    assert made.dose_e_per_m2 <= 0.5 * sum(step.dose_e_per_m2 for step in old)


def test_the_classic_plan_has_the_pixels_and_ranges_of_its_rules() -> None:
    first, last = classic_on(_instrument(), classic(Needs(500e-6, 0.1e-6, 10e-3)))
    assert last.pixel_m <= 1.001e-9  # 0.1 µm · 10 mrad
    assert first.pixel_m * first.size_px / 4 >= 0.999 * 500e-6 * 10e-3
    assert last.dose_e_per_m2 == 2 * last.magnification.dose_per_m2


def test_a_last_look_is_asked_of_the_last_step() -> None:
    made = plan(_instrument(), Asked(500e-6, 0.1e-6, look_again=True))
    steps = settings_of(made, _instrument()).sequence.steps
    assert [step.look_again for step in steps] == [False] * (len(steps) - 1) + [True]


def test_light_that_does_not_fill_the_images_is_no_candidate() -> None:
    there = _instrument()
    small = there.model_copy(
        update={"magnifications": tuple(m.model_copy(update={"beam_m": m.beam_m / 10}) for m in there.magnifications)}
    )
    assert range_of(_candidate("fa", 4, 5e-3), there) > 0
    assert range_of(_candidate("fa", 4, 5e-3, instrument=small), small) == 0.0
    # A pivot that is off by 1 µm for each mrad moves the light of 1.5 µm off the view.
    assert range_of(_candidate("fa", 4, 5e-3), _with("lens", pivot_m=1e-6)) == 0.0


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Asked(500e-6, 2e-9), "What limits it is"),
        (Asked(5e-3, 0.1e-6), "bring it nearer by hand"),
        (Asked(75e-6, 0.1e-6, presets=("fa",)), "reach 79.4 µm, and it is to be in reach with room"),
        (Asked(500e-6, 0.1e-6, steps_max=1), "takes more than 1 step on .* leaves .* for 'stage Z scale'"),
        (Asked(1e-6, 1e-6), "nothing to do"),
        (Asked(500e-6, 0.1e-6, probability=1.0), "probability"),
        (Asked(500e-6, 0.1e-6, tilt_max_rad=0.0), "mrad"),
        (Asked(500e-6, 0.1e-6, tilt_max_rad=30e-3), "beyond the objective aperture"),
        (Asked(500e-6, 0.1e-6, presets=("xx",)), "has no magnification 'xx'"),
        (Asked(500e-6, 0.1e-6, steps_max=9), "between 1 and 4"),
    ],
    ids=["accuracy", "start", "hardly", "too few", "nothing", "probability", "tilt", "aperture", "preset", "steps"],
)
def test_what_can_not_be_is_a_sentence(asked: Asked, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        plan(_instrument(), asked)
