"""Trials run on the instrument of the file: each of its numbers is drawn, believed or told to the sequence."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel

from eucentric.calibration.handed_over import book_from
from eucentric.focus.settings import CorrectionType
from eucentric.microscope.registry import handed_out, open_microscope
from eucentric.optimize.instrument import Instrument
from eucentric.optimize.planning.plan import Plan
from eucentric.optimize.planning.sequence import settings_of
from eucentric.optimize.trials.simulated import believed, magnitudes_of
from tests.optimize.tiny import tiny, tiny_plan

PARTS = ("lens", "camera", "stage", "times", "errors", "specimen")
CANT_MATTER = {"camera.size": "a plan's images have sizes of their own; a trial opens the microscope with it"}


def _numbers() -> list[str]:
    """part.field of every numeric field of the parts."""
    found = []
    for part in PARTS:
        values: BaseModel = getattr(tiny(), part)
        names = [n for n in type(values).model_fields if isinstance(getattr(values, n), int | float)]
        found += [f"{part}.{name}" for name in names]
    return found


def _with(there: Instrument, path: str, value: float) -> Instrument:
    part, name = path.split(".")
    return there.model_copy(update={part: getattr(there, part).model_copy(update={name: value})})


def _by_stage() -> Plan:
    """The tiny plan, corrected by height: so that waits for the stage are in its sequence."""
    *others, last = tiny_plan().steps
    by_stage = replace(last, candidate=replace(last.candidate, correction=CorrectionType.STAGE_Z))
    return replace(tiny_plan(), steps=(*others, by_stage))


def _of_a_trial(there: Instrument) -> tuple[Any, ...]:
    """Magnitudes, what Focus believes, and what it is told to do (the plan stays)."""
    scope = open_microscope("simulated", seed=1, size=64)
    return magnitudes_of(there, 1e-6), believed(book_from(handed_out(scope)), there), settings_of(_by_stage(), there)


@pytest.mark.parametrize("path", _numbers())
def test_every_number_of_the_file_changes_the_trials(path: str) -> None:
    """Changed by a tenth (from zero, to one), alone."""
    part, name = path.split(".")
    there = tiny()
    before = getattr(getattr(there, part), name)
    changed = _with(there, path, 0.9 * before if before else 1.0)
    assert (_of_a_trial(changed) != _of_a_trial(there)) is (path not in CANT_MATTER), CANT_MATTER.get(path)


def test_the_budget_of_a_trial_is_the_plans() -> None:
    scope = open_microscope("simulated", seed=1, size=64, magnitudes=dict(magnitudes_of(tiny(), 0.0)))
    book = believed(book_from(handed_out(scope)), tiny())
    assert {one.uncertainty for one in book.presets.values()} == {tiny().uncertainty}


@pytest.mark.parametrize("tilt_s", [0.0, 0.25, 60.0])
def test_a_tilt_is_waited_for_once(tilt_s: float) -> None:
    """The call and the sequence together wait as long as the file says."""
    there = _with(tiny(), "times.tilt_s", tilt_s)
    by_call = magnitudes_of(there, 0.0)["column"]["tilt_wait_s"]
    assert by_call + settings_of(tiny_plan(), there).beam_tilt_settle_time_s == tilt_s


def test_two_presets_differ_in_focus_by_what_the_file_says() -> None:
    each = magnitudes_of(tiny(), 0.0)["column"]["parfocal_m"]
    assert math.hypot(each, each) == pytest.approx(tiny().errors.parfocal_m)


def test_a_place_moves_on_film_as_anywhere_and_by_time() -> None:
    drawn = magnitudes_of(tiny(), 0.0)["specimen"]
    assert (drawn["first_motion_m"], drawn["first_motion_on_film"]) == (tiny().errors.first_motion_m, 1.0)
    assert drawn["first_motion_s"] == tiny().uncertainty.first_motion_s


def test_it_drifts_as_the_file_says_before_and_after_a_move() -> None:
    """Per component the file's: √2 of it in a direction that is drawn."""
    there = tiny()
    scope: Any = open_microscope("simulated", seed=1, size=64, magnitudes=dict(magnitudes_of(there, 0.0)))
    before = scope.goniometer.place().velocity_m_per_s
    scope.move_stage(z_m=1e-5)
    scope.wait(20.0)  # settling is over
    after = scope.goniometer.place().velocity_m_per_s
    wanted = math.sqrt(2) * there.stage.drift_m_per_s
    assert (abs(before), abs(after)) == pytest.approx((wanted, wanted), rel=1e-3)
