"""The shelf: focus settings by name, those that come along and those an operator saved as TOML files in a folder."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from eucentric.errors import EucentricError, InputError, SettingsError
from eucentric.focus.settings import FocusSettings
from eucentric.focus.shipped import SHIPPED, Shipped, shipped
from eucentric.focus.toml import read_settings, to_toml

_NAME = re.compile(r"[\w][\w .-]{0,63}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One on the shelf. `trouble`: why a saved one can't be read; `place`: where in a session a shipped one stands."""

    name: str
    saved: bool
    title: str
    place: str = ""
    trouble: str = ""


class Shelf:
    """`folder` is made when the first one is saved. `opened` is what the command was started with."""

    def __init__(self, folder: Path, *, opened: FocusSettings | None = None, name: str = "") -> None:
        self.folder = folder
        self._opened = opened
        self.first = name

    def entries(self) -> tuple[Entry, ...]:
        """All of them, saved ones first. Of two that are called the same that which `read` gives."""
        saved = (path for path in self._files() if self._opened is None or path.stem != self.first)
        return (*map(self._saved, saved), *self._along())

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*.toml"))

    def _along(self) -> tuple[Entry, ...]:
        """Those that come along: what the command was started with first, and none of them twice."""
        opened = self._opened
        if opened is None:
            return tuple(_entry(one) for one in SHIPPED)
        first = next((replace(_entry(one), name=self.first) for one in SHIPPED if one.settings == opened), None)
        rest = (_entry(one) for one in SHIPPED if one.key != self.first and one.settings != opened)
        return (first or Entry(self.first, False, opened.sequence.name), *rest)

    def _saved(self, path: Path) -> Entry:
        try:
            return Entry(path.stem, True, read_settings(path).sequence.name)
        except EucentricError as error:
            return Entry(path.stem, True, path.stem, trouble=str(error))

    def read(self, name: str) -> FocusSettings:
        """The settings of that name: what the command was started with, else saved, else shipped.

        A file that somebody put into the folder may have a name that `save` refuses. Raises InputError, SettingsError.
        """
        if self._opened is not None and name == self.first:
            return self._opened
        saved = next((path for path in self._files() if path.stem == name), None)
        return shipped(_checked(name)) if saved is None else read_settings(saved)

    def save(self, name: str, settings: FocusSettings, *, replace: bool = False) -> Path:
        """Keep them under a name, whole or not at all; with `replace` in place of what was saved under it.

        Raises SettingsError for a name that can't be had or is taken, InputError where the folder can't be written.
        """
        if _checked(name) in {self.first, *(one.key for one in SHIPPED)}:
            raise SettingsError(f"'{name}' is one of those that come along, and stays as it is. Choose another name.")
        path = self.folder / f"{name}.toml"
        if path.exists() and not replace:
            raise SettingsError(f"'{name}' is saved already. Choose another name, or save in its place (replace).")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            unfinished = self.folder / f".{uuid4().hex}.unfinished"  # not of tempfile: others may read it, too
            try:
                with unfinished.open("x", encoding="utf-8") as file:
                    file.write(to_toml(settings))
                    file.flush()
                    os.fsync(file.fileno())
                unfinished.replace(path)
            finally:
                unfinished.unlink(missing_ok=True)
        except OSError as error:
            raise InputError(
                f"The settings can't be saved in {self.folder}: {error.strerror or error}. Make room, or choose "
                "another folder with --sequences."
            ) from error
        return path


def _entry(one: Shipped) -> Entry:
    return Entry(one.key, False, one.name, one.place)


def _checked(name: str) -> str:
    if _NAME.fullmatch(name) is None or name.endswith((".", " ")):
        raise SettingsError(f"'{name}' can't be a file's name. Use letters, digits, spaces, dots, - and _, at most 64.")
    return name
