"""The journal of a session: everything that is needed to go on after the process was killed.

    journal.jsonl     one note a line, each on the disk before the session goes on; a last line that was torn is dropped
    lock              held as long as a session writes here

Kept images lie beside it, each complete before its unit is told done. One session at a time writes to a folder.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from pydantic import TypeAdapter, ValidationError

from eucentric.errors import InputError
from eucentric.focus.settings import CorrectionType
from eucentric.images.files import write_frame
from eucentric.images.frame import Frame
from eucentric.msi.application import Application
from eucentric.msi.found import Left
from eucentric.msi.outcome import Exposure, UnitOutcome

_LINES, _LOCK = "journal.jsonl", "lock"
_OUTCOME: TypeAdapter[UnitOutcome] = TypeAdapter(UnitOutcome)
_EXPOSURE: TypeAdapter[Exposure] = TypeAdapter(Exposure)
_LEFT: TypeAdapter[Left] = TypeAdapter(Left)


@dataclass(frozen=True, slots=True)
class About:
    """Of what session the journal is: the instrument's name, the simulation's seed, the software's version."""

    instrument: str
    seed: int | None = None
    version: str = ""


@dataclass(slots=True)
class Noted:
    """What the lines say so far. `exposing` are images that were begun, `spent` electrons/m² for focusing, by unit."""

    application: Application
    about: About
    runs: int = 0
    first: Left | None = None
    left: Left | None = None
    confirmed: frozenset[CorrectionType] = frozenset()
    outcomes: dict[str, UnitOutcome] = field(default_factory=dict)
    spent: dict[str, float] = field(default_factory=dict)
    frames: dict[str, int] = field(default_factory=dict)
    exposing: dict[str, Exposure] = field(default_factory=dict)


class Journal:
    """The notes of a session in its folder. Use it as a context manager: the folder is its own until it is closed.

    Make one with `create` or `open`. `noted` is what it says so far.
    """

    def __init__(self, folder: Path, lock: IO[bytes], noted: Noted) -> None:
        self.folder = folder
        self.noted = noted
        self._lock = lock
        self._writing = threading.Lock()
        self._lines = (folder / _LINES).open("ab")

    @classmethod
    def create(
        cls, folder: Path, application: Application, *, instrument: str, seed: int | None = None, version: str = ""
    ) -> Journal:
        """A new journal in a folder that has none. Raises InputError where there is one, or it can't be written."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = _locked(folder)
            if (folder / _LINES).exists():
                lock.close()
                raise InputError(f"{folder} holds a session already. Resume it, or choose a new folder.")
            noted = Noted(application, About(instrument, seed, version))
            journal = cls(folder, lock, noted)
        except OSError as error:
            raise _unwritable(folder, error) from error
        journal._write(
            {"note": "session", "about": asdict(noted.about), "application": application.model_dump(mode="json")}
        )
        return journal

    @classmethod
    def open(cls, folder: Path) -> Journal:
        """The journal of a session that is to go on.

        Raises InputError where there is none, it can't be read, or another process writes to it.
        """
        path = folder / _LINES
        if not path.is_file():
            raise InputError(f"There is no session in {folder}: it has no {_LINES}. Give the folder of a session.")
        try:
            lock = _locked(folder)
            noted = _read(path)
            return cls(folder, lock, noted)
        except OSError as error:
            raise _unwritable(folder, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the folder free."""
        self._lines.close()
        self._lock.close()

    def run(self, time_s: float) -> None:
        """The session begins, or is taken up again, at this time on the microscope's clock."""
        self._note({"note": "run", "time_s": time_s})

    def as_found(self, state: Left) -> None:
        """How the instrument was found, at the first start."""
        self._note({"note": "found", "state": _LEFT.dump_python(state, mode="json")})

    def left(self, state: Left) -> None:
        """How the session leaves the instrument from now on: what was corrected stays."""
        self._note({"note": "left", "state": _LEFT.dump_python(state, mode="json")})

    def begun(self, key: str) -> None:
        """Work on a unit begins."""
        self._note({"note": "begun", "key": key})

    def spent(self, key: str, dose_e_per_m2: float) -> None:
        """An image for focusing took this of the unit's target."""
        self._note({"note": "spent", "key": key, "dose_e_per_m2": dose_e_per_m2})

    def exposing(self, key: str, exposure: Exposure) -> None:
        """An image that is to be kept is exposed next: whatever comes, it is not exposed twice."""
        self._note({"note": "exposing", "key": key, "exposure": _EXPOSURE.dump_python(exposure, mode="json")})

    def confirmed(self, channels: frozenset[CorrectionType]) -> None:
        """The correction channels that were seen to act with the right sign."""
        if channels != self.noted.confirmed:
            self._note({"note": "confirmed", "channels": sorted(channels)})

    def done(self, outcome: UnitOutcome) -> None:
        """A unit came to its end."""
        self._note({"note": "done", "outcome": _OUTCOME.dump_python(outcome, mode="json")})

    def keep(self, file: str, frame: Frame) -> None:
        """Write an image below the folder: it is there whole, on the disk, or not at all. Raises InputError."""
        path = self.folder / file
        torn = path.with_name(f".torn-{path.name}")
        write_frame(torn, frame)
        try:
            _to_disk(torn)
            torn.replace(path)
            _to_disk(path.parent)
        except OSError as error:
            raise _unwritable(path, error) from error

    def kept(self, file: str) -> bool:
        """Whether an image is there."""
        return (self.folder / file).is_file()

    def _note(self, body: dict[str, Any]) -> None:
        self._write(body)
        _understood(self.noted, body)

    def _write(self, body: dict[str, Any]) -> None:
        line = json.dumps(body, allow_nan=False, ensure_ascii=False) + "\n"
        with self._writing:
            try:
                self._lines.write(line.encode())
                self._lines.flush()
                os.fsync(self._lines.fileno())
            except (OSError, ValueError) as error:
                raise _unwritable(self.folder / _LINES, error) from error


def _read(path: Path) -> Noted:
    """What the lines say. A last line without its end is cut off. Raises InputError."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)
    bodies = []
    for number, line in enumerate(content[:whole].splitlines(), start=1):
        try:
            bodies.append(json.loads(line))
        except ValueError as error:
            raise InputError(f"{path} is damaged in line {number}. Begin a new session in another folder.") from error
    if not bodies:
        raise InputError(f"{path} is empty: its session ended before it began. Begin a new one in another folder.")
    try:
        head = bodies[0]
        noted = Noted(Application.model_validate(head["application"]), About(**head["about"]))
        for body in bodies[1:]:
            _understood(noted, body)
    except (KeyError, TypeError, ValidationError) as error:
        raise InputError(
            f"{path} says what this version does not understand. Resume it with the version that began it."
        ) from error
    return noted


def _understood(noted: Noted, body: Mapping[str, Any]) -> None:
    """Take one note in."""
    note, key = body["note"], body.get("key", "")
    if note == "run":
        noted.runs += 1
    elif note == "found":
        noted.first = noted.left = _LEFT.validate_python(body["state"])
    elif note == "left":
        noted.left = _LEFT.validate_python(body["state"])
    elif note == "confirmed":
        noted.confirmed = frozenset(CorrectionType(name) for name in body["channels"])
    elif note == "spent":
        noted.spent[key] = noted.spent.get(key, 0.0) + body["dose_e_per_m2"]
        noted.frames[key] = noted.frames.get(key, 0) + 1
    elif note == "exposing":
        noted.exposing[key] = _EXPOSURE.validate_python(body["exposure"])
    elif note == "done":
        outcome = _OUTCOME.validate_python(body["outcome"])
        noted.outcomes[outcome.key] = outcome


def _to_disk(path: Path) -> None:
    if sys.platform == "win32" and path.is_dir():  # folders can't be flushed there
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _locked(folder: Path) -> IO[bytes]:
    """The folder's lock, held until it is closed. Raises InputError when another process holds it."""
    lock = (folder / _LOCK).open("ab")
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - only there

            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - not on Windows

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise InputError(
            f"Another process is running the session in {folder}. Wait until it ends, or stop it first."
        ) from error
    return lock


def _unwritable(path: Path, error: Exception) -> InputError:
    why = getattr(error, "strerror", None) or str(error)
    return InputError(f"{path} can't be written: {why}. Make room, or choose another place.")
