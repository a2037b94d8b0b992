"""Seconds by activity."""

from __future__ import annotations

from eucentric.msi.activities import Activities


def test_time_counts_for_what_is_done_inmost() -> None:
    now = 100.0
    seen = Activities(lambda: now)
    with seen.during("focusing"):
        now += 3
        with seen.during("moving"):
            now += 2
        now += 1
    now += 50  # nothing that is told
    with seen.during("moving"):
        now += 4
    assert dict(seen.taken()) == {"focusing": 4, "moving": 6}
    assert seen.taken() == ()
