"""What an outcome has of an image's field, and what a result has of focusing that was cut off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from eucentric.errors import Aborted
from eucentric.focus.control import Control
from eucentric.focus.events import FrameTaken
from eucentric.msi.events import SessionEnded
from eucentric.msi.noted import EXPOSURE
from eucentric.msi.outcome import Status, UnitOutcome, not_ended
from tests.msi.small import SERIES, opened, run


def test_focusing_that_was_cut_off_is_in_the_result_and_its_electrons_are_not_lost(tmp_path: Path) -> None:
    microscope, control, told = opened(), Control(), []
    doses: list[float] = []

    def watch(event: Any) -> None:
        told.append(event)
        if isinstance(event, FrameTaken):
            doses.append(event.frame.dose_e_per_m2)
            control.abort()

    with pytest.raises(Aborted):
        run(tmp_path, microscope, control=control, observers=(watch,))
    assert isinstance(told[-1], SessionEnded)
    assert told[-1].result.not_ended == (("Square 1/Z Focus 1", pytest.approx(sum(doses))),)
    whole = run(tmp_path, microscope)
    assert whole.not_ended == ()
    focused = next(o for o in whole.outcomes if o.key == "Square 1/Z Focus 1")
    assert focused.focus_dose_e_per_m2 > sum(doses)
    by_name = {preset.name: preset for preset in microscope.presets()}
    for outcome in whole.outcomes:
        for shot in outcome.exposures:
            preset = by_name[shot.preset]
            assert shot.field_m == (preset.size[0] * preset.pixel_m, preset.size[1] * preset.pixel_m)


def test_images_of_a_tilt_series_have_their_field(tmp_path: Path) -> None:
    microscope = opened()
    (outcome,) = run(tmp_path, microscope, SERIES).outcomes
    preset = next(preset for preset in microscope.presets() if preset.name == "tomo")
    assert {e.field_m for e in outcome.exposures} == {(256 * preset.pixel_m, 256 * preset.pixel_m)}


def test_what_a_target_got_after_its_end_is_not_ended() -> None:
    """Focused anew after a restart, and cut off."""
    outcome = UnitOutcome("F 1", "F", Status.DONE, focus_dose_e_per_m2=3.0)
    assert not_ended({"F 1": 3.0, "F 2": 1.0}, {"F 1": outcome}) == (("F 2", 1.0),)
    assert not_ended({"F 1": 5.0}, {"F 1": outcome}) == (("F 1", 2.0),)


def test_a_journal_of_before_has_no_field() -> None:
    old = {"preset": "ex", "file": "a", "place_m": [0, 0], "alpha_rad": 0, "time_s": 0, "dose_e_per_m2": 1}
    assert EXPOSURE.validate_python(old).field_m is None
