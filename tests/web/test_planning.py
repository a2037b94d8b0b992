"""The planner on the page."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from eucentric.web import forms
from eucentric.web.planner import CANCELLED
from eucentric.web.room import Room
from eucentric.web.serving import Serving
from tests.web.served import client, serving, stream

WANTED = {"instrument": "200kv-side-entry", "start": "500 µm", "accuracy": "0.1 um", "probability": 0.99}


@pytest.fixture(scope="module")
def there() -> Iterator[Serving]:
    with serving(None, room=Room()) as made:
        yield made


def test_a_plan_has_its_steps_its_picture_and_settings_that_run_it(there: Serving) -> None:
    with client(there) as us:
        told = us.post("/api/plan", json=WANTED).json()
    settings = forms.settings_of(told["values"])
    assert settings.sequence.accuracy_m == 0.1e-6
    assert [step["step"] for step in told["steps"]] == [step.name for step in settings.sequence.steps]
    assert told["picture"].startswith("iVBOR")  # PNG
    with client(there, who="another") as we:
        last = we.get("/api/plan").json()  # for whoever comes later, or reloads
    assert (last["phase"], last["result"]) == ("made", told)
    assert last["asked"]["start"] == WANTED["start"]


def test_a_plan_that_is_being_made_is_cancelled_and_another_one_waits_for_nothing(there: Serving) -> None:
    unreachable = {**WANTED, "accuracy": "1 nm"}
    with client(there) as us, stream(there) as watching, ThreadPoolExecutor() as asking:
        answer = asking.submit(us.post, "/api/plan", json=unreachable)
        now = watching.until(lambda told: told.get("plan", {}).get("phase") == "making")["plan"]
        assert now["asked"]["accuracy"] == "1 nm"
        beside = us.post("/api/plan", json=WANTED)
        assert "Another plan is being made" in beside.json()["sentence"]
        us.delete("/api/plan").raise_for_status()
        assert answer.result().json()["sentence"] == CANCELLED
        now = watching.until(lambda told: told["plan"]["phase"] != "making")["plan"]
        assert now["phase"] == "cancelled"
        assert us.delete("/api/plan").json()["sentence"] == "No plan is being made."


def test_a_planner_that_says_nothing_is_told_and_the_next_plan_is_made(
    there: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    with client(there) as us:
        with monkeypatch.context() as patched:
            patched.setattr(sys, "executable", shutil.which("true"))
            told = us.post("/api/plan", json=WANTED)
        last = us.get("/api/plan").json()
        assert us.delete("/api/plan").json()["sentence"] == "No plan is being made."
    assert told.status_code == 422
    assert "A fault of the program ended the planner" in told.json()["sentence"]
    assert (last["phase"], last["sentence"]) == ("refused", told.json()["sentence"])


def test_what_can_not_be_read_is_said_at_its_field(there: Serving) -> None:
    with client(there) as us:
        before = us.get("/api/plan").json()
        for field, text in (("start", "500 apples"), ("accuracy", "0.1"), ("tilt_max", "3 µm")):
            told = us.post("/api/plan", json={**WANTED, field: text}).json()
            assert told["field"] == field
            assert f"'{text}'. Write it with its unit, for example" in told["sentence"]
        assert us.post("/api/plan", json={**WANTED, "probability": 2}).json()["field"] == "probability"
        assert us.get("/api/plan").json() == before


def test_what_can_not_be_reached_is_said_with_what_limits_it(there: Serving) -> None:
    with client(there) as us:
        answer = us.post("/api/plan", json={**WANTED, "accuracy": "1 nm"})
        unknown = us.post("/api/plan", json={**WANTED, "instrument": "nobody's"})
        odd = us.post("/api/plan", json={**WANTED, "start": "500 apples"})
    assert answer.status_code == unknown.status_code == odd.status_code == 422
    assert "What limits it" in answer.json()["sentence"]
    assert "No instrument" in unknown.json()["sentence"]
