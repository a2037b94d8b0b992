"""Maps over two settings: the chosen plan is on them as it is, and each point is that plan with two things changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eucentric.errors import SettingsError
from eucentric.optimize.sweeping.axes import Of, axis_of, settings_of_maps
from eucentric.optimize.sweeping.changes import (
    Change,
    asked_with,
    candidate_with,
    candidate_with_all,
    instrument_with,
    value_now,
)
from eucentric.optimize.sweeping.sweep import (
    ELECTRONS,
    ERROR,
    LEFT,
    RANGE,
    RATE,
    SECONDS,
    STEPS,
    Base,
    Cell,
    Map,
    Point,
    base_of,
    check_axes,
    map_of,
    points_of,
    spot_of,
    with_trials,
)
from eucentric.optimize.trials.trial import Trial
from tests.optimize.tiny import ASKED, tiny, tiny_plan


def _known():
    return settings_of_maps(tiny())


def _base(step: int | None = None) -> Base:
    return Base(tiny_plan(), tiny(), step)


@pytest.mark.parametrize("name", sorted(settings_of_maps(tiny())))
def test_nothing_changes_at_the_value_that_is_there(name):
    setting = _known()[name]
    value = value_now(setting, tiny_plan(), tiny(), 0)
    assert value is not None
    change = Change(setting, value)
    if setting.of is Of.INSTRUMENT:
        assert instrument_with(tiny(), change) == tiny()
    elif setting.of is Of.ASKED:
        assert asked_with(ASKED, change) == ASKED
    else:
        candidate = tiny_plan().steps[0].candidate
        got = candidate_with(candidate, tiny(), change)
        assert got.magnification.pixel_m == pytest.approx(candidate.magnification.pixel_m)
        assert got.exposure == pytest.approx(candidate.exposure)
        assert (got.tilt_rad, got.pattern, got.size_px) == (candidate.tilt_rad, candidate.pattern, candidate.size_px)


def test_a_map_of_plans_has_the_plan_where_it_is_chosen_and_cheaper_ones_where_less_is_asked():
    known = _known()
    x, y = axis_of("start=5,10um", known, 2), axis_of("accuracy=1,2um", known, 2)
    spots = [spot_of(point) for point in points_of(_base(), x, y)]
    costs = [[spot.quantities[q.name] for q in (ELECTRONS, SECONDS, STEPS)] for spot in spots]
    made = tiny_plan()
    assert costs[1] == [made.dose_e_per_m2, made.seconds, len(made.steps)]  # start 10 µm, accuracy 1 µm
    assert spots[1].plan.steps == made.steps
    assert costs[0][0] <= costs[1][0]
    assert costs[3][0] <= costs[1][0]


def test_a_map_of_a_step_changes_nothing_but_that_step():
    known, last = _known(), len(tiny_plan().steps) - 1
    now = value_now(known["dose"], tiny_plan(), tiny(), last)
    point = Point(_base(last), (Change(known["dose"], 0.95 * float(now)), Change(known["specimen.thickness"], 20e-9)))
    as_it_is = Point(_base(last), (Change(known["dose"], now), Change(known["specimen.thickness"], 20e-9)))
    less, same = spot_of(point), spot_of(as_it_is)
    assert same.plan.steps == tiny_plan().steps
    assert same.instrument == tiny()
    assert same.quantities[RANGE.name] == tiny_plan().steps[last].range_m
    assert less.quantities[ELECTRONS.name] == pytest.approx(0.95 * same.quantities[ELECTRONS.name])
    assert less.plan.steps[:last] == tiny_plan().steps[:last]


@pytest.mark.parametrize(
    "of",
    [
        (("binning", 2), ("size", 192)),
        (("binning", 2), ("pixel", 3e-9)),
        (("magnification", "hl"), ("pixel", 3e-9)),
        (("magnification", "hl"), ("dose", 2e20)),
    ],
)
def test_each_setting_of_a_point_has_its_value_whichever_is_along_and_whichever_up(of):
    first, second = (Change(_known()[name], value) for name, value in of)
    candidate = tiny_plan().steps[-1].candidate
    one, other = (candidate_with_all(candidate, tiny(), both) for both in ((first, second), (second, first)))
    assert one == other
    made = replace(tiny_plan(), steps=(replace(tiny_plan().steps[-1], candidate=one),))
    for change in (first, second):
        now = value_now(change.setting, made, tiny(), 0)
        assert now == (change.value if isinstance(change.value, str) else pytest.approx(change.value))


def test_a_larger_binning_keeps_the_field_and_a_pixel_is_that_of_the_binned_image():
    known, candidate = _known(), tiny_plan().steps[-1].candidate
    binned = candidate_with(candidate, tiny(), Change(known["binning"], 2 * candidate.binning))
    assert binned.field_m == pytest.approx(candidate.field_m)
    assert binned.pixel_m == pytest.approx(2 * candidate.pixel_m)
    finer = candidate_with(candidate, tiny(), Change(known["pixel"], 1e-9))
    assert finer.pixel_m == pytest.approx(1e-9)
    pixel_m, last = 1.1 * candidate.pixel_m, len(tiny_plan().steps) - 1
    spot = spot_of(Point(_base(last), (Change(known["pixel"], pixel_m), Change(known["lens.pivot"], 0.0))))
    simulated = next(m for m in spot.instrument.magnifications if m.name == candidate.magnification.name)
    assert simulated.pixel_m * candidate.binning == pytest.approx(pixel_m)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ((("tilt", 30e-3), ("lens.pivot", 0.0)), "aperture .25 mrad. stops"),
        ((("pixel", 0.9e-6), ("lens.pivot", 0.0)), "does not fill the corners"),
        ((("size", 1024), ("lens.pivot", 0.0)), "the camera has"),
        ((("tilt", 5e-3), ("camera.size", 64)), "the camera has"),
        ((("tilt", 19e-3), ("lens.pivot", 0.0)), "beside the room for the coma-free axis: 18 mrad"),
        ((("offset", 1e-12), ("tilt", 0.5e-3)), "The camera's own pattern"),
        ((("start", 9e-3), ("accuracy", 2e-6)), "9 mm"),
        ((("lens.tilt_max", 26e-3), ("accuracy", 2e-6)), "not below the aperture"),
    ],
)
def test_a_point_with_nothing_to_show_says_why(changes, why):
    of = tuple(Change(_known()[name], value) for name, value in changes)
    step = 0 if of[0].setting.of is Of.STEP else None
    with pytest.raises(SettingsError, match=why):
        spot_of(Point(_base(step), of))


def test_values_that_an_instrument_can_not_have_are_said_before_anything_is_done():
    known = _known()
    y = axis_of("start=1,2um", known, 2)
    with pytest.raises(SettingsError, match=r"lens\.hysteresis is 0\.5; it must be"):
        check_axes([axis_of("lens.hysteresis=0,0.5", known, 2), y], tiny(), None)
    # What does not fit the other values is a matter of each point.
    check_axes([axis_of("lens.tilt_max=10,30mrad", known, 2), y], tiny(), None)


@pytest.mark.parametrize(
    ("over", "step", "told"),
    [
        (["tilt=1..2mrad"], None, "two settings"),
        (["tilt=1..2mrad", "tilt=2..3mrad"], None, "two settings"),
        (["tilt=1..2mrad", "binning", "pattern"], None, "two settings"),
        (["tilt=1..2mrad", "start=1..2um"], None, "tilt is of one step, and start is asked"),
        (["dose=1..2e/A2", "exposure=0.1..1s"], None, "are one setting"),
        (["accuracy=1..2um", "start=1..2um"], "Focus", "--step Focus does nothing"),
    ],
)
def test_settings_that_make_no_map_are_said(over, step, told):
    with pytest.raises(SettingsError, match=told):
        check_axes([axis_of(text, _known(), 3) for text in over], tiny(), step)


def test_the_step_of_a_map_is_named_or_the_last():
    axes = [axis_of(text, _known(), 3) for text in ("tilt=1..2mrad", "lens.cs=1..3mm")]
    check_axes(axes, tiny(), "focus")
    assert base_of(tiny_plan(), tiny(), axes, None).step == len(tiny_plan().steps) - 1
    assert base_of(tiny_plan(), tiny(), axes, "focus").step == len(tiny_plan().steps) - 1
    with pytest.raises(SettingsError, match="no step 'Fokus'"):
        base_of(tiny_plan(), tiny(), axes, "Fokus")
    of_plans = [axis_of(text, _known(), 3) for text in ("start=1..2um", "lens.cs=1..3mm")]
    assert base_of(tiny_plan(), tiny(), of_plans, None).step is None


def _map() -> Map:
    x, y = axis_of("tilt=10,14mrad", _known(), 2), axis_of("binning=1,2", _known(), 2)
    there = {RANGE.name: 20e-6, ERROR.name: 50e-9}
    return map_of(_base(0), x, y, {0: Cell(there), 1: Cell({**there, LEFT.name: 90e-9}), 3: Cell(why="dark")})


def test_cells_lie_row_by_row_and_what_is_not_done_is_empty():
    found = _map()
    assert found.cell(1, 0).quantities[LEFT.name] == 90e-9
    assert found.cell(1, 1).why == "dark"
    assert found.cell(0, 1) == Cell()
    assert found.quantities == (RANGE, ERROR, LEFT)
    assert found.same_everywhere(RANGE) == 20e-6
    assert found.chosen(found.y) == tiny_plan().steps[0].candidate.binning


def test_trials_become_rates_within_the_accuracy_of_their_own_point():
    known, found = _known(), _map()
    now = value_now(known["tilt"], tiny_plan(), tiny(), 0)
    spots = {1: spot_of(Point(_base(0), (Change(known["tilt"], now), Change(known["lens.pivot"], 0.0))))}
    good, off = Trial(0, 1e-6, 0.9e-6, 1e20, 1.0), Trial(1, 1e-6, -1.1e-6, 1e20, 1.0)
    refused = Trial(2, 1e-6, None, 1e20, 1.0, why="Too dark.")
    tried = with_trials(found, spots, {1: [good, off, refused, good]})
    assert tried.cell(1, 0).quantities[RATE.name] == 0.5
    assert tried.cell(1, 0).refused == "Too dark."
    assert tried.cell(0, 0) == found.cell(0, 0)
