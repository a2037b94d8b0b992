"""A page that is served, and someone who talks to it: what the tests of the page stand on."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from websockets.sync.client import ClientConnection, connect

from eucentric.cli.bench import opened
from eucentric.cli.serve import Where, make_bench
from eucentric.focus.settings import CorrectionType, FocusSequence, FocusSettings, FocusStep
from eucentric.records.place import Place
from eucentric.web.bench import Bench
from eucentric.web.packets import Packet
from eucentric.web.room import Room
from eucentric.web.serving import Serving
from eucentric.web.shelf import Shelf

WAIT_S = 240.0  # the longest is a plan that reaches nothing: half a minute, minutes on a busy machine

QUICK = FocusSettings(
    sequence=FocusSequence(
        name="Quick",
        accuracy_m=1e-6,
        steps=(
            FocusStep(name="once", preset="hl", tilt_rad=4e-3, offset_m=-20e-6, tolerance_m=200e-6, looks_min=1),
            FocusStep(
                name="off", switch=False, preset="fa", tilt_rad=5e-3, correction_type=CorrectionType.NONE, looks_min=1
            ),
        ),
    ),
    accuracy_limit_m=None,
)
"""One pair and a verdict: the tolerance is as large as the error can be."""


def bench(folder: Path, *, size: int = 256, seed: int = 1, settings: FocusSettings = QUICK) -> Bench:
    """The simulated microscope with small images, its settings in `folder`; nothing is recorded."""
    there = opened(seed=seed, size=size)
    assert there.brought is not None
    shelf = Shelf(folder / "sequences", opened=settings, name="quick")
    return Bench(there.instrument, there.microscope, there.brought, shelf)


def whole_bench(folder: Path) -> tuple[Bench, Place]:
    """As `eucentric serve` makes it: full images, sessions, records."""
    place = Place.of(str(folder / "records.sqlite"))
    return make_bench(Where("simulated", 1, None, place), "default", folder / "sequences"), place


@contextmanager
def serving(made: Bench | None, *, place: Place | None = None, room: Room | None = None) -> Iterator[Serving]:
    """The page of a bench, at a free port."""
    with Serving(room or Room(made, place=place), port=0) as there:
        yield there


def client(there: Serving, *, who: str = "tester") -> httpx.Client:
    """Someone with the token, who asks from the page's own address."""
    headers = {
        "Authorization": f"Bearer {there.gate.token}",
        "Origin": there.address,
        "X-Eucentric-Client": who,
        "X-Eucentric-Name": who,
    }
    return httpx.Client(base_url=there.address, headers=headers, timeout=WAIT_S)


def unpacked(message: bytes) -> Packet:
    """What `packed` packed."""
    (length,) = struct.unpack_from("<I", message)
    about = json.loads(message[4 : 4 + length])
    planes, at = [], 4 + length
    for ny, nx in about.pop("planes"):
        planes.append(np.frombuffer(message, np.uint8, ny * nx, at).reshape(ny, nx))
        at += ny * nx
    return Packet(about.pop("kind"), about, tuple(planes))


class Stream:
    """What a browser gets: the newest of each kind, in `told`."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.told: dict[str, Any] = {}

    def want(self, *kinds: str) -> None:
        """Say what is looked at."""
        self._socket.send(json.dumps({"wants": list(kinds)}))

    def next(self, *, shown: bool = True) -> str:
        """The kind of the next message, which is kept; a picture is said to be shown."""
        message = self._socket.recv(timeout=WAIT_S)
        if isinstance(message, bytes):
            packet = unpacked(message)
            if shown:
                self._socket.send('{"shown": true}')
            self.told[packet.kind] = packet
            return packet.kind
        body = json.loads(message)
        self.told[body["kind"]] = body["body"]
        return str(body["kind"])

    def until(self, holds: Callable[[Mapping[str, Any]], object]) -> dict[str, Any]:
        """Read on until something holds; all that was told."""
        while not holds(self.told):
            self.next()
        return self.told

    def packet(self, kind: str) -> Packet:
        """The newest picture of a kind, waited for."""
        told = self.until(lambda told: kind in told)[kind]
        assert isinstance(told, Packet)
        return told


@contextmanager
def stream(there: Serving, *, who: str = "tester", token: str | None = None) -> Iterator[Stream]:
    """A browser that watches."""
    url = f"{there.address.replace('http', 'ws')}/api/stream"
    with connect(url, origin=there.address, max_size=None, compression=None) as socket:  # type: ignore[arg-type]
        socket.send(json.dumps({"token": there.gate.token if token is None else token, "client": who}))
        yield Stream(socket)


def ended(told: Mapping[str, Any]) -> bool:
    """Whether what ran is over, and what came of it is said."""
    drive = told.get("drive")
    return bool(drive and drive["phase"] == "idle" and drive["said"])
