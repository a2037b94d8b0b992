"""Focus settings as a user names them: a file, or one of those that come along."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eucentric.focus.settings import FocusSettings

APPLICATION = "msi-t"
"""The application that is run where none is named."""


def chosen(name: str) -> FocusSettings:
    """The settings in the file of that name, else those shipped under it.

    Raises InputError for a file that can't be read, SettingsError for what stands in it or an unknown name.
    """
    from eucentric.focus.shipped import shipped
    from eucentric.focus.toml import read_settings

    path = Path(name)
    if path.suffix.lower() == ".toml" or len(path.parts) > 1 or path.is_file():
        return read_settings(path)
    return shipped(name)
