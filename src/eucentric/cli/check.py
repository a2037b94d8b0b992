"""`eucentric check`: the pre-flight, a page of green, amber and red with what to do."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eucentric.cli.bench import STORE, Opened, opened, stored_book
from eucentric.cli.bench import cautions as cautions_of
from eucentric.cli.calibrate import Size
from eucentric.cli.options import JsonOption, MicroscopeOption, SeedOption
from eucentric.cli.suggested import given_options, suggesting, with_options
from eucentric.units import E_PER_A2

if TYPE_CHECKING:
    from eucentric.calibrate.report import Report
    from eucentric.calibration.book import CalibrationBook
    from eucentric.calibration.quantities import AnyQuantity

NOT_READY = 3


def check(
    *,
    microscope: MicroscopeOption = "simulated",
    seed: SeedOption = 0,
    focus: Annotated[str, typer.Option(help="Preset of fine focusing.")] = "fa",
    hole: Annotated[str, typer.Option(help="Preset of coming near: of low magnification.")] = "hl",
    store: Annotated[Path, typer.Option(help="Folder with the calibrations.")] = STORE,
    brought: Annotated[
        bool, typer.Option("--as-delivered", help="Check the calibration that the instrument brings along.")
    ] = False,
    figure: Annotated[Path | None, typer.Option(help="Draw the page to this file.")] = None,
    size: Size = 1024,
    as_json: JsonOption = False,
) -> None:
    """Is the instrument what its calibrations say, and fit to focus with? Everything moved is put back.

    Exit code: 0 ready (perhaps with care), 3 not ready, 2 unusable options or no calibration.
    """
    from eucentric.calibrate.check import CheckPlan, preflight
    from eucentric.calibrate.plan import Presets
    from eucentric.calibration.record import Level
    from eucentric.figures.saved import check_suffix, save

    if figure is not None:
        check_suffix(figure)
    instrument = opened(microscope, seed=seed, size=size)
    options = given_options(microscope=microscope, seed=seed, store=store)
    with suggesting(options), _watched(as_json) as progress:
        book = _book(instrument, store, brought)
        cautions = () if brought else cautions_of(instrument, store)
        plan = CheckPlan(presets=Presets(focus, hole))
        report = preflight(
            instrument.microscope, book, plan, stored=_stored(instrument, store, brought), progress=progress
        )
    report = _suggesting(dataclasses.replace(report, instrument=instrument.instrument, cautions=cautions), options)
    if as_json:
        typer.echo(json.dumps({**dataclasses.asdict(report), "level": report.level}, indent=2, allow_nan=False))
    else:
        _show(report)
    if figure is not None:
        from eucentric.figures.check import check_figure

        save(check_figure(report), figure)
    if report.level is Level.RED:
        raise typer.Exit(NOT_READY)


def _suggesting(report: Report, options: str) -> Report:
    """The report, its commands with the options that were given."""
    told = [
        dataclasses.replace(
            line, value=with_options(line.value, options), sentence=with_options(line.sentence, options)
        )
        for line in report.lines
    ]
    cautions = tuple(with_options(caution, options) for caution in report.cautions)
    return dataclasses.replace(report, lines=tuple(told), cautions=cautions)


def _book(instrument: Opened, store: Path, brought: bool) -> CalibrationBook:
    from eucentric.errors import CalibrationError

    if not brought:
        return stored_book(instrument, store)
    if instrument.brought is None:
        raise CalibrationError(f"{instrument.instrument} brings no calibration. Run: eucentric calibrate all")
    return instrument.brought


def _stored(instrument: Opened, store: Path, brought: bool) -> Callable[[str, str], AnyQuantity | None]:
    from eucentric.calibration.record import optics_of
    from eucentric.calibration.store import CalibrationStore

    kept = CalibrationStore(store)

    def look(kind: str, preset: str) -> AnyQuantity | None:
        if brought:
            return None
        record = kept.newest(kind, instrument.instrument, optics_of(instrument.microscope, preset))
        return None if record is None else record.quantity

    return look


@contextmanager
def _watched(quiet: bool) -> Iterator[Callable[[str, float], None]]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from eucentric.cli.style import console

    columns = (BarColumn(24), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn())
    screen, what = console(quiet=quiet), TextColumn("{task.description}")
    # Into a file or a pipe nothing is drawn that would be wiped out again.
    with Progress(*columns, what, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        whole = bar.add_task("starting", total=1.0)
        yield lambda what, fraction: bar.update(whole, completed=fraction, description=what)


def _show(report: Report) -> None:
    from rich.table import Table

    from eucentric.calibration.record import Level
    from eucentric.cli.style import console, level_text

    screen = console()
    table = Table(title=f"Pre-flight of {report.instrument} at {report.preset}", title_justify="left")
    table.add_column("", no_wrap=True)
    table.add_column("what", no_wrap=True)
    table.add_column("found, and what to do", overflow="fold")
    for line in report.lines:
        told: Any = line.value if line.level is Level.GREEN else f"{line.value}\n{line.sentence}"
        table.add_row(level_text(line.level), line.key, told)
    screen.print(table)
    for caution in report.cautions:
        screen.print(caution, markup=False)
    cost = f"{report.dose_per_m2 / E_PER_A2:.0f} e/Å² and {report.seconds / 60:.1f} min of the microscope's time."
    screen.print(f"{report.sentence} It took {cost}", markup=False)
