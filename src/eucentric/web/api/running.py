"""The API of what runs: start, pause, resume, abort, measure once, and who controls."""

from __future__ import annotations

import json

from fastapi import APIRouter

from eucentric import __version__
from eucentric.errors import InputError, SettingsError
from eucentric.focus.settings import FocusMethod, FocusSequence, FocusSettings
from eucentric.optimize.instrument import SHIPPED
from eucentric.web import models
from eucentric.web.api import by_hand
from eucentric.web.api.acting import REFUSALS, SCRIPT, Client, Name, controls, done
from eucentric.web.forms import settings_of
from eucentric.web.room import Room

_TEXTS = ("drive", "run", "session", "reading", "manual", "control", "log")


def router(room: Room) -> APIRouter:
    """The routes."""
    api = APIRouter(tags=["running"], responses=REFUSALS)
    _looking(api, room)
    _driving(api, room)
    _braking(api, room)
    by_hand.routes(api, room)
    _control(api, room)
    return api


def _looking(api: APIRouter, room: Room) -> None:
    @api.get("/about")
    def about() -> models.About:
        """What this server is."""
        bench = room.bench
        return models.About(
            version=__version__,
            instrument=room.instrument,
            starts=bench is not None,
            presets=[] if bench is None else list(bench.presets),
            applications=[] if bench is None or bench.begin is None else list(bench.applications),
            instruments=list(SHIPPED),
            first="" if bench is None else bench.shelf.first,
            history=room.place is not None,
        )

    @api.get("/state")
    def state() -> models.State:
        """All that the page shows in words."""
        newest = {kind: room.hub.newest(kind) for kind in _TEXTS}
        return models.State(**{k: json.loads(m)["body"] for k, m in newest.items() if isinstance(m, str)})


def _driving(api: APIRouter, room: Room) -> None:
    acts = controls(room)

    @api.post("/run/focus", dependencies=[acts])
    def focus(wanted: models.ToFocus) -> models.Sentence:
        """Run a focus sequence."""
        room.driver.focus(wanted_settings(room, wanted), measure_only=wanted.measure_only)
        return done()

    @api.post("/run/measure", dependencies=[acts])
    def measure(wanted: models.ToMeasure) -> models.Sentence:
        """Measure once, correct nothing."""
        room.driver.focus(once(wanted_settings(room, wanted), wanted.step), measure_only=True)
        return done()

    @api.post("/run/session", dependencies=[acts])
    def session(wanted: models.ToRun) -> models.Sentence:
        """Run a session."""
        room.driver.session(wanted.application)
        return done()

    @api.post("/run/session/again", dependencies=[acts])
    def go_on() -> models.Sentence:
        """Go on with the session that was left unfinished here: nothing is done twice."""
        room.driver.go_on()
        return done()


def _braking(api: APIRouter, room: Room) -> None:
    """On the event loop: calls that wait for the microscope may have taken all of the server's threads."""
    acts = controls(room)

    @api.post("/run/pause", dependencies=[acts])
    async def pause() -> models.Sentence:
        """Stand still before the next call of the instrument."""
        room.driver.pause()
        return done()

    @api.post("/run/resume", dependencies=[acts])
    async def resume() -> models.Sentence:
        """Go on."""
        room.driver.resume()
        return done()

    @api.post("/run/abort")
    async def abort() -> models.Sentence:
        """End what runs; everything is restored. Whoever has the token may, also who does not control."""
        room.driver.abort()
        return done()


def wanted_settings(room: Room, which: models.WhichSettings) -> FocusSettings:
    """The settings that are meant. Raises InputError, SettingsError."""
    if which.values is not None:
        return settings_of(which.values)
    if room.bench is None or which.name is None:
        raise InputError("Say which settings: their name on the shelf, or all of their values.")
    return room.bench.shelf.read(which.name)


def once(settings: FocusSettings, step: str | None) -> FocusSettings:
    """One look with one step of a sequence. Raises SettingsError where there is none of that name, or none measures."""
    measures = [s for s in settings.sequence.steps if s.focus_method in {FocusMethod.BEAM_TILT, FocusMethod.STAGE_TILT}]
    named = [s for s in measures if step is None or s.name == step]
    if not named:
        known = ", ".join(s.name for s in measures) or "none"
        raise SettingsError(
            f"No step of '{settings.sequence.name}' measures as '{step or 'asked'}'. There are: {known}."
        )
    beam = [s for s in named if s.focus_method is FocusMethod.BEAM_TILT] or named
    chosen = beam[-1].model_copy(update={"looks_min": 1, "retries": 0, "switch": True})
    sequence = FocusSequence(
        name=f"Measure once: {chosen.name}",
        steps=(chosen,),
        accuracy_m=settings.sequence.accuracy_m,
        limits=settings.sequence.limits,
    )
    return settings.model_copy(update={"sequence": sequence})


def _control(api: APIRouter, room: Room) -> None:
    @api.post("/control/take")
    def take(client: Client = SCRIPT, name: Name = SCRIPT) -> models.Sentence:
        """Take control, from whoever has it."""
        room.lease.take(client, name)
        return done()

    @api.post("/control/release")
    def release(client: Client = SCRIPT) -> models.Sentence:
        """Give control back."""
        room.lease.release(client)
        return done()
