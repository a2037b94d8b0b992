"""A line that rests on a red one is no longer judged, and says which to mend."""

from __future__ import annotations

from eucentric.calibrate.causes import RESTS_ON, with_causes
from eucentric.calibrate.report import Line, Report
from eucentric.calibration.record import Level


def line(key: str, level: Level) -> Line:
    return Line(key, level, "1", f"{key} is {level}.")


def test_what_rests_on_a_red_line_is_not_judged_and_ranks_below() -> None:
    height, turn, drift = with_causes(
        (line("height", Level.RED), line("tilt rotation", Level.RED), line("drift", Level.RED))
    )
    assert (height.level, turn.level, drift.level) == (Level.AMBER, Level.RED, Level.RED)
    assert height.rests_on == ("tilt rotation",)
    assert "tilt rotation is mended" in height.sentence
    assert height.value == "1"
    assert "height" not in Report("x", "fa", (height, turn)).sentence


def test_a_good_reading_of_what_rests_on_a_red_line_proves_nothing() -> None:
    height, _ = with_causes((line("height", Level.GREEN), line("ratio", Level.RED)))
    assert height.level is Level.AMBER


def test_an_amber_cause_changes_nothing() -> None:
    given = (line("height", Level.RED), line("tilt rotation", Level.AMBER))
    assert with_causes(given) == given


def test_the_blame_goes_to_the_bottom() -> None:
    runout = with_causes((line("runout", Level.RED), line("height", Level.RED), line("ratio", Level.RED)))[0]
    assert runout.rests_on == ("ratio",)


def test_nothing_rests_on_itself() -> None:
    def below(key: str) -> set[str]:
        return {k for cause in RESTS_ON.get(key, ()) for k in ({cause} | below(cause))}

    assert all(key not in below(key) for key in RESTS_ON)
