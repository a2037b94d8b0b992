"""Plans, their outlook, and the sequences that are made of them."""

from __future__ import annotations

import functools
import itertools
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from eucentric.errors import SettingsError
from eucentric.focus.settings import CorrectionType
from eucentric.focus.toml import read_toml, to_toml
from eucentric.optimize.planning.asked import Asked, Cheapest, exposed_at
from eucentric.optimize.planning.outlook import outlook
from eucentric.optimize.planning.plan import Plan, front, knee, plan
from eucentric.optimize.planning.prediction import (
    DOUBTS,
    LENS_MAX_M,
    left_after,
    looked_at,
)
from eucentric.optimize.planning.reasons import reasons
from eucentric.optimize.planning.rules import Needs
from eucentric.optimize.planning.rules import plan as classic
from eucentric.optimize.planning.rules_on import classic_on
from eucentric.optimize.planning.sequence import elsewhere, names_of, settings_of
from tests.optimize.planning.made import candidate, instrument, with_

ASKED = Asked(500e-6, 0.1e-6)


@functools.cache
def _plan(cheapest: Cheapest = Cheapest.ELECTRONS, probability: float = 0.99) -> Plan:
    return plan(instrument(), Asked(500e-6, 0.1e-6, probability, cheapest=cheapest))


def test_backlash_is_taken_away_by_an_approach_that_is_longer() -> None:
    """What remains of a move of Z is its scale, and how well it comes back from one side."""
    slack, tight = with_("stage", backlash_m=5e-6), with_("stage", backlash_m=0.0)
    one = candidate("fa", 4, 5e-3)
    assert left_after(one, slack, 10e-6) == left_after(one, tight, 10e-6)
    assert settings_of(_plan(), slack).z_approach_m == 10e-6
    assert settings_of(_plan(), tight).z_approach_m == 2e-6


def test_a_run_that_sees_nothing_is_refused_and_has_missed() -> None:
    """±10 mrad moves the images by 20 nm per µm, a fifth of 5.12 µm is left at 205 µm: half of what begins in ±410."""
    outside = outlook((candidate("hl", 4, 10e-3, offset_m=-2e-6),), instrument(), 410e-6)
    assert outside.within(1.0) == pytest.approx(0.5, abs=0.02)
    assert outside.bound_m(0.9) == math.inf


def test_far_errors_do_not_cost_less_than_near_ones() -> None:
    """A start four times as far takes about as much, or more: dips of contrast are no walls."""
    costs = [plan(instrument(), replace(ASKED, start_m=um * 1e-6)).dose_e_per_m2 for um in (30, 60, 120, 240, 480)]
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
    perfect = with_("stage", z_scale=0.0, arrival_m=0.0)
    one = candidate("fa", 4, 5e-3, offset_m=0.0, instrument=perfect)
    start = 0.1e-6
    sigma = looked_at(one, perfect, start / math.sqrt(3)).sigma_m
    ends = outlook((one,), perfect, start)
    assert ends.median_m == pytest.approx(0.6745 * sigma, rel=0.03)  # the quartile of a normal distribution
    assert ends.within(2 * sigma) == pytest.approx(0.9545, abs=5 * math.sqrt(0.9545 * 0.0455 / ends.errors_m.size))
    ended = ends.errors_m[np.isfinite(ends.errors_m)]
    assert np.all(np.diff(ended) >= 0)
    # χ² above 12 at one degree of freedom is a normal number beyond √12 = 3.46 σ: 0.053 %, 10.6 of 20 000 draws.
    assert abs(ends.errors_m.size - ended.size - 10.6) < 5 * math.sqrt(10.6)


def test_where_it_is_to_hold_the_last_change_of_magnification_counts() -> None:
    perfect = with_("stage", z_scale=0.0, arrival_m=0.0)
    one = candidate("hl", 4, 10e-3, offset_m=-2e-6, instrument=perfect)
    there, end = one.magnification, next(m for m in perfect.magnifications if m.name == "fa")
    here, apart = (outlook((one,), perfect, 1e-6, at=at).errors_m for at in (None, "fa"))
    seen = math.sqrt(float(np.mean(here[np.isfinite(here)] ** 2)))
    left = math.sqrt(float(np.mean(apart[np.isfinite(apart)] ** 2)))
    # 100 nm of parfocality and 25 nm for each factor of e of the pixels, in quadrature; 20 000 draws scatter by 0.5 %.
    wanted = math.hypot(100e-9, 25e-9 * math.log(there.pixel_m / end.pixel_m))
    assert math.sqrt(left**2 - seen**2) == pytest.approx(wanted, rel=0.02)


def test_a_plan_ends_where_the_exposures_are_taken() -> None:
    there = instrument("300kv-autoloader")
    assert (exposed_at(there), exposed_at(there, ("hl", "fc"))) == ("fa", "fc")
    cheap, held = (plan(there, Asked(500e-6, 0.1e-6, at=at)) for at in (None, "fa"))
    chain = tuple(step.candidate for step in cheap.steps)
    assert outlook(chain, there, 500e-6).within(0.1e-6) > 0.99
    assert outlook(chain, there, 500e-6, at="fa").within(0.1e-6) < 0.8  # parfocality alone is 100 nm, 1 σ
    assert held.outlook.within(0.1e-6) > 0.99
    assert held.steps[-1].candidate.magnification.name == "fa"
    wide = plan(there, Asked(500e-6, 1e-6, at="fa"))  # 1 µm has room for the change
    assert wide.steps[-1].candidate.magnification.name != "fa"
    assert {"parfocality", "hysteresis of the magnification"} <= {part.source for part in wide.steps[-1].budget}
    assert wide.dose_e_per_m2 < held.dose_e_per_m2


def test_each_step_but_the_last_has_a_reason() -> None:
    told = reasons(_plan(), instrument())
    assert len(told) == len(_plan().steps) - 1
    assert re.match(r"Z Focus is there because .* reaches no farther than", told[0])


def test_where_the_optics_hardly_change_with_the_lens_it_corrects_far_errors_too() -> None:
    """A lens does not have to settle for seconds: quicker than the stage, where it may go so far."""
    quick = Asked(200e-6, 1e-6, cheapest=Cheapest.TIME)
    assert plan(instrument(), quick).steps[0].candidate.correction is CorrectionType.STAGE_Z
    assert plan(with_("lens", far=0.05), quick).steps[0].candidate.correction is CorrectionType.DEFOCUS


def test_more_hysteresis_puts_a_step_in_between() -> None:
    """From 18 µm by the lens (the stage comes back to 1 µm): one correction leaves 5 % of it behind, two do not."""
    there = with_("stage", arrival_m=1e-6)
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
    plans = front(instrument(), ASKED)
    doses, seconds = [p.dose_e_per_m2 for p in plans], [p.seconds for p in plans]
    assert doses == sorted(doses)
    assert seconds == sorted(seconds, reverse=True)
    assert _plan(Cheapest.BOTH).dose_e_per_m2 in doses


def test_a_further_step_has_to_be_worth_it() -> None:
    short = _plan(Cheapest.TIME)
    one = short.steps[-1]

    def costs(factor: float, steps: int) -> Plan:
        return replace(short, steps=(replace(one, dose_e_per_m2=factor * one.dose_e_per_m2 / steps**2),) * steps)

    two, three = costs(1.15, 2), costs(1.0, 3)
    assert two.dose_e_per_m2 * two.seconds == pytest.approx(1.15 * three.dose_e_per_m2 * three.seconds)
    assert knee((three, two)) is two
    two = costs(1.25, 2)
    assert knee((three, two)) is three


def test_runs_that_are_not_sure_look_once_more_and_cost_it() -> None:
    made = plan(instrument("300kv-autoloader"), Asked(500e-6, 0.1e-6, steps_max=2, one_preset=True, presets=("fc",)))
    chain = tuple(step.candidate for step in made.steps)
    trusting = outlook(chain, instrument("300kv-autoloader"), 500e-6)
    further = outlook(chain, instrument("300kv-autoloader"), 500e-6, sure_m=0.1e-6)
    assert trusting.unsure == 0.0
    assert 0.05 < further.unsure < 0.3
    assert further.bound_m(0.99) < 0.8 * trusting.bound_m(0.99)
    once = sum(step.candidate.dose_e_per_m2 for step in made.steps)
    assert made.dose_e_per_m2 == pytest.approx(once + made.outlook.unsure * chain[-1].dose_e_per_m2, rel=0.01)


def test_a_plan_is_a_sequence_that_reads_back() -> None:
    settings = settings_of(_plan(), instrument())
    assert read_toml(to_toml(settings)) == settings
    assert [s.preset for s in settings.sequence.steps] == list(_plan().presets)
    assert {p.name for p in settings.presets} == set(_plan().presets)
    others = elsewhere(_plan(), instrument())
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
    made = plan(instrument("300kv-autoloader"), Asked(500e-6, 0.1e-6, steps_max=2, one_preset=True, presets=("fc",)))
    assert len(made.steps) == 2
    assert len(set(made.presets)) == 1
    assert made.steps[0].candidate.magnification.name == "fc"
    old = classic_on(instrument("300kv-autoloader"), classic(Needs(500e-6, 0.1e-6, 10e-3)))
    assert made.dose_e_per_m2 <= 0.5 * sum(step.dose_e_per_m2 for step in old)


def test_the_classic_plan_has_the_pixels_and_ranges_of_its_rules() -> None:
    first, last = classic_on(instrument(), classic(Needs(500e-6, 0.1e-6, 10e-3)))
    assert last.pixel_m <= 1.001e-9  # 0.1 µm · 10 mrad
    assert first.pixel_m * first.size_px / 4 >= 0.999 * 500e-6 * 10e-3
    assert last.dose_e_per_m2 == 2 * last.magnification.dose_per_m2


def test_a_last_look_is_asked_of_the_last_step() -> None:
    made = plan(instrument(), Asked(500e-6, 0.1e-6, look_again=True))
    steps = settings_of(made, instrument()).sequence.steps
    assert [step.look_again for step in steps] == [False] * (len(steps) - 1) + [True]


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
        plan(instrument(), asked)
