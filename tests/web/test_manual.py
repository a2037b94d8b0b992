"""Focusing by hand at the page, on the simulated microscope."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from eucentric.calibration.book import CalibrationBook
from eucentric.focus.focus import Focus
from eucentric.focus.standing import standing
from eucentric.units import show_length
from eucentric.web.bench import Bench
from eucentric.web.room import Room
from eucentric.web.serving import Serving
from tests.web.served import QUICK, Stream, bench, client, ended, serving, stream


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Serving]:
    with serving(bench(tmp_path)) as made:
        yield made


def _at_desk(watching: Stream) -> dict[str, object]:
    desk: dict[str, object] = watching.until(lambda told: told.get("manual"))["manual"]
    return desk


def test_steps_of_lens_and_stage_are_made_and_stay_when_done(there: Serving) -> None:
    scope = there.room.bench.microscope  # type: ignore[union-attr]
    before = scope.stage().z_m
    with client(there) as us, stream(there) as watching:
        watching.want("rings")
        us.post("/api/manual/start", json={"preset": "fa"}).raise_for_status()
        assert _at_desk(watching)["preset"] == "fa"
        said = us.post("/api/manual/move", json={"channel": "defocus", "change": "−0.5 µm"}).json()["sentence"]
        assert "−0.500 µm" in said
        us.post("/api/manual/move", json={"channel": "z", "change": "2 um"}).raise_for_status()
        told = watching.until(lambda told: told["manual"]["moved_z"] and "rings" in told)
        assert told["manual"]["moved_defocus"] == "−0.500 µm"
        us.post("/api/manual/end", json={"answer": "done"}).raise_for_status()
        watching.until(ended)
    assert scope.stage().z_m == pytest.approx(before + 2e-6, abs=0.1e-6)  # where the stage arrives is read back
    assert there.room.hub.newest("manual") == '{"kind": "manual", "body": null}'


def test_what_was_moved_is_taken_back(there: Serving) -> None:
    scope = there.room.bench.microscope  # type: ignore[union-attr]
    before = scope.stage().z_m
    with client(there) as us, stream(there) as watching:
        us.post("/api/manual/start", json={"preset": "fa"}).raise_for_status()
        _at_desk(watching)
        us.post("/api/manual/move", json={"channel": "z", "change": "3 um"}).raise_for_status()
        us.post("/api/manual/end", json={"answer": "skip"}).raise_for_status()
        drive = watching.until(ended)["drive"]
    assert scope.stage().z_m == pytest.approx(before, abs=0.1e-6)
    assert drive["said"].startswith("Taken back by the operator")
    assert drive["tone"] == ""  # no failure


def test_what_goes_too_far_is_refused_and_the_desk_stays(there: Serving) -> None:
    with client(there) as us, stream(there) as watching:
        us.post("/api/manual/start", json={"preset": "fa"}).raise_for_status()
        _at_desk(watching)
        refused = us.post("/api/manual/move", json={"channel": "defocus", "change": "2 mm"})
        assert refused.status_code == 422
        assert "Nothing was moved" in refused.json()["sentence"]
        assert us.post("/api/manual/move", json={"channel": "defocus", "change": "1 s"}).status_code == 422
        bare = us.post("/api/manual/move", json={"channel": "z", "change": "2e-4"})  # µm? 200 µm were moved
        assert bare.status_code == 422
        assert "without a unit" in bare.json()["sentence"]
        assert us.post("/api/manual/dose", json={"dose_max": "50"}).status_code == 422
        us.post("/api/manual/look").raise_for_status()
        us.post("/api/run/abort").raise_for_status()
        watching.until(ended)
        late = us.post("/api/manual/look")
    assert late.status_code == 422
    assert "by hand" in late.json()["sentence"]


def test_live_images_follow_one_another(there: Serving) -> None:
    with client(there) as us, stream(there) as watching:
        us.post("/api/manual/start", json={"preset": "fa"}).raise_for_status()
        _at_desk(watching)
        us.post("/api/manual/live", json={"on": True}).raise_for_status()
        times = set[float]()
        while len(times) < 4:
            if watching.next() == "live":
                times.add(watching.told["live"].about["images"][0]["time_s"])
        us.post("/api/manual/live", json={"on": False}).raise_for_status()
        us.post("/api/manual/end", json={"answer": "done"}).raise_for_status()
        watching.until(ended)


def test_eucentric_focus_to_and_from_the_scope_and_a_new_zero(tmp_path: Path) -> None:
    made = bench(tmp_path)
    kept: list[tuple[str, float]] = []

    def keep(book: CalibrationBook, preset: str, focus_m: float) -> CalibrationBook:
        kept.append((preset, focus_m))
        return book

    made.keep_focus = keep
    stored = made.book.of("fa").eucentric_focus_m
    assert stored is not None
    scope = made.microscope
    found = (scope.focus_m(), scope.defocus_m())
    with serving(made) as there, client(there) as us, stream(there) as watching:
        us.post("/api/manual/start", json={"preset": "fa"}).raise_for_status()
        _at_desk(watching)
        us.post("/api/manual/eucentric-focus/to").raise_for_status()
        asked = us.post("/api/manual/eucentric-focus/ask").json()
        assert kept == []
        us.post("/api/manual/eucentric-focus/from", json={"focus_m": asked["focus_m"]}).raise_for_status()
        assert kept == [("fa", pytest.approx(stored, abs=1e-9))]
        us.post("/api/manual/reset-defocus").raise_for_status()
        watching.until(lambda told: "reset" in {line["what"] for line in told["log"]})
        us.post("/api/manual/move", json={"channel": "defocus", "change": "1 um"}).raise_for_status()
        us.post("/api/manual/end", json={"answer": "skip"}).raise_for_status()
        told = watching.until(ended)
    assert (scope.focus_m(), scope.defocus_m()) == pytest.approx(found, abs=1e-12)
    assert "the reset of defocus zero" in told["drive"]["said"]
    assert told["run"]["steps"][0]["state"] == "taken back"


def test_a_server_that_keeps_no_calibrations_says_so(there: Serving) -> None:
    with client(there) as us, stream(there) as watching:
        us.post("/api/manual/start", json={"preset": "fa"}).raise_for_status()
        _at_desk(watching)
        refused = us.post("/api/manual/eucentric-focus/ask")
        blindly = us.post("/api/manual/eucentric-focus/from", json={"focus_m": 0.0})
        us.post("/api/manual/end", json={"answer": "done"}).raise_for_status()
        watching.until(ended)
    assert refused.status_code == 422
    assert "--calibrations" in refused.json()["sentence"]
    assert blindly.status_code == 422


def test_before_the_eucentric_focus_is_replaced_it_is_said_what_by_what_and_where(tmp_path: Path) -> None:
    made = bench(tmp_path)
    made.keep_focus = lambda book, preset, focus_m: CalibrationBook(
        book.instrument, {**book.presets, preset: replace(book.of(preset), eucentric_focus_m=focus_m)}
    )
    with serving(made) as there, client(there) as us, stream(there) as watching:
        us.post("/api/manual/start", json={"preset": "fa"}).raise_for_status()
        _at_desk(watching)
        us.post("/api/manual/move", json={"channel": "defocus", "change": "1.5 um"}).raise_for_status()
        asked = us.post("/api/manual/eucentric-focus/ask").json()
        stored = show_length(made.book.of("fa").eucentric_focus_m or 0.0)
        assert f"preset fa: stored {stored} → 1.500 µm" in asked["sentence"]
        assert "Defocus was not measured here" in asked["sentence"]
        assert "only in memory" in asked["sentence"]
        made.kept_in = "my-store"
        assert "in the folder my-store" in us.post("/api/manual/eucentric-focus/ask").json()["sentence"]
        us.post("/api/manual/move", json={"channel": "defocus", "change": "1 um"}).raise_for_status()
        late = us.post("/api/manual/eucentric-focus/from", json={"focus_m": asked["focus_m"]})
        assert "Nothing was kept" in late.json()["sentence"]
        us.post("/api/manual/end", json={"answer": "skip"}).raise_for_status()
        watching.until(ended)
    assert show_length(made.book.of("fa").eucentric_focus_m or 0.0) == stored


def test_the_estimate_follows_what_is_moved_reset_and_taken_back(tmp_path: Path) -> None:
    made = bench(tmp_path)
    scope, room = made.microscope, Room(made)
    Focus(scope, made.book, QUICK, observers=room.observers).run(measure_only=True)
    with serving(made, room=room) as there, client(there) as us, stream(there) as watching:
        us.post("/api/manual/start", json={"preset": "hl"}).raise_for_status()
        _at_desk(watching)
        first = room.watching.estimate(standing(scope))
        assert first is not None
        us.post("/api/manual/move", json={"channel": "defocus", "change": "1.5 um"}).raise_for_status()
        us.post("/api/manual/reset-defocus").raise_for_status()
        moved = room.watching.estimate(standing(scope))
        assert moved is not None
        assert moved.c1_m == pytest.approx(first.c1_m + 1.5e-6, abs=1e-9)
        assert f"The present estimate of defocus is {show_length(moved.c1_m)}" in _asked_of(made, us)
        desk = watching.until(lambda told: told["manual"]["moved_defocus"])["manual"]
        assert desk["dose"].endswith("by hand")
        us.post("/api/manual/end", json={"answer": "skip"}).raise_for_status()
        watching.until(ended)
        assert room.watching.estimate(standing(scope)) is None  # at the preset that was found
        us.post("/api/manual/start", json={"preset": "hl"}).raise_for_status()
        watching.until(lambda told: told["drive"]["phase"] == "running" and told["manual"])
        again = room.watching.estimate(standing(scope))
        us.post("/api/manual/end", json={"answer": "done"}).raise_for_status()
        watching.until(lambda told: told["drive"]["phase"] == "idle")
        scope.set_preset("hl")
        assert room.watching.estimate(standing(scope)) == again
        scope.move_stage(x_m=20e-6)
        assert room.watching.estimate(standing(scope)) is None
    assert again is not None
    assert again.c1_m == pytest.approx(first.c1_m, abs=1e-9)


def _asked_of(made: Bench, us: httpx.Client) -> str:
    made.keep_focus = lambda book, _preset, _focus_m: book
    return str(us.post("/api/manual/eucentric-focus/ask").json()["sentence"])


def test_what_the_browser_was_told_had_failed_is_not_done_later(there: Serving) -> None:
    scope = there.room.bench.microscope  # type: ignore[union-attr]
    before, operator = scope.stage().z_m, there.room.operator
    with client(there) as us, stream(there) as watching:
        us.post("/api/manual/start", json={"preset": "fa"}).raise_for_status()
        _at_desk(watching)
        us.post("/api/run/pause").raise_for_status()
        watching.until(lambda told: told["drive"]["phase"] == "paused")
        whole, operator.wait_s = operator.wait_s, 0.0
        refused = us.post("/api/manual/move", json={"channel": "z", "change": "3 um"})
        operator.wait_s = whole
        us.post("/api/run/resume").raise_for_status()
        us.post("/api/manual/end", json={"answer": "done"}).raise_for_status()
        watching.until(ended)
    assert refused.status_code == 422
    assert "will not be done" in refused.json()["sentence"]
    assert scope.stage().z_m == pytest.approx(before, abs=0.1e-6)


def _paused(us: httpx.Client, watching: Stream) -> None:
    us.post("/api/manual/start", json={"preset": "fa"}).raise_for_status()
    _at_desk(watching)
    us.post("/api/run/pause").raise_for_status()
    watching.until(lambda told: told["drive"]["phase"] == "paused")


def _asked(
    us: httpx.Client, watching: Stream, asking: Executor, *moves: tuple[str, str]
) -> list[Future[httpx.Response]]:
    """Moves asked for one after the other, each when the one before waits."""
    answers = []
    for count, (channel, change) in enumerate(moves, 1):
        answers.append(asking.submit(us.post, "/api/manual/move", json={"channel": channel, "change": change}))
        watching.until(lambda told, count=count: told["manual"]["waiting"] == count)
    return answers


def test_moves_that_come_while_one_is_being_done_follow_in_order(there: Serving) -> None:
    there.room.operator.most = 3
    with client(there) as us, stream(there) as watching, ThreadPoolExecutor() as asking:
        _paused(us, watching)
        answers = _asked(us, watching, asking, ("defocus", "-0.5 um"), ("z", "2 um"), ("defocus", "-0.5 um"))
        one_more = us.post("/api/manual/move", json={"channel": "z", "change": "2 um"})
        us.post("/api/run/resume").raise_for_status()
        assert [answer.result().status_code for answer in answers] == [200, 200, 200]
        desk = watching.until(lambda told: told["manual"]["waiting"] == 0)["manual"]
        us.post("/api/manual/end", json={"answer": "done"}).raise_for_status()
        told = watching.until(ended)
    assert one_more.status_code == 422
    assert "this one will not be" in one_more.json()["sentence"]
    assert (desk["moved_defocus"], desk["moved_z"][:3]) == ("−1.000 µm", "2.0")
    moved = [line["text"].split()[0] for line in told["log"] if line["what"] == "by hand"]
    assert moved == ["Defocus", "Stage", "Defocus"]


def test_what_waits_behind_a_move_that_is_refused_is_not_done(there: Serving) -> None:
    scope = there.room.bench.microscope  # type: ignore[union-attr]
    before = scope.stage().z_m
    with client(there) as us, stream(there) as watching, ThreadPoolExecutor() as asking:
        _paused(us, watching)
        too_far, behind = _asked(us, watching, asking, ("defocus", "2 mm"), ("z", "3 um"))
        us.post("/api/run/resume").raise_for_status()
        assert "Nothing was moved" in too_far.result().json()["sentence"]
        assert "was refused, so this was not done" in behind.result().json()["sentence"]
        us.post("/api/manual/end", json={"answer": "done"}).raise_for_status()
        watching.until(ended)
    assert scope.stage().z_m == pytest.approx(before, abs=0.1e-6)


def test_an_abort_acts_while_all_threads_of_the_server_wait_at_the_desk(there: Serving) -> None:
    there.room.operator.most = 2 * _SERVER_THREADS
    with client(there) as us, stream(there) as watching, ThreadPoolExecutor(_SERVER_THREADS + 5) as asking:
        _paused(us, watching)
        looks = [asking.submit(us.post, "/api/manual/look") for _ in range(_SERVER_THREADS + 5)]
        watching.until(lambda told: told["manual"]["waiting"] == _SERVER_THREADS)
        us.post("/api/run/abort").raise_for_status()
        told = watching.until(ended)
        assert {look.result().status_code for look in looks} == {422}
    assert "Aborted by the operator" in told["drive"]["said"]


_SERVER_THREADS = 40  # what anyio gives
