"""`eucentric applications …`: the applications that come along: which there are, what stands in them, copies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eucentric.cli.copied import copy_to
from eucentric.cli.options import JsonOption

if TYPE_CHECKING:
    from rich.table import Table

    from eucentric.msi.application import Application, NodeSettings

app = typer.Typer(
    help="The applications that come along, whole sessions: list, show, and copy to a file to edit.\n\n"
    "Run one with: eucentric run --application NAME",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="An application of the list, or a TOML file.")]


@app.command("list")
def list_applications(
    *,
    as_json: JsonOption = False,
) -> None:
    """All applications with their nodes at a glance."""
    from eucentric.cli.style import console
    from eucentric.msi.shipped import SHIPPED, shipped_application

    every = {key: shipped_application(key) for key in SHIPPED}
    if as_json:
        said = [{"name": key, "application": one.model_dump(mode="json")} for key, one in every.items()]
        typer.echo(json.dumps(said, indent=2, allow_nan=False))
        return
    screen = console()
    for key, one in every.items():
        screen.print(key, style="bold", markup=False)
        screen.print(f"  {one.text}", markup=False)
        screen.print(_nodes(one))
    screen.print("Look closer:   eucentric applications show NAME")
    screen.print("Make your own: eucentric applications copy NAME mine.toml")


def _nodes(application: Application) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), show_header=True, header_style="dim", pad_edge=False)
    for name, width in (("  node", 14), ("inside", 7), ("targets", 7), ("does", 11), ("with", 0)):
        table.add_column(name, min_width=width, overflow="fold")
    for node in application.nodes:
        table.add_row(*_row(node))
    return table


def _row(node: NodeSettings) -> tuple[str, ...]:
    from eucentric.msi.units import places
    from eucentric.units import exactly

    tilted = f" at {exactly(node.alpha_rad, 'rad', 'deg')}" if node.alpha_rad else ""
    each = len(places(node.targets))
    return (f"  {node.name}", node.inside or "grid", str(each), f"{node.kind}{tilted}", _with(node))


def _with(node: NodeSettings) -> str:
    """What a node works with: its preset, its tilts, the steps of its focus sequence."""
    from eucentric.msi.application import Kind
    from eucentric.units import exactly

    if node.kind is Kind.TILT_SERIES and node.series is not None:
        first, last, step = (
            exactly(v, "rad", "deg").removesuffix(" deg")
            for v in (node.series.first_rad, node.series.last_rad, node.series.step_rad)
        )
        return f"{node.preset}, {first} to {last} deg, each {step}"
    if node.focus is None:
        return str(node.preset)
    steps = [step for step in node.focus.sequence.steps if step.switch]
    return ", ".join(f"{step.preset} {step.correction_type}" for step in steps)


@app.command("show")
def show(name: Name) -> None:
    """An application's settings as TOML: of a shipped one with what each means, of a file all that is used of it."""
    typer.echo(_text(name), nl=False)


@app.command("copy")
def copy(
    name: Name,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Where to. Default: NAME.toml here.", show_default=False)
    ] = None,
) -> None:
    """Copy an application's settings to a file, to edit them. Nothing is written over."""
    text = _text(name)
    path = file or Path(f"{_stem(name)}.toml")
    copy_to(path, text, "Applications")
    typer.echo(f"Copied to {path}. Edit it, then: eucentric run --application {path}")


def _text(name: str) -> str:
    """A shipped application's own file; of another one what it comes to, with the settings of its focus nodes."""
    from eucentric.msi.shipped import application_of, is_file, shipped_text
    from eucentric.msi.toml import to_toml

    return to_toml(application_of(name)) if is_file(name) else shipped_text(name)


def _stem(name: str) -> str:
    """The application's own key; of a file, its name with -copy."""
    from eucentric.msi.shipped import is_file, key_of

    return f"{Path(name).stem}-copy" if is_file(name) else key_of(name)
