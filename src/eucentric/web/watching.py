"""The observer behind the page: turns the events of focusing and of sessions into what the page shows.

It is called on the run's own thread: it keeps what it needs, publishes words, and leaves pictures to the darkroom. It
never raises and never waits.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Any

from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.instrument import Calibration
from eucentric.focus import events as focus
from eucentric.focus.patterns import Link
from eucentric.images.frame import Frame, OpticalState
from eucentric.msi import events as msi
from eucentric.optics.column import Column
from eucentric.web import develop
from eucentric.web.darkroom import Darkroom, Work, text
from eucentric.web.develop import Looked
from eucentric.web.estimate import Anchor, Estimate
from eucentric.web.hub import Hub
from eucentric.web.packets import Packet
from eucentric.web.pictures import COARSE_PX, SIDE_PX
from eucentric.web.progress import RunProgress, SessionProgress
from eucentric.web.reading import reading
from eucentric.web.rings import rings
from eucentric.web.story import line

_LINES = 300
SHARP = "sharp"
"""What a browser wants that has zoomed in, or has a large screen."""
_LOG = logging.getLogger(__name__)


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


class Watching:
    """Call it with each event. `book` gives what is believed of a preset's optics; without it no scale of defocus."""

    def __init__(self, hub: Hub, *, book: CalibrationBook | None = None) -> None:
        self.hub = hub
        self.book = book
        self.darkroom = Darkroom(hub)
        self.looked: Looked | None = None
        self._anchor: Anchor | None = None  # the last believed measurement
        self._lock = threading.RLock()
        self._run = RunProgress()
        self._session = SessionProgress()
        self._lines: deque[dict[str, str]] = deque(maxlen=_LINES)
        self._reading: dict[str, Any] | None = None
        self._single: Work | None = None  # the rings of the last single image
        self._taken: Callable[[int], Packet] | None = None
        self._sharp = False
        self._calibrations: dict[str, Calibration] = {}
        self._number = 0
        self._frames: list[Frame] = []
        self._shifts: list[Link] = []
        self._raw: dict[str, int] = {}  # of which measurement each raw map is
        hub.on_change = self._look_again
        for kind, body in (("run", self._run.plain()), ("session", None), ("log", []), ("reading", None)):
            hub.publish(kind, text(kind, body))

    def __call__(self, event: Any) -> None:
        """See one event. Raises nothing: whatever is wrong with the page, the run goes on."""
        try:
            with self._lock:
                self._see(event)
        except Exception:
            _LOG.exception("The page could not show %s.", type(event).__name__)

    def say(self, what: str, said: str, tone: str = "") -> None:
        """A line of the page's own."""
        with self._lock:
            self._lines.append({"at": _now(), "what": what, "text": said, "tone": tone})
            self._publish("log", list(self._lines))

    def _see(self, event: Any) -> None:
        self._picture(event)
        self._estimated(event)
        self._run.see(event)
        self._session.see(event)
        told = line(event)
        if told is not None:
            self._lines.append({"at": _now(), "what": told.what, "text": told.text, "tone": told.tone})
            self._publish("log", list(self._lines))
        if isinstance(event, focus.Measured):
            self._measured(event)
        elif isinstance(event, focus.Judged) and self._reading is not None:
            self._reading = {**self._reading, "judged": True}
            self._publish("reading", self._reading)
        self._publish("run", self._run.plain())
        session = self._session.plain()
        if session is not None:
            self._publish("session", session)

    def _publish(self, kind: str, body: Any) -> None:
        message = text(kind, body)
        if message != self.hub.newest(kind):
            self.hub.publish(kind, message)

    def _picture(self, event: Any) -> None:
        """Images as they come."""
        match event:
            case focus.RunStarted():
                self._frames, self._shifts = [], []
            case focus.FrameTaken():
                if event.index == 0:
                    self._number += 1
                    self._frames, self._shifts = [], []
                self._frames.append(event.frame)
                self._taken = partial(develop.images, self._number, event.step, tuple(self._frames))
                self._show_taken()
            case focus.ShiftFound():
                self._shifts.append(event.link)
            case focus.ByHand() if event.frame is not None:
                self.show_live(event.frame, f"by hand, preset {event.frame.state.preset or '?'}")
            case focus.FinalTaken():
                self.show_live(event.frame, f"final image of {event.target}")
            case msi.Exposed():
                self.show_live(event.frame, event.unit.key)

    def _show_taken(self) -> None:
        """The images of the last pattern, as sharp as somebody looks at them."""
        taken, side_px = self._taken, SIDE_PX if SHARP in self.hub.wanted else COARSE_PX
        if taken is not None:
            self._sharp = side_px == SIDE_PX
            self.darkroom.give("images", lambda: [taken(side_px)])

    def show_live(self, frame: Frame, what: str) -> None:
        """Show a single image, and its power spectrum where somebody looks at it."""
        self.darkroom.give("live", lambda: [develop.live(frame, what)])
        column, estimate = self._column(frame.state.preset), self.estimate(frame.state)
        self._single = lambda: _some(rings(frame, column, estimate))
        if "rings" in self.hub.wanted:
            self.darkroom.give("rings", self._single)

    def _measured(self, event: focus.Measured) -> None:
        result = event.result
        self._reading = reading(result, step=event.step, target=event.target, number=self._number, time_s=event.time_s)
        self._publish("reading", self._reading)
        if not self._frames or len(self._shifts) != len(result.shifts):
            return
        column = self._column(self._frames[0].state.preset)
        c3_m = None if column is None else column.c3_m
        looked = Looked(self._number, event.step, tuple(self._frames), tuple(self._shifts), result, c3_m)
        self.looked = looked
        self.darkroom.give("map", lambda: develop.maps(looked))
        about = {"number": looked.number}
        self.darkroom.give("spectrum", lambda: _some(develop.spectrum("spectrum", looked.frames[0], about)))
        self._look_again()

    def _look_again(self) -> None:
        """Make what somebody wants to see and nobody has made yet."""
        with self._lock:
            looked, wanted = self.looked, self.hub.wanted
            if looked is not None:
                coming = [m for m in develop.RAW if f"map-{m}" in wanted and self._raw.get(m) != looked.number]
                self._raw.update(dict.fromkeys(coming, looked.number))
                if coming:
                    self.darkroom.give("raw", lambda: (made for m in coming for made in develop.raw(looked, m)))
            if self._single is not None and "rings" in wanted:
                self.darkroom.give("rings", self._single)
                self._single = None
            if SHARP in wanted and not self._sharp:
                self._show_taken()
            self.darkroom.look_again()

    def estimate(self, now: OpticalState | None) -> Estimate | None:
        """C1 where the microscope stands `now`, by the last believed measurement; None where it does not tell."""
        anchor = self._anchor
        return None if anchor is None or now is None else anchor.carried_to(now)

    def _column(self, preset: str | None) -> Column | None:
        """The optics as a run took them, else as they are believed."""
        if preset is None:
            return None
        believed = None if self.book is None else self.book.presets.get(preset)
        taken = self._calibrations.get(preset) or believed
        return None if taken is None else taken.column

    def _estimated(self, event: Any) -> None:
        """Keep what was measured last, and how the microscope stood."""
        match event:
            case focus.Assumed():
                self._calibrations[event.preset] = event.calibration
            case focus.Measured() if event.result.accepted and self._frames:
                at = self._frames[0].state
                self._anchor = Anchor.of(event.result, at, self._calibrations.get(at.preset or ""))


def _some(packet: Packet | None) -> Iterator[Packet]:
    if packet is not None:
        yield packet
