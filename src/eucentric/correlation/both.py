"""The same work on both images of a pair, on two cores: array code lets go of the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


@lru_cache(maxsize=1)
def _second_hand() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="eucentric-second-image")


def both(work: Callable[[Given], Made], first: Given, second: Given, *, workers: int) -> tuple[Made, Made]:
    """(work(first), work(second)), side by side when there is more than one worker."""
    if workers < 2:
        return work(first), work(second)
    other = _second_hand().submit(work, second)
    return work(first), other.result()
