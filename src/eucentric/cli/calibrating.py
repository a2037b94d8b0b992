"""What calibrating says at the terminal: how it goes on, what was found, what it cost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from eucentric.cli.suggested import with_options

if TYPE_CHECKING:
    from eucentric.calibrate.all import Did, Moment
    from eucentric.calibration.record import Record


@dataclass(frozen=True, slots=True)
class Where:
    """The store, and the options with which it is reached again."""

    store: Path
    options: str


def show(record: Record, where: Where, as_json: bool) -> None:
    """A record: its values, whether it is good enough, where it is kept."""
    from eucentric.calibration.words import lines
    from eucentric.cli.style import console, level_text
    from eucentric.focus.words import dose_words

    if as_json:
        typer.echo(json.dumps(record.model_dump(mode="json"), indent=2, allow_nan=False))
        return
    screen = console()
    screen.print(f"{record.kind}, {record.instrument}, {record.optics}", markup=False)
    for name, value in lines(record.quantity, record.optics):
        screen.print(f"  {name}: {value}", markup=False)
    screen.print(level_text(record.level), with_options(record.sentence, where.options))
    screen.print(f"It put {dose_words(record.dose_e_per_m2)} on the specimen.")
    screen.print(f"Kept in {where.store}" + (f", figure {record.figure}" if record.figure else ""), markup=False)


@contextmanager
def watched(quiet: bool, options: str) -> Iterator[Callable[[Moment | Did], None]]:
    """A progress bar with what is going on and the time left, and a line for each that ended."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from eucentric.cli.style import console

    columns = (
        BarColumn(24),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    screen = console(quiet=quiet)
    # Into a file or a pipe nothing is drawn that would be wiped out again.
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        whole = bar.add_task("starting", total=1.0)

        def tell(moment: Moment | Did) -> None:
            from eucentric.calibrate.all import Moment

            if isinstance(moment, Moment):
                what = f"{moment.task}: {moment.what}"
                bar.update(whole, completed=moment.fraction, description=what)
            else:
                bar.console.print(_ended(moment, options))

        yield tell


def _ended(did: Did, options: str) -> Any:
    from rich.text import Text

    from eucentric.calibration.words import sentence
    from eucentric.cli.style import level_text

    if did.record is None:
        colour = "yellow" if did.state == "untold" else "red"
        return Text.assemble((f"{did.state} ", colour), f"{did.task}: {with_options(did.why, options)}")
    known = f" (known since {did.record.taken:%Y-%m-%d %H:%M} UTC)" if did.state == "known" else ""
    return Text.assemble(
        level_text(did.record.level), f" {did.task}: {sentence(did.record.quantity, did.record.optics)}{known}"
    )


def summary(did: tuple[Did, ...], store: Path) -> None:
    """How many were measured, known and so on, and what they cost."""
    from eucentric.cli.style import console
    from eucentric.focus.words import dose_words

    states = [str(d.state) for d in did]
    told = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    spent = sum(d.record.dose_e_per_m2 for d in did if d.record is not None and d.state == "done")
    dose = f" They put {dose_words(spent)} on the specimen." if spent else ""
    console().print(f"Calibrations: {told}.{dose} Kept in {store}", markup=False, soft_wrap=True)
