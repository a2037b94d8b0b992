"""The plan by the classic rules, as text and JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from eucentric.optimize.planning.rules import Needs, Plan, Step


def needs_of(
    start_um: float, accuracy_um: float, separation_mrad: float | None, camera: int | None, *, size_px: int | None
) -> Needs:
    """What is asked of the classic rules: 10 mrad and 4096 pixels where nothing is said."""
    from eucentric.optimize.planning.rules import Needs

    return Needs(
        start_m=start_um * 1e-6,
        accuracy_m=accuracy_um * 1e-6,
        separation_rad=(10.0 if separation_mrad is None else separation_mrad) * 1e-3,
        camera_px=4096 if camera is None else camera,
        size_px=size_px,
    )


def tell(needs: Needs, *, as_json: bool) -> None:
    """Plan, and print the plan."""
    from eucentric.optimize.planning.rules import plan

    made = plan(needs)
    if as_json:
        typer.echo(json.dumps(json_of(made), indent=2, allow_nan=False))
    else:
        show(made)


def json_of(made: Plan) -> dict[str, Any]:
    """The plan in SI units."""
    needs = made.needs
    return {
        "rules": "classic",
        "start_m": needs.start_m,
        "accuracy_m": needs.accuracy_m,
        "separation_rad": needs.separation_rad,
        "camera_px": needs.camera_px,
        "image_px": needs.image_px,
        "range_of_last_step_with_whole_camera_m": made.alone_camera_m,
        "range_of_last_step_m": made.alone_image_m,
        "steps": [
            {
                "name": step.name,
                "pixel_m": step.pixel_m,
                "size_px": step.size_px,
                "binning": step.binning,
                "range_m": step.range_m,
                "accuracy_m": step.accuracy_m,
                "correct_by": str(step.knob),
                "why": step.why,
            }
            for step in made.steps
        ],
    }


def show(made: Plan) -> None:
    """The plan as a table, and where each number comes from."""
    from rich.console import Console
    from rich.table import Table

    needs, count = made.needs, len(made.steps)
    title = f"{_um(needs.start_m)} to {_um(needs.accuracy_m)}: {count} step{'s' if count > 1 else ''}"
    table = Table(title=title, title_justify="left")
    for name in ("step", "pixel", "image", "reaches", "leaves", "correct by"):
        table.add_column(name, justify="left" if name in ("step", "correct by") else "right")
    for step in made.steps:
        table.add_row(*_row(step))
    console = Console(highlight=False)
    console.print(table)
    for line in _explained(made):
        console.print(line, soft_wrap=not console.is_terminal)


def _row(step: Step) -> tuple[str, ...]:
    binned = f", bin {step.binning}" if step.binning > 1 else ""
    return (
        step.name,
        f"{step.pixel_m * 1e9:.3g} nm",
        f"{step.size_px}{binned}",
        f"±{_um(step.range_m)}",
        _um(step.accuracy_m),
        str(step.knob),
    )


def _explained(made: Plan) -> list[str]:
    """Every number of the table, worked out."""
    needs, last = made.needs, made.steps[-1]
    separation, nm = f"{needs.separation_rad * 1e3:g} mrad", f"{last.pixel_m * 1e9:.3g} nm"
    lines = [
        f"Pixel   accuracy · separation = {_um(needs.accuracy_m)} · {separation} = {nm} for the last step",
        "Reach   a quarter of the image · pixel / separation",
        f"        {needs.image_px}/4 · {nm} / {separation} = {_um(made.alone_image_m)}",
    ]
    if needs.camera_px != needs.image_px:
        lines.append(
            f"        {needs.camera_px}/4 · {nm} / {separation} = {_um(made.alone_camera_m)} with the whole camera"
        )
    for step in made.steps[:-1]:
        pixel = f"{step.pixel_m * 1e9:.3g} nm"
        lines += [
            f"{step.name}: {step.size_px}/4 · {pixel} / {separation} = {_um(step.range_m)}, "
            f"leaves {pixel} / {separation} = {_um(step.accuracy_m)}",
            f"        {step.why}",
        ]
    half = f"{needs.separation_rad * 5e2:g}"
    return [
        *lines,
        f"{last.name}: {last.why}",
        f"The separation of {separation} is Leginon's pair at 0 and {separation}, or a symmetric pair at ±{half} mrad.",
        f"A symmetric pair at ±{separation} would have twice that: half the reach, and twice the accuracy per pixel.",
    ]


def _um(value_m: float) -> str:
    return f"{value_m * 1e6:.4g} µm"
