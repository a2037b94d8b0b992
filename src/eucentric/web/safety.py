"""Who is let in: a web page elsewhere can neither drive the microscope nor read it.

- Host: only names under which this server is meant to be reached. A foreign name that was made to point here (DNS
  rebinding) is refused, so that pages under it stay foreign to the browser.
- Origin: what changes something, and the stream, come from the page itself; a request that says otherwise is refused.
- Token: everything below /api needs what the start prints. The address has it behind a #, which browsers do not send.

And the browser is told to load nothing from elsewhere, and to show the page in no other one's frame.
"""

from __future__ import annotations

import ipaddress
import json
import secrets
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_HARMLESS = {"GET", "HEAD"}
_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}


def new_token() -> str:
    """One that nobody guesses."""
    return secrets.token_urlsafe(24)


@dataclass(frozen=True, slots=True)
class Gate:
    """The token, and the names under which the server may be reached besides those of this machine's loopback.

    `any_address`: numbers of addresses are let in too; no foreign name can be one.
    """

    token: str = field(default_factory=new_token)
    names: frozenset[str] = frozenset()
    any_address: bool = False

    @classmethod
    def at(cls, host: str) -> Gate:
        """The gate of a server that is bound to `host`."""
        if host in LOOPBACK:
            return cls()
        return cls(
            names=frozenset({host.lower(), socket.gethostname().lower(), socket.getfqdn().lower()}), any_address=True
        )

    def knows(self, token: str) -> bool:
        """Whether it is the token; told in a time that says nothing about it."""
        return secrets.compare_digest(token.encode(), self.token.encode())

    def lets_host(self, host: str) -> bool:
        """Whether a Host header names this server."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        return name in LOOPBACK | self.names or (self.any_address and _is_address(name))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Guard:
    """Middleware: refuses in a sentence, and adds the headers."""

    def __init__(self, app: App, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal is None:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await _refuse(_with_headers(send), *refusal)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        """Status and sentence; None: come in."""
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._gate.lets_host(host):
            return 421, f"This server is not called '{host}'. Use the address that it printed when it started."
        streams = scope["type"] == "websocket"
        changes = streams or scope["method"] not in _HARMLESS
        if origin is None and changes:
            return 403, f"What changes something must say where it comes from: Origin: http://{host}"
        if origin is not None and origin.lower() not in {f"http://{host}".lower(), f"https://{host}".lower()}:
            return 403, f"A page of {origin} may not ask this server. Use the page of this server."
        if streams or not scope["path"].startswith("/api"):
            return None  # a stream says the token first; the page itself is no secret
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not self._gate.knows(token.strip()):
            return 401, "This needs the token that the start printed: Authorization: Bearer TOKEN"
        return None


async def _refuse(send: Send, status: int, sentence: str) -> None:
    body = json.dumps({"sentence": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _with_headers(send: Send) -> Send:
    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            given = {name for name, _ in message["headers"]}
            added = [(k.encode(), v.encode()) for k, v in _HEADERS.items() if k.encode() not in given]
            message = {**message, "headers": [*message["headers"], *added]}
        await send(message)

    return sent
