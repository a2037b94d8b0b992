"""A commit whose answer was lost is not written twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from eucentric.errors import KeepError
from eucentric.records import schema
from eucentric.records import store as stores
from eucentric.records.reading import Records
from eucentric.records.recorder import Recorder
from eucentric.records.store import Store
from tests.records.lost import a_run, answers_lost, counted, written
from tests.records.made import never, place_in, run


def test_what_was_committed_without_an_answer_is_there_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, broken = place_in(tmp_path / "whole"), place_in(tmp_path / "broken")
    written(whole)
    written(broken, monkeypatch)
    assert counted(broken) == counted(whole)
    with Records.open(broken) as records:
        assert records.runs()[0].status == "focused"
        assert [len(records.frames(row.id).frames) for row in records.measurements()] == [2, 2]


def test_the_recorder_tells_that_it_writes_again_and_of_no_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    told = run().events
    with Recorder(place_in(tmp_path), say=said.append) as recorder:
        store = recorder._writer._store
        assert store is not None
        with answers_lost(store._engine, monkeypatch):
            recorder(told[0])
        for event in told[1:]:
            recorder(event)
    assert "Focusing goes on; what is told meanwhile is tried again." in said[0]
    assert said[1:] == ["The records are written again."]
    written(place_in(tmp_path / "whole"))
    assert counted(place_in(tmp_path)) == counted(place_in(tmp_path / "whole"))


def test_one_that_is_committed_while_it_is_tried_again_is_there_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server was not done with the first commit when it was asked whether the record is there."""
    store, record = Store.open(place_in(tmp_path)), a_run()[0]
    try:
        with answers_lost(store._engine, monkeypatch), pytest.raises(KeepError):
            store.write(record)
        answers = iter((False, True))
        monkeypatch.setattr(store, "_is_there", lambda _record: next(answers))
        assert store.write(record).run_id == 1
    finally:
        store.close()
    assert counted(store.place)["events"] == 1


def test_a_calibration_that_another_process_writes_at_the_same_moment_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a server it is not seen before it is committed; then the rule that there is one breaks what was begun."""
    looked, right = list[int](), stores._calibration
    written(place_in(tmp_path))

    def blind(connection: Connection, values: dict[str, Any]) -> int:
        looked.append(1)
        return stores._insert(connection, schema.Calibration, values) if len(looked) == 1 else right(connection, values)

    monkeypatch.setattr(stores, "_calibration", blind)
    with Recorder(place_in(tmp_path), say=never) as recorder:
        for event in run().events:
            recorder(event)
    assert len(looked) == 3  # two measurements, the first one tried twice
    assert counted(place_in(tmp_path))["calibrations"] == 1
    assert counted(place_in(tmp_path))["measurements"] == 4
