"""Files that a command writes at its end: whether they can be is seen before it begins, and each is tried."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from eucentric.errors import InputError


def check_place(path: Path, *, makes_folder: bool = False) -> None:
    """Raise InputError where no file can be written at `path`: its folder is missing, is no folder or can't be written.

    With `makes_folder` a folder that is missing will be made when the file is written.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder, and a file was to be written there. Give another name.")
    folder = path.absolute().parent
    while makes_folder and not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        why = "is no folder" if folder.exists() else "is not there"
        raise InputError(f"{path} can't be written: {folder} {why}. Give another place, or make the folder.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{path} can't be written: the folder {folder} is not yours to write to. Give another place.")


def check_files(out: Path | None, figure: Path | None) -> None:
    """Raise InputError where settings and figure can't be written under these names, before anything is done."""
    from eucentric.figures.saved import check_suffix

    if out is not None and out.suffix.lower() != ".toml":
        raise InputError(f"Settings are kept in TOML, and {out} does not say so. Write {out.with_suffix('.toml')}")
    if out is not None and out.exists():
        raise InputError(f"There is already a file {out}, and nothing is written over. Give another name.")
    if out is not None:
        check_place(out)
    if figure is not None:
        check_suffix(figure)
        check_place(figure, makes_folder=True)


def each_tried(writes: Iterable[Callable[[], None]]) -> list[str]:
    """Write one file after the other, whatever becomes of those before; why not, of each that could not be written."""
    unwritten = []
    for write in writes:
        try:
            write()
        except InputError as error:
            unwritten.append(str(error))
    return unwritten
