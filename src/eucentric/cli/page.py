"""The live page beside a command: `--serve` shows what the command does, and can pause and abort it.

The page is a guest: closed, lost or broken it changes nothing, and it ends with the command, whose exit code stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eucentric.errors import InputError

if TYPE_CHECKING:
    from eucentric.calibration.book import CalibrationBook
    from eucentric.focus.control import Control
    from eucentric.focus.methods.manual import Operator
    from eucentric.records.place import Place

PortOption = Annotated[
    int | None,
    typer.Option(
        min=0, max=65535, help="Port of the page; 0: any. Default: 8333, or any where it is taken.", show_default=False
    ),
]


def _nobody(_said: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Page:
    """Those who watch for the page, its brake, and who focuses by hand there; nobody and none without a page. `waits`
    is called with what the command waits for elsewhere, and with "" when it goes on.
    """

    observers: tuple[Callable[[Any], None], ...] = ()
    control: Control | None = None
    operator: Operator | None = None
    waits: Callable[[str], None] = _nobody


def check_port(port: int | None, *, serve: bool) -> None:
    """Raises InputError for a port where no page is served."""
    if port is not None and not serve:
        raise InputError(f"--port {port} is for the page, and no page is served. Add --serve, or leave --port out.")


@contextmanager
def watched_live(
    book: CalibrationBook, instrument: str, place: Place, *, port: int | None, wanted: bool
) -> Iterator[Page]:
    """The page of a run, where it is wanted; its address goes to stderr, so that what is printed stays as it is.

    `place` is that of the records.
    """
    if not wanted:
        yield Page()
        return
    from eucentric.web.room import Room
    from eucentric.web.serving import Serving

    room = Room(book=book, instrument=instrument, place=place)
    with Serving(room, port=port) as serving:
        typer.echo(f"Watch it live: {serving.url}", err=True)
        yield Page(room.observers, room.control, room.operator, room.driver.waits)
