"""`eucentric tune`: the limits of a focus step, learned by repeating it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eucentric.cli.calibrate import AsJson
from eucentric.cli.node import Bench, node_of
from eucentric.cli.tune_ask import Asked
from eucentric.cli.tune_chosen import check_files, check_folders, check_not_live, named_settings, settings_of_run
from eucentric.errors import SettingsError

if TYPE_CHECKING:
    from rich.console import Console

    from eucentric.cli.tune_chosen import Chosen
    from eucentric.cli.tune_gather import Gathered, Progress
    from eucentric.focus.settings import FocusStep
    from eucentric.optimize.tuning import Tuning
    from eucentric.records.stored import StoredRun

NOT_TUNED = 3
_FEWEST, _MOST = 5, 1000
_SHOWN = 30
"""Pairs in the figure."""
_LIVE, _MARKS, _LIMITS = "On a microscope", "Marks", "Limits"


def tune(
    *,
    settings: Annotated[
        str | None,
        typer.Option(
            "--settings",
            metavar="NAME|FILE",
            help="A sequence of 'eucentric sequences list', or a TOML file. With --from: default that of the run.",
            show_default=False,
        ),
    ] = None,
    step: Annotated[
        str | None, typer.Option(help="Name of the step. Default: the last one by Beam Tilt.", show_default=False)
    ] = None,
    stored: Annotated[
        list[Path] | None,
        typer.Option(
            "--from", metavar="FOLDER", help="Tune from this run folder, measure nothing. Again for further ones."
        ),
    ] = None,
    microscope: Annotated[
        str, typer.Option("--microscope", help="Which instrument.", rich_help_panel=_LIVE)
    ] = "simulated",
    seed: Annotated[int, typer.Option(min=0, help="Which simulated microscope.", rich_help_panel=_LIVE)] = 0,
    calibrations: Annotated[
        Path | None,
        typer.Option(
            "--calibrations", "--store", metavar="FOLDER", help="As in 'eucentric focus'.", rich_help_panel=_LIVE
        ),
    ] = None,
    repeats: Annotated[
        int, typer.Option(min=_FEWEST, max=_MOST, help="How often to measure.", rich_help_panel=_LIVE)
    ] = 20,
    focus_first: Annotated[
        bool,
        typer.Option("--focus-first", help="Focus by the steps up to this one; that corrects.", rich_help_panel=_LIVE),
    ] = False,
    run_folder: Annotated[
        Path | None,
        typer.Option("--run", metavar="FOLDER", help="Run folder. Default: new, in ./runs.", rich_help_panel=_LIVE),
    ] = None,
    size: Annotated[
        int, typer.Option(min=64, max=4096, help="Side of the simulated images, pixels.", rich_help_panel=_LIVE)
    ] = 1024,
    ask: Annotated[
        bool, typer.Option("--ask", help="Show each pair, and ask whether it is good.", rich_help_panel=_MARKS)
    ] = False,
    good: Annotated[str | None, typer.Option(help="Good repeats by number: 3,7-9.", rich_help_panel=_MARKS)] = None,
    bad: Annotated[str | None, typer.Option(help="Bad repeats by number.", rich_help_panel=_MARKS)] = None,
    refuse_percent: Annotated[
        float | None,
        typer.Option(
            min=1e-4,
            max=50,
            help="Good ones that χ² may refuse, %. Default: as many as the step's limit stands for.",
            rich_help_panel=_LIMITS,
        ),
    ] = None,
    blanks: Annotated[
        int,
        typer.Option(min=0, max=10_000, help="Blank pairs to make, for the false accepts.", rich_help_panel=_LIMITS),
    ] = 100,
    fit_limit_px2: Annotated[
        float | None,
        typer.Option(min=1e-9, help="Leginon's fit limit to translate. Default: the step's.", rich_help_panel=_LIMITS),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the settings with the new limits: a new TOML file.")
    ] = None,
    figure: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw pairs, defocus, χ² and evidence.")] = None,
    as_json: AsJson = False,
) -> None:
    """Tune a step's limits: repeat it at one place, correct nothing, and learn noise, contrast and drift.

    Limits on χ² and on evidence come with the rates at which they refuse good measurements and accept bad ones.
    The repeats are kept in a run folder; --from tunes from run folders, of several places if you can.

    Exit code: 0 tuned, 3 too few good repeats, 2 unusable options, 130 stopped (what was measured is kept).
    """
    from eucentric.cli.style import console as make_console
    from eucentric.records.stored import read_run

    check_files(out, figure)
    if ask and as_json:
        raise SettingsError("--ask talks to you, and --json prints JSON and nothing else. Leave one out.")
    console, marks = make_console(quiet=as_json), Asked(ask, good, bad)
    if stored:
        check_not_live({"--focus-first": focus_first, "--run": run_folder, "--calibrations": calibrations})
        check_folders(stored)
        runs = [read_run(folder) for folder in stored]
        chosen = settings_of_run(runs[0], step) if settings is None else named_settings(settings, step)
    else:
        marks.check(repeats)
        chosen = named_settings(settings or "default", step)
        bench = Bench(microscope, seed, calibrations, size)
        runs = [_measured(bench, chosen, _Live(repeats, focus_first, run_folder), console)]
    tuning, gathered = _tuned(runs, chosen.step, _Rates(blanks, refuse_percent), marks, console)
    _tell(tuning, runs, fit_limit_px2 or chosen.step.fit_limit_px2, console)
    if figure is not None:
        _draw(tuning, gathered, runs, figure)
        console.print(f"Figure: {figure}", markup=False, soft_wrap=True)
    if out is not None:
        _write(tuning, chosen, runs, out)
        console.print(f"Settings: {out}. Use them: eucentric focus --settings {out}", markup=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class _Live:
    """How to measure."""

    repeats: int
    focus_first: bool
    folder: Path | None


@dataclass(frozen=True, slots=True)
class _Rates:
    """What rates are made with."""

    blanks: int
    refuse_percent: float | None


def _measured(bench: Bench, chosen: Chosen, live: _Live, console: Console) -> StoredRun:
    """The repeats on the microscope, read back from their run folder."""
    from eucentric.cli.tune_measure import Wanted, electrons_words, focus_up_to, measure
    from eucentric.records.run_folder import check_free, empty_folder, new_folder
    from eucentric.records.stored import read_run

    if live.folder is not None:
        check_free(live.folder)
    node, wanted = node_of(bench, chosen.settings), Wanted(chosen.step, live.repeats, live.focus_first)
    for sentence in (*node.cautions, electrons_words(node, wanted)):
        typer.echo(sentence, err=True)
    which = f"seed{bench.seed}" if bench.microscope == "simulated" else bench.microscope
    name = f"{datetime.now():%Y-%m-%d-%H%M%S}-tune-{which}"
    folder = new_folder(Path("runs"), name) if live.folder is None else empty_folder(live.folder)
    failed = focus_up_to(node, wanted.step, folder / "first", console) if wanted.focus_first else None
    if failed is not None:
        typer.echo(failed, err=True)
        raise typer.Exit(NOT_TUNED)
    for sentence in measure(node, wanted, folder, console):
        typer.echo(sentence, err=True)
    console.print(f"Run folder: {folder}", markup=False, soft_wrap=True)
    return read_run(folder)


def _tuned(
    runs: list[StoredRun], step: FocusStep, rates: _Rates, marks: Asked, console: Console
) -> tuple[Tuning, Gathered]:
    """Measure all again, let it be marked, and learn. Leaves with `NOT_TUNED` where too few are good."""
    from eucentric.cli.tune_gather import gather, stored_of
    from eucentric.optimize.repeats import marked
    from eucentric.optimize.tuning import Given, enough, tune

    stored = stored_of(runs, step)
    marks.check(len(stored))
    for run in runs:
        if run.left_out:
            typer.echo(
                f"{run.folder}: {run.left_out} measurements left out: without images, or not by beam tilt.", err=True
            )
    with _progress(console) as progress:
        gathered = gather(stored, step, rates.blanks, progress)
    given = Given(
        step,
        gathered.repeats,
        marked(gathered.repeats, marks.marks(gathered, console)),
        gathered.blanks,
        gathered.peaks,
        None if rates.refuse_percent is None else rates.refuse_percent / 100,
    )
    why_not = enough(given)
    if why_not is not None:
        reasons = Counter(str(one.result.verdict.reason) for one in given.repeats if not one.result.accepted)
        told = ", ".join(f"{reason} ({count})" for reason, count in reasons.most_common())
        typer.echo(f"{why_not} Refused for: {told or 'nothing'}. {_BETTER}", err=True)
        raise typer.Exit(NOT_TUNED)
    return tune(given), gathered


_BETTER = "Come nearer to focus first (--focus-first), go to carbon, or repeat more often."


@contextmanager
def _progress(console: Console) -> Iterator[Progress]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(24), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn())
    what = TextColumn("{task.description}")
    # Into a file or a pipe nothing is drawn that would be wiped out again.
    with Progress(*columns, what, console=console, transient=True, disable=not console.is_terminal) as bar:
        whole = bar.add_task("starting", total=1.0)
        yield lambda what, fraction: bar.update(whole, completed=fraction, description=what)


def _tell(tuning: Tuning, runs: list[StoredRun], fit_limit_px2: float | None, console: Console) -> None:
    """The tuning on the terminal, or as JSON where the console is quiet."""
    from eucentric.cli import tune_report

    old = None if fit_limit_px2 is None else tuning.px2.of_px2(fit_limit_px2)
    if console.quiet:
        body = tune_report.as_json(tuning, old, [str(run.folder) for run in runs])
        typer.echo(json.dumps(body, indent=2, allow_nan=False))
    else:
        tune_report.show(console, tuning, old)


def _draw(tuning: Tuning, gathered: Gathered, runs: list[StoredRun], path: Path) -> None:
    from eucentric.figures.saved import save
    from eucentric.figures.tune import shown, tune_figure

    marks = {number: one.mark for number, one in tuning.given.marks.items()}
    numbers = shown(tuning.given.repeats, marks, _SHOWN)
    tiles = [gathered.tiles[number - 1] for number in numbers]
    instruments = " and ".join(dict.fromkeys(run.instrument for run in runs))
    title = f"Limits of step {tuning.given.step.name} on {instruments}, from {len(marks)} repeats"
    save(tune_figure(tuning, tiles, title=title), path)


def _write(tuning: Tuning, chosen: Chosen, runs: list[StoredRun], path: Path) -> None:
    from eucentric.cli.copied import copy_to
    from eucentric.cli.tune_words import notes
    from eucentric.focus.toml_limits import with_thresholds

    said = notes(tuning, [str(run.folder) for run in runs], f"{datetime.now():%Y-%m-%d}")
    copy_to(path, with_thresholds(chosen.text, chosen.step.name, tuning.thresholds, said), "Settings")
