"""What a run that is watched must tell on stderr, and that whatever ends it early says where it is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from eucentric.cli.stopped import Stopped
from eucentric.errors import Aborted, EucentricError

if TYPE_CHECKING:
    from eucentric.cli.recorded import Recorded
    from eucentric.focus.events import Event


class Troubles:
    """Remembers what those who watch must tell on stderr: how a run was stopped, and what could not be kept."""

    def __init__(self) -> None:
        self.stopped = "Stopped."
        self.sentences: list[str] = []
        self.kept: Recorded | None = None

    def where(self) -> list[str]:
        """Where the run is kept, in lines."""
        return [] if self.kept is None else self.kept.where

    def place(self) -> dict[str, Any]:
        """The same for programs."""
        return {} if self.kept is None else self.kept.plain()

    def __call__(self, event: Event) -> None:
        from eucentric.focus import events

        if isinstance(event, events.Failed):
            self.stopped = " ".join((event.error, *event.not_restored))
        elif isinstance(event, events.ObserverFailed):
            self.sentences.append(f"{event.error} The run went on without it.")


@contextmanager
def named() -> Iterator[Troubles]:
    """Whatever ends a run early says where it is kept."""
    troubles = Troubles()
    try:
        yield troubles
    except (KeyboardInterrupt, Aborted) as stop:
        raise Stopped("\n".join((f"{troubles.stopped} {' '.join(troubles.where())}", *troubles.sentences))) from stop
    except EucentricError as error:
        for sentence in (*troubles.sentences, *troubles.where()):
            error.add_note(sentence)
        raise
