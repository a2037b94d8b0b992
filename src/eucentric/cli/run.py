"""`eucentric run`: an application of multi-scale imaging on a microscope, by default the simulated one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eucentric.cli.chosen import APPLICATION
from eucentric.cli.options import CalibrationsOption, JsonOption, ServeOption
from eucentric.cli.page import Page, PortOption, check_port, watched_live
from eucentric.cli.recorded import CAP_GB, RECORDS, CapOption, FolderOption, Keep, KeepOption, RecordsOption
from eucentric.cli.stopped import Stopped, said_when_stopped
from eucentric.errors import Aborted

if TYPE_CHECKING:
    from rich.console import Console

    from eucentric.cli.session_live import SessionLive
    from eucentric.cli.session_log import SessionLog
    from eucentric.cli.session_open import Opening
    from eucentric.cli.session_report import Report
    from eucentric.cli.session_truth import Truths
    from eucentric.msi.outcome import SessionResult
    from eucentric.records.place import Place

NOT_ALL_WELL, CUT_SHORT = 3, 4
FIGURE, TEXT, JSON = "figure.png", "report.txt", "report.json"


def run(
    *,
    application: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="One of 'eucentric applications list', or a TOML file. Default: msi-t.",
            show_default=False,
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--settings",
            metavar="NODE=NAME|FILE",
            help="Other focus settings for a node: one of 'eucentric sequences list', or a TOML file. May be repeated.",
        ),
    ] = None,
    microscope: Annotated[
        str | None, typer.Option(help="Which instrument. Default: simulated.", show_default=False)
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Which simulated microscope. Default: 0.", show_default=False)
    ] = None,
    calibrations: CalibrationsOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Session folder, new or empty. Default: a new one in ./runs.", show_default=False
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Go on with the session in this folder.", show_default=False),
    ] = None,
    records: RecordsOption = RECORDS,
    images_folder: FolderOption = None,
    keep_images: KeepOption = Keep.ALL,
    images_cap: CapOption = CAP_GB,
    serve: ServeOption = False,
    port: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a session: squares, holes, focus where it is needed, exposures.

    Everything is kept in a session folder: journal, images, report and figure; what focusing measured is kept in the
    records (eucentric records). Stopped, killed, or the instrument
    lost: go on with --resume FOLDER, nothing is done twice.

    Exit code: 0 complete and all well; 3 complete, but targets were refused, skipped or failed, or images are flagged;
    4 not complete (the instrument was lost, or the application asked to stop): resume it; 2 unusable options, nothing
    moved; 130 stopped by you: resume it.
    """  # fmt: skip
    from eucentric.cli.style import console as make_console

    check_port(port, serve=serve)
    console = make_console(quiet=as_json)
    said = [_first_line(console, application, resume)]
    from eucentric.cli.recorded import check_records, place_of
    from eucentric.cli.session_log import SessionLog
    from eucentric.cli.session_open import Wanted, open_session
    from eucentric.cli.session_words import all_well

    wanted = Wanted(application, tuple(settings or ()), microscope, seed, calibrations, out, resume)
    place = place_of(records, images_folder, keep_images, images_cap)
    check_records(place)
    opening = open_session(wanted, lambda line: said.append(_print(console, line)))
    log = SessionLog(opening.folder)
    unwritten = log.write("\n".join(said))
    if unwritten:
        _print(console, unwritten)
    report, unkept = _worked(opening, (console, log), place, port=port, page=serve)
    _tell(report, console, log)
    if unkept:
        log.write(unkept)
        typer.echo(unkept, err=True)
    if unkept or not report.result.complete:
        raise typer.Exit(CUT_SHORT)
    if not all_well(report.result):
        raise typer.Exit(NOT_ALL_WELL)


def _worked(
    opening: Opening, told: tuple[Console, SessionLog], place: Place, *, port: int | None, page: bool
) -> tuple[Report, str]:
    """The session run, or told again where it is complete; and why its report could not be kept, where it could not."""
    console, log = told
    with opening.journal, going_on(opening, log):
        if opening.ready is None:
            report = _told_again(opening, console, log)
        else:
            with watched_live(opening.ready.book, opening.instrument, place, port=port, wanted=page) as seen:
                report = run_opened(opening, place, told, seen)
        return report, keep_report(report, opening)


def _print(console: Console, line: str, log: SessionLog | None = None) -> str:
    """Print a line, and write it to the log; the line."""
    console.print(line, markup=False, soft_wrap=True)
    if log is not None:
        log.write(line)
    return line


def _first_line(console: Console, application: str | None, resume: Path | None) -> str:
    """Something is seen at once: what follows loads for seconds."""
    what = (
        f"Reading application {application or APPLICATION}" if resume is None else f"Taking up the session in {resume}"
    )
    return _print(console, f"{what} …")


@contextmanager
def going_on(opening: Opening, log: SessionLog) -> Iterator[None]:
    """Whoever stops it outside its targets, while it starts or draws, is told where it is and how it goes on. Whatever
    ends it is in its log too.
    """
    try:
        yield
    except KeyboardInterrupt as stop:
        said = f"Stopped. Session folder: {opening.folder}. Go on with it: {opening.resume}"
        log.write(said)
        raise Stopped(said) from stop
    except Exception as error:
        log.write("\n".join((str(error), *getattr(error, "__notes__", ()))))
        raise


def _told_again(opening: Opening, console: Console, log: SessionLog) -> Report:
    """The report of a session that is complete: the instrument is left alone."""
    from eucentric.cli.session_done import result_of
    from eucentric.cli.session_truth import read_truths

    _print(console, "It is complete: nothing is left to do, and the instrument is left as it is.", log)
    truths = read_truths(opening.folder)
    return _report(opening, result_of(opening.journal), truths)


def _report(opening: Opening, result: SessionResult, truths: Truths) -> Report:
    """What is said of a result; how it goes on, where it is not complete."""
    from eucentric.cli.session_report import Report

    about, resume = opening.journal.noted.about, "" if result.complete else opening.resume
    return Report(
        result,
        opening.application,
        truths,
        str(opening.folder),
        resume,
        opening.instrument,
        date=about.date,
        version=about.version,
    )


def run_opened(opening: Opening, place: Place, told: tuple[Console, SessionLog], page: Page) -> Report:
    """The session, shown and kept; whatever ends it early says how to go on."""
    from eucentric.cli.recorded import session_recorder
    from eucentric.cli.session_kept import SessionKept
    from eucentric.cli.session_lost import Lost, Unattended
    from eucentric.cli.session_truth import Watcher
    from eucentric.focus.control import Control
    from eucentric.msi import events
    from eucentric.msi.session import Session

    ended: list[SessionResult] = []

    def last_word(event: object) -> None:
        if isinstance(event, events.SessionEnded):
            ended.append(event.result)

    (console, log), prepared = told, opening.ready
    assert prepared is not None  # a session that is complete is told again, not run
    watcher = Watcher(prepared.microscope, opening.folder)
    with _live(opening, console, log) as live, session_recorder(opening, place, live) as recorder:
        _cautions(opening, live)
        kept = SessionKept(opening.application, opening.folder, live.say)
        unattended = Unattended(live.say, (page.control or Control()).wait)
        session = Session(
            prepared.microscope,
            prepared.book,
            opening.application,
            opening.journal,
            observers=(live, watcher, kept, last_word, unattended.watch, recorder, *page.observers),
            control=page.control,
            operator=page.operator,
            on_lost=(None if console.quiet else Lost.at_terminal(live, opening.resume, page)) or unattended,
        )
        try:
            with said_when_stopped():
                result = session.run()
            return _report(opening, result, watcher.truths)
        except (KeyboardInterrupt, Aborted) as stop:
            unkept = keep_report(_report(opening, ended[-1], watcher.truths), opening) if ended else ""
            why = ended[-1].stopped if ended and ended[-1].stopped else "Stopped."
            said = " ".join(filter(None, (why, unkept, f"Go on with it: {opening.resume}")))
            raise Stopped(said) from stop
        except Exception as error:
            if ended:
                keep_report(_report(opening, ended[-1], watcher.truths), opening)
            error.add_note(f"Go on with the session: {opening.resume}")
            raise


def _live(opening: Opening, console: Console, log: SessionLog) -> SessionLive:
    """The screen, from where the session is."""
    from eucentric.cli.session_live import SessionLive
    from eucentric.msi.units import units

    noted = opening.journal.noted
    total = len(units(opening.application))
    return SessionLive(console, log, done=len(noted.outcomes), total=total)


def _cautions(opening: Opening, live: SessionLive) -> None:
    for sentence in opening.cautions:
        live.say(sentence, "yellow")
    live.say(f"Session folder: {opening.folder}")


def keep_report(report: Report, opening: Opening) -> str:
    """Report and figure into the folder, in place of those of an earlier part of the session; why not, where not."""
    from eucentric.cli.session_json import as_json
    from eucentric.cli.session_report import as_text
    from eucentric.cli.session_words import all_well
    from eucentric.errors import InputError
    from eucentric.figures.saved import save
    from eucentric.figures.session import session_figure
    from eucentric.msi.words import statement

    title = f"{report.title}. {statement(report.result)}"
    drawn = session_figure(
        report.result, report.application, true_errors_m=report.errors_m(), title=title, good=all_well(report.result)
    )
    try:
        (opening.folder / TEXT).write_text(as_text(report), encoding="utf-8")
        body = json.dumps(as_json(report), indent=2, allow_nan=False, ensure_ascii=False)
        (opening.folder / JSON).write_text(body, encoding="utf-8")
        save(drawn, opening.folder / FIGURE)
    except (OSError, InputError) as error:
        why = getattr(error, "strerror", None) or error
        return f"The report can't be written to {opening.folder}: {why}. Make room, then: {opening.resume}"
    return ""


def _tell(report: Report, console: Console, log: SessionLog) -> None:
    from eucentric.cli.session_json import as_json
    from eucentric.cli.session_report import as_text, show

    log.write(as_text(report, whole=False))
    if console.quiet:
        typer.echo(json.dumps(as_json(report), indent=2, allow_nan=False))
        return
    show(report, console)
    _print(console, f"Session folder: {report.folder}", log)
    _print(console, f"Figure: {Path(report.folder) / FIGURE}", log)
