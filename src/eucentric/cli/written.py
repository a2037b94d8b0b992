"""Files that a command writes at its end: whether they can be is seen before it begins, and each is tried."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import typer

from eucentric.cli.copied import check_toml
from eucentric.errors import InputError

UNWRITTEN: Final = 2
"""Exit code of a command that told what it made, and could not write all of it."""


def check_place(path: Path, *, makes_folder: bool = False) -> None:
    """Raise InputError where no file can be written at `path`: its folder is missing, is no folder or can't be written.

    With `makes_folder` a folder that is missing will be made when the file is written.
    """
    try:
        _check_place(path, makes_folder=makes_folder)
    except OSError as error:  # a name that is too long, a folder that can't be looked into
        raise InputError(f"{path} can't be written: {error.strerror}. Give another place or name.") from error


def _check_place(path: Path, *, makes_folder: bool) -> None:
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


def check_new(path: Path) -> None:
    """Raise InputError where no new file can be written at `path`."""
    check_place(path)
    if path.exists():
        raise InputError(f"There is already a file {path}, and nothing is written over. Give another name.")


def check_files(out: Path | None, figure: Path | None) -> None:
    """Raise InputError where settings and figure can't be written under these names, before anything is done."""
    from eucentric.figures.saved import check_suffix

    if out is not None:
        check_toml(out, "Settings")
        check_new(out)
    if figure is not None:
        check_suffix(figure)
        check_place(figure, makes_folder=True)


def told_unwritten(writes: Iterable[Callable[[], None]]) -> bool:
    """Write one file after the other, whatever becomes of those before, and say at once on stderr why one could not be
    written; whether any could not.
    """
    failed = False
    for write in writes:
        try:
            write()
        except InputError as error:
            failed = True
            typer.echo(str(error), err=True)
    return failed
