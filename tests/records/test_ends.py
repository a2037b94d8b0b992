"""How a run ended, as the records say it."""

from __future__ import annotations

from pathlib import Path

import pytest

from eucentric.calibration.handed_over import book_from
from eucentric.cli.records_words import ended, run_table
from eucentric.cli.style import console
from eucentric.errors import Aborted
from eucentric.focus import events
from eucentric.focus.control import Control
from eucentric.focus.focus import Focus
from eucentric.focus.methods.manual import Answer, Desk, Reply
from eucentric.focus.settings import FocusMethod, FocusSequence, FocusSettings, FocusStep
from eucentric.microscope.registry import handed_out, open_microscope
from eucentric.records.kept import KeptRun, Wanted
from eucentric.records.reading import Records
from eucentric.records.recorder import Recorder
from tests.records.made import SETTINGS, never, place_in

MANUAL = FocusSettings(
    sequence=FocusSequence(
        name="By hand", steps=(FocusStep(name="look", preset="fa", focus_method=FocusMethod.MANUAL),)
    )
)


class _Done:
    def focus(self, _desk: Desk) -> Reply:
        """Nothing to do."""
        return Reply(Answer.DONE)


def _recorded(
    folder: Path, settings: FocusSettings, *, aborted: bool = False, by_hand: bool = False, measure_only: bool = False
) -> KeptRun:
    microscope = open_microscope("simulated", seed=3, size=256)
    control = Control()

    def stop(event: object) -> None:
        if aborted and isinstance(event, events.SetUp):
            control.abort()

    with Recorder(place_in(folder), say=never) as recorder:
        focus = Focus(
            microscope,
            book_from(handed_out(microscope)),
            settings,
            observers=(recorder, stop),
            control=control,
            operator=_Done() if by_hand else None,
        )
        if aborted:
            with pytest.raises(Aborted):
                focus.run()
        else:
            focus.run(measure_only=measure_only)
    with Records.open(place_in(folder)) as records:
        (one,) = records.runs()
        assert records.runs(Wanted(refused=True)) == () if one.status != "not focused" else True
    return one


def test_whom_the_operator_stopped_is_aborted_and_did_not_fail(tmp_path: Path) -> None:
    run = _recorded(tmp_path, SETTINGS, aborted=True)
    assert ended(run) == "aborted"
    assert run.statement is not None
    assert run.statement.startswith("Aborted by the operator")
    assert "0 of 0" not in _shown(run)  # of no measurement none was refused


def test_a_run_that_only_a_person_worked_at_is_by_hand(tmp_path: Path) -> None:
    assert ended(_recorded(tmp_path, MANUAL, by_hand=True)) == "by hand"


@pytest.mark.parametrize("measure_only", [True, False])
def test_a_run_that_did_nothing_measured_nothing(tmp_path: Path, measure_only: bool) -> None:
    assert ended(_recorded(tmp_path, MANUAL, measure_only=measure_only)) == "nothing measured"


def _shown(run: KeptRun) -> str:
    screen = console()
    with screen.capture() as told:
        screen.print(run_table([run]))
    return told.get()
