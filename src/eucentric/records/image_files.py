"""The image folder of the records: MRC files that are there whole or not at all.

    records-key            whose it is: the database with the same key
    lock                   held (shared) by each process that writes; who holds it alone may sweep
    2026-11/20261130-…/    the images of a run, each under a hidden name until it is on the disk

A file is written, flushed, renamed, and only then named by a row. What a killed process left without a row is swept
when the records are next opened and nobody else writes.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from eucentric.errors import InputError, KeepError
from eucentric.images.files import write_frame
from eucentric.images.frame import Frame

_RESERVE_BYTES, _RESERVE_PART = 2e9, 0.02
"""So much of a disk, the smaller of both, images of records leave free."""
_KEY, _LOCK, _TORN = "records-key", "lock", ".torn-"


class ImageFolder:
    """The folder, made when the first image is kept. `key` is that of the database. Close it at the end."""

    def __init__(self, folder: Path, key: str) -> None:
        self.folder = folder
        self._key = key
        self._lock: IO[bytes] | None = None

    def close(self) -> None:
        """Give the lock free."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def check(self) -> None:
        """Raise InputError where the folder is another database's, or holds something else."""
        path = self.folder / _KEY
        try:
            if not self.folder.exists():
                return
            found = path.read_text(encoding="utf-8").strip() if path.exists() else None
            held = next((one.name for one in self.folder.iterdir() if not _of_ours(one.name)), None)
        except OSError as error:
            raise InputError(f"The image folder {self.folder} can't be read: {error.strerror}. {_ANOTHER}") from error
        if found is None and held is not None:
            raise InputError(f"The image folder {self.folder} holds {held}, which is no image of records. {_ANOTHER}")
        if found is not None and found != self._key:
            raise InputError(f"The images in {self.folder} belong to the records of another database. {_ANOTHER}")

    def write(self, images: Sequence[tuple[str, Frame]]) -> list[int]:
        """Keep frames under names below the folder, on the disk when this returns; their sizes in bytes.

        Raises KeepError, and then none of them is there; also where they would take the last room of the disk, and for
        a name that leads out of the folder.
        """
        done: list[Path] = []
        sizes = []
        try:
            for name, _ in images:
                if not (self.folder / name).resolve().is_relative_to(self.folder.resolve()):
                    raise KeepError(f"An image can't be kept as {name!r}: that is not inside of {self.folder}.")
            self._claim()
            self._check_room(sum(frame.pixels.nbytes for _, frame in images))
            for name, frame in images:
                path = self.folder / name
                torn = path.with_name(f"{_TORN}{path.name}")
                done += [torn, path]
                _make(path.parent)
                write_frame(torn, frame)
                to_disk(torn)
                sizes.append(torn.stat().st_size)
                torn.replace(path)
            for folder in {path.parent for path in done}:
                to_disk(folder)
        except KeepError:
            raise
        except Exception as error:  # whatever it is, the numbers of a measurement are kept without its images
            for path in done:
                with suppress(OSError):  # else a full disk stays full
                    path.unlink()
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise KeepError(f"Images can't be kept in {self.folder}: {why}. Make room, or keep fewer.") from error
        return sizes

    def remove(self, names: Iterable[str]) -> None:
        """Take files away; those that are not there are no matter."""
        for name in names:
            path = self.folder / name
            with suppress(OSError):
                path.unlink()
            for folder in path.parents[: len(Path(name).parts) - 1]:
                with suppress(OSError):  # it is not empty yet
                    folder.rmdir()

    def sweep(self, named: Callable[[], Collection[str]]) -> int:
        """Take away what no row names, unless somebody else writes; how many files.

        `named` reads the names in the rows. It is called when nobody else can write any more: of names read earlier
        those would be missing that another process committed meanwhile.
        """
        if not (self.folder / _KEY).is_file() or not self._alone():
            return 0
        try:
            known = {Path(name) for name in named()}
            lost = [path for path in self.folder.glob("*/**/*.mrc") if path.relative_to(self.folder) not in known]
            for path in lost:
                with suppress(OSError):
                    path.unlink()
        finally:
            self.close()
        return len(lost)

    def _check_room(self, size: int) -> None:
        """Raise KeepError where too little would be left for what must be kept: a session stops without room."""
        disk = shutil.disk_usage(self.folder)
        reserve = min(_RESERVE_BYTES, _RESERVE_PART * disk.total)
        if disk.free - size < reserve:
            free, wanted, left = (f"{value / 1e6:.0f}" for value in (disk.free, size, reserve))
            raise KeepError(
                f"Images are not kept in {self.folder}: on its disk {free} MB are free, they take {wanted}, and {left} "
                "are left for sessions. Make room, or keep fewer (--images-cap)."
            )

    def _claim(self) -> None:
        """Make the folder, say whose it is, and say that somebody writes."""
        if self._lock is not None:
            return
        _make(self.folder)
        path = self.folder / _KEY
        if not path.exists():
            torn = path.with_name(f"{_TORN}{os.getpid()}-{_KEY}")
            torn.write_text(f"{self._key}\n", encoding="utf-8")
            to_disk(torn)
            torn.replace(path)
        self.check()
        self._hold(alone=False)

    def _alone(self) -> bool:
        """Hold the lock alone, if nobody else has it."""
        try:
            self._hold(alone=True)
        except OSError:
            return False
        return sys.platform != "win32"  # there are no shared locks there: what was left stays

    def _hold(self, *, alone: bool) -> None:
        lock = (self.folder / _LOCK).open("ab")
        try:
            if sys.platform != "win32":
                import fcntl  # noqa: PLC0415 - not on Windows

                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH)
        except BaseException:
            lock.close()
            raise
        self._lock = lock


_ANOTHER = "Choose another one: --images-folder"


def _of_ours(name: str) -> bool:
    """Whether it is what a folder may hold before it has its key, as where a process was killed while it made it so."""
    return name == _LOCK or (name.startswith(_TORN) and name.endswith(_KEY))


def to_disk(path: Path) -> None:
    """Flush a file, or the names in a folder."""
    if sys.platform == "win32" and path.is_dir():  # folders can't be flushed there
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _make(folder: Path) -> None:
    """Make a folder, its name on the disk."""
    if folder.is_dir():
        return
    _make(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir()
    to_disk(folder.parent)
