"""What comes before a measurement: the way to the target, melting once, and waiting for the specimen to be still."""

from __future__ import annotations

from eucentric.focus.hands import Hands
from eucentric.focus.journey import Journey
from eucentric.focus.settings import FocusStep
from eucentric.focus.targets import FocusTarget
from eucentric.focus.verdict import Finding
from eucentric.focus.work import Work


class Before:
    """Makes one target ready for one step."""

    def __init__(self, work: Work, step: FocusStep, hands: Hands, journey: Journey) -> None:
        self._work = work
        self._step = step
        self._hands = hands
        self._journey = journey

    def ready(self, target: FocusTarget) -> Finding | None:
        """Go to the target; why it must not be measured, None when it may."""
        self._journey.go(target)
        return None
