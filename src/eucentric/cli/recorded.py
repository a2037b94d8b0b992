"""The options with which a command writes to the records, and a run that is written there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eucentric.errors import EucentricError

if TYPE_CHECKING:
    from eucentric.cli.session_live import SessionLive
    from eucentric.cli.session_open import Opening
    from eucentric.records.place import Place
    from eucentric.records.recorder import Recorder

RECORDS = "runs/records.sqlite"
"""A copy of records.place.DATABASE, so that --help needs no database."""
CAP_GB = 50.0
_PANEL = "Records"


class Keep(StrEnum):
    """Of which measurements images are kept; a copy of records.place.Images, for the same reason."""

    ALL = "all"
    REFUSED = "refused"
    NONE = "none"


RecordsOption = Annotated[
    str,
    typer.Option(
        "--records",
        metavar="FILE|URL",
        envvar="EUCENTRIC_RECORDS",
        help="The records: a file (SQLite), or a server's URL (postgresql+pg8000://…).",
        rich_help_panel=_PANEL,
    ),
]
FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--images-folder",
        metavar="FOLDER",
        envvar="EUCENTRIC_RECORDS_IMAGES",
        help="Where their images are. Default: a folder beside the file; of a server runs/records-images.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
KeepOption = Annotated[
    Keep,
    typer.Option("--keep-images", help="Of which measurements images are kept.", rich_help_panel=_PANEL),
]
CapOption = Annotated[
    float,
    typer.Option(
        "--images-cap",
        min=0.0,
        help="GB that images may take in all; above it the oldest are removed.",
        rich_help_panel=_PANEL,
    ),
]


def place_of(records: str, folder: Path | None, keep: Keep = Keep.ALL, cap_gb: float = CAP_GB) -> Place:
    """The place that these options mean. Raises InputError for what is no file name and no URL."""
    from eucentric.records.place import Images, Place

    return Place.of(records, image_folder=folder, images=Images(keep.value), cap_bytes=round(cap_gb * 1e9))


@dataclass(frozen=True, slots=True)
class Recorded:
    """A run that is being recorded, and the run folder that is made of it at its end (None: none was asked for)."""

    recorder: Recorder
    folder: Path | None

    @property
    def run_id(self) -> int | None:
        """Its number in the records, None where it could not be written."""
        return self.recorder.run_id

    @property
    def where(self) -> list[str]:
        """Where the run is: in its folder, and in the records."""
        folder = [] if self.folder is None else [f"Run folder: {self.folder}"]
        if self.run_id is None:
            return [*folder, f"It is not in the records at {self.recorder.place}."]
        return [*folder, f"Run {self.run_id} in {self.recorder.place}: eucentric records show {self.run_id}"]

    def plain(self) -> dict[str, Any]:
        """The same for programs."""
        folder = None if self.folder is None else str(self.folder)
        return {"folder": folder, "records": str(self.recorder.place), "run": self.run_id}


@contextmanager
def recorded(place: Place, folder: Path | None, *, instrument: str, say: Callable[[str], None]) -> Iterator[Recorded]:
    """A run written to the records, and at its end, however that comes, exported into its folder.

    Raises InputError where the records or the folder can't be used, before anything is made.
    """
    from eucentric.records.recorder import Recorder
    from eucentric.records.run_folder import check_free, empty_folder

    if folder is not None:
        check_free(folder)
    kept = Recorded(Recorder(place, say=say, instrument=instrument), folder)
    try:
        if folder is not None:
            empty_folder(folder)
        yield kept
    finally:
        kept.recorder.close()
        if folder is not None:
            _export(kept, folder, say)


def _export(kept: Recorded, folder: Path, say: Callable[[str], None]) -> None:
    """The run folder; what can't be exported is told, and hides no error."""
    from eucentric.records.export import export_run
    from eucentric.records.reading import Records

    if kept.run_id is None:
        return say(f"There is nothing in {folder}: the run is not in the records.")
    try:
        with Records.open(kept.recorder.place) as records:
            export_run(records, kept.run_id, folder)
    except EucentricError as error:
        say(str(error))


def check_records(place: Place) -> None:
    """Raise InputError where a session could not be recorded there, before anything is made. What is not there yet is
    made later, and what can't be reached now is tried again.
    """
    from eucentric.errors import KeepError
    from eucentric.records.opening import opened_to_write

    if place.file is None or place.file.exists():
        with suppress(KeepError):
            opened_to_write(place).dispose()


def session_recorder(opening: Opening, place: Place, live: SessionLive) -> Recorder:
    """The recorder of a session; one that is taken up again goes on under its own name."""
    from eucentric.records.gathering import OfSession
    from eucentric.records.recorder import Recorder

    folder = str(opening.folder.resolve())
    key = sha256(f"{opening.journal.noted.about.date} {folder}".encode()).hexdigest()
    of = OfSession(folder, key)
    return Recorder(place, say=lambda told: live.say(told, "yellow"), instrument=opening.instrument, session=of)
