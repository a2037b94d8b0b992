"""What commands print with: a console, and green, amber and red in words as well as colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from eucentric.calibration.record import Level

_COLOURS = {"green": "green", "amber": "yellow", "red": "red"}


def console(*, quiet: bool = False) -> Console:
    """A console on stdout that colours nothing by itself."""
    from rich.console import Console

    return Console(quiet=quiet, highlight=False)


def level_text(level: Level) -> Text:
    """The level's word in its colour."""
    from rich.text import Text

    return Text(str(level), style=_COLOURS[str(level)])
