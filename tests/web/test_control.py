"""Several may watch, one controls."""

from __future__ import annotations

import pytest

from eucentric.web.control import GRACE_S, Lease, NotInControl


class _Room:
    """Who watches, and a clock."""

    def __init__(self) -> None:
        self.here: tuple[str, ...] = ()
        self.now_s = 0.0
        self.changes = 0
        self.lease = Lease(lambda: self.here, lambda: self.now_s)
        self.lease.changed = self._changed

    def _changed(self) -> None:
        self.changes += 1


def test_the_first_to_act_controls_and_others_are_told_who() -> None:
    room = _Room()
    room.here = ("a", "b")
    assert room.lease.holder is None
    room.lease.act("a", "Anna's screen")
    room.lease.act("a", "Anna's screen")
    with pytest.raises(NotInControl, match="Anna's screen controls"):
        room.lease.act("b", "Ben's")
    assert (room.lease.holder, room.lease.name, room.changes) == ("a", "Anna's screen", 1)


def test_control_is_taken_and_given_back() -> None:
    room = _Room()
    room.here = ("a", "b")
    room.lease.act("a", "a")
    room.lease.take("b", "b")
    assert room.lease.holder == "b"
    room.lease.release("a")  # not a's any more
    assert room.lease.holder == "b"
    room.lease.release("b")
    assert room.lease.holder is None
    room.lease.act("a", "a")
    assert room.lease.holder == "a"


def test_who_only_watched_for_long_keeps_control_over_a_reload() -> None:
    room = _Room()
    room.here = ("a",)
    room.lease.act("a", "a")
    room.now_s = 60.0  # nobody asked meanwhile who controls
    room.here = ()
    room.lease.left("b")  # not the one who controls
    room.lease.left("a")
    assert room.lease.holder == "a"
    room.now_s += 1.1 * GRACE_S
    assert room.lease.holder is None


def test_a_reload_keeps_control_and_a_browser_that_is_gone_loses_it() -> None:
    room = _Room()
    room.here = ("a",)
    room.lease.act("a", "a")
    room.here = ()
    room.now_s = 0.9 * GRACE_S
    assert room.lease.holder == "a"
    room.here = ("a",)
    room.now_s = 10 * GRACE_S
    assert room.lease.holder == "a"
    room.here = ()
    room.now_s += 1.1 * GRACE_S
    assert room.lease.holder is None
    room.lease.act("b", "b")
    assert room.lease.holder == "b"
