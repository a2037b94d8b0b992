"""Runs that the page starts: one at a time, paused, resumed, aborted; a fault of the page's ends none."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from eucentric.errors import Aborted, InputError, SettingsError
from eucentric.focus.events import Paused
from eucentric.focus.focus import Focus
from eucentric.focus.settings import FocusMethod
from eucentric.web.api.running import once
from eucentric.web.bench import SessionToRun
from eucentric.web.forms import values_of
from eucentric.web.room import Room
from eucentric.web.serving import Serving
from tests.web.served import QUICK, WAIT_S, bench, client, ended, serving, stream


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Serving]:
    with serving(bench(tmp_path)) as made:
        yield made


def test_a_run_starts_shows_itself_and_ends_with_a_sentence(there: Serving) -> None:
    with client(there) as us, stream(there) as watching:
        watching.want("map-cross", "map-phase")
        assert us.post("/api/run/focus", json={"name": "quick"}).status_code == 200
        told = watching.until(lambda told: ended(told) and {"images", "map", "map-cross", "cut-phase"} <= set(told))
    assert told["drive"]["kind"] == "focus"
    assert [step["name"] for step in told["run"]["steps"]] == ["once"]
    assert told["images"].about["number"] == told["map"].about["number"] == told["curves"]["number"]
    assert told["reading"]["step"] == "once"


def test_values_that_were_not_saved_run_too(there: Serving) -> None:
    values = values_of(QUICK)
    values["steps"][0]["name"] = "edited"
    with client(there) as us, stream(there) as watching:
        us.post("/api/run/focus", json={"values": values}).raise_for_status()
        told = watching.until(ended)
        assert [step["name"] for step in told["run"]["steps"]] == ["edited"]
        values["steps"][0]["tolerance"] = "5 mm"
        refused = us.post("/api/run/focus", json={"values": values})
    assert refused.status_code == 422
    assert "tolerance" in refused.json()["sentence"]


def test_one_run_at_a_time_paused_resumed_and_aborted(there: Serving) -> None:
    scope = there.room.bench.microscope  # type: ignore[union-attr]
    before = scope.preset().name, scope.beam_tilt_rad(), scope.defocus_m()
    there.room.control.pause()  # released when the run begins
    with client(there) as us, stream(there) as watching:
        us.post("/api/manual/start", json={"preset": "fa"}).raise_for_status()
        watching.until(lambda told: told.get("manual"))
        second = us.post("/api/run/focus", json={"name": "quick"})
        assert second.status_code == 422
        assert "is running" in second.json()["sentence"]
        us.post("/api/run/pause").raise_for_status()
        watching.until(lambda told: told["drive"]["phase"] == "paused")
        us.post("/api/run/pause").raise_for_status()  # it stands still already
        assert us.get("/api/state").json()["drive"]["phase"] == "paused"
        us.post("/api/run/resume").raise_for_status()
        watching.until(lambda told: told["drive"]["phase"] == "running")
        us.post("/api/run/pause").raise_for_status()
        watching.until(lambda told: told["drive"]["phase"] == "paused")
        us.post("/api/run/abort").raise_for_status()  # ends a pause too
        told = watching.until(ended)
        assert "Aborted by the operator" in told["drive"]["said"]
        assert (scope.preset().name, scope.beam_tilt_rad(), scope.defocus_m()) == before
        us.post("/api/run/focus", json={"name": "quick"}).raise_for_status()  # the brake is off again
        watching.until(lambda told: told["drive"]["title"] == "Quick" and ended(told))


def test_a_session_is_opened_on_its_own_thread_while_nothing_else_can_start(tmp_path: Path) -> None:
    made, opening, go_on = bench(tmp_path), threading.Event(), threading.Event()

    def begin(application: str) -> SessionToRun:
        opening.set()
        assert go_on.wait(WAIT_S)
        raise SettingsError(f"No application is called '{application}'.")

    made.begin = begin
    with serving(made) as there, client(there) as us, stream(there) as watching:
        us.post("/api/run/session", json={"application": "none such"}).raise_for_status()
        assert opening.wait(WAIT_S)
        refused = us.post("/api/run/focus", json={"name": "quick"})
        go_on.set()
        told = watching.until(ended)
    assert refused.status_code == 422
    assert "none such is running" in refused.json()["sentence"]
    assert told["drive"]["said"] == "No application is called 'none such'."
    assert told["drive"]["tone"] == "bad"


def test_an_abort_of_a_paused_run_shows_stopping_until_all_is_restored(there: Serving) -> None:
    phases: list[str] = []
    driver = there.room.driver

    def seen(_event: object) -> None:
        phases.append(json.loads(str(there.room.hub.newest("drive")))["body"]["phase"])

    def brake(event: object) -> None:
        if isinstance(event, Paused) and not event.over:
            driver.abort()

    focus = Focus(
        there.room.bench.microscope,  # type: ignore[union-attr]
        there.room.bench.book,  # type: ignore[union-attr]
        QUICK,
        observers=(
            driver,
            brake,
            seen,
        ),
        control=driver.control,
    )
    driver.control.pause()
    with pytest.raises(Aborted):
        focus.run()
    stopping = phases.index("stopping")
    assert set(phases[stopping:-1]) <= {"stopping"}
    assert phases[-1] == "idle"
    for braking in (driver.pause, driver.resume, driver.abort):  # it is over: the page shows it, and nothing is braked
        with pytest.raises(InputError, match="Nothing is running"):
            braking()


def test_nothing_starts_once_the_server_ends(tmp_path: Path) -> None:
    with serving(bench(tmp_path)) as there:
        there.room.driver.finish()
        with client(there) as us:
            refused = us.post("/api/run/focus", json={"name": "quick"})
            assert us.post("/api/manual/start", json={"preset": "fa"}).status_code == 422
    assert refused.status_code == 422
    assert "server is ending" in refused.json()["sentence"]


def test_measuring_once_corrects_nothing(there: Serving) -> None:
    with client(there) as us, stream(there) as watching:
        us.post("/api/run/measure", json={"name": "quick"}).raise_for_status()
        told = watching.until(ended)
    assert told["drive"]["kind"] == "measure"
    assert told["run"]["measure_only"]
    assert told["run"]["steps"][0]["looks"] >= 1
    assert "corrected" not in {line["what"] for line in told["log"]}


def test_once_takes_the_step_that_is_named_and_looks_once() -> None:
    assert once(QUICK, None).sequence.steps[0].name == "off"  # the last that measures by beam tilt, switched off or not
    made = once(QUICK, "once").sequence.steps
    assert [(step.name, step.looks_min) for step in made] == [("once", 1)]
    with pytest.raises(SettingsError, match="There are: once, off"):
        once(QUICK, "another")
    by_hand = QUICK.sequence.steps[0].model_copy(update={"focus_method": FocusMethod.MANUAL})
    with pytest.raises(SettingsError, match="none"):
        once(QUICK.model_copy(update={"sequence": QUICK.sequence.model_copy(update={"steps": (by_hand,)})}), None)


def test_a_run_that_the_system_has_no_thread_for_is_told_and_the_next_one_begins(
    there: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if thread.name == "eucentric-run":
            raise RuntimeError("can't start new thread")
        begin(thread)

    with client(there) as us, stream(there) as watching:
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", start)
            refused = us.post("/api/run/focus", json={"name": "quick"})
        assert refused.status_code == 422
        assert "can't start new thread" in refused.json()["sentence"]
        us.post("/api/run/focus", json={"name": "quick"}).raise_for_status()
        watching.until(ended)


def test_only_the_one_in_control_drives(there: Serving) -> None:
    with client(there, who="anna") as anna, client(there, who="ben") as ben, stream(there, who="anna") as watching:
        anna.post("/api/control/take").raise_for_status()
        refused = ben.post("/api/run/focus", json={"name": "quick"})
        assert refused.status_code == 409
        assert "anna controls" in refused.json()["sentence"]
        assert not there.room.driver.busy
        ben.post("/api/control/take").raise_for_status()
        watching.until(lambda told: told.get("control", {}).get("name") == "ben")
        assert anna.post("/api/run/pause").status_code == 409


def test_everyone_may_abort(there: Serving) -> None:
    with client(there, who="anna") as anna, client(there, who="ben") as ben, stream(there, who="anna") as watching:
        anna.post("/api/run/focus", json={"name": "quick"}).raise_for_status()
        anna.post("/api/run/pause").raise_for_status()
        ben.post("/api/run/abort").raise_for_status()
        assert "Aborted" in watching.until(ended)["drive"]["said"]
    assert there.room.lease.name == "anna"  # that takes no control


def test_all_are_told_when_control_has_lapsed(there: Serving) -> None:
    there.room.lease.grace_s = 0.05
    with client(there, who="anna") as anna, stream(there, who="ben") as watching:
        with stream(there, who="anna") as hers:
            hers.next()
            anna.post("/api/control/take").raise_for_status()
            watching.until(lambda told: told.get("control", {}).get("holder") == "anna")
        told = watching.until(lambda told: told["control"]["holder"] is None)
    assert told["control"]["watching"] == 1


def test_settings_that_do_not_fit_the_instrument_are_refused_in_a_sentence(there: Serving) -> None:
    values = values_of(QUICK)
    values["steps"][0]["preset"] = "none such"
    with client(there) as us, stream(there) as watching:
        us.post("/api/run/focus", json={"values": values}).raise_for_status()
        told = watching.until(ended)
        assert "none such" in told["drive"]["said"]
        assert told["drive"]["tone"] == "bad"
        assert us.post("/api/manual/start", json={"preset": "none such"}).status_code == 422


def test_a_page_beside_a_command_starts_nothing_and_brakes_its_run(tmp_path: Path) -> None:
    made = bench(tmp_path)
    room = Room(book=made.book, instrument=made.instrument)
    with serving(None, room=room) as there, client(there) as us, stream(there) as watching:
        assert us.post("/api/run/focus", json={"name": "quick"}).status_code == 422
        assert us.get("/api/about").json()["starts"] is False
        result = Focus(made.microscope, made.book, QUICK, observers=room.observers, control=room.control).run(
            measure_only=True
        )
        told = watching.until(ended)
    assert told["drive"]["said"] == result.statement
    with pytest.raises(InputError, match="eucentric serve"):
        room.driver.focus(QUICK)


def test_a_browser_that_goes_and_a_server_that_ends_stop_no_run(tmp_path: Path) -> None:
    made = bench(tmp_path)
    room = Room(book=made.book, instrument=made.instrument)
    focus = Focus(made.microscope, made.book, QUICK, observers=room.observers, control=room.control)
    with serving(None, room=room) as there:
        with stream(there) as watching:
            watching.next()
        assert focus.run(measure_only=True).steps
    assert focus.run(measure_only=True).steps  # nobody serves any more


def test_ending_the_server_aborts_what_it_started(tmp_path: Path) -> None:
    made = bench(tmp_path)
    before = made.microscope.preset().name
    with serving(made) as there, client(there) as us, stream(there) as watching:
        us.post("/api/manual/start", json={"preset": "fa"}).raise_for_status()
        watching.until(lambda told: told.get("manual"))
    assert not there.room.driver.busy
    assert made.microscope.preset().name == before
