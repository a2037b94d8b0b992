"""The journal of a session: everything that is needed to go on after the process was killed.

    journal.jsonl     one note a line, each on the disk before the session goes on; a last line that was torn is dropped
    application.toml  the application as it was begun
    lock              held as long as a session writes here

Kept images lie beside it, each complete before its unit is told done. One session at a time writes to a folder.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from eucentric.errors import InputError, KeepError
from eucentric.focus.settings import CorrectionType
from eucentric.images.files import write_frame
from eucentric.images.frame import Frame
from eucentric.msi.application import Application, in_files
from eucentric.msi.found import Left
from eucentric.msi.noted import EXPOSURE, LEFT, OUTCOME, About, Noted, read, understood
from eucentric.msi.outcome import Exposure, UnitOutcome
from eucentric.msi.toml import to_toml

_LINES, _LOCK, _APPLICATION = "journal.jsonl", "lock", "application.toml"


class Journal:
    """The notes of a session in its folder. Use it as a context manager: the folder is its own until it is closed.

    Make one with `create` or `open`. `noted` is what it says so far.
    """

    def __init__(self, folder: Path, lock: IO[bytes], noted: Noted) -> None:
        self.folder = folder
        self.noted = noted
        self._lock = lock
        self._writing = threading.Lock()
        self._lines = (folder / _LINES).open("ab", buffering=0)

    @classmethod
    def create(cls, folder: Path, application: Application, about: About) -> Journal:
        """A new journal in a folder that has none. Raises InputError where there is one, or it can't be written; then
        nothing of it is left there.
        """
        with _told(folder):
            folder.mkdir(parents=True, exist_ok=True)
        lock = _locked(folder)
        with _told(folder), _unless_done(lock):
            lines = folder / _LINES
            if lines.exists() and lines.stat().st_size:  # an empty one is of a session that ended before it began
                raise InputError(f"{folder} holds a session already. Resume it, or choose a new folder.")
            try:
                (folder / _APPLICATION).write_text(to_toml(application), encoding="utf-8")  # for people
                journal = cls(folder, lock, Noted(application, about))
                plain = application.model_dump(mode="json", exclude_unset=True)  # what was left open stays so
                journal._write({"note": "session", "about": asdict(about), "application": plain})
            except BaseException:
                for name in (_LINES, _APPLICATION, _LOCK):
                    (folder / name).unlink(missing_ok=True)
                raise
        return journal

    @classmethod
    def open(cls, folder: Path) -> Journal:
        """The journal of a session that is to go on.

        Raises InputError where there is none, it can't be read, or another process writes to it.
        """
        path = folder / _LINES
        if not path.is_file():
            raise InputError(f"There is no session in {folder}: it has no {_LINES}. Give the folder of a session.")
        lock = _locked(folder)
        with _told(folder), _unless_done(lock):
            return cls(folder, lock, read(path))

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

    def run(self, time_s: float, *, forgotten: bool = False) -> None:
        """The session begins, or is taken up again, at this time on the microscope's clock.

        `forgotten`: the lens is not where it was left, so that it arrives at a setting otherwise than before.
        """
        self._note({"note": "run", "time_s": time_s, "forgotten": forgotten})

    def lens_at(self, preset: str, lens_m: float) -> None:
        """The lens was set."""
        self._note({"note": "lens", "preset": preset, "lens_m": lens_m})

    def as_found(self, state: Left) -> None:
        """How the instrument was found, at the first start."""
        self._note({"note": "found", "state": LEFT.dump_python(state, mode="json")})

    def left(self, state: Left) -> None:
        """How the session leaves the instrument from now on: what was corrected stays."""
        self._note({"note": "left", "state": LEFT.dump_python(state, mode="json")})

    def restored(self) -> None:
        """The instrument is as the session leaves it: nothing is to be put right."""
        self._note({"note": "restored"})

    def room_for(self, file: str, size: int) -> None:
        """Look, before an image is exposed, whether it can be kept: `size` bytes. Raises KeepError where it can't."""
        path = self.folder / file
        if path.exists():
            raise KeepError(f"There is an image {file} already. Nothing was exposed. Move it away, then resume.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(path.parent).free
        except OSError as error:
            raise _unwritable(path.parent, error) from error
        if free < size:
            raise KeepError(
                f"On the disk of {self.folder} {free / 1e6:.0f} MB are free, and the next image has {size / 1e6:.0f}. "
                "Nothing was exposed. Make room, then resume the session."
            )

    def stigmator(self, value: tuple[float, float]) -> None:
        """The stigmator is set next."""
        self._note({"note": "stigmator", "value": value})

    def broke(self, key: str, whole: str) -> None:
        """Work on a unit ended in an error that nobody foresaw; `whole` with its traceback."""
        self._note({"note": "broke", "key": key, "whole": whole})

    def spent(self, key: str, dose_e_per_m2: float, side: int = 0) -> None:
        """An image that is not kept took this of the unit's target; `side` which one of a tilt series' two (±1)."""
        self._note({"note": "spent", "key": key, "dose_e_per_m2": dose_e_per_m2, "side": side})

    def exposing(self, key: str, exposure: Exposure) -> None:
        """An image that is to be kept is exposed next: whatever comes, it is not exposed twice."""
        self._note({"note": "exposing", "key": key, "exposure": EXPOSURE.dump_python(exposure, mode="json")})

    def tilt(self, key: str, body: dict[str, Any]) -> None:
        """What a tilt series writes down as it goes."""
        self._note({"note": "tilt", "key": key, "tilt": body})

    def confirmed(self, channels: frozenset[CorrectionType]) -> None:
        """The correction channels that were seen to act with the right sign."""
        if channels != self.noted.confirmed:
            self._note({"note": "confirmed", "channels": sorted(channels)})

    def done(self, outcome: UnitOutcome) -> None:
        """A unit came to its end."""
        self._note({"note": "done", "outcome": OUTCOME.dump_python(outcome, mode="json")})

    def keep(self, file: str, frame: Frame) -> None:
        """Write an image below the folder: it is there whole, on the disk, or not at all. Raises KeepError."""
        path = self.folder / file
        torn = _torn(path)
        if path.exists():
            raise KeepError(f"The image {file} is lost: there is one of that name already. Move it away, then resume.")
        try:
            write_frame(torn, frame)
            _to_disk(torn)
            torn.replace(path)
            _to_disk(path.parent)
        except (OSError, InputError) as error:
            with suppress(OSError):
                torn.unlink()  # else a full disk stays full
            raise KeepError(f"The image {file} is lost: {error} Make room, then resume the session.") from error

    def kept(self, file: str) -> bool:
        """Whether an image is there; what was left of one that was being written is taken away."""
        path = self.folder / file
        _torn(path).unlink(missing_ok=True)
        return path.is_file()

    def _note(self, body: dict[str, Any]) -> None:
        self._write(body)
        understood(self.noted, body)

    def _write(self, body: dict[str, Any]) -> None:
        line = (json.dumps(body, allow_nan=False, ensure_ascii=False) + "\n").encode()
        with self._writing:
            try:
                whole = os.fstat(self._lines.fileno()).st_size
                try:
                    if self._lines.write(line) != len(line):
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    os.fsync(self._lines.fileno())
                except OSError:
                    self._lines.truncate(whole)  # another line after half of one could not be read
                    raise
            except (OSError, ValueError) as error:
                raise _unwritable(self.folder / _LINES, error) from error


def image_file(key: str, part: str = "") -> str:
    """Where an image of a unit is kept, below the folder: "images/Square 1/Hole 2/Exposure 3.mrc"; one of several of
    the unit: "images/Square 1/Tilt series 1/04 +03.0 deg.mrc".
    """
    return "/".join(("images", *map(in_files, key.split("/")), *([part] if part else []))) + ".mrc"


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What the system refuses, as a sentence."""
    try:
        yield
    except OSError as error:
        raise _unwritable(path, error) from error


@contextmanager
def _unless_done(lock: IO[bytes]) -> Iterator[None]:
    """Give the lock free where it comes to nothing."""
    try:
        yield
    except BaseException:
        lock.close()
        raise


def _torn(path: Path) -> Path:
    """Where an image is written before it is whole."""
    return path.with_name(f".torn-{path.name}")


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
    with _told(folder):
        lock = (folder / _LOCK).open("ab")
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - only there

            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - not on Windows

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        lock.close()
        raise InputError(
            f"Another process is running the session in {folder}. Wait until it ends, or stop it first."
        ) from error
    except OSError as error:  # a file system that knows no locks
        lock.close()
        raise InputError(f"{folder} can't be locked: {error.strerror}. Choose a folder on another disk.") from error
    return lock


def _unwritable(path: Path, error: Exception) -> KeepError:
    why = getattr(error, "strerror", None) or str(error)
    return KeepError(f"{path} can't be written: {why}. Make room, or choose another place.")
