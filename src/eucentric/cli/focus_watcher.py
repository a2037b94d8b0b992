"""What a focus run leaves for its report: the last pair, and the truth where a simulation knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eucentric.cli.report import Truths
    from eucentric.focus.events import Event
    from eucentric.images.frame import Frame
    from eucentric.microscope.protocol import Microscope


class Watcher:
    """Remembers what the report needs: the last pair, and the truth at each measurement where there is one."""

    def __init__(self, microscope: Microscope, c3_m: float) -> None:
        self.c3_m = c3_m
        self._microscope = microscope
        self._true: list[float | None] = []
        self._end: float | None = None
        self._taken: list[Frame] = []
        self._compared: tuple[int, int] | None = None
        self.pair: tuple[Frame, Frame] | None = None

    def __call__(self, event: Event) -> None:
        from eucentric.cli.report import true_c1_m
        from eucentric.focus import events

        if isinstance(event, events.FrameTaken):
            self._taken = [*self._taken, event.frame] if event.index else [event.frame]
            self._compared = None
        elif isinstance(event, events.ShiftFound):
            self._compared = self._compared or event.link
        elif isinstance(event, events.Measured):
            self._true.append(true_c1_m(self._microscope))
            if self._compared is not None:
                self.pair = (self._taken[self._compared[0]], self._taken[self._compared[1]])
        elif isinstance(event, events.StepEnded):
            self._end = true_c1_m(self._microscope)

    def truths(self) -> Truths:
        """The truth at each measurement, and at the end of the last step (before anything is restored)."""
        from eucentric.cli.report import Truths

        return Truths(tuple(self._true), self._end)
