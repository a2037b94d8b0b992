"""Options that several commands have, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

MicroscopeOption = Annotated[
    str, typer.Option("--microscope", help="Which instrument; simulated:NAME|FILE: drawn from one of eucentric plan.")
]
SeedOption = Annotated[int, typer.Option(min=0, help="Which simulated microscope: its height error and faults.")]
CalibrationsOption = Annotated[
    Path | None,
    typer.Option(
        "--calibrations",
        "--store",
        metavar="FOLDER",
        help="What 'eucentric calibrate --store FOLDER' kept. Default: what the instrument tells of itself.",
        show_default=False,
    ),
]
ServeOption = Annotated[bool, typer.Option("--serve", help="Show it live on a page, which can pause and abort it.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON (SI units) and nothing else.")]
