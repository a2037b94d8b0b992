"""What `eucentric tune` does: measures, measures again what is stored, lets it be marked, learns, tells and writes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from eucentric.cli.node import Bench, node_of
from eucentric.cli.written import UNWRITTEN, told_unwritten
from eucentric.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from eucentric.cli.tune_ask import Asked
    from eucentric.cli.tune_chosen import Chosen
    from eucentric.cli.tune_gather import Gathered
    from eucentric.focus.settings import FocusStep
    from eucentric.optimize.tuning.tune import Tuning
    from eucentric.records.place import Place
    from eucentric.records.stored import StoredRun

NOT_TUNED = 3
_SHOWN = 30
"""Pairs in the figure."""


@dataclass(frozen=True, slots=True)
class Live:
    """On which instrument to measure, how, and where it is kept."""

    bench: Bench
    repeats: int
    focus_first: bool
    place: Place
    folder: Path | None


@dataclass(frozen=True, slots=True)
class Rates:
    """What rates are made with."""

    blanks: int
    refuse_percent: float | None


@dataclass(frozen=True, slots=True)
class Written:
    """What is written of a tuning, and where to (None: it is not)."""

    chosen: Chosen
    runs: Sequence[StoredRun]
    gathered: Gathered
    out: Path | None
    figure: Path | None


def measured(live: Live, chosen: Chosen, console: Console, opened: ExitStack) -> list[StoredRun]:
    """The repeats on the microscope, read back from the records while `opened` is.

    Leaves with `NOT_TUNED` where focusing before them fails. Raises what a run raises.
    """
    from eucentric.cli.tune_measure import Wanted, electrons_words, focus_up_to, measure
    from eucentric.records.reading import Records
    from eucentric.records.run_folder import check_free
    from eucentric.records.stored import run_in_records

    if live.folder is not None:
        check_free(live.folder)
    node = node_of(live.bench, chosen.settings)
    wanted = Wanted(chosen.step, live.repeats, live.focus_first, live.place, live.folder)
    for sentence in (*node.cautions, electrons_words(node, wanted)):
        typer.echo(sentence, err=True)
    failed = focus_up_to(node, wanted, console) if wanted.focus_first else None
    if failed is not None:
        typer.echo(failed, err=True)
        raise typer.Exit(NOT_TUNED)
    kept = measure(node, wanted, console)
    for sentence in kept.sentences:
        typer.echo(sentence, err=True)
    for line in kept.where():
        console.print(line, markup=False, soft_wrap=True)
    if kept.kept is None or kept.kept.run_id is None:
        raise InputError("The repeats could not be kept, and limits are tuned from what is kept. Mend the records.")
    return [run_in_records(opened.enter_context(Records.open(live.place)), kept.kept.run_id)]


def tuned(
    runs: Sequence[StoredRun], step: FocusStep, rates: Rates, marks: Asked, console: Console
) -> tuple[Tuning, Gathered]:
    """Measure all again, let it be marked, and learn. Leaves with `NOT_TUNED` where too few are good."""
    from eucentric.cli.progress import advancing
    from eucentric.cli.tune_gather import gather, stored_of
    from eucentric.optimize.tuning.repeats import marked
    from eucentric.optimize.tuning.tune import Given, enough, tune

    stored = stored_of(runs, step)
    marks.check(len(stored))
    for run in runs:
        if run.left_out:
            typer.echo(
                f"{run.source}: {run.left_out} measurements left out: without images, or not by beam tilt.", err=True
            )
    with advancing(console) as progress:
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


def tell(tuning: Tuning, runs: Sequence[StoredRun], fit_limit_px2: float | None, console: Console) -> None:
    """The tuning on the terminal, or as JSON where the console is quiet."""
    from eucentric.cli import tune_report

    old = None if fit_limit_px2 is None else tuning.px2.of_px2(fit_limit_px2)
    if console.quiet:
        body = tune_report.as_json(tuning, old, [run.source for run in runs])
        typer.echo(json.dumps(body, indent=2, allow_nan=False))
    else:
        tune_report.show(console, tuning, old)


def write(tuning: Tuning, written: Written, console: Console) -> None:
    """The settings and the figure, where they are asked for: one that fails does not cost the other. Raises Exit."""

    def settings(path: Path) -> None:
        _settings(tuning, written, path)
        use = f"Use them: eucentric focus --settings {path}"
        console.print(f"Settings: {path}. {use}", markup=False, soft_wrap=True)

    def drawn(path: Path) -> None:
        _draw(tuning, written, path)
        console.print(f"Figure: {path}", markup=False, soft_wrap=True)

    asked = ((settings, written.out), (drawn, written.figure))
    if told_unwritten(partial(one, path) for one, path in asked if path is not None):
        raise typer.Exit(UNWRITTEN)


def _draw(tuning: Tuning, written: Written, path: Path) -> None:
    from eucentric.figures.saved import save
    from eucentric.figures.tune import shown, tune_figure

    marks = {number: one.mark for number, one in tuning.given.marks.items()}
    numbers = shown(tuning.given.repeats, marks, _SHOWN)
    tiles = [written.gathered.tiles[number - 1] for number in numbers]
    instruments = " and ".join(dict.fromkeys(run.instrument for run in written.runs))
    title = f"Limits of step {tuning.given.step.name} on {instruments}, from {len(marks)} repeats"
    save(tune_figure(tuning, tiles, title=title), path)


def _settings(tuning: Tuning, written: Written, path: Path) -> None:
    from eucentric.cli.copied import copy_to
    from eucentric.cli.tune_words import notes
    from eucentric.focus.toml_limits import with_thresholds

    said = notes(tuning, [run.source for run in written.runs], f"{datetime.now():%Y-%m-%d}")
    text = with_thresholds(written.chosen.text, written.chosen.step.name, tuning.thresholds, said)
    copy_to(path, text, "Settings")
