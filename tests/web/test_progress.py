"""How far a run and a session are."""

from __future__ import annotations

import json

from eucentric.focus import events as focus
from eucentric.focus.outcome import Status as StepStatus
from eucentric.focus.outcome import StepResult
from eucentric.focus.settings import CorrectionType, FocusMethod, FocusStep
from eucentric.msi import events as msi
from eucentric.msi.outcome import SessionResult, Status, UnitOutcome
from eucentric.msi.shipped import shipped_application
from eucentric.msi.units import units
from eucentric.web.progress import RunProgress, SessionProgress
from tests.records.made import run

APPLICATION = shipped_application("msi-t-small")
UNITS = units(APPLICATION)


def test_a_session_that_ended_early_has_nothing_under_way() -> None:
    progress = SessionProgress()
    assert progress.plain() is None
    progress.see(msi.SessionStarted(0.0, "simulated", APPLICATION, UNITS, 1, {"Square": 4.0}))
    progress.see(msi.UnitBegan(1.0, UNITS[1]))
    shown = progress.plain()
    assert shown is not None
    assert [unit["state"] for unit in shown["units"][:3]] == ["done before", "now", "to come"]
    assert shown["left_s"] is None  # of most nodes nobody knows what they take
    result = SessionResult("MSI-T small", "simulated", (), len(UNITS), 0.0, 2.0, stopped="Aborted by the operator.")
    progress.see(msi.SessionEnded(2.0, result))
    ended = progress.plain()
    assert ended is not None
    assert {unit["state"] for unit in ended["units"][1:]} == {"not done"}
    assert (ended["done"], ended["total"]) == (1, len(UNITS))
    assert ended["over"]


def test_a_session_that_goes_on_counts_what_was_spent_before() -> None:
    """Of targets that are done, and of the one that was being worked on; none of it twice."""
    done, now = UNITS[0].key, UNITS[1]
    spent = {done: 320e20, now.key: 5e20}
    progress = SessionProgress()
    progress.see(msi.SessionStarted(0.0, "simulated", APPLICATION, UNITS, 1, spent=spent))
    progress.see(msi.UnitBegan(1.0, now))
    shown = progress.plain()
    assert shown is not None
    assert shown["dose"] == "325.0 e/Å²"
    assert shown["units"][0]["dose"] == "320.0 e/Å²"
    progress.see(msi.UnitEnded(2.0, UnitOutcome(now.key, now.node, Status.DONE, focus_dose_e_per_m2=80e20)))
    ended = progress.plain()
    assert ended is not None
    assert ended["dose"] == "400.0 e/Å²"
    for _ in range(2):  # of one that was done before: it is focused anew
        progress.see(msi.UnitEnded(3.0, UnitOutcome(done, UNITS[0].node, Status.DONE, focus_dose_e_per_m2=330e20)))
    again = progress.plain()
    assert again is not None
    assert (again["done"], again["dose"]) == (2, "410.0 e/Å²")


def test_whatever_waits_for_somebody_tells_no_time_left() -> None:
    progress, alone = SessionProgress(), RunProgress()
    expected = dict.fromkeys((unit.node for unit in UNITS), 2.0)
    step = FocusStep(name="look", preset="fa", focus_method=FocusMethod.MANUAL, correction_type=CorrectionType.NONE)
    begun = focus.StepStarted(1.0, step, 0.0)
    ended = focus.StepEnded(9.0, StepResult(step, StepStatus.BY_HAND, (), None, 0.0))
    progress.see(msi.SessionStarted(0.0, "simulated", APPLICATION, UNITS, 0, expected))
    told = []
    for event in (
        msi.UnitBegan(1.0, UNITS[0]),
        begun,
        ended,
        msi.InstrumentLost(9.0, UNITS[0], "It does not answer."),
        msi.InstrumentBack(9.0, UNITS[0]),
    ):
        progress.see(event)
        shown = progress.plain()
        assert shown is not None
        told.append((shown["left_s"], shown["waits"]))
    counts = (2.0 * len(UNITS), "")
    assert told == [counts, (None, "waits for the operator"), counts, (None, "waits for the instrument"), counts]
    for event in (begun, ended):
        alone.see(event)
        told.append((alone.left_s, alone.waits))
    assert told[-2:] == [(None, "waits for the operator"), (None, "")]


def test_what_runs_after_a_session_adds_nothing_to_it() -> None:
    progress = SessionProgress()
    progress.see(msi.SessionStarted(0.0, "simulated", APPLICATION, UNITS, 1, {"Square": 4.0}))
    progress.see(msi.UnitBegan(1.0, UNITS[1]))
    told = run().events
    for event in told:
        progress.see(event)
    within = progress.plain()
    assert within is not None
    assert within["units"][1]["said"]
    assert within["dose"] != "0.0 e/Å²"
    result = SessionResult("MSI-T small", "simulated", (), len(UNITS), 0.0, 2.0, stopped="Aborted by the operator.")
    progress.see(msi.SessionEnded(2.0, result))
    ended = json.dumps(progress.plain())
    for event in told:
        progress.see(event)
    assert json.dumps(progress.plain()) == ended


def test_a_step_that_takes_longer_than_the_last_time_has_no_time_left_that_is_known() -> None:
    now_s = 0.0
    progress = RunProgress(lambda: now_s)
    told = run().events
    ends = [k for k, event in enumerate(told) if isinstance(event, focus.StepEnded)]
    for event in told:
        now_s += 1.0
        progress.see(event)
    begun = next(k for k, event in enumerate(told) if isinstance(event, focus.StepStarted))
    for event in told[: begun + 1]:
        progress.see(event)
    whole = progress.left_s
    assert whole is not None
    now_s += 1.0
    assert progress.left_s == whole - 1.0
    now_s += ends[0] - begun  # what it took the last time is over, and it has not ended
    assert progress.left_s is None
