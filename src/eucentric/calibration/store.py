"""The store of calibrations: a folder with one JSON file for each, and its figure beside it.

Nothing is ever written over or deleted; a file appears whole or not at all, so a process may be killed at any moment.
A damaged file is named and left out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from pydantic import ValidationError

from eucentric.calibration.commands import command_for
from eucentric.calibration.record import Level, OpticsState, Record, holds
from eucentric.errors import CalibrationError

_TRIES = 1000

Draw = Callable[[Path], object]
"""Draws the figure of a calibration into the given file."""


class CalibrationStore:
    """Calibrations of instruments, in `folder`, which is made when the first one is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def records(self) -> tuple[Record, ...]:
        """All readable ones, oldest first."""
        return self._read()[0]

    def troubles(self) -> tuple[str, ...]:
        """A sentence for each file that can't be read."""
        return self._read()[1]

    def keep(self, record: Record, draw: Draw | None = None) -> Record:
        """Write a record and, with `draw`, its figure; the record as it is in the folder.

        A figure that can't be drawn takes no record with it. Raises CalibrationError when the folder can't be written.
        """
        with self._told():
            self.folder.mkdir(parents=True, exist_ok=True)
            for number in range(1, _TRIES):
                stem = _stem(record, number)
                if (self.folder / f"{stem}.png").exists() or (self.folder / f"{stem}.json").exists():
                    continue
                kept = record.model_copy(update={"figure": self._draw(stem, draw)})
                if self._write(f"{stem}.json", kept.model_dump_json(indent=2)):
                    return kept
        raise CalibrationError(f"{self.folder} is full of calibrations of one second. Use another folder.")

    def newest(self, kind: str, instrument: str, optics: OpticsState, *, rough: bool = False) -> Record | None:
        """The newest usable one of `kind` that holds in these optics, as `newest_of` has it."""
        return newest_of(self.records(), kind, instrument, optics, rough=rough)

    def need(self, kind: str, instrument: str, optics: OpticsState) -> Record:
        """The newest one of `kind` that holds. Raises CalibrationError that names the command to run."""
        found = self.newest(kind, instrument, optics)
        if found is None:
            raise CalibrationError(missing(kind, instrument, optics))
        return found

    def _read(self) -> tuple[tuple[Record, ...], tuple[str, ...]]:
        records: list[Record] = []
        troubles = []
        for path in sorted(self.folder.glob("*.json")):
            try:
                records.append(Record.model_validate_json(path.read_bytes()))
            except (OSError, ValidationError) as error:
                troubles.append(f"{path} can't be read as a calibration and is left out: {_reason(error)}.")
        # Files are named by second and number: sorting is stable, so what was kept later comes later.
        return tuple(sorted(records, key=lambda r: r.taken)), tuple(troubles)

    def _draw(self, stem: str, draw: Draw | None) -> str | None:
        """The figure's name; it is drawn under another one first, so that it is whole or not there."""
        if draw is None:
            return None
        unfinished = self.folder / f".{stem}.{os.getpid()}.png"
        try:
            draw(unfinished)
            unfinished.replace(self.folder / f"{stem}.png")
        except Exception:  # whatever is wrong with a drawing, what was measured is kept
            unfinished.unlink(missing_ok=True)
            return None
        return f"{stem}.png"

    def _write(self, name: str, text: str) -> bool:
        """Write a new file, whole; False where one of that name appeared meanwhile."""
        unfinished = self.folder / f".{uuid4().hex}.unfinished"  # not of tempfile: others may read it, too
        try:
            with unfinished.open("x", encoding="utf-8") as file:
                file.write(text + "\n")
                file.flush()
                os.fsync(file.fileno())
            return _appear(unfinished, self.folder / name)
        finally:
            unfinished.unlink(missing_ok=True)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise CalibrationError(
                f"The calibration can't be kept in {self.folder}: {error.strerror or error}. "
                "Make room, or choose another folder with --store."
            ) from error


def newest_of(
    records: Iterable[Record], kind: str, instrument: str, optics: OpticsState, *, rough: bool = False
) -> Record | None:
    """The last of `records` (oldest first) that is of `kind` and holds in these optics, None where there is none.

    What was found not good enough (red) is never taken. Measured ones come before transferred ones; with `rough`, one
    measured on the way is taken where there is no other.
    """
    found = [
        r
        for r in records
        if r.kind == kind and r.instrument == instrument and r.level is not Level.RED and holds(kind, r.optics, optics)
    ]
    fine = [r for r in found if not r.rough]
    chosen = [r for r in fine if not r.transferred] or fine or (found if rough else [])
    return chosen[-1] if chosen else None


def missing(kind: str, instrument: str, optics: OpticsState) -> str:
    """What to tell where a calibration is missing."""
    return f"{instrument} has no calibration of {kind} for {optics}. Measure it: {command_for(kind, optics.preset)}"


def _appear(unfinished: Path, final: Path) -> bool:
    """Give a finished file its name, unless that is taken: a hard link fails then, and a rename would not."""
    try:
        final.hardlink_to(unfinished)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        if final.exists():
            return False
        unfinished.replace(final)
    return True


def _stem(record: Record, number: int) -> str:
    words = f"{record.taken:%Y%m%dT%H%M%SZ}-{record.kind}-{record.optics.preset}"
    safe = re.sub(r"[^A-Za-z0-9.-]+", "-", words)
    return f"{safe}-{number:03d}"


def _reason(error: OSError | ValidationError) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where + ': ' if where else ''}{first['msg']}"
