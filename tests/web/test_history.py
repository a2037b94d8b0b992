"""Looking back on the page: what was recorded is listed, opened, and made again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from eucentric.focus import events
from eucentric.records.place import Place
from eucentric.records.recorder import Recorder
from eucentric.web.room import Room
from eucentric.web.serving import Serving
from tests.records.made import never, place_in, run
from tests.web.served import client, ended, serving, stream, unpacked, whole_bench


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A page on which one measurement was made and recorded."""
    made, place = whole_bench(tmp_path_factory.mktemp("history"))
    with serving(made, place=place) as there, client(there) as us, stream(there) as watching:
        assert us.get("/api/history/measurements").json() == []
        us.post("/api/run/measure", json={"name": "default", "step": "coarse"}).raise_for_status()
        watching.until(ended)
        yield there


def test_what_was_measured_is_listed_with_its_numbers(there: Serving) -> None:
    with client(there) as us:
        (row,) = us.get("/api/history/measurements").json()
        (run,) = us.get("/api/history/runs").json()
        assert us.get("/api/history/sessions").json() == []
        assert us.get("/api/history/measurements", params={"step": "other"}).json() == []
        assert us.get("/api/history/measurements", params={"instrument": "simulated (seed 2)"}).json() == []
        assert us.get("/api/history/measurements", params={"instrument": row["instrument"]}).json() == [row]
        state = us.get("/api/state").json()
    assert row["step"] == "coarse"
    assert row["defocus"].endswith("µm")
    assert row["c1_m"] == state["reading"]["defocus_m"]
    assert row["run"] == run["id"]
    assert run["instrument"] == "simulated (seed 1)"


def test_what_is_older_than_a_full_list_is_asked_for(there: Serving) -> None:
    with client(there) as us:
        (row,) = us.get("/api/history/measurements", params={"limit": 1}).json()
        assert us.get("/api/history/measurements", params={"limit": 1, "skip": 1}).json() == []
        assert us.get("/api/history/measurements", params={"skip": 0}).json() == [row]
        for odd in ({"limit": 0}, {"limit": 10**6}, {"skip": -1}):
            assert us.get("/api/history/measurements", params=odd).status_code == 422


def test_a_measurement_opens_with_its_pictures(there: Serving) -> None:
    with client(there) as us:
        (row,) = us.get("/api/history/measurements").json()
        base = f"/api/history/measurements/{row['id']}"
        told = us.get(base).json()
        assert told["can_be_made_again"]
        assert told["reading"]["defocus_m"] == row["c1_m"]
        assert "Preset" in {fact["name"] for fact in told["facts"]}
        shown = us.get(f"{base}/curves").json()
        for kind, planes in {"images": 2, "map": 2, "map-cross": 2, "map-phase": 2, "spectrum": 1}.items():
            packet = unpacked(us.get(f"{base}/pictures/{kind}").content)
            assert (packet.kind, len(packet.planes)) == (kind, planes)
        assert us.get(f"{base}/pictures/none").status_code == 422
        assert len(us.get(f"{base}/cuts/cross").json()["cuts"]) == 1
        missing = us.get("/api/history/measurements/99")
    assert shown["number"] == row["id"]
    assert shown["links"][0]["cut"] is not None
    assert missing.status_code == 422
    assert "no measurement 99" in missing.json()["sentence"]


def test_made_again_it_is_as_it_was_and_otherwise_otherwise(there: Serving) -> None:
    with client(there) as us:
        (row,) = us.get("/api/history/measurements").json()
        url = f"/api/history/measurements/{row['id']}/again"
        same = us.post(url, json={}).json()
        assert same["reading"]["defocus_m"] == pytest.approx(row["c1_m"], rel=1e-9)
        other = us.post(url, json={"tilt_scale": 2.0}).json()
        assert other["reading"]["defocus_m"] != pytest.approx(row["c1_m"], rel=0.1)
        assert "It was" in other["said"]
        phase = us.post(url, json={"method": "phase"}).json()
        assert phase["reading"]["method"] == "phase"
        refused = us.post(url, json={"thresholds": {"odds_min": 1e300}}).json()
        assert not refused["reading"]["accepted"]
        assert us.post(url, json={"thresholds": {"odds_min": -1}}).status_code == 422
        assert us.post(url, json={"method": "none such"}).status_code == 422
        assert len(us.get("/api/history/measurements").json()) == 1  # the records stay as they are


def test_numbers_that_no_record_can_have_are_refused_in_a_sentence(there: Serving) -> None:
    huge, base = 10**20 - 1, "/api/history/measurements"
    with client(there) as us:
        for url in (f"{base}/{huge}", f"{base}/{huge}/curves", f"{base}/{huge}/pictures/map", f"{base}/0"):
            refused = us.get(url)
            assert refused.status_code == 422
            assert "number" in refused.json()["sentence"]
        assert us.post(f"{base}/{huge}/again", json={}).status_code == 422
        for url, odd in ((base, {"session": huge}), (base, {"run": huge}), ("/api/history/runs", {"session": huge})):
            assert us.get(url, params=odd).status_code == 422
        assert "no measurement" in us.get(f"{base}/{2**31 - 1}").json()["sentence"]


def test_a_page_without_records_says_so() -> None:
    with serving(None, room=Room()) as there, client(there) as us:
        assert us.get("/api/about").json()["history"] is False
        assert us.get("/api/history/measurements").status_code == 422


def test_records_that_are_not_there_yet_are_none(tmp_path_factory: pytest.TempPathFactory) -> None:
    place = Place.of(str(tmp_path_factory.mktemp("none") / "records.sqlite"))
    with serving(None, room=Room(place=place)) as there, client(there) as us:
        assert us.get("/api/history/measurements").json() == []
        assert us.get("/api/history/sessions").json() == us.get("/api/history/runs").json() == []


def test_one_that_can_not_be_made_again_says_why_and_what_to_do(tmp_path_factory: pytest.TempPathFactory) -> None:
    """By stage tilt: what was assumed beside the calibration is not told."""
    place = place_in(tmp_path_factory.mktemp("tilted"))
    with Recorder(place, say=never) as recorder:
        for event in run().events:
            recorder(replace(event, how=None) if isinstance(event, events.Assumed) else event)
    with serving(None, room=Room(place=place)) as there, client(there) as us:
        told = us.get("/api/history/measurements/1").json()
        refused = us.post("/api/history/measurements/1/again", json={})
        assert us.get("/api/history/measurements/1/pictures/map").status_code == 200
    assert not told["can_be_made_again"]
    assert "by tilting the stage" in told["why_not_again"]
    assert "Measure anew" in told["why_not_again"]
    assert refused.status_code == 422
    assert refused.json()["sentence"] == told["why_not_again"]
