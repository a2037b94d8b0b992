"""What takes long on the page is done one at a time, and few may wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from eucentric.records.kept import Frames
from eucentric.records.place import Place
from eucentric.records.reading import Records
from eucentric.records.recorder import Recorder
from eucentric.web.api import history
from eucentric.web.room import Room
from eucentric.web.serving import Serving
from eucentric.web.turns import Busy, Turns
from tests.records.made import never, place_in, run
from tests.web.served import WAIT_S, client, serving


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Two measurements."""
    with Recorder(place_in(tmp_path), say=never) as recorder:
        for event in run().events:
            recorder(event)
    return place_in(tmp_path)


@pytest.fixture
def there(place: Place) -> Iterator[Serving]:
    with serving(None, room=Room(place=place)) as made:
        yield made


class _Asked:
    """A lock that tells when it is asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.asked = threading.Event()

    def __enter__(self) -> None:
        self.asked.set()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_more_than_may_wait_are_refused_and_there_is_room_again_afterwards() -> None:
    computing = _Asked()
    turns = Turns(computing, 2, "it")  # type: ignore[arg-type]

    def waits() -> None:
        with turns.turn():
            pass

    with ThreadPoolExecutor() as others:
        with turns.turn():
            computing.asked.clear()
            second = others.submit(waits)
            assert computing.asked.wait(WAIT_S)
            with pytest.raises(Busy, match="2 others wait for it already"), turns.turn():
                pass
            assert not second.done()
        second.result()
    with turns.turn():
        pass


def test_many_who_ask_for_it_again_are_served_or_told_to_wait_and_the_server_answers(
    there: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work, go_on, most = threading.Event(), threading.Event(), 30
    right, working = history.stored.made_again, list[int]()

    def slow(*arguments: object) -> object:
        working.append(1)
        assert len(working) == 1  # nobody else at the same time
        at_work.set()
        assert go_on.wait(WAIT_S)
        made = right(*arguments)  # type: ignore[arg-type]
        working.pop()
        return made

    monkeypatch.setattr(history.stored, "made_again", slow)
    with client(there) as us, ThreadPoolExecutor(most) as asking:
        asked = [asking.submit(us.post, "/api/history/measurements/1/again", json={}) for _ in range(most)]
        assert at_work.wait(WAIT_S)
        for answered, _ in enumerate(as_completed(asked, WAIT_S), 1):
            if answered == most - history._AGAIN:
                break
        assert us.get("/api/state").status_code == 200
        go_on.set()
        answers = [one.result() for one in asked]
    codes = [answer.status_code for answer in answers]
    assert sorted(codes) == [200] * history._AGAIN + [409] * (most - history._AGAIN)
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert "Ask again when they are done" in refused.json()["sentence"]
    assert len({answer.json()["reading"]["defocus_m"] for answer in answers if answer.status_code == 200}) == 1


def _removed(place: Place) -> None:
    """As the cap does: the rows say so first, then the files go."""
    engine = create_engine(place.url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE images SET file = NULL, gone = 'Its images were removed to make room.'"))
    engine.dispose()
    for path in place.image_folder.rglob("*.mrc"):
        path.unlink()


@pytest.mark.parametrize(
    "asked", ["GET pictures/images", "GET curves", "GET pictures/map?tilt_scale=1.1", "POST again"]
)
@pytest.mark.parametrize("between", ["rows", "files"])
def test_images_that_go_between_two_reads_are_told_as_gone(
    there: Serving, place: Place, monkeypatch: pytest.MonkeyPatch, asked: str, between: str
) -> None:
    """Removed after the measurement was found, or after it was seen where its files are."""
    right = {"rows": Records.frames, "files": Records._frame}[between]

    def late(*arguments: object) -> Frames:
        _removed(place)
        return right(*arguments)  # type: ignore[arg-type, return-value]

    monkeypatch.setattr(Records, right.__name__, late)
    method, path = asked.split()
    with client(there) as us:
        answer = us.request(method, f"/api/history/measurements/1/{path}", json={} if method == "POST" else None)
    assert answer.status_code == 410
    assert "removed to make room" in answer.json()["sentence"]
