"""`eucentric sequences …`: the focus settings that come along: which there are, what stands in them, copies to edit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eucentric.cli.copied import copy_to
from eucentric.cli.options import JsonOption

if TYPE_CHECKING:
    from rich.table import Table

    from eucentric.focus.settings import FocusSequence, FocusStep

app = typer.Typer(
    help="The focus sequences that come along: list, show, and copy to a file to edit.\n\n"
    "Run one with: eucentric focus --settings NAME",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="A sequence of the list, or a TOML file.")]


@app.command("list")
def list_sequences(
    *,
    as_json: JsonOption = False,
) -> None:
    """All sequences with their steps at a glance."""
    from eucentric.cli.style import console
    from eucentric.focus.shipped import SHIPPED

    if as_json:
        all_of_them = [
            {"name": one.key, "title": one.name, "place": one.place, "settings": one.settings.model_dump(mode="json")}
            for one in SHIPPED
        ]
        typer.echo(json.dumps(all_of_them, indent=2, allow_nan=False))
        return
    screen = console()
    for one in SHIPPED:
        screen.print(f"{one.key}", style="bold", end="", markup=False)
        screen.print(f"  {one.place}", markup=False)
        screen.print(_steps(one.settings.sequence))
    screen.print("A step in brackets is switched off. Look closer: eucentric sequences show NAME")
    screen.print("Make your own: eucentric sequences copy NAME myfocus.toml")


def _steps(sequence: FocusSequence) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), show_header=True, header_style="dim", pad_edge=False)
    for name, width in (("  step", 18), ("preset", 6), ("by", 10), ("tilt", 9), ("corrects", 8), ("up to", 6), ("", 0)):
        table.add_column(name, min_width=width, overflow="fold")
    for step in sequence.steps:
        table.add_row(*_row(step))
    return table


def _row(step: FocusStep) -> tuple[str, ...]:
    from eucentric.focus.settings import CorrectionType, FocusMethod
    from eucentric.focus.words import pattern_words
    from eucentric.units import exactly

    tilt = {
        FocusMethod.BEAM_TILT: f"±{exactly(float(f'{step.largest_tilt_rad:.3g}'), 'rad')}",
        FocusMethod.STAGE_TILT: f"±{exactly(step.tilt_rad, 'rad', 'deg')}",
    }.get(step.focus_method, "")
    corrects = "" if step.correction_type is CorrectionType.NONE else str(step.correction_type)
    reach = "" if step.delta_max_m is None else exactly(step.delta_max_m, "m").replace("um", "µm")
    pattern = pattern_words(step) if step.focus_method is FocusMethod.BEAM_TILT else ""
    name = step.name if step.switch else f"({step.name})"
    return (f"  {name}", step.preset, str(step.focus_method), tilt, corrects, reach, pattern)


@app.command("show")
def show(
    name: Name,
    *,
    short: Annotated[bool, typer.Option("--short", help="Only what differs from the defaults, no help.")] = False,
) -> None:
    """A sequence's settings as TOML, with what each means and what else could be set."""
    from eucentric.cli.chosen import chosen
    from eucentric.focus.toml import to_toml

    typer.echo(to_toml(chosen(name), explained=not short), nl=False)


@app.command("copy")
def copy(
    name: Name,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Where to. Default: NAME.toml here.", show_default=False)
    ] = None,
    *,
    short: Annotated[bool, typer.Option("--short", help="Only what differs from the defaults, no help.")] = False,
) -> None:
    """Copy a sequence's settings to a file, to edit them. Nothing is written over."""
    from eucentric.cli.chosen import chosen
    from eucentric.focus.toml import to_toml

    text = to_toml(chosen(name), explained=not short)
    path = file or Path(f"{_stem(name)}.toml")
    copy_to(path, text, "Settings")
    typer.echo(f"Copied to {path}. Edit it, then: eucentric focus --settings {path}")


def _stem(name: str) -> str:
    """The sequence's own key; of a file, its name with -copy."""
    from eucentric.focus.shipped import SHIPPED, shipped

    path = Path(name)
    if path.suffix.lower() == ".toml":
        return f"{path.stem}-copy"
    settings = shipped(name)
    return next(one.key for one in SHIPPED if one.settings is settings)
