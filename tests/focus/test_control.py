"""The brake of a run."""

from __future__ import annotations

import threading

import pytest

from eucentric.errors import Aborted
from eucentric.focus.control import Control


def test_nothing_asked_nothing_happens() -> None:
    Control().check()


def test_an_abort_is_raised_until_it_is_released() -> None:
    control = Control()
    control.abort()
    for _ in range(2):
        with pytest.raises(Aborted):
            control.check()
    control.release()
    control.check()


@pytest.mark.parametrize("end", ["resume", "abort"])
def test_a_pause_stands_still_until_another_thread_ends_it(end: str) -> None:
    control = Control()
    standing, told = threading.Event(), []
    control.pause()

    def paused() -> None:
        told.append("paused")
        standing.set()

    def run() -> None:
        try:
            control.check(paused, lambda: told.append("over"))
        except Aborted:
            told.append("aborted")

    thread = threading.Thread(target=run)
    thread.start()
    standing.wait()
    getattr(control, end)()
    thread.join()
    assert told == ["paused", "over"] + (["aborted"] if end == "abort" else [])


def test_a_pause_right_after_a_resume_is_another_pause() -> None:
    control, told = Control(), []
    control.pause()

    def paused() -> None:
        told.append("paused")
        control.resume()
        if told.count("paused") == 1:
            control.pause()  # before the run has seen that it may go on

    control.check(paused, lambda: told.append("over"))
    assert told == ["paused", "over", "paused", "over"]


def test_a_wait_ends_by_itself_or_at_once_with_an_abort() -> None:
    control, waiting = Control(), threading.Event()
    control.pause()
    control.wait(0.0)
    ended: list[str] = []

    def run() -> None:
        waiting.set()
        try:
            control.wait(3600.0)
        except Aborted as error:
            ended.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    waiting.wait()
    control.abort()
    thread.join()
    assert ended == ["Aborted by the operator."]
