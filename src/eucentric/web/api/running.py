"""The API of what runs: start, pause, resume, abort, measure once, focus by hand, and who controls."""

from __future__ import annotations

import json

from fastapi import APIRouter

from eucentric import __version__
from eucentric.calibration.instrument import Calibration
from eucentric.errors import CalibrationError, InputError, SettingsError
from eucentric.focus.methods.manual import Answer, Desk
from eucentric.focus.settings import FocusMethod, FocusSequence, FocusSettings
from eucentric.optimize.instrument import SHIPPED
from eucentric.units import parse, show_length
from eucentric.web import models
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
    _by_hand(api, room)
    _settings_of_the_lens(api, room)
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
            presets=[] if bench is None else [preset.name for preset in bench.microscope.presets()],
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


def _by_hand(api: APIRouter, room: Room) -> None:
    acts, driver = controls(room), room.driver

    @api.post("/manual/start", dependencies=[acts])
    def start(wanted: models.ByHand) -> models.Sentence:
        """Focus by hand at a preset."""
        driver.by_hand(wanted.preset)
        return done()

    @api.post("/manual/look", dependencies=[acts])
    def look() -> models.Sentence:
        """A new image."""
        driver.operator.ask(lambda desk: desk.image())
        return done()

    @api.post("/manual/live", dependencies=[acts])
    def live(wanted: models.Live) -> models.Sentence:
        """Image after image, or only when asked."""
        driver.operator.live(wanted.on)
        return done()

    @api.post("/manual/move", dependencies=[acts])
    def move(wanted: models.Move) -> models.Sentence:
        """A step of the lens or of the stage; an image follows the last of those that were asked for."""
        change_m = parse(wanted.change.replace("−", "-"), "m")

        def step(desk: Desk) -> float:
            return desk.step_defocus(change_m) if wanted.channel == "defocus" else desk.step_z(change_m)

        return done(f"{wanted.channel} now {show_length(driver.operator.ask(step, then_look=True))}")

    @api.post("/manual/end", dependencies=[acts])
    def end(wanted: models.End) -> models.Sentence:
        """Done (what was moved stays), skip or abort (it is taken back)."""
        driver.operator.end(Answer(wanted.answer))
        return done()


def _settings_of_the_lens(api: APIRouter, room: Room) -> None:
    acts, operator = controls(room), room.operator

    @api.post("/manual/eucentric-focus/to", dependencies=[acts])
    def to_scope() -> models.Sentence:
        """Set the lens to the stored eucentric focus."""
        arrived = operator.ask(lambda desk: desk.go_to_focus(_stored(room, desk.preset)), then_look=True)
        return done(f"The lens is at the stored eucentric focus: defocus {show_length(arrived)}.")

    @api.post("/manual/eucentric-focus/from", dependencies=[acts])
    def from_scope() -> models.Sentence:
        """Keep the present lens setting as the eucentric focus."""
        bench = room.bench
        if bench is None or bench.keep_focus is None:
            raise InputError("This server keeps no calibrations. Start it with --calibrations FOLDER.")
        preset, focus_m = operator.ask(lambda desk: (desk.preset, desk.focus_m))
        bench.book = bench.keep_focus(bench.book, preset, focus_m)
        return done(f"Kept as the eucentric focus of preset {preset}: {show_length(focus_m)}.")

    @api.post("/manual/reset-defocus", dependencies=[acts])
    def reset() -> models.Sentence:
        """The present lens setting becomes defocus zero."""
        operator.ask(lambda desk: desk.reset_defocus())
        return done("The present lens setting is now defocus zero.")


def _stored(room: Room, preset: str) -> float:
    """The stored eucentric focus of a preset. Raises CalibrationError."""
    book = None if room.bench is None else room.bench.book
    known: Calibration | None = None if book is None else book.presets.get(preset)
    if known is None or known.eucentric_focus_m is None:
        raise CalibrationError(
            f"The eucentric focus of preset '{preset}' is not known. Run: eucentric calibrate eucentric-focus "
            f"--preset {preset}"
        )
    return known.eucentric_focus_m


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
