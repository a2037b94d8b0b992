"""What the benchmark of killed sessions calls wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.calls import Call, State, left_changed
from benchmarks.killed import Confirmed, Seen, application, judge
from eucentric.microscope.protocol import StagePosition
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
    taken = {"file": "f", "intended_m": 0.0, "error_sigma_m": SIGMA_M}
    outcomes = {u.key: {"status": "done", "exposures": [taken] if u == UNIT else []} for u in units(application())}
    told = [Confirmed(0, {}, {}), Confirmed(1, outcomes, {"f": "hash"})]
    return Seen(folder, STATE, STATE, (call,), [11, 12], told)


@pytest.mark.parametrize(("sigmas", "wrong"), [(2.0, False), (-5.0, True)])
def test_after_a_resume_defocus_is_held_against_what_is_stated(tmp_path: Path, sigmas: float, wrong: bool) -> None:
    """More than 4 σ off is wrong, with the unit's name."""
    story = judge("one", 1, seen(tmp_path, sigmas * SIGMA_M), ())
    assert story.pulls == pytest.approx((sigmas,))
    assert bool(story.defocused) == wrong
    assert not wrong or UNIT.key in story.defocused[0]
    assert not story.left


def test_defocus_zero_is_where_the_journal_says(tmp_path: Path) -> None:
    """The instrument's zero is its lens less its defocus: 1.5 µm; the journal says 1.6."""
    assert judge("one", 1, seen(tmp_path, 0.0, 1.6e-6), ()).left == ("defocus zero is not where it was corrected to",)


def test_a_stage_left_elsewhere_is_told() -> None:
    """30 nm is more than an encoder flickers."""
    moved = replace(STATE, stage=StagePosition(30e-9, 0.0, 0.0, 0.0))
    assert left_changed(STATE, moved) == ("stage x, y",)
    assert not left_changed(STATE, replace(STATE, stage=StagePosition(10e-9, 0.0, 0.0, 0.0)))
