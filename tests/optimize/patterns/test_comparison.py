"""Patterns side by side on an instrument: what its images tell of a shift, and the table."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from eucentric.calibration.instrument import Uncertainty
from eucentric.errors import SettingsError
from eucentric.focus.patterns import PatternName, pattern
from eucentric.optimize.patterns.comparison import Compared, Comparison, of_preset
from eucentric.optimize.patterns.design import Aim, told
from eucentric.optimize.patterns.link import Apart, link_sigma
from eucentric.optimize.planning.prediction import EFFICIENCY, SHIFT_FLOOR_PX
from eucentric.optimize.planning.sight import sight_at
from tests.optimize.patterns.made import C3_M, compared, conditions_for, instrument, row


def test_the_noise_of_opposite_tilts_is_what_the_planner_sees() -> None:
    """What sight.py has tabulated for a pair, at one of its samples; over half a plane of frequencies."""
    one = of_preset("hl", instrument()).candidate
    _, told_per_px = sight_at(instrument(), one.magnification, one.binning, 5e-3, one.exposure).at(-1e-6)
    sigma = link_sigma(one, instrument(), -1e-6, Apart(5e-3, math.pi))
    left = 1 - 2 * 5e-3 * abs(-1e-6 + C3_M * 25e-6) / one.field_m
    wanted = math.hypot(EFFICIENCY / math.sqrt(left * one.size_px**2 * float(told_per_px)), SHIFT_FLOOR_PX)
    assert sigma.along == pytest.approx(wanted * one.pixel_m, rel=0.01)


def test_tilts_that_are_not_opposite_share_less() -> None:
    """Their astigmatism differs by C3·(β₂² − β₁²): 1 µm and more at 14 mrad."""
    one = of_preset("fa", instrument()).candidate
    opposite, quarter = (link_sigma(one, instrument(), -1e-6, Apart(14e-3, a)) for a in (math.pi, math.pi / 2))
    assert quarter.across > opposite.across
    # Far from focus the images share nothing.
    assert link_sigma(one, instrument(), 1e-3, Apart(14e-3, math.pi)).along == one.field_m


# The table.

STORM = replace(Uncertainty(), drift_m_per_s=2e-9 / math.sqrt(2), first_motion_m=3e-9 / math.sqrt(2))
"""Drift of 2 nm/s, first motion of 3 nm, in unknown directions."""


def _table(prior: Uncertainty) -> Comparison:
    conditions = replace(conditions_for(Aim.C1, prior), interval_s=1.05)
    measured = of_preset("fa", instrument())
    plans = [(name, pattern(name, 5e-3)) for name in PatternName]
    rows = tuple(Compared(name, plan, told(plan, conditions), plan.images * 5e20) for name, plan in plans)
    return Comparison(measured, conditions, (5e-3,), rows)


def test_the_cheapest_that_holds_an_accuracy() -> None:
    stormy, still = _table(STORM), _table(replace(STORM, drift_m_per_s=0.0, first_motion_m=0.0))
    found = stormy.holding(50e-9)
    assert found is not None
    assert 3 * found.told.c1_total_m <= 50e-9
    # 2 nm/s/√2 · 1.05 s over 10 mrad alone is 148 nm.
    assert row(stormy, PatternName.PAIR).told.c1_total_m > 148e-9
    fewer = [one for one in stormy.patterns if one.plan.images < found.plan.images]
    assert all(3 * one.told.c1_total_m > 50e-9 for one in fewer)
    cheapest = still.holding(50e-9)
    assert cheapest is not None
    assert cheapest.name is PatternName.PAIR
    assert stormy.holding(1e-9) is None


def test_an_electron_tells_most_with_one_pattern_and_a_rival_takes_no_more_images() -> None:
    made = compared(Aim.C1)
    best = row(made, None)
    assert max(made.efficiency(one) for one in made.patterns) == 1.0
    assert made.rival(best).plan.images <= 6
    assert made.gain(best) == pytest.approx(1 - best.told.error_m / made.rival(best).told.error_m)
    quad = row(made, PatternName.QUAD)
    wanted = (best.told.error_m**2 * 6) / (quad.told.error_m**2 * 4) * made.efficiency(best)
    assert made.efficiency(quad) == pytest.approx(wanted)


def test_a_preset_that_is_not_there_and_one_that_shows_nothing_are_a_sentence() -> None:
    with pytest.raises(SettingsError, match="no preset 'xx'"):
        of_preset("xx", instrument())
    dark = instrument().model_copy(
        update={
            "magnifications": tuple(m.model_copy(update={"dose_per_m2": 1e15}) for m in instrument().magnifications)
        }
    )
    with pytest.raises(SettingsError, match="no tilt finds anything"):
        of_preset("fa", dark)
