"""`eucentric serve`: the live page, on an instrument, by default the simulated one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eucentric import __version__
from eucentric.cli.options import CalibrationsOption, MicroscopeOption, SeedOption
from eucentric.cli.page import PortOption
from eucentric.cli.recorded import CAP_GB, RECORDS, CapOption, FolderOption, Keep, KeepOption, RecordsOption
from eucentric.errors import Aborted, CalibrationError

if TYPE_CHECKING:
    from eucentric.calibration.book import CalibrationBook
    from eucentric.cli.bench import Opened
    from eucentric.cli.session_open import Opening, Wanted
    from eucentric.focus.control import Control
    from eucentric.focus.methods.manual import Operator
    from eucentric.records.place import Place
    from eucentric.web.bench import Bench, Observers, Say, SessionToRun

_OPEN_TO_ALL = (
    "It is served beyond this machine, and not encrypted: whoever can listen on the network can read the token and "
    "drive the microscope. Better leave --host alone and use a tunnel: ssh -L 8333:127.0.0.1:8333 THIS_MACHINE"
)


def serve(
    *,
    microscope: MicroscopeOption = "simulated",
    seed: SeedOption = 0,
    settings: Annotated[
        str,
        typer.Option(
            "--settings", metavar="NAME|FILE", help="The sequence that is chosen first: a shipped one, or a TOML file."
        ),
    ] = "default",
    calibrations: CalibrationsOption = None,
    sequences: Annotated[
        Path, typer.Option("--sequences", metavar="FOLDER", help="Where settings are saved from the page.")
    ] = Path("sequences"),
    host: Annotated[str, typer.Option(help="Address to serve at.")] = "127.0.0.1",
    port: PortOption = None,
    records: RecordsOption = RECORDS,
    images_folder: FolderOption = None,
    keep_images: KeepOption = Keep.ALL,
    images_cap: CapOption = CAP_GB,
) -> None:
    """The live page: watch autofocus work, run and tune it, focus by hand, plan, look back.

    Open the address that is printed in a browser. Whoever has it can drive the microscope: it carries the token.
    Ctrl-C ends it; what runs is aborted first, and everything restored.
    """
    from eucentric.cli.recorded import check_records, place_of
    from eucentric.cli.stopped import said_when_stopped
    from eucentric.web.room import Room
    from eucentric.web.safety import LOOPBACK
    from eucentric.web.serving import Serving

    place = place_of(records, images_folder, keep_images, images_cap)
    check_records(place)
    bench = make_bench(Where(microscope, seed, calibrations, place), settings, sequences)
    with said_when_stopped(once=True), Serving(Room(bench, place=place), host=host, port=port) as serving:
        typer.echo(f"The live page of {bench.instrument}: {serving.url}")
        if host not in LOOPBACK:
            typer.echo(_OPEN_TO_ALL, err=True)
        typer.echo("Ctrl-C ends it.")
        never = threading.Event()
        while not never.wait(1.0):  # a wait without an end would not hear of Ctrl-C everywhere
            pass


@dataclass(frozen=True, slots=True)
class Where:
    """Which instrument, where its calibrations are, and where runs are recorded."""

    microscope: str
    seed: int
    calibrations: Path | None
    place: Place

    def wanted(self, application: str | None) -> Wanted:
        """A session here."""
        from eucentric.cli.bench import is_simulated
        from eucentric.cli.session_open import Wanted

        seed = self.seed if is_simulated(self.microscope) else None
        return Wanted(application, microscope=self.microscope, seed=seed, calibrations=self.calibrations)


def make_bench(where: Where, settings: str, sequences: Path) -> Bench:
    """All that the page works on, checked. Raises InputError, SettingsError, CalibrationError."""
    from eucentric.cli.bench import cautions, opened, stored_book
    from eucentric.cli.chosen import chosen
    from eucentric.cli.suggested import check_store
    from eucentric.msi.shipped import SHIPPED
    from eucentric.web.bench import Bench
    from eucentric.web.shelf import Shelf

    wanted, store = chosen(settings), where.calibrations
    if store is not None:
        check_store(store, microscope=where.microscope, seed=where.seed)
    there = opened(where.microscope, seed=where.seed)
    book = there.brought if store is None else stored_book(there, store)
    if book is None:
        raise CalibrationError(f"{there.instrument} brings no calibration. Name a folder: --calibrations FOLDER")
    for sentence in () if store is None else cautions(there, store):
        typer.echo(sentence, err=True)
    made = Bench(
        there.instrument,
        there.microscope,
        book,
        Shelf(sequences, opened=wanted, name=Path(settings).stem),
        SHIPPED,
        begin=lambda application: _opened_session(where, _as_believed(there, made), application),
        take_up=lambda folder: taken_up(where, _as_believed(there, made), folder),
        keep=lambda say: _recorded(where.place, there.instrument, say),
        keep_focus=lambda book, preset, focus_m: _kept_focus(there, store, book, preset, focus_m),
        kept_in="" if store is None else str(store),
    )
    return made


def _as_believed(there: Opened, bench: Bench) -> Opened:
    """The instrument with what was kept at the page since it was opened, for sessions that read no store."""
    return replace(there, brought=bench.book)


@contextmanager
def _recorded(place: Place, instrument: str, say: Say) -> Iterator[Observers]:
    """The recorder of a run."""
    from eucentric.records.recorder import Recorder

    with Recorder(place, say=say, instrument=instrument) as recorder:
        yield (recorder,)


def _opened_session(where: Where, there: Opened, application: str) -> SessionToRun:
    from eucentric.cli.session_open import open_session
    from eucentric.errors import SettingsError
    from eucentric.msi.shipped import SHIPPED

    if application not in SHIPPED:  # no file of this machine is read for a browser
        raise SettingsError(f"No application is called '{application}'. There are: {', '.join(SHIPPED)}.")
    return BegunHere(open_session(where.wanted(application), lambda _line: None, there), where.place)


def taken_up(where: Where, there: Opened, folder: str) -> SessionToRun:
    """A session that was left unfinished here, to go on with it."""
    from eucentric.cli.session_open import open_session
    from eucentric.errors import InputError

    wanted = replace(where.wanted(None), resume=Path(folder))
    opening = open_session(wanted, lambda _line: None, there)
    if opening.ready is None:
        opening.journal.close()
        raise InputError(f"The session in {folder} is complete: nothing is left to do.")
    return BegunHere(opening, where.place)


class BegunHere:
    """A session that is open, run as `eucentric run` does."""

    def __init__(self, opening: Opening, place: Place) -> None:
        self._opening = opening
        self._place = place
        self.folder = str(opening.folder)
        self.resume = opening.resume

    def run(self, observers: Observers, control: Control, operator: Operator) -> str:
        """Run it, and keep its report; what is said at the end."""
        from eucentric.cli.page import Page
        from eucentric.cli.run import going_on, keep_report, run_opened
        from eucentric.cli.session_log import SessionLog
        from eucentric.cli.stopped import Stopped
        from eucentric.cli.style import console

        opening = self._opening
        log = SessionLog(opening.folder)
        try:
            with opening.journal, going_on(opening, log):
                told = (console(quiet=True), log)
                report = run_opened(opening, self._place, told, Page(observers, control, operator))
                unkept = keep_report(report, opening)
        except Stopped as stop:
            raise Aborted(str(stop)) from stop
        return unkept or f"Report and figure: {opening.folder}"


def _kept_focus(
    there: Opened, store: Path | None, book: CalibrationBook, preset: str, focus_m: float
) -> CalibrationBook:
    """The lens setting as the eucentric focus of a preset: in the store, where there is one, and in the book."""
    from datetime import UTC, datetime

    from eucentric.calibration.book import CalibrationBook
    from eucentric.calibration.quantities import EucentricFocus
    from eucentric.calibration.record import Level, Record, optics_of
    from eucentric.calibration.store import CalibrationStore

    quantity = EucentricFocus(focus_m=focus_m, focus_sigma_m=_BY_EYE_M)
    if store is not None:
        CalibrationStore(store).keep(
            Record(
                quantity=quantity,
                instrument=there.instrument,
                optics=optics_of(there.microscope, preset),
                taken=datetime.now(UTC),
                level=Level.AMBER,
                sentence=f"Set by hand at preset '{preset}': height and focus of that moment are taken for right.",
                software=__version__,
            )
        )
    known = replace(book.of(preset), eucentric_focus_m=focus_m, eucentric_focus_sigma_m=_BY_EYE_M)
    return CalibrationBook(book.instrument, {**book.presets, preset: known})


_BY_EYE_M = 2e-6
"""1σ of a focus that was set by eye at a height that is taken for eucentric."""
