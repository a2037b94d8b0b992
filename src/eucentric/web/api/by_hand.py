"""The API of focusing by hand: live images, steps of lens and stage, eucentric focus, defocus zero."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from fastapi import APIRouter

from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.instrument import Calibration
from eucentric.errors import CalibrationError, InputError
from eucentric.focus.methods.manual import Answer, Desk
from eucentric.images.frame import OpticalState
from eucentric.units import parse, show_length, unit_in
from eucentric.web import models
from eucentric.web.api.acting import controls, done
from eucentric.web.bench import Bench
from eucentric.web.room import Room

_SAME_M = 1e-9  # a lens setting that is asked about comes back as a number of JSON


def routes(api: APIRouter, room: Room) -> None:
    """Add them."""
    _desk(api, room)
    _settings_of_the_lens(api, room)


def _desk(api: APIRouter, room: Room) -> None:
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

    @api.post("/manual/dose", dependencies=[acts])
    def dose(wanted: models.DoseMax) -> models.Sentence:
        """Another limit for the electrons of the images by hand, here."""
        dose_max = _typed(wanted.dose_max, "1/m2", "500 e/A2")
        if dose_max <= 0:
            raise InputError(f"'{wanted.dose_max}' is no limit for electrons. Write for example '500 e/A2'.")
        driver.operator.allow(dose_max)
        return done()

    @api.post("/manual/move", dependencies=[acts])
    def move(wanted: models.Move) -> models.Sentence:
        """A step of the lens or of the stage; an image follows the last of those that were asked for."""
        change_m = _typed(wanted.change.replace("−", "-"), "m", "0.5 um")

        def step(desk: Desk) -> float:
            return desk.step_defocus(change_m) if wanted.channel == "defocus" else desk.step_z(change_m)

        return done(f"{wanted.channel} now {show_length(driver.operator.ask(step, then_look=True))}")

    @api.post("/manual/end", dependencies=[acts])
    def end(wanted: models.End) -> models.Sentence:
        """Done (what was moved stays), skip or abort (it is taken back)."""
        driver.operator.end(Answer(wanted.answer))
        return done()


def _typed(text: str, si_unit: str, example: str) -> float:
    """What somebody typed, in SI. Raises InputError where the unit is missing, too: it is not guessed."""
    value = parse(text, si_unit)
    if not unit_in(text):
        raise InputError(f"'{text}' is without a unit. Nothing was done. Write for example '{example}'.")
    return value


def _settings_of_the_lens(api: APIRouter, room: Room) -> None:
    acts, operator = controls(room), room.operator

    @api.post("/manual/eucentric-focus/to", dependencies=[acts])
    def to_scope() -> models.Sentence:
        """Set the lens to the stored eucentric focus."""
        arrived = operator.ask(lambda desk: desk.go_to_focus(_stored(room, desk.preset)), then_look=True)
        return done(f"The lens is at the stored eucentric focus: defocus {show_length(arrived)}.")

    @api.post("/manual/eucentric-focus/ask", dependencies=[acts])
    def ask_to_keep() -> models.ToKeep:
        """What keeping the present lens setting as the eucentric focus would replace; nothing is kept yet."""
        preset, focus_m, now = operator.ask(lambda desk: (desk.preset, desk.focus_m, desk.standing))
        return models.ToKeep(sentence=_question(room, preset, focus_m, now), focus_m=focus_m)

    @api.post("/manual/eucentric-focus/from", dependencies=[acts])
    def from_scope(wanted: models.Keep) -> models.Sentence:
        """Keep the present lens setting as the eucentric focus, where it still is what was asked about."""
        bench, keep = _keeping(room)

        def unmoved(desk: Desk) -> str:
            now_m = desk.focus_m
            if abs(now_m - wanted.focus_m) > _SAME_M:
                raise InputError(
                    f"The lens is at {show_length(now_m)} now, and {show_length(wanted.focus_m)} was asked about. "
                    "Nothing was kept. Ask again."
                )
            return desk.preset

        preset = operator.ask(unmoved)
        bench.book = keep(bench.book, preset, wanted.focus_m)
        return done(f"Kept as the eucentric focus of preset {preset}: {show_length(wanted.focus_m)}. {_where(bench)}")

    @api.post("/manual/reset-defocus", dependencies=[acts])
    def reset() -> models.Sentence:
        """The present lens setting becomes defocus zero."""
        operator.ask(lambda desk: desk.reset_defocus())
        return done("The present lens setting is now defocus zero.")


def _keeping(room: Room) -> _Keeping:
    """Raises InputError where nothing is kept."""
    bench = room.bench
    if bench is None or bench.keep_focus is None:
        raise InputError("This server keeps no calibrations. Start it with --calibrations FOLDER.")
    return _Keeping(bench, bench.keep_focus)


class _Keeping(NamedTuple):
    bench: Bench
    keep: Callable[[CalibrationBook, str, float], CalibrationBook]


def _question(room: Room, preset: str, focus_m: float, now: OpticalState | None) -> str:
    """What is asked before the eucentric focus is replaced. Raises InputError where nothing is kept."""
    bench = _keeping(room).bench
    known, estimate = _known(room, preset), room.watching.estimate(now)
    before = "nothing stored" if known is None else f"stored {show_length(known)}"
    unsure = "Defocus was not measured here, so how far this is from focus is not known."
    told = unsure if estimate is None else f"The present estimate of defocus is {estimate.words}."
    return (
        f"Eucentric focus of preset {preset}: {before} → {show_length(focus_m)}, as the lens is now. {told} "
        f"{_where(bench)} Take back does not undo it. Keep?"
    )


def _where(bench: Bench) -> str:
    if bench.kept_in:
        return f"It is kept in the folder {bench.kept_in}."
    return "It is kept only in memory, until this server ends: it was started without --calibrations."


def _known(room: Room, preset: str) -> float | None:
    """The stored eucentric focus of a preset."""
    book = room.watching.book if room.bench is None else room.bench.book
    known: Calibration | None = None if book is None else book.presets.get(preset)
    return None if known is None else known.eucentric_focus_m


def _stored(room: Room, preset: str) -> float:
    """The stored eucentric focus of a preset. Raises CalibrationError."""
    known = _known(room, preset)
    if known is None:
        raise CalibrationError(
            f"The eucentric focus of preset '{preset}' is not known. Run: eucentric calibrate eucentric-focus "
            f"--preset {preset}"
        )
    return known
