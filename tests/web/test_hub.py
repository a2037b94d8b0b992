"""The newest of everything, to all who watch; who can't keep up skips, and slows nobody."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from eucentric.web.hub import PONG, Hub, Watcher
from eucentric.web.packets import Packet, packed
from tests.web.served import unpacked


def _watcher(hub: Hub, who: str = "one") -> Watcher:
    made = Watcher(hub, who, asyncio.get_running_loop())
    hub.join(made)
    return made


def test_who_joins_gets_all_that_is_known_words_first() -> None:
    async def story() -> list[str | bytes]:
        hub = Hub()
        hub.publish("map", b"picture")
        hub.publish("run", "old")
        hub.publish("run", "new")
        watcher = _watcher(hub)
        return [await watcher.next(), await watcher.next()]

    assert asyncio.run(story()) == ["new", b"picture"]


def test_a_slow_watcher_gets_the_newest_and_skips_the_rest() -> None:
    async def story() -> tuple[list[str | bytes], str | bytes]:
        hub = Hub()
        watcher = _watcher(hub)
        got = []
        for number in range(2):  # two may be on their way
            hub.publish("images", f"{number}".encode())
            got.append(await watcher.next())
        for number in range(2, 100):
            hub.publish("images", f"{number}".encode())
        waiting = asyncio.ensure_future(watcher.next())
        for _ in range(3):
            await asyncio.sleep(0)
        assert not waiting.done()
        watcher.shown()
        return got, await waiting

    got, then = asyncio.run(story())
    assert got == [b"0", b"1"]
    assert then == b"99"


def test_words_pass_while_pictures_wait() -> None:
    async def story() -> str | bytes:
        hub = Hub()
        watcher = _watcher(hub)
        for number in range(3):
            hub.publish("images", f"{number}".encode())
            if number < 2:
                await watcher.next()
        hub.publish("run", "words")
        return await watcher.next()

    assert asyncio.run(story()) == "words"


def test_whoever_asks_whether_the_server_is_there_is_answered_at_once() -> None:
    async def story() -> list[str | bytes]:
        hub = Hub()
        watcher = _watcher(hub)
        for number in range(3):
            hub.publish("images", f"{number}".encode())
            hub.publish("run", f"{number}")
        watcher.pinged()
        return [await watcher.next(), await watcher.next()]

    assert asyncio.run(story()) == [PONG, b"2"]


def test_publishing_to_a_browser_that_is_gone_hurts_nobody() -> None:
    hub = Hub()

    async def story() -> None:
        _watcher(hub)

    asyncio.run(story())
    hub.publish("run", "to a loop that is closed")
    assert hub.newest("run") == "to a loop that is closed"


def test_what_is_wanted_is_what_anybody_looks_at() -> None:
    changes = []

    async def story() -> None:
        hub = Hub()
        hub.on_change = lambda: changes.append(hub.wanted)
        one, other = _watcher(hub), _watcher(hub, "other")
        hub.want(one, frozenset({"rings"}))
        hub.want(other, frozenset({"map-cross", "rings"}))
        assert hub.clients == ("one", "other")
        hub.leave(other)

    asyncio.run(story())
    assert changes == [frozenset(), frozenset(), {"rings"}, {"rings", "map-cross"}, {"rings"}]


def test_a_packet_is_unpacked_as_it_was_packed() -> None:
    planes = (np.arange(12, dtype=np.uint8).reshape(3, 4), np.full((2, 2), 255, np.uint8))
    back = unpacked(packed(Packet("images", {"number": 3}, planes)))
    assert (back.kind, dict(back.about)) == ("images", {"number": 3})
    for plane, was in zip(back.planes, planes, strict=True):
        np.testing.assert_array_equal(plane, was)
    with pytest.raises(ValueError, match="JSON"):
        packed(Packet("images", {"value": float("nan")}, planes))
