"""What the loop asks of a method that measures."""

from __future__ import annotations

from typing import Protocol

from eucentric.focus.again import Look
from eucentric.focus.result import DefocusResult
from eucentric.focus.targets import FocusTarget


class Method(Protocol):
    """A way to measure C1 at a target with the step's preset, which is set. Everything it moves it puts back."""

    @property
    def range_m(self) -> float:
        """The largest |C1| that it can measure, metres."""
        ...

    @property
    def images(self) -> int:
        """How many exposures one measurement takes."""
        ...

    def measure(self, target: FocusTarget, look: Look) -> DefocusResult:
        """C1 at the preset's centre, metres, judged. May raise InstrumentError, CalibrationError."""
        ...
