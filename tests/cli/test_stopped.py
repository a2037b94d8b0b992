"""What is said when a command is stopped."""

from __future__ import annotations

import signal

import pytest

from eucentric.cli.stopped import said_when_stopped


def test_it_is_said_once_that_everything_is_restored_first(capfd: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGINT)
    with said_when_stopped():
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
    assert capfd.readouterr().err.count("it ends when everything is restored") == 1
    assert signal.getsignal(signal.SIGINT) is before


def test_where_another_thread_restores_only_the_first_interrupts(capfd: pytest.CaptureFixture[str]) -> None:
    with said_when_stopped(once=True):
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.raise_signal(number)
    assert capfd.readouterr().err.count("it ends when everything is restored") == 1


def test_signals_that_are_ignored_stay_so(capfd: pytest.CaptureFixture[str]) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with said_when_stopped():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert capfd.readouterr().err == ""
