"""A session's focus runs are in the records, each with its node and target; taken up again it goes on as the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from eucentric.msi.outcome import SessionResult, Status
from eucentric.records.gathering import OfSession
from eucentric.records.kept import Wanted
from eucentric.records.place import Place
from eucentric.records.reading import Records
from eucentric.records.recorder import Recorder
from tests.msi import small
from tests.records.made import never, place_in

OF = OfSession("/data/one", "a" * 64)


def _session(place: Place, folder: Path, killed_at: int = 0) -> SessionResult:
    scope = small.opened()
    through = small.Killing(scope, killed_at) if killed_at else None
    with Recorder(place, say=never, instrument="simulated (seed 4)", session=OF) as recorder:
        return small.run(folder, scope, through=through, observers=(recorder,))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[SessionResult, Records]:
    folder = tmp_path_factory.mktemp("session")
    result = _session(place_in(folder), folder / "session")
    return result, Records.open(place_in(folder))


def test_the_session_is_there(kept: tuple[SessionResult, Records]) -> None:
    result, records = kept
    (session,) = records.sessions()
    assert (session.application, session.instrument, session.folder) == ("Small", "simulated (seed 4)", OF.folder)
    assert (session.complete, session.stopped, session.units) == (True, None, result.units)
    assert session.done == sum(one.status is Status.DONE for one in result.outcomes) > 0
    assert (session.begun_s, session.ended_s) == (result.begun_s, result.ended_s)
    assert records.session(session.id) == session


def test_each_run_has_its_node_and_its_target(kept: tuple[SessionResult, Records]) -> None:
    result, records = kept
    focused = [one for one in result.outcomes if one.found is not None]
    runs = list(reversed(records.runs(Wanted(session=1))))
    assert [(run.node, run.target) for run in runs] == [(one.node, one.key) for one in focused]
    assert all(run.status == "focused" and run.session_id == 1 for run in runs)
    for run, one in zip(runs, focused, strict=True):
        assert one.found is not None
        assert run.residual_m == one.found.c1_m
    assert {run.node for run in records.runs(Wanted(node="Focus"))} == {"Focus"}
    assert records.sessions()[0].runs == len(runs)


def test_what_happens_between_runs_is_kept_too(kept: tuple[SessionResult, Records]) -> None:
    _, records = kept
    told = [body["event"] for body in records.session_events(1)]
    assert told[0] == "SessionStarted"
    assert told[-1] == "SessionEnded"
    assert {"UnitBegan", "NeedsChecked", "PromisesChecked", "Exposed", "UnitEnded"} <= set(told)
    assert "FrameTaken" not in told


def test_a_session_taken_up_again_is_the_same(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    with pytest.raises(small.Killed):
        _session(place, tmp_path / "session", 700)
    with Records.open(place) as records:
        (before,) = records.sessions()
        assert before.ended_at is None
        assert before.runs > 0
        assert 0 < before.done < before.units
        assert records.runs(limit=1)[0].status == "running"  # its process is gone, and told nothing
    result = _session(place, tmp_path / "session")
    assert result.complete
    with Records.open(place) as records:
        (after,) = records.sessions()
        assert (after.id, after.begun_at, after.complete) == (before.id, before.begun_at, True)
        assert after.runs > before.runs
        assert after.done == sum(one.status is Status.DONE for one in result.outcomes)
