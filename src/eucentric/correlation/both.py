"""The same work on both images of a pair, on two cores: array code lets go of the interpreter's lock."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


@lru_cache(maxsize=1)  # never call `both` within `both`: one hand can't wait for itself
def _second_hand() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="eucentric-second-image")


if hasattr(os, "register_at_fork"):  # a forked child has the object but not its thread
    os.register_at_fork(after_in_child=_second_hand.cache_clear)


def both(work: Callable[[Given], Made], first: Given, second: Given, *, workers: int) -> tuple[Made, Made]:
    """(work(first), work(second)), side by side when there is more than one worker."""
    if workers < 2:
        return work(first), work(second)
    other = _second_hand().submit(work, second)
    return work(first), other.result()
