"""Applications by name or file: those that eucentric brings along, and an operator's own.

Both are TOML: presets as [presets.NAME], nodes as [[nodes]] with [nodes.targets], values with their units. A node's
focus is the name of a shipped sequence, a TOML file (found from where the application's file is), or a table in the
words of such a file.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from eucentric.errors import InputError, SettingsError
from eucentric.focus.settings import FocusSettings
from eucentric.focus.settings_error import settings_error
from eucentric.focus.shipped import shipped
from eucentric.focus.toml import read_settings, settings_from, toml_values
from eucentric.msi.application import Application, Kind

SHIPPED = ("msi-t", "msi-t-small", "msi-tomography", "msi-rct")
"""The names of all that come along."""

LIST = "All of them: eucentric applications list"


def application_of(name: str) -> Application:
    """The application in the file of that name, else the one shipped under it.

    Raises InputError for a file that can't be read, SettingsError for what stands in it or an unknown name.
    """
    return read_application(Path(name)) if is_file(name) else shipped_application(name)


def is_file(name: str) -> bool:
    """Whether a name means a file, there or not, rather than a shipped application."""
    path = Path(name)
    return path.suffix.lower() == ".toml" or len(path.parts) > 1 or path.is_file()


def shipped_application(name: str) -> Application:
    """The shipped application of that name, however it is spelt ("MSI-T", "msi_t").

    Raises SettingsError with the nearest name for one that is not there.
    """
    return read_text(shipped_text(name), source=f"application {key_of(name)}")


def shipped_text(name: str) -> str:
    """The file of a shipped application, with its comments. Raises SettingsError as `shipped_application` does."""
    file = resources.files("eucentric.msi") / "applications" / f"{key_of(name)}.toml"
    return file.read_text(encoding="utf-8")


def key_of(name: str) -> str:
    """What a shipped application is called on the command line. Raises SettingsError for an unknown one."""
    key = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if key in SHIPPED:
        return key
    near = [one for one in SHIPPED if key and key in one] or difflib.get_close_matches(key, SHIPPED, n=1, cutoff=0.4)
    guess = f"Did you mean {' or '.join(near)}? " if near else ""
    raise SettingsError(f"No application is called '{name}'. {guess}{LIST}")


def read_application(path: Path) -> Application:
    """The application in a file. Raises InputError when it can't be read, SettingsError for what stands in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}. Make one with: eucentric applications copy msi-t {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise InputError(f"The application in {path} can't be read: {why}. Give a TOML file.") from error
    return read_text(text, source=str(path), folder=path.parent)


def read_text(text: str, *, source: str = "", folder: Path | None = None) -> Application:
    """The application in a TOML text; its focus files are looked for in `folder`. Raises as `read_application` does."""
    values = toml_values(text, source=source)
    if not values:
        raise SettingsError(
            f"{source + ': ' if source else ''}this file says nothing. Make one to edit with: eucentric applications "
            "copy msi-t mine.toml"
        )
    nodes = values.get("nodes")
    if isinstance(nodes, list):
        values = {**values, "nodes": [_with_focus(node, source, folder) for node in nodes]}
    try:
        return Application.model_validate(values)
    except ValidationError as error:
        raise settings_error(error, Application, values=values, source=source) from error


def with_focus(application: Application, node: str, focus: FocusSettings) -> Application:
    """The application with other focus settings at one node. Raises SettingsError where that node has none."""
    focusing = [n.name for n in application.nodes if n.kind is not Kind.ACQUIRE]
    if node not in focusing:
        near = difflib.get_close_matches(node, focusing, n=1, cutoff=0.4)
        guess = f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(focusing) or 'none'}."
        raise SettingsError(f"{application.name} has no focus node '{node}'. {guess}")
    nodes = tuple(n.model_copy(update={"focus": focus}) if n.name == node else n for n in application.nodes)
    return application.model_copy(update={"nodes": nodes})


def _with_focus(node: Any, source: str, folder: Path | None) -> Any:
    """The node's table with its focus settings in place of their name, file or table; other things as they are."""
    if not isinstance(node, Mapping) or "focus" not in node:
        return node
    where = f"{source + ', ' if source else ''}focus of node '{node.get('name', '?')}'"
    return {**node, "focus": _focus(node["focus"], where, folder)}


def _focus(value: Any, where: str, folder: Path | None) -> FocusSettings:
    if isinstance(value, Mapping):
        return settings_from(value, source=where)
    if not isinstance(value, str):
        raise SettingsError(f"{where}: it is {value!r}; give the name of a sequence, a TOML file, or a table.")
    try:
        return read_settings((folder or Path()) / value) if value.lower().endswith(".toml") else shipped(value)
    except (InputError, SettingsError) as error:
        raise type(error)(f"{where}: {error}") from error
