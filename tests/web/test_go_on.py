"""A session that was aborted at the page goes on from the page, and says how it goes on without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from eucentric.calibration.handed_over import book_from, columns_of
from eucentric.cli.bench import Opened
from eucentric.cli.serve import BegunHere, Where, taken_up
from eucentric.cli.session_open import Wanted, open_session
from eucentric.microscope.registry import handed_out
from eucentric.msi.toml import to_toml
from eucentric.records.place import Place
from eucentric.web.bench import SessionToRun
from tests.msi import small
from tests.web.served import bench, client, ended, serving, stream


def test_an_aborted_session_goes_on_and_nothing_is_done_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(to_toml(small.SMALL), encoding="utf-8")
    scope = small.opened()
    numbers = handed_out(scope)
    there = Opened(scope, "simulated (seed 4)", columns_of(numbers), book_from(numbers))
    where = Where("simulated", 4, None, Place.of("records.sqlite"))
    made = bench(tmp_path)

    def begin(application: str) -> SessionToRun:
        return BegunHere(open_session(Wanted(application, seed=4), lambda _line: None, there), where.place)

    made.begin = begin
    made.take_up = lambda folder: taken_up(where, there, folder)
    with serving(made, place=where.place) as page, client(page) as us, stream(page) as watching:
        nothing = us.post("/api/run/session/again")
        assert "No session was left unfinished here" in nothing.json()["sentence"]
        us.post("/api/run/session", json={"application": "small.toml"}).raise_for_status()
        watching.until(lambda told: told.get("session") and told["session"]["done"] >= 1)
        us.post("/api/run/abort").raise_for_status()
        aborted = watching.until(ended)["drive"]
        left = aborted["unfinished"]
        (folder,) = Path("runs").iterdir()
        assert left == {"folder": str(folder), "command": f"eucentric run --resume {folder}"}
        us.post("/api/run/session/again").raise_for_status()
        drive = watching.until(lambda told: ended(told) and told["drive"]["ended"] != aborted["ended"])["drive"]
    assert drive["said"].startswith("Complete:")
    assert drive["unfinished"] is None
    assert len(list(Path("runs").iterdir())) == 1
