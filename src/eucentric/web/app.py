"""The application: the page's files, the API below /api, and the stream. `make_app` makes it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib import resources
from typing import Any

from fastapi import Depends, FastAPI, Request, WebSocket, WebSocketDisconnect
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from eucentric import __version__
from eucentric.errors import EucentricError, GoneError
from eucentric.web.api import history, planning, running, settings
from eucentric.web.control import NotInControl
from eucentric.web.hub import Watcher
from eucentric.web.planned import FieldError
from eucentric.web.room import Room
from eucentric.web.safety import Gate, Guard
from eucentric.web.turns import Busy

_TOKEN_WITHIN_S = 10.0
_CLOSED_NO_TOKEN = 4401
_LAPSED_S = 0.1  # after its grace control has lapsed for sure
_NO_MESSAGE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What comes of reading a message that no page of ours sends, such as one that is no JSON or no UTF-8."""


def make_app(room: Room, gate: Gate) -> FastAPI:
    """The application that shows `room` to those whom `gate` lets in."""
    app = FastAPI(
        title="eucentric",
        version=__version__,
        description="Autofocus as it works. Everything needs the token that the start printed.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.room = room
    bearer = HTTPBearer(auto_error=False, description="The token that the start printed.")
    for router in (running.router(room), settings.router(room), planning.router(room), history.router(room)):
        app.include_router(router, prefix="/api", dependencies=[Depends(bearer)])
    app.add_exception_handler(EucentricError, _said)
    app.add_exception_handler(RequestValidationError, _misread)
    app.add_exception_handler(HTTPException, _not_there)
    app.add_api_websocket_route("/api/stream", _stream(room, gate))
    app.mount("/", StaticFiles(directory=str(resources.files("eucentric.web") / "pages"), html=True))
    app.add_middleware(Guard, gate=gate)
    return app


_STATUS: dict[type[EucentricError], int] = {NotInControl: 409, Busy: 409, GoneError: 410}


async def _said(_request: Request, error: Exception) -> JSONResponse:
    """An error of ours is a sentence, and the field that it is about; 409: not now, 410: not any more, 422: not so."""
    said = " ".join((str(error), *getattr(error, "__notes__", ())))
    field = {"field": error.field} if isinstance(error, FieldError) else {}
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 422)
    return JSONResponse({"sentence": said, **field}, status_code=status)


async def _misread(_request: Request, error: Exception) -> JSONResponse:
    """A request that is not as the description says: what is wrong with it, in a sentence."""
    assert isinstance(error, RequestValidationError)
    wrong = [f"{'.'.join(map(str, one['loc'][1:])) or one['loc'][0]}: {one['msg']}" for one in error.errors()]
    field = str(error.errors()[0]["loc"][-1])
    body = {"sentence": f"The request can't be read. {'; '.join(wrong)}.", "field": field}
    return JSONResponse(body, status_code=422)


async def _not_there(request: Request, error: Exception) -> JSONResponse:
    """What is not served, or not in this way."""
    assert isinstance(error, HTTPException)
    said = f"{request.method} {request.url.path}: {error.detail}. What there is, is described at /api/openapi.json."
    return JSONResponse({"sentence": said}, status_code=error.status_code, headers=error.headers)


def _stream(room: Room, gate: Gate) -> Callable[[WebSocket], Awaitable[None]]:
    async def stream(socket: WebSocket) -> None:
        """Everything that the page shows, as it changes. The first message of the browser has the token."""
        await socket.accept()
        hello = await _hello(socket, gate)
        if hello is None:
            with suppress(WebSocketDisconnect):  # it is gone already
                await socket.close(_CLOSED_NO_TOKEN)
            return
        watcher = Watcher(room.hub, str(hello.get("client", "")), asyncio.get_running_loop())
        room.hub.join(watcher)
        room.tell_control()
        sending = asyncio.create_task(_send(socket, watcher))
        try:
            await _listen(socket, room, watcher)
        finally:
            sending.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await sending
            room.hub.leave(watcher)
            room.lease.left(watcher.client)
            room.tell_control()
            # once more when it may have lost control by being away
            asyncio.get_running_loop().call_later(room.lease.grace_s + _LAPSED_S, room.tell_control)

    return stream


async def _hello(socket: WebSocket, gate: Gate) -> dict[str, Any] | None:
    """The first message, when it has the token."""
    try:
        hello = json.loads(await asyncio.wait_for(socket.receive_text(), _TOKEN_WITHIN_S))
        known = isinstance(hello, dict) and gate.knows(str(hello.get("token", "")))
    except (TimeoutError, WebSocketDisconnect, *_NO_MESSAGE):
        return None
    return hello if known else None


async def _send(socket: WebSocket, watcher: Watcher) -> None:
    while True:
        message = await watcher.next()
        if isinstance(message, bytes):
            await socket.send_bytes(message)
        else:
            await socket.send_text(message)


async def _listen(socket: WebSocket, room: Room, watcher: Watcher) -> None:
    """What the browser says: that it has shown a picture, what it looks at, and whether anybody is there."""
    # A RuntimeError is what comes of it where the sending found the browser gone first.
    with suppress(WebSocketDisconnect, RuntimeError, *_NO_MESSAGE):
        while True:
            said = json.loads(await socket.receive_text())
            if said.get("shown"):
                watcher.shown()
            if said.get("ping"):
                watcher.pinged()
            if "wants" in said:
                room.hub.want(watcher, frozenset(map(str, said["wants"])))
