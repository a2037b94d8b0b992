"""The API of what was kept: measurements over time, and each of them to look at and to make again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response

from eucentric.correlation.shift import Method
from eucentric.errors import InputError
from eucentric.focus.result import DefocusResult
from eucentric.records.kept import MeasurementDetails, Wanted
from eucentric.records.reading import Records
from eucentric.records.remeasure import Changes, why_not_again
from eucentric.web import models, stored
from eucentric.web.api.acting import REFUSALS
from eucentric.web.develop import Looked, curves, images, maps, raw, spectrum
from eucentric.web.packets import Packet, packed
from eucentric.web.reading import reading
from eucentric.web.room import Room
from eucentric.web.turns import Turns

_MOST = 2000
_FURTHEST = 100_000
_AGAIN = 4
"""So many measurements are made again or wait for it."""
_PICTURES_ASKED = 20
"""So many pictures are made or wait for it: a browser asks for six at once."""
_LARGEST = 2**31 - 1  # the largest number of a row, in either database
_NONE_KEPT = "This page has no records to look back at."

Number = Annotated[int, Path(ge=1, le=_LARGEST)]
AnyNumber = Annotated[int | None, Query(ge=1, le=_LARGEST)]


def router(room: Room) -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/history", tags=["history"], responses=REFUSALS)
    computing = threading.Lock()  # one at a time: a run needs the processor too
    _lists(api, room)
    _one(api, room, Turns(computing, _AGAIN, "measurements to be made again"))
    _its_pictures(api, _Last(room, Turns(computing, _PICTURES_ASKED, "pictures of measurements")))
    return api


@contextmanager
def _records(room: Room) -> Iterator[Records]:
    """The records, as they are now. Raises InputError where there are none."""
    if room.place is None:
        raise InputError(_NONE_KEPT)
    with Records.open(room.place) as records:
        yield records


def _nothing_yet(room: Room) -> bool:
    """Whether no record was ever written where this page keeps them."""
    return room.place is not None and room.place.file is not None and not room.place.file.exists()


def _lists(api: APIRouter, room: Room) -> None:
    @api.get("/measurements")
    def measurements(
        *,
        session: AnyNumber = None,
        run: AnyNumber = None,
        node: str | None = None,
        step: str | None = None,
        instrument: str | None = None,
        refused: bool = False,
        skip: Annotated[int, Query(ge=0, le=_FURTHEST)] = 0,
        limit: Annotated[int, Query(ge=1, le=_MOST)] = 500,
    ) -> list[dict[str, Any]]:
        """The last measurements that are asked for, in the order in which they were made.

        With `skip` what comes before the last so many: ask so for what is older than a list that was full.
        """
        if _nothing_yet(room):
            return []
        wanted = Wanted(session=session, run=run, node=node, step=step, instrument=instrument, refused=refused)
        with _records(room) as records:
            return [stored.row(one) for one in records.measurements(wanted, limit=limit, skip=skip)]

    @api.get("/sessions")
    def sessions() -> list[dict[str, Any]]:
        """All sessions, the newest first."""
        if _nothing_yet(room):
            return []
        with _records(room) as records:
            return [stored.session_row(one) for one in records.sessions(limit=200)]

    @api.get("/runs")
    def runs(session: AnyNumber = None, limit: Annotated[int, Query(ge=1, le=_MOST)] = 200) -> list[dict[str, Any]]:
        """The last runs, the newest first."""
        if _nothing_yet(room):
            return []
        with _records(room) as records:
            return [stored.run_row(one) for one in records.runs(Wanted(session=session), limit=limit)]


class _Last:
    """What was looked at last: its pictures are asked for all at once, and made by the first who asks.

    It is known by when it was taken too: another file of records may have been put in the place of the one before.
    """

    def __init__(self, room: Room, turns: Turns) -> None:
        self._room = room
        self._turns = turns
        self._key: tuple[object, ...] = ()
        self._looked: Looked | None = None

    def looked(self, number: int, how: models.Otherwise) -> Looked:
        """A measurement as it was, or made again. Raises InputError and GoneError as the records do, and Busy."""
        changes = _changes(how)
        with self._turns.turn(), _records(self._room) as records:
            details = records.measurement(number)
            key = (number, details.row.taken_at, tuple(one.gone for one in details.images), changes)
            if self._looked is None or key != self._key:
                self._looked = None  # what was there before need not be held meanwhile
                self._key, self._looked = key, _looked(records, number, changes)
            return self._looked


def _looked(records: Records, number: int, changes: Changes | None) -> Looked:
    return stored.looked_at(records, number) if changes is None else stored.made_again(records, number, changes)


def _one(api: APIRouter, room: Room, turns: Turns) -> None:
    @api.get("/measurements/{number}")
    def measurement(number: Number) -> dict[str, Any]:
        """All that is kept of a measurement but its pictures."""
        with _records(room) as records:
            details = records.measurement(number)
        why_not = why_not_again(details)
        gone = next((image.gone for image in details.images if image.gone is not None), None)
        return {
            "row": stored.row(details.row),
            "facts": stored.facts(details),
            "reading": None if details.result is None else _reading(details, details.result),
            "gone": gone,
            "can_be_made_again": why_not is None and gone is None,
            "why_not_again": why_not,
            "methods": [str(method) for method in Method],
        }

    @api.post("/measurements/{number}/again")
    def again(number: Number, wanted: models.Again) -> dict[str, Any]:
        """Made again from its images with other settings. The records stay as they are."""
        changes = replace(_changes(wanted) or Changes(), thresholds=wanted.thresholds or {})
        with turns.turn(), _records(room) as records:
            before = records.measurement(number)
            made = stored.made_again(records, number, changes)
        said = stored.difference(before.result, made.result)
        return {"reading": _reading(before, made.result), "said": said}


def _its_pictures(api: APIRouter, last: _Last) -> None:
    @api.get("/measurements/{number}/pictures/{kind}", response_class=Response)
    def pictures(number: Number, kind: str, how: Annotated[models.Otherwise, Query()]) -> Response:
        """Its pictures as one message: images, map, map-cross, map-phase or spectrum."""
        return _message(last.looked(number, how), kind)

    @api.get("/measurements/{number}/curves")
    def its_curves(number: Number, how: Annotated[models.Otherwise, Query()]) -> dict[str, Any]:
        """The cuts through its peaks, its coherence, where defocus would put the peaks."""
        return curves(last.looked(number, how))

    @api.get("/measurements/{number}/cuts/{method}")
    def its_cuts(
        number: Number, method: Literal["cross", "phase"], how: Annotated[models.Otherwise, Query()]
    ) -> dict[str, Any]:
        """The cuts through the peaks of its raw maps."""
        made = dict(one for one in raw(last.looked(number, how), Method(method)) if isinstance(one, tuple))
        return dict(made[f"cut-{method}"])


def _reading(details: MeasurementDetails, result: DefocusResult) -> dict[str, Any]:
    row = details.row
    return reading(result, step=row.step, target=row.target, number=row.id, time_s=row.time_s)


def _changes(wanted: models.Otherwise) -> Changes | None:
    """None: as it was."""
    if wanted.method is None and wanted.cs_mm is None and wanted.tilt_scale == 1.0:
        return None
    return Changes(
        method=None if wanted.method is None else Method(wanted.method),
        c3_m=None if wanted.cs_mm is None else wanted.cs_mm * 1e-3,
        tilt_scale=wanted.tilt_scale,
    )


def _message(looked: Looked, kind: str) -> Response:
    made = _PICTURES.get(kind)
    if made is None:
        raise InputError(f"There is no picture '{kind}'. There are: {', '.join(_PICTURES)}.")
    packet = made(looked)
    if packet is None:
        raise InputError("The pixel size of these images is not known: they have no power spectrum.")
    return Response(packed(packet), media_type="application/octet-stream")


def _first(made: Iterator[Packet | tuple[str, Any]]) -> Packet:
    packet = next(made)
    assert isinstance(packet, Packet)
    return packet


_PICTURES: dict[str, Callable[[Looked], Packet | None]] = {
    "images": lambda looked: images(looked.number, looked.step, looked.frames),
    "map": lambda looked: _first(maps(looked)),
    "map-cross": lambda looked: _first(raw(looked, Method.CROSS)),
    "map-phase": lambda looked: _first(raw(looked, Method.PHASE)),
    "spectrum": lambda looked: spectrum("spectrum", looked.frames[0], {"number": looked.number}),
}
