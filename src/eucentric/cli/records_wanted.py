"""The options by which `eucentric records …` chooses, and the records opened."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eucentric.errors import InputError

if TYPE_CHECKING:
    from eucentric.records.kept import KeptSession, Wanted
    from eucentric.records.reading import Records

_PANEL = "Which"
_AGO = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(h|d)\s*$")

SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="WHEN",
        help="Begun since then: 2026-11-30, '2026-11-30 14:00', or so long ago: 12h, 3d.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
InstrumentOption = Annotated[
    str | None, typer.Option(help="Of this instrument.", show_default=False, rich_help_panel=_PANEL)
]
SessionOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Of the session of this number: eucentric records list --sessions.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
NodeOption = Annotated[str | None, typer.Option(help="Of this node.", show_default=False, rich_help_panel=_PANEL)]
RefusedOption = Annotated[
    bool, typer.Option("--refused", help="Only what was refused, failed or is not in focus.", rich_help_panel=_PANEL)
]


def wanted_of(
    since: str | None = None,
    instrument: str | None = None,
    session: int | None = None,
    node: str | None = None,
    *,
    run: int | None = None,
    refused: bool = False,
) -> Wanted:
    """What these options ask for. Raises InputError for a time that is none."""
    from eucentric.records.kept import Wanted

    when = None if since is None else moment(since, datetime.now().astimezone())
    return Wanted(since=when, instrument=instrument, session=session, node=node, run=run, refused=refused)


def chosen(sessions: Sequence[KeptSession], wanted: Wanted) -> tuple[KeptSession, ...]:
    """Those of the sessions that are asked for: of an instrument, begun since a time."""
    return tuple(
        one
        for one in sessions
        if wanted.instrument in {None, one.instrument} and (wanted.since is None or one.begun_at >= wanted.since)
    )


def moment(text: str, now: datetime) -> datetime:
    """A time as people write it, in their own time zone; "12h" and "3d" are so long before `now`.

    Raises InputError for what is no time.
    """
    ago = _AGO.match(text)
    try:
        if ago is not None:
            return now - timedelta(**{"h": {"hours": float(ago[1])}, "d": {"days": float(ago[1])}}[ago[2]])
        when = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"'{text}' is no time. Write 2026-11-30, '2026-11-30 14:00', or how long ago: 12h, 3d."
        ) from error
    return when if when.tzinfo is not None else when.replace(tzinfo=now.tzinfo)


@contextmanager
def opened_records(records: str, images_folder: Path | None) -> Iterator[Records]:
    """The records to read. Raises InputError where there are none."""
    from eucentric.cli.recorded import place_of
    from eucentric.records.reading import Records

    with Records.open(place_of(records, images_folder)) as kept:
        yield kept
