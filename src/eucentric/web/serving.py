"""Serving: the application on a port, on a thread of its own, so that nothing that goes wrong there ends a run."""

from __future__ import annotations

import errno
import socket
import threading
import time

import uvicorn

from eucentric.errors import InputError
from eucentric.web.app import make_app
from eucentric.web.room import Room
from eucentric.web.safety import Gate

PORT = 8333
"""Where it serves when nobody says where."""
_STARTS_WITHIN_S = 15.0
_PING_S = 5.0
_LAST_WORD_S = 0.5  # for browsers to get the end of a run before the server goes


class Serving:
    """Enter it to serve `room`; it ends when it is left. `port` 0: any that is free; None: PORT, any where it is taken.

    Raises InputError where the address can't be had, or the server does not start.
    """

    def __init__(self, room: Room, *, host: str = "127.0.0.1", port: int | None = None) -> None:
        self.room = room
        self.host = host
        self.gate = Gate.at(host)
        self._socket = _bound(host, port)
        self.port = int(self._socket.getsockname()[1])
        config = uvicorn.Config(
            make_app(room, self.gate),
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws_per_message_deflate=False,  # pictures do not shrink, and every frame would cost
            ws_max_size=1 << 16,
            ws_ping_interval=_PING_S,  # a browser that died in silence watches no longer
            ws_ping_timeout=2 * _PING_S,
            timeout_graceful_shutdown=2,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="eucentric-page", daemon=True)

    @property
    def address(self) -> str:
        """Without the token."""
        name = "127.0.0.1" if self.host == "localhost" else self.host
        if name in {"0.0.0.0", "::"}:
            name = socket.gethostname()
        return f"http://{f'[{name}]' if ':' in name else name}:{self.port}"

    @property
    def url(self) -> str:
        """What an operator opens. Whoever has it can drive the microscope."""
        return f"{self.address}/#token={self.gate.token}"

    def __enter__(self) -> Serving:
        self.room.__enter__()
        self._thread.start()
        end = time.monotonic() + _STARTS_WITHIN_S
        while not self._server.started and self._thread.is_alive() and time.monotonic() < end:
            time.sleep(0.01)
        if not self._server.started:
            self.__exit__()
            raise InputError(
                f"The page at {self.address} did not start within {_STARTS_WITHIN_S:g} s. Start it again, and "
                "look at what is logged above."
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.room.__exit__()
        if self.room.hub.clients:
            time.sleep(_LAST_WORD_S)
        self._server.should_exit = True
        self._thread.join()

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])


def _bound(host: str, port: int | None) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for wanted in (PORT, 0) if port is None else (port,):
        made = socket.socket(family, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((host, wanted))
        except OSError as error:
            made.close()
            if port is None and wanted and error.errno == errno.EADDRINUSE:
                continue
            option = "--host" if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL else "--port"
            raise InputError(
                f"The page can't be served at {host}:{wanted}: {error.strerror or error}. Choose another {option}."
            ) from error
        return made
    raise InputError(f"No port is free at {host}.")
