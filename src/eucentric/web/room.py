"""The room: everything that a server of the page holds together."""

from __future__ import annotations

from eucentric.calibration.book import CalibrationBook
from eucentric.focus.control import Control
from eucentric.records.place import Place
from eucentric.web.bench import Bench, Observers
from eucentric.web.control import Lease
from eucentric.web.darkroom import text
from eucentric.web.driver import Driver
from eucentric.web.hub import Hub
from eucentric.web.manual import PageOperator
from eucentric.web.planner import Planner
from eucentric.web.watching import Watching


class Room:
    """What is shown, who watches and controls, and what drives. Enter it to use it.

    With a `bench` runs are started from the page; without one a command's run is shown: hand `observers`, `control` and
    `operator` to it. `place` is that of the records that are looked back at.
    """

    def __init__(
        self,
        bench: Bench | None = None,
        *,
        book: CalibrationBook | None = None,
        instrument: str = "",
        place: Place | None = None,
    ) -> None:
        self.bench = bench
        self.place = place
        self.instrument = instrument if bench is None else bench.instrument
        self.hub = Hub()
        self.watching = Watching(self.hub, book=book if bench is None else bench.book)
        self.driver = Driver(self.watching, bench)
        self.planner = Planner(lambda body: self.hub.publish("plan", text("plan", body)))
        self.lease = Lease(lambda: self.hub.clients)
        self.lease.changed = self.tell_control
        self.tell_control()

    @property
    def observers(self) -> Observers:
        """Those who watch a run for the page."""
        return (self.watching, self.driver)

    @property
    def control(self) -> Control:
        """The brake that the page has."""
        return self.driver.control

    @property
    def operator(self) -> PageOperator:
        """Who does manual steps at the page."""
        return self.driver.operator

    def __enter__(self) -> Room:
        self.watching.darkroom.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.planner.cancel()
        self.driver.finish()
        self.watching.darkroom.stop()

    def tell_control(self) -> None:
        """Tell all who controls, and how many watch."""
        holder, name = self.lease.holder, self.lease.name
        body = {"holder": holder, "name": name, "watching": len(set(self.hub.clients))}
        self.hub.publish("control", text("control", body))
