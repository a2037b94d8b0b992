"""`eucentric records …`: what was measured: lists, single runs, CSV, run folders, figures; measured again."""

from __future__ import annotations

import csv as csv_files
import io
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eucentric.cli.options import JsonOption
from eucentric.cli.recorded import RECORDS, FolderOption, RecordsOption
from eucentric.cli.records_figure import figure
from eucentric.cli.records_remeasure import remeasure
from eucentric.cli.records_wanted import (
    InstrumentOption,
    NodeOption,
    RefusedOption,
    SessionOption,
    SinceOption,
    chosen,
    opened_records,
    wanted_of,
)
from eucentric.cli.style import console
from eucentric.errors import InputError
from eucentric.units import counted

if TYPE_CHECKING:
    from typing import TextIO

    from eucentric.records.kept import KeptRun, KeptSession, Wanted
    from eucentric.records.reading import Records

app = typer.Typer(
    help="What was measured, accepted or not: list it, show a run, export, measure again.\n\n"
    "Begin with: eucentric records list",
    no_args_is_help=True,
)
app.command("remeasure")(remeasure)
app.command("figure")(figure)

RunArgument = Annotated[int, typer.Argument(metavar="RUN", min=1, help="The number of a run: eucentric records list.")]


@app.command("list")
def list_runs(
    *,
    since: SinceOption = None,
    instrument: InstrumentOption = None,
    session: SessionOption = None,
    node: NodeOption = None,
    refused: RefusedOption = False,
    sessions: Annotated[bool, typer.Option("--sessions", help="List sessions instead of runs.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 40,
    records: RecordsOption = RECORDS,
    images_folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """The runs that were recorded, the newest first."""
    wanted = wanted_of(since, instrument, session, node, refused=refused)
    if sessions and (session is not None or node is not None or refused):
        raise InputError("--session, --node and --refused choose runs. List sessions without them, or runs with them.")
    with opened_records(records, images_folder) as kept:
        (_list_sessions if sessions else _list_runs)(kept, wanted, limit=limit, as_json=as_json)


def _list_sessions(kept: Records, wanted: Wanted, *, limit: int, as_json: bool) -> None:
    from eucentric.cli.records_words import session_table

    found = chosen(kept.sessions(), wanted)[:limit]
    if as_json:
        return _as_json(found)
    if not found:
        return _none_of_these(kept)
    screen = console()
    screen.print(session_table(found), "")
    for one in found:
        screen.print(f"Session {one.id}: {one.folder}", markup=False, soft_wrap=True)
    return None


def _list_runs(kept: Records, wanted: Wanted, *, limit: int, as_json: bool) -> None:
    from eucentric.cli.records_words import not_done, run_table

    if wanted.session is not None:
        kept.session(wanted.session)  # where there is none that is said
    found = kept.runs(wanted, limit=limit)
    if as_json:
        return _as_json(found)
    if not found:
        return _none_of_these(kept)
    screen = console()
    screen.print(run_table(found), "")
    for line in () if wanted.session is None else not_done(kept.session_events(wanted.session)):
        screen.print(line, markup=False)
    return screen.print("Look closer: eucentric records show RUN")


def _as_json(found: Sequence[KeptRun | KeptSession]) -> None:
    from eucentric.records.plain import plain

    typer.echo(json.dumps(plain(found), indent=2, allow_nan=False))


def _none_of_these(kept: Records) -> None:
    typer.echo(f"There is none of these in {kept.place}.")


@app.command("show")
def show(
    run: RunArgument,
    *,
    records: RecordsOption = RECORDS,
    images_folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """A run: its end, and each of its measurements."""
    from eucentric.cli.records_words import as_plain, believed, closing, heading, measurement_table

    with opened_records(records, images_folder) as kept:
        found, measurements = kept.run(run), kept.measurements(wanted_of(run=run))
        details, calibrations = kept.run_details(run), kept.calibrations(run)
        if as_json:
            body = as_plain(found, details, kept.steps(run), measurements, calibrations)
            typer.echo(json.dumps(body, indent=2, allow_nan=False, ensure_ascii=False))
            return
        screen = console()
        for line in (*heading(found, details), *believed(found, calibrations)):
            screen.print(line, markup=False)
        screen.print("", measurement_table(measurements), "", sep="\n")
        for line in closing(found, kept.steps(run), measurements):
            screen.print(line, markup=False)


@app.command("export")
def export(
    run: RunArgument,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new or empty folder.")],
    *,
    records: RecordsOption = RECORDS,
    images_folder: FolderOption = None,
) -> None:
    """Write a run folder: events as JSON lines, the images as MRC, settings, result and figure."""
    from eucentric.cli.records_figure import run_picture
    from eucentric.figures.saved import save
    from eucentric.records.export import export_run
    from eucentric.records.run_folder import check_free, empty_folder

    with opened_records(records, images_folder) as kept:
        kept.run(run)
        check_free(folder)
        export_run(kept, run, empty_folder(folder))
        typer.echo(f"Run folder: {folder}")
        drawn = run_picture(kept, run)
        if drawn is not None:
            typer.echo(f"Figure: {save(drawn, folder / 'figure.png')}")


@app.command("csv")
def csv(
    *,
    since: SinceOption = None,
    instrument: InstrumentOption = None,
    session: SessionOption = None,
    node: NodeOption = None,
    run: Annotated[int | None, typer.Option(min=1, help="Of this run alone.")] = None,
    refused: RefusedOption = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A new file. Default: print it.", show_default=False)
    ] = None,
    records: RecordsOption = RECORDS,
    images_folder: FolderOption = None,
) -> None:
    """One row for each measurement, in SI units; the names of the columns say which."""
    from eucentric.cli.written import check_place
    from eucentric.records.table import COLUMNS, row

    if out is not None:
        check_place(out)
        if out.exists():
            raise InputError(_THERE.format(out))
    wanted = wanted_of(since, instrument, session, node, run=run, refused=refused)
    with opened_records(records, images_folder) as kept:
        if run is not None:
            kept.run(run)  # where there is none that is said
        if session is not None:
            kept.session(session)
        rows = [row(one) for one in kept.measurements(wanted)]
    with _written(out) as file:
        writer = csv_files.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    if out is not None:
        typer.echo(f"{counted(len(rows), 'measurement')} in {out}")


_THERE = "There is a file {} already. Choose a new name: nothing is written over."


@contextmanager
def _written(path: Path | None) -> Iterator[TextIO]:
    """The file to write, or what is printed."""
    if path is None:
        text = io.StringIO()
        yield text
        sys.stdout.write(text.getvalue())
        return
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            yield file
    except FileExistsError as error:
        raise InputError(_THERE.format(path)) from error
    except OSError as error:
        raise InputError(f"{path} can't be written: {error.strerror or error}. Choose another place.") from error
