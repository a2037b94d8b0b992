"""The simulated microscope's clock: time passes only when something takes time."""

from __future__ import annotations

from eucentric.errors import InputError


class Clock:
    """Seconds since the microscope was opened."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def now_s(self) -> float:
        """The time."""
        return self._now_s

    def wait(self, seconds: float) -> None:
        """Let `seconds` pass. Raises InputError when they are negative or not finite."""
        if not 0 <= seconds < float("inf"):
            raise InputError(f"Can't wait {seconds} s. Give a time of 0 s or more.")
        self._now_s += seconds
