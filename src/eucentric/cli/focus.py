"""`eucentric focus`: focus a microscope, by default the simulated one, and say how well it was done."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eucentric.cli.focus_watcher import Watcher
from eucentric.cli.node import Bench, Node, node_of
from eucentric.cli.options import CalibrationsOption, JsonOption, MicroscopeOption, SeedOption, ServeOption
from eucentric.cli.page import Page, PortOption, check_port, watched_live
from eucentric.cli.recorded import CAP_GB, RECORDS, CapOption, FolderOption, Keep, KeepOption, RecordsOption
from eucentric.cli.run_troubles import Troubles, named

if TYPE_CHECKING:
    from rich.console import Console

    from eucentric.cli.report import Truths
    from eucentric.focus.control import Control
    from eucentric.focus.events import Observer
    from eucentric.focus.methods.manual import Operator
    from eucentric.focus.outcome import RunResult
    from eucentric.records.place import Place

NOT_FOCUSED = 3
_FIGURE = "figure.png"


def focus(
    *,
    microscope: MicroscopeOption = "simulated",
    seed: SeedOption = 0,
    settings: Annotated[
        str,
        typer.Option(
            "--settings", metavar="NAME|FILE", help="A sequence of 'eucentric sequences list', or a TOML file."
        ),
    ] = "default",
    calibrations: CalibrationsOption = None,
    measure_only: Annotated[
        bool, typer.Option("--measure-only", help="Measure with each step, correct nothing.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Also export the run into this folder, new or empty.", show_default=False),
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option(help=f"Where to draw the run. Default: {_FIGURE} in the run folder, if there is one."),
    ] = None,
    records: RecordsOption = RECORDS,
    images_folder: FolderOption = None,
    keep_images: KeepOption = Keep.ALL,
    images_cap: CapOption = CAP_GB,
    serve: ServeOption = False,
    port: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Focus a microscope, by default the simulated one, from up to ±200 µm: coarse by stage Z, then fine by defocus.

    Everything is kept in the records (eucentric records). With --out also in a run folder: events as JSON lines, the
    images as MRC, settings, result and figure.

    Exit code: 0 in focus (or measured, with --measure-only), 3 not in focus or refused, 2 unusable options.
    """
    from eucentric.cli.chosen import chosen
    from eucentric.cli.recorded import place_of
    from eucentric.cli.style import console as make_console
    from eucentric.figures.saved import check_suffix

    check_port(port, serve=serve)
    if figure is not None:
        check_suffix(figure)
    node = node_of(Bench(microscope, seed, calibrations), chosen(settings))
    for sentence in node.cautions:
        typer.echo(sentence, err=True)
    console = make_console(quiet=as_json)
    place = place_of(records, images_folder, keep_images, images_cap)
    with watched_live(node.book, node.name, place, port=port, wanted=serve) as page:
        result, watcher, kept = _watched(node, (place, out), console, page, measure_only=measure_only)
    _tell(result, watcher.truths(), kept, console)
    for sentence in kept.sentences:
        typer.echo(sentence, err=True)
    where = figure or (None if out is None else out / _FIGURE)
    if where is not None:
        console.print(f"Figure: {_draw(result, watcher, where)}", markup=False, soft_wrap=True)
    if result.refusal is not None or not (result.focused or measure_only):
        raise typer.Exit(NOT_FOCUSED)


def _watched(
    node: Node, where: tuple[Place, Path | None], console: Console, page: Page, *, measure_only: bool
) -> tuple[RunResult, Watcher, Troubles]:
    """The run, recorded and shown; what could not be kept comes back in sentences."""
    from eucentric.cli.live import Live
    from eucentric.cli.manual import operator_at
    from eucentric.cli.recorded import recorded

    place, out = where
    with (
        Live(console) as live,
        named() as troubles,
        recorded(place, out, instrument=node.name, say=troubles.sentences.append) as kept,
    ):
        troubles.kept = kept
        there = None if console.quiet else operator_at(live, out or Path("runs"), page)
        operator = there or page.operator
        watching = _Watching((kept.recorder, live, troubles, *page.observers), page.control, operator)
        result, watcher = _run(node, measure_only, watching)
    return result, watcher, troubles


def _tell(result: RunResult, truths: Truths, troubles: Troubles, console: Console) -> None:
    """The end of the run: table and last lines, or JSON where the console is quiet."""
    from eucentric.cli.live import wrapped
    from eucentric.cli.report import as_json, closing, table

    if console.quiet:
        typer.echo(json.dumps(as_json(result, truths, troubles.place()), indent=2, allow_nan=False))
        return
    console.print(table(result, truths))
    for sentence in closing(result, truths):
        for line in wrapped(sentence, console.width):
            console.print(line, markup=False, soft_wrap=True)
    for line in troubles.where():
        console.print(line, markup=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class _Watching:
    """Who watches, who brakes, and who focuses by hand."""

    observers: tuple[Observer, ...]
    control: Control | None
    operator: Operator | None


def _run(node: Node, measure_only: bool, watching: _Watching) -> tuple[RunResult, Watcher]:
    from eucentric.focus.focus import Focus

    watcher = Watcher(node.microscope, node.c3_m)
    focus = Focus(
        node.microscope,
        node.book,
        node.settings,
        observers=(*watching.observers, watcher),
        control=watching.control,
        operator=watching.operator,
    )
    return focus.run(measure_only=measure_only), watcher


def _draw(result: RunResult, watcher: Watcher, path: Path) -> Path:
    from eucentric.figures.run import run_figure
    from eucentric.figures.saved import save

    drawn = run_figure(result, watcher.pair, c3_m=watcher.c3_m, truths_m=watcher.truths().measured_m)
    return save(drawn, path)
