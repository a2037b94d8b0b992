"""What the benchmark of killed sessions calls wrong."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.calls import Call, State, left_changed
from benchmarks.claims import Outcome
from benchmarks.killed import Confirmed, Seen, application, judge
from benchmarks.killed_targets import TILTED, at, targets
from benchmarks.kills_rows import claims_of
from eucentric.microscope.protocol import StagePosition
from eucentric.msi.outcome import Status
from eucentric.msi.units import units

STATE = State("ex", (0.0, 0.0), (0.0, 0.0), (0.0, 0.0), 2e-6, 0.5e-6, StagePosition(0.0, 0.0, 0.0, 0.0))
UNIT = next(unit for unit in units(application()) if unit.node == "Exposure")
SIGMA_M = 10e-9


def seen(folder: Path, true_c1_m: float, zero_m: float = 1.5e-6) -> Seen:
    """One exposure, intended at 0, by the second process; the journal says where lens and zero were left."""
    y, x = UNIT.place_m
    at = replace(STATE, stage=StagePosition(x, y, 0.0, 0.0))
    call = Call(12, 1, "acquire", (), 0.0, at, true_c1_m=true_c1_m)
    left = {"note": "left", "state": {"lens_m": 2e-6, "zero_m": zero_m}}
    (folder / "journal.jsonl").write_text(json.dumps(left) + "\n")
    taken = {"file": "f", "alpha_rad": 0.0, "intended_m": 0.0, "error_sigma_m": SIGMA_M}
    outcomes = {u.key: {"status": "done", "exposures": [taken] if u == UNIT else []} for u in units(application())}
    told = [Confirmed(0, {}, {}), Confirmed(1, outcomes, {"f": "hash"})]
    return Seen(folder, STATE, STATE, (call,), [11, 12], told, application(), 1)


@pytest.mark.parametrize(("sigmas", "wrong"), [(2.0, False), (-5.0, True)])
def test_after_a_resume_defocus_is_held_against_what_is_stated(tmp_path: Path, sigmas: float, wrong: bool) -> None:
    """More than 4 σ off is wrong, with the unit's name."""
    story = judge("one", seen(tmp_path, sigmas * SIGMA_M), ())
    assert story.pulls == pytest.approx((sigmas,))
    assert bool(story.defocused) == wrong
    assert not wrong or UNIT.key in story.defocused[0]
    assert not story.left


def test_defocus_zero_is_where_the_journal_says(tmp_path: Path) -> None:
    """The instrument's zero is its lens less its defocus: 1.5 µm; the journal says 1.6."""
    assert judge("one", seen(tmp_path, 0.0, 1.6e-6), ()).left == ("defocus zero is not where it was corrected to",)


def test_a_stage_left_elsewhere_is_told() -> None:
    """30 nm is more than an encoder flickers."""
    moved = replace(STATE, stage=StagePosition(30e-9, 0.0, 0.0, 0.0))
    assert left_changed(STATE, moved) == ("stage x, y",)
    assert not left_changed(STATE, replace(STATE, stage=StagePosition(10e-9, 0.0, 0.0, 0.0)))


def lost(folder: Path, later: tuple[str, ...]) -> Seen:
    """The killed process exposed and then did what is `later`; the next one calls the unit interrupted."""
    y, x = UNIT.place_m
    at_it = replace(STATE, stage=StagePosition(x, y, 0.0, 0.0))
    names = ("acquire", *later)
    calls = tuple(Call(11, k, name, (), float(k), at_it, true_c1_m=0.0) for k, name in enumerate(names))
    left = {"note": "left", "state": {"lens_m": 2e-6, "zero_m": 1.5e-6}}
    (folder / "journal.jsonl").write_text(json.dumps(left) + "\n")
    every = units(application())
    outcomes: dict[str, dict[str, Any]]
    outcomes = {u.key: {"status": Status.INTERRUPTED if u == UNIT else "done", "exposures": []} for u in every}
    told = [Confirmed(0, {}, {}), Confirmed(1, outcomes, {})]
    return Seen(folder, STATE, STATE, calls, [11, 12], told, application(), 1)


def test_a_kill_before_an_image_is_kept_costs_it(tmp_path: Path) -> None:
    """Where the killed went on to set something the image should have been kept: no kill explains that."""
    explained = judge("one", lost(tmp_path, ()), ())
    assert (explained.interrupted, explained.exposing, explained.wrong) == ((UNIT.key,), 1, ())
    other = judge("one", lost(tmp_path, ("set_preset",)), ())
    assert (other.interrupted, other.exposing) == ((UNIT.key,), 0)
    assert UNIT.key in other.wrong[0]


def test_too_few_kills_are_missed(tmp_path: Path) -> None:
    """One struck."""
    told = [judge("one", seen(tmp_path, 0.0), ())]
    first, second, shown = (next(claims_of(told, least=least)) for least in (1, 2, None))
    assert (first.outcome, second.outcome, shown.outcome) == (Outcome.MET, Outcome.MISSED, Outcome.SHOWN)


def test_tilts_are_told_apart_and_from_their_focus_targets() -> None:
    """By stage tilt and image shift: one image at +3°, one of a focus target there, one for focus, one at 0°."""
    plan = application(TILTED)
    series = next(unit for unit in units(plan) if unit.node == "Tilt series")
    three = StagePosition(0.0, 0.0, 0.0, math.radians(3))
    near, beside = (0.2e-6, 0.3e-6), (0.2e-6, 3.3e-6)
    states = [
        replace(STATE, preset="tomo", stage=three, image_shift_m=near),
        replace(STATE, preset="tomo", stage=three, image_shift_m=beside),
        replace(STATE, preset="fa", stage=three, image_shift_m=beside),
        replace(STATE, preset="tomo"),
        replace(STATE, preset="fa"),  # the focus node before it
    ]
    calls = [Call(1, k, "acquire", (), 0.0, state) for k, state in enumerate(states)]
    exposed = {target.name: [c.number for c in target.exposed(calls)] for target in targets(plan)}
    assert {name: found for name, found in exposed.items() if found} == {
        f"{series.key} +3°": [0],
        f"{series.key} +0°": [3],
    }
    assert [c.number for c in at(series, plan, calls)] == [0, 1, 2, 3]
