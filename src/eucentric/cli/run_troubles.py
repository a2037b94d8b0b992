"""What a run that is watched must tell on stderr, and that whatever ends it early says where its folder is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from eucentric.cli.stopped import Stopped
from eucentric.errors import EucentricError

if TYPE_CHECKING:
    from eucentric.focus.events import Event


class Troubles:
    """Remembers what those who watch must tell on stderr: how a run was stopped, and what could not be kept."""

    def __init__(self) -> None:
        self.stopped = "Stopped."
        self.sentences: list[str] = []

    def __call__(self, event: Event) -> None:
        from eucentric.focus import events

        if isinstance(event, events.Failed):
            self.stopped = " ".join((event.error, *event.not_restored))
        elif isinstance(event, events.ObserverFailed):
            self.sentences.append(f"{event.error} The run went on without it.")


@contextmanager
def named(folder: Path, also: str = "") -> Iterator[Troubles]:
    """Whatever ends a run early says where its folder is; a stop says `also` what to do with it."""
    troubles = Troubles()
    try:
        yield troubles
    except KeyboardInterrupt as stop:
        raise Stopped(" ".join((f"{troubles.stopped} Run folder: {folder}", also)).rstrip()) from stop
    except EucentricError as error:
        for sentence in (*troubles.sentences, f"Run folder: {folder}"):
            error.add_note(sentence)
        raise
