"""A line from the terminal, waited for so that the page, where there is one, knows of it and can end the wait."""

from __future__ import annotations

import select
import sys
from typing import TYPE_CHECKING

from eucentric.errors import Aborted

if TYPE_CHECKING:
    from eucentric.cli.page import Page

WAITS = "The terminal waits for an answer there."
_LOOK_S = 0.25  # how often an abort at the page is looked for


def asked(prompt: str, page: Page) -> str:
    """Print a prompt and read a line, while the page says that this is waited for.

    Raises EOFError where the input is at its end, and Aborted where the page aborts meanwhile; on Windows, where a
    terminal can't be looked at while it is waited for, the run only hears of an abort after the answer.
    """
    if page.control is None:
        return input(prompt)
    page.waits(WAITS)
    try:
        if sys.platform == "win32":
            return input(prompt)
        print(prompt, end="", flush=True)
        while not select.select([sys.stdin], [], [], _LOOK_S)[0]:
            page.control.wait(0.0)
        line = sys.stdin.readline()
    except Aborted:
        print()  # what is told next does not begin behind the prompt
        raise
    finally:
        page.waits("")
    if not line:
        raise EOFError
    return line.rstrip("\r\n")
