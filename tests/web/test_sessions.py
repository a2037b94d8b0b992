"""A session that the page begins, as `eucentric serve` runs it: its manual steps are done at the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from eucentric.calibration.handed_over import book_from, columns_of
from eucentric.cli.bench import Opened
from eucentric.cli.serve import BegunHere
from eucentric.cli.session_open import Wanted, open_session
from eucentric.microscope.registry import handed_out
from eucentric.msi.toml import to_toml
from eucentric.records.place import Place
from eucentric.web.bench import SessionToRun
from tests.msi import small
from tests.msi.test_by_hand import APPLICATION, BY_HAND
from tests.web.served import bench, client, ended, serving, stream


def test_a_manual_step_of_a_session_waits_for_the_operator_at_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(to_toml(APPLICATION), encoding="utf-8")
    place, scope = Place.of("records.sqlite"), small.opened()
    numbers = handed_out(scope)
    there = Opened(scope, "simulated (seed 4)", columns_of(numbers), book_from(numbers))

    def begin(application: str) -> SessionToRun:
        return BegunHere(open_session(Wanted(application, seed=4), lambda _line: None, there), place)

    made = bench(tmp_path)
    made.begin = begin
    with serving(made, place=place) as page, client(page) as us, stream(page) as watching:
        us.post("/api/run/session", json={"application": "small.toml"}).raise_for_status()
        desk = watching.until(lambda told: told.get("manual") or ended(told)).get("manual")
        assert desk is not None
        assert desk["step"] == BY_HAND
        assert watching.told["session"]["units"][-1]["state"] == "now"
        us.post("/api/manual/look").raise_for_status()
        us.post("/api/manual/end", json={"answer": "done"}).raise_for_status()
        told = watching.until(ended)
    assert told["session"]["done"] == 2
    assert told["drive"]["said"].startswith("Complete: 2 of 2")
    assert told["run"]["steps"][-1]["state"] == "by hand"
