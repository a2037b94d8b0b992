"""A prompt at the terminal that the page knows of, and whose wait it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from eucentric.cli.asked import WAITS, asked
from eucentric.cli.page import Page
from eucentric.errors import Aborted
from eucentric.focus.control import Control

if sys.platform == "win32":
    pytest.skip("no such terminals there", allow_module_level=True)


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """What is written to it is typed at the terminal."""
    typed, terminal = os.openpty()
    with os.fdopen(terminal, "r") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield typed
    os.close(typed)


def test_the_lines_that_are_typed_come_one_by_one(keyboard: int, capsys: pytest.CaptureFixture[str]) -> None:
    told: list[str] = []
    page = Page(control=Control(), waits=told.append)
    os.write(keyboard, b"z 2 um\nd\n\x04")
    assert [asked("> ", page), asked("> ", page)] == ["z 2 um", "d"]
    with pytest.raises(EOFError):
        asked("> ", page)
    assert told == [WAITS, ""] * 3
    assert capsys.readouterr().out == "> > > "


@pytest.mark.usefixtures("keyboard")
def test_an_abort_at_the_page_ends_the_wait() -> None:
    control, told = Control(), list[str]()

    def waits(said: str) -> None:
        told.append(said)
        control.abort()

    with pytest.raises(Aborted):
        asked("> ", Page(control=control, waits=waits))
    assert told == [WAITS, ""]
