"""The planner on the page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from eucentric.web import forms
from eucentric.web.room import Room
from eucentric.web.serving import Serving
from tests.web.served import client, serving

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


def test_what_can_not_be_reached_is_said_with_what_limits_it(there: Serving) -> None:
    with client(there) as us:
        answer = us.post("/api/plan", json={**WANTED, "accuracy": "1 nm"})
        unknown = us.post("/api/plan", json={**WANTED, "instrument": "nobody's"})
        odd = us.post("/api/plan", json={**WANTED, "start": "500 apples"})
    assert answer.status_code == unknown.status_code == odd.status_code == 422
    assert "What limits it" in answer.json()["sentence"]
    assert "No instrument" in unknown.json()["sentence"]
