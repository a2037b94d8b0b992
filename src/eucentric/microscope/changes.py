"""What was sent to an instrument: which parts of it were set, counted so that "since then" can be asked."""

from __future__ import annotations

from collections.abc import Iterable


class Changes:
    """Counts what is set, part by part. Sent is set: whether it arrived, the instrument's reading tells."""

    def __init__(self) -> None:
        self._count = 0
        self._last: dict[str, int] = {}

    def now(self) -> int:
        """A moment to ask about later."""
        return self._count

    def note(self, parts: Iterable[str]) -> None:
        """These parts are about to be set."""
        self._count += 1
        self._last |= dict.fromkeys(parts, self._count)

    def since(self, moment: int, part: str) -> bool:
        """Whether a part was set after a moment."""
        return self._last.get(part, 0) > moment
