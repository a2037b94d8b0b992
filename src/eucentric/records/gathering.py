"""Events into records: a measurement with all that it has is one, every other event is one.

What is told in the middle of a measurement waits for its verdict, so that it is kept whole or not at all; one that is
cut off is kept as far as it came.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from eucentric import __version__
from eucentric.focus import events
from eucentric.focus.result import DefocusResult
from eucentric.images.frame import Frame
from eucentric.msi import events as msi
from eucentric.msi.events import AnyEvent
from eucentric.records import rows
from eucentric.records.kept import RUNNING
from eucentric.records.place import Images
from eucentric.records.plain import exact
from eucentric.records.record import Facts, Moved, Picture, Record, Taken, Values
from eucentric.records.references import References

_PARTS = (events.FrameTaken, events.Assumed, events.ShiftFound, events.Measured)
_OF_RUNS = (events.RunStarted, events.StepEnded, events.Restored, events.RunEnded, events.Failed)
_ENDS = (*_OF_RUNS, msi.UnitEnded, msi.SessionEnded)
_ONLY_REFUSED = "It was accepted, and only the images of refused measurements were to be kept."
_NONE = "No images were to be kept."


@dataclass(frozen=True, slots=True)
class OfSession:
    """Which session is told of: its folder, and a key that it keeps when it is taken up again."""

    folder: str
    key: str


@dataclass(slots=True)
class _Run:
    """What is known of the run that goes on. `last` is the number of its last measurement, `corrected` of the last one
    after which something was moved.
    """

    facts: Facts
    references: References = field(default_factory=References)
    events: int = 0
    steps: int = 0
    by_hand: int = 0
    finals: int = 0
    range_m: float | None = None
    last: int | None = None
    corrected: int | None = None


class Gathering:
    """Makes records of events. `instrument` is the name to keep in place of the microscope's own."""

    def __init__(
        self,
        images: Images,
        *,
        now: Callable[[], datetime],
        instrument: str | None = None,
        session: OfSession | None = None,
    ) -> None:
        self._images, self._now, self._instrument, self._of = images, now, instrument, session
        self._session: Facts | None = None
        self._unit: tuple[str | None, str | None] = (None, None)  # node and target
        self._run: _Run | None = None
        self._outside = 0  # events told outside of runs
        self._parts: list[AnyEvent] = []

    def __call__(self, event: AnyEvent) -> tuple[Record, ...]:
        """What is to be written now."""
        cut = self.rest() if self._cuts_off(event) else ()
        if isinstance(event, _PARTS) or self._parts:
            self._parts.append(event)
            return (*cut, *(self.rest() if isinstance(event, events.Judged) else ()))
        return (*cut, self._record(event))

    def rest(self) -> tuple[Record, ...]:
        """What still waits for its verdict, as it is."""
        parts, self._parts = self._parts, []
        return (self._measurement(parts),) if parts else ()

    def _cuts_off(self, event: AnyEvent) -> bool:
        first = next((one for one in self._parts if isinstance(one, events.FrameTaken)), None)
        another = isinstance(event, events.FrameTaken) and first is not None and event.measurement != first.measurement
        return bool(self._parts) and (another or isinstance(event, _ENDS))

    def _record(self, event: AnyEvent) -> Record:
        """An event that is a record by itself."""
        match event:
            case msi.SessionStarted():
                self._session = self._begun_session(event)
            case msi.UnitBegan():
                self._unit = (event.unit.node, event.unit.key)
            case msi.SessionEnded():
                ended = {"ended_at": self._now(), "ended_s": event.time_s, "complete": event.result.complete}
                return self._told(event, session_changes={**ended, "stopped": event.result.stopped})
            case msi.UnitEnded():
                record = self._told(event)
                self._unit = (None, None)
                return record
            case events.RunStarted():
                self._run = _Run(self._begun_run(event))
        return self._told(event) if self._run is None else self._in_run(event, self._run)

    def _in_run(self, event: AnyEvent, run: _Run) -> Record:
        name, changes = None, dict[str, Any]()
        match event:
            case events.StepStarted():
                run.range_m = event.range_m
            case events.StepEnded():
                changes["step"] = self._step(event, run)
            case events.Corrected() if run.last is not None:
                run.corrected = run.last
                changes["moved"] = Moved(run.last, rows.moved_values(event))
            case events.TakenBack() if run.corrected is not None:
                changes["moved"] = Moved(run.corrected, {"taken_back": True})
            case events.ByHand(frame=Frame() as frame):
                run.by_hand += 1
                name = f"others/by-hand-{run.by_hand:03d}-{event.step}.mrc"
                changes["pictures"] = (self._picture(run.by_hand, name, frame),)
            case events.FinalTaken():
                run.finals += 1
                name = f"others/final-{run.finals:03d}.mrc"
                changes["pictures"] = (self._picture(run.finals, name, event.frame),)
            case events.Restored():
                changes["run_changes"] = {"left_as": exact(event.left)}
            case events.RunEnded():
                changes["run_changes"] = rows.ended_values(event) | {"ended_at": self._now()}
            case events.Failed():
                changes["run_changes"] = rows.failed_values(event) | {"ended_at": self._now()}
        record = self._told(event, name=name, **changes)
        if isinstance(event, events.RunEnded | events.Failed):
            self._run = None
        return record

    def _begun_session(self, event: msi.SessionStarted) -> Facts:
        of = self._of or OfSession("", uuid.uuid4().hex)
        values = {
            "application": event.application.name,
            "instrument": self._instrument or event.instrument,
            "folder": of.folder,
            "version": __version__,
            "begun_s": event.time_s,
            "units": len(event.units),
            "settings": event.application.model_dump(mode="json", exclude_unset=True),
        }
        return Facts(of.key, self._now(), values)

    def _begun_run(self, event: events.RunStarted) -> Facts:
        now, (node, target) = self._now(), self._unit
        key = f"{now:%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:8]}"
        place = {"node": node, "target": target, "version": __version__, "status": RUNNING}
        return Facts(key, now, rows.run_values(event, self._instrument) | place)

    def _step(self, event: events.StepEnded, run: _Run) -> Values:
        whole = run.references.exact(event.result)
        values = rows.step_values(event.time_s, run.steps, run.range_m, event.result, whole)
        run.references.step(run.steps, event.result)
        run.steps, run.range_m = run.steps + 1, None
        return values

    def _picture(self, number: int, name: str, frame: Frame) -> Picture:
        gone = _NONE if self._images is Images.NONE else None
        return Picture(number, name, None if gone else frame, rows.image_values(frame), gone)

    def _measurement(self, parts: list[AnyEvent]) -> Record:
        """A measurement with its images, shifts and findings, as far as it came."""
        frames = [one for one in parts if isinstance(one, events.FrameTaken)]
        if not frames or self._run is None:
            return self._several(parts, None)
        result = next((one.result for one in parts if isinstance(one, events.Measured)), None)
        number = self._run.last = frames[0].measurement
        if result is not None:
            self._run.references.measurement(number, result)
        links = [one.link for one in parts if isinstance(one, events.ShiftFound)]
        assumed = next((one for one in parts if isinstance(one, events.Assumed)), None)
        values = {**rows.taking_values(frames), "taken_at": self._now()}
        if assumed is not None:
            values["how"] = exact(assumed.how)
        taken = Taken(
            values if result is None else values | rows.result_values(result),
            () if result is None else _shifts(result, links),
            () if result is None else rows.finding_values(result.verdict),
            tuple(self._image_of(one, result) for one in frames),
            None if assumed is None else rows.calibration_values(assumed.preset, assumed.calibration),
        )
        return self._several(parts, taken)

    def _image_of(self, event: events.FrameTaken, result: DefocusResult | None) -> Picture:
        gone = None
        if self._images is Images.NONE:
            gone = _NONE
        elif self._images is Images.REFUSED and result is not None and result.accepted:
            gone = _ONLY_REFUSED
        frame = None if gone else event.frame
        return Picture(event.index, _pair_name(event), frame, rows.image_values(event.frame), gone)

    def _several(self, parts: list[AnyEvent], taken: Taken | None) -> Record:
        bodies = [self._body(one, _pair_name(one) if isinstance(one, events.FrameTaken) else None) for one in parts]
        return Record(self._session, self._facts, tuple(bodies), measurement=taken)

    def _told(self, event: AnyEvent, *, name: str | None = None, **changes: Any) -> Record:
        return Record(self._session, self._facts, (self._body(event, name),), **changes)

    @property
    def _facts(self) -> Facts | None:
        return None if self._run is None else self._run.facts

    def _body(self, event: AnyEvent, name: str | None) -> Values:
        """An event's row; `name` is the place of its image in a run folder."""
        run = self._run
        body = {"event": type(event).__name__, **(exact(event) if run is None else run.references.exact(event))}
        if name is not None:
            body["frame"]["file"] = name
        number = self._outside if run is None else run.events
        if run is None:
            self._outside += 1
        else:
            run.events += 1
        return {
            "number": number,
            "told_at": self._now(),
            "time_s": event.time_s,
            "kind": type(event).__name__,
            "body": body,
        }


def _pair_name(event: events.FrameTaken) -> str:
    return f"pairs/{event.measurement:03d}-{event.step}-{event.index}.mrc"


def _shifts(result: DefocusResult, links: list[tuple[int, int]]) -> tuple[Values, ...]:
    pairs = zip(links, result.shifts, strict=False)
    return tuple(rows.shift_values(n, link, shift) for n, (link, shift) in enumerate(pairs))
