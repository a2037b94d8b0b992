"""Those who watch a run or a session: each event is told to all of them, and none of them can break it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from eucentric.focus.events import ObserverFailed

E = TypeVar("E")


class Audience(Generic[E]):
    """Tells events to observers; `clock` is the microscope's time, which may fail."""

    def __init__(self, observers: Iterable[Callable[[E | ObserverFailed], None]], clock: Callable[[], float]) -> None:
        self._observers = list(observers)
        self._clock = clock
        self._now_s = 0.0

    def now_s(self) -> float:
        """The microscope's time; of one that no longer answers, the last that it told."""
        try:
            self._now_s = self._clock()
        except Exception:  # what broke is told elsewhere, and must not be replaced
            return self._now_s
        return self._now_s

    def tell(self, event: E | ObserverFailed) -> None:
        """Tell all who watch. One who fails is told nothing further, the others learn of it, and the work goes on."""
        for observer in tuple(self._observers):
            try:
                observer(event)
            except Exception as error:  # whatever it is, it is not the microscope's
                self._observers.remove(observer)
                self.tell(ObserverFailed(self.now_s(), str(error) or type(error).__name__))
