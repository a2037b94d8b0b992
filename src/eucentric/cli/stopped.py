"""The user's stop of a run, with what is to be said of it."""

from __future__ import annotations

from eucentric.errors import InputError


class Stopped(Exception):
    """Ctrl-C or a request to terminate, after all that could be restored was restored. Its text is for the user."""


def raise_if_stopped(why: str, done: int, asked: int, what: str, *, by_user: bool) -> None:
    """End a command that has told what was done, where that is not all: as Ctrl-C does, or with an InputError."""
    if not why:
        return
    sentence = f"{why}: {done} of {asked} {what} were done; what is told is of these."
    raise Stopped(sentence) if by_user else InputError(sentence)
