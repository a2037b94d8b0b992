"""A web page elsewhere can neither drive the microscope nor read it."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from fastapi import WebSocket, WebSocketDisconnect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from eucentric.errors import InputError
from eucentric.web.app import _listen, make_app
from eucentric.web.hub import Watcher
from eucentric.web.room import Room
from eucentric.web.safety import Gate
from eucentric.web.serving import Serving
from tests.web.served import WAIT_S, bench, client, serving, stream

_CHANGES = {"post", "put", "delete", "patch"}


def _calls() -> list[tuple[str, str]]:
    """Every call that the OpenAPI description has."""
    described = make_app(Room(), Gate()).openapi()
    return [(method, path) for path, methods in described["paths"].items() for method in methods]


CALLS = _calls()


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(bench(tmp_path_factory.mktemp("safety"))) as made:
        yield made


def _ask(there: Serving, method: str, path: str, **headers: str) -> httpx.Response:
    with httpx.Client(base_url=there.address) as plain:
        return plain.request(method.upper(), path.replace("{name}", "quick").replace("{number}", "1"), headers=headers)


def test_there_are_calls_that_change_something() -> None:
    assert {"/api/run/focus", "/api/run/abort", "/api/manual/move", "/api/control/take"} <= {p for _, p in CALLS}
    assert len([m for m, _ in CALLS if m in _CHANGES]) > 12


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_nothing_is_done_or_told_without_the_token(there: Serving, method: str, path: str) -> None:
    for token in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": there.gate.token}):
        answer = _ask(there, method, path, Origin=there.address, **token)
        assert answer.status_code == 401
        assert "token" in answer.json()["sentence"]
        assert answer.headers["www-authenticate"] == "Bearer"
    assert not there.room.driver.busy


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_page_of_another_origin_is_refused_even_with_the_token(there: Serving, method: str, path: str) -> None:
    token = {"Authorization": f"Bearer {there.gate.token}"}
    elsewhere = there.address.replace(str(there.port), "80")
    for origin in ("http://elsewhere.example", "null", elsewhere, "http://127.0.0.1.elsewhere.example"):
        answer = _ask(there, method, path, Origin=origin, **token)
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers
    assert not there.room.driver.busy


@pytest.mark.parametrize(("method", "path"), [call for call in CALLS if call[0] in _CHANGES])
def test_what_changes_something_says_where_it_comes_from(there: Serving, method: str, path: str) -> None:
    answer = _ask(there, method, path, Authorization=f"Bearer {there.gate.token}")
    assert answer.status_code == 403
    assert "Origin" in answer.json()["sentence"]


@pytest.mark.parametrize("host", ["elsewhere.example", "127.0.0.1.elsewhere.example", "", "192.168.0.7", "[::"])
def test_a_foreign_name_that_points_here_is_refused(there: Serving, host: str) -> None:
    for method, path in (*CALLS, ("get", "/"), ("get", "/parts/page.js")):
        answer = _ask(there, method, path, Host=host, Origin=f"http://{host}",
                      Authorization=f"Bearer {there.gate.token}")  # fmt: skip
        assert answer.status_code in {421, 400}  # a Host that is none is refused by the server itself


def test_no_answer_is_for_other_origins_and_none_loads_from_elsewhere(there: Serving) -> None:
    for path in ("/", "/parts/link.js", "/api/about"):
        answer = _ask(there, "get", path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in answer.headers
    preflight = _ask(there, "options", "/api/run/focus", Origin="http://elsewhere.example",
                     **{"Access-Control-Request-Method": "POST"})  # fmt: skip
    assert preflight.status_code == 403


def test_a_browser_that_says_the_right_things_is_let_in(there: Serving) -> None:
    with client(there) as us:
        assert us.get("/api/about").json()["instrument"] == "simulated (seed 1)"
        assert us.get("/api/openapi.json").json()["info"]["title"] == "eucentric"
        assert us.get("/api/state").json()["drive"]["phase"] == "idle"
        answer = us.post("/api/run/abort")
    assert answer.status_code == 422
    assert answer.json()["sentence"] == "Nothing is running: there is nothing to abort."


def test_a_tunnel_may_come_in_by_another_port(there: Serving) -> None:
    token = {"Authorization": f"Bearer {there.gate.token}", "X-Eucentric-Client": "tester"}
    answer = _ask(there, "post", "/api/run/abort", Host="localhost:9000", Origin="http://localhost:9000", **token)
    assert answer.status_code == 422  # let in; nothing runs


@pytest.mark.parametrize("origin", ["http://elsewhere.example", None])
def test_the_stream_is_for_the_page_alone(there: Serving, origin: str | None) -> None:
    url = f"{there.address.replace('http', 'ws')}/api/stream"
    with pytest.raises(InvalidStatus), connect(url, origin=origin):  # type: ignore[arg-type]
        pass


@pytest.mark.parametrize("token", ["", "wrong", "\ud800"])
def test_the_stream_tells_nothing_without_the_token(there: Serving, token: str) -> None:
    with pytest.raises(ConnectionClosed) as closed, stream(there, token=token) as watching:
        watching.next()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


def test_the_stream_tells_all_to_whoever_has_the_token(there: Serving) -> None:
    with stream(there) as watching:
        told = watching.until(lambda told: {"drive", "run", "log", "reading", "manual", "control"} <= set(told))
    assert told["drive"]["phase"] == "idle"


def test_a_gate_beyond_this_machine_lets_in_addresses_and_its_own_name() -> None:
    gate = Gate.at("microscope.example")
    assert gate.lets_host("microscope.example:8333")
    assert gate.lets_host("192.168.0.7:8333")
    assert gate.lets_host("[fe80::1]:8333")
    assert not gate.lets_host("elsewhere.example")
    assert Gate.at("Microscope.Example").lets_host("microscope.EXAMPLE:8333")
    assert not Gate.at("127.0.0.1").lets_host("192.168.0.7:8333")
    assert Gate().token != Gate().token


@pytest.mark.parametrize("hello", ["7", "[" * 5000, b"\xff", "{"])
def test_what_is_no_message_closes_the_stream(there: Serving, hello: str | bytes) -> None:
    url = f"{there.address.replace('http', 'ws')}/api/stream"
    with connect(url, origin=there.address) as browser:  # type: ignore[arg-type]
        browser.send(hello)
        with pytest.raises(ConnectionClosed) as closed:
            browser.recv(timeout=WAIT_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


def test_who_leaves_without_a_word_leaves_no_trace(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("uvicorn.error")
    try:
        with serving(None) as made:
            log.addHandler(caplog.handler)
            with connect(f"{made.address.replace('http', 'ws')}/api/stream", origin=made.address):  # type: ignore[arg-type]
                pass
    finally:
        log.removeHandler(caplog.handler)
    assert [record.getMessage() for record in caplog.records] == []


def test_who_goes_while_something_is_sent_ends_the_listening_in_silence() -> None:
    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: Mapping[str, object]) -> None:
        if message["type"] == "websocket.send":
            raise OSError("gone")

    async def goes() -> None:
        browser, room = WebSocket({"type": "websocket"}, receive, send), Room()
        await browser.accept()
        with pytest.raises(WebSocketDisconnect):
            await browser.send_text("{}")
        await _listen(browser, room, Watcher(room.hub, "", asyncio.get_running_loop()))

    asyncio.run(goes())


def test_what_can_not_be_read_or_is_not_there_is_said_in_a_sentence(there: Serving) -> None:
    with client(there) as us:
        odd = us.post("/api/plan", json={"start": 7})
        broken = us.post("/api/plan", content=b"{", headers={"Content-Type": "application/json"})
        nothing, other = us.get("/api/nothing"), us.put("/api/about")
    assert (odd.status_code, broken.status_code) == (422, 422)
    assert "accuracy: Field required" in odd.json()["sentence"]
    assert "JSON" in broken.json()["sentence"]
    assert nothing.status_code == 404
    assert "GET /api/nothing: Not Found" in nothing.json()["sentence"]
    assert other.is_client_error
    assert other.json()["sentence"]


def test_the_address_that_is_printed_is_the_one_that_is_served() -> None:
    try:
        made = Serving(Room(), host="::1", port=0)
    except InputError:
        pytest.skip("this machine has no IPv6")
    with made:
        assert made.address == f"http://[::1]:{made.port}"
        assert httpx.get(made.address).is_success
    with Serving(Room(), host="localhost", port=0) as made:
        assert httpx.get(made.address).is_success


def test_a_host_that_is_none_is_told_with_the_option_that_gives_it() -> None:
    with pytest.raises(InputError, match="Choose another --host"):
        Serving(Room(), host="nosuchhost.invalid", port=0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_server_that_does_not_start_is_no_server() -> None:
    made = Serving(Room(), port=0)
    socket.socket(fileno=made._socket.detach()).close()  # what it would listen at is gone
    with pytest.raises(InputError, match="did not start"), made:
        pass


def test_settings_are_only_read_and_written_on_the_shelf(there: Serving, tmp_path: Path) -> None:
    with client(there) as us:
        values = us.get("/api/settings/one/quick").json()["values"]
        for name in ("..%2F..%2Fescaped", "%2Ftmp%2Fescaped", ".hidden", "a%5Cb", "quick"):
            assert us.put(f"/api/settings/one/{name}", json={"values": values}).status_code in {404, 405, 422}
        up = us.put("/api/settings/one/..%2Fescaped", json={"values": values})
        assert "can't be a file's name" in up.json()["sentence"]
        for name in ("..%2F..%2Fpyproject", "%2Fetc%2Fpasswd"):
            assert us.get(f"/api/settings/one/{name}").status_code in {404, 422}
        outside = tmp_path / "mine.toml"
        assert us.post("/api/plan", json={"instrument": str(outside), "start": "5 um", "accuracy": "1 um"}).is_error
    assert not list(there.room.bench.shelf.folder.parent.glob("*escaped*"))  # type: ignore[union-attr]
