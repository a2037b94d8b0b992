"""session.log: what a session says on screen, each line with the time of the clock on the wall. Appended on resume."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

FILE = "session.log"


def _now() -> datetime:
    return datetime.now().astimezone()


class SessionLog:
    """Writes lines to the file as they are said. What can't be written is told once, and hurts nobody."""

    def __init__(self, folder: Path, *, now: Callable[[], datetime] = _now) -> None:
        self._path, self._now = folder / FILE, now
        self._told = False

    def write(self, text: str) -> str:
        """Write what was said; why that can't be, the first time that it can't, else nothing."""
        time = self._now().strftime("%Y-%m-%d %H:%M:%S")
        lines = [f"{time}  {line.rstrip()}".rstrip() + "\n" for line in text.splitlines()]
        try:
            with self._path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.writelines(lines)
        except OSError as error:
            first, self._told = not self._told, True
            return f"{self._path} can't be written: {error.strerror or error}. The session goes on." if first else ""
        return ""
