"""`eucentric tune`: the limits of a focus step, learned by repeating it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from eucentric.cli.node import Bench
from eucentric.cli.options import JsonOption
from eucentric.cli.recorded import RECORDS, FolderOption, RecordsOption, place_of
from eucentric.cli.tune_ask import Asked
from eucentric.cli.tune_chosen import Source, named_settings, settings_of_run
from eucentric.cli.tune_work import Live, Rates, Written, measured, tell, tuned, write
from eucentric.cli.typed import check_typed
from eucentric.cli.written import check_files
from eucentric.errors import SettingsError

_FEWEST, _MOST = 5, 1000
_OF_MEASURING = ("microscope", "seed", "calibrations", "repeats", "focus_first", "run_folder", "size")
_STORED, _LIVE, _MARKS, _LIMITS = "From what is stored", "On a microscope", "Marks", "Limits"


def tune(
    ctx: typer.Context,
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
        list[str] | None,
        typer.Option(
            "--from",
            metavar="RUN|FOLDER",
            help="A run of 'eucentric records list', or an exported one. Again for further ones.",
            rich_help_panel=_STORED,
        ),
    ] = None,
    session: Annotated[
        int | None, typer.Option(min=1, help="All runs of a session.", show_default=False, rich_help_panel=_STORED)
    ] = None,
    focus_node: Annotated[
        str | None,
        typer.Option("--node", help="Of the session only this focus node's.", rich_help_panel=_STORED),
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
        typer.Option(
            "--run-folder", metavar="FOLDER", help="Also write the repeats here, as files.", rich_help_panel=_LIVE
        ),
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
    as_json: JsonOption = False,
    records: RecordsOption = RECORDS,
    images_folder: FolderOption = None,
) -> None:
    """Tune a step's limits: repeat it at one place, correct nothing, and learn noise, contrast and drift.

    Limits on χ² and on evidence come with the rates at which they refuse good measurements and accept bad ones.
    The repeats are kept in the records; --from and --session tune from what is there, of several places if you can.

    Exit code: 0 tuned, 3 too few good repeats, 2 unusable options, 130 stopped (what was measured is kept).
    """
    from eucentric.cli.style import console as make_console

    check_files(out, figure)
    if ask and as_json:
        raise SettingsError("--ask talks to you, and --json prints JSON and nothing else. Leave one out.")
    console, marks, place = make_console(quiet=as_json), Asked(ask, good, bad), place_of(records, images_folder)
    source = Source(tuple(stored or ()), session, focus_node, place)
    source.check()
    with ExitStack() as opened:
        if source.names or source.session is not None:
            check_typed(ctx, _OF_MEASURING, "with --from and --session, which measure nothing new")
            runs = source.runs(opened)
            chosen = settings_of_run(runs, step) if settings is None else named_settings(settings, step)
        else:
            marks.check(repeats)
            chosen = named_settings(settings or "default", step)
            live = Live(Bench(microscope, seed, calibrations, size), repeats, focus_first, place, run_folder)
            runs = measured(live, chosen, console, opened)
        tuning, gathered = tuned(runs, chosen.step, Rates(blanks, refuse_percent), marks, console)
    tell(tuning, runs, fit_limit_px2 or chosen.step.fit_limit_px2, console)
    write(tuning, Written(chosen, runs, gathered, out, figure), console)
