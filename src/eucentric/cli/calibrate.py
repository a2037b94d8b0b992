"""`eucentric calibrate …`: measure what focusing needs to know of an instrument, and keep it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eucentric.calibration.commands import COMMANDS
from eucentric.cli.bench import STORE, Opened, opened
from eucentric.cli.calibrating import Where, show, summary, watched
from eucentric.cli.options import JsonOption, MicroscopeOption, SeedOption
from eucentric.cli.stopped import Stopped
from eucentric.cli.suggested import given_options, suggesting, with_options

if TYPE_CHECKING:
    from eucentric.calibrate.all import Calibrator
    from eucentric.calibrate.outcome import Evidence
    from eucentric.calibration.record import Record

NOT_GOOD = 3

app = typer.Typer(
    help="Measure what focusing needs to know of an instrument, each with its error, and keep it.\n\n"
    "Begin with: eucentric calibrate all",
    no_args_is_help=True,
)

Store = Annotated[Path, typer.Option(help="Folder in which calibrations are kept.")]
Size = Annotated[int, typer.Option("--size", min=64, max=4096, help="Side of the simulated images, pixels.")]
Days = Annotated[float, typer.Option("--max-age", min=0.001, help="Age in days after which a calibration is old.")]
PresetName = Annotated[str, typer.Option(help="Preset to calibrate at.")]


@app.command("list")
def list_records(*, store: Store = STORE, max_age: Days = 90.0, as_json: JsonOption = False) -> None:
    """What was calibrated, when, and whether it is good enough. Older ones of the same kind are not shown."""
    from datetime import UTC, datetime

    from eucentric.calibration.age import Ages, warning
    from eucentric.calibration.store import CalibrationStore

    kept, options = CalibrationStore(store), given_options(store=store)
    records, troubles = kept.records(), kept.troubles()
    ages, now = Ages(days=max_age), datetime.now(UTC)
    if as_json:
        typer.echo(json.dumps([r.model_dump(mode="json") for r in records], indent=2, allow_nan=False))
    else:
        _table(_latest(records), options)
    for sentence in (*troubles, *filter(None, (warning(r, now, ages) for r in _latest(records)))):
        typer.echo(with_options(sentence, options), err=True)


def _latest(records: tuple[Record, ...]) -> list[Record]:
    newest = {(r.instrument, r.kind, r.optics.preset): r for r in records}
    return sorted(newest.values(), key=lambda r: (r.instrument, r.kind, r.optics.preset))


def _table(records: list[Record], options: str) -> None:
    """One table for each instrument."""
    from rich.table import Table

    from eucentric.calibration.words import lines
    from eucentric.cli.style import console, level_text

    if not records:
        said = with_options("Nothing is calibrated here. Begin with: eucentric calibrate all", options)
        console().print(said, markup=False, soft_wrap=True)
    for instrument in sorted({r.instrument for r in records}):
        table = Table(title=f"Calibrations of {instrument}", title_justify="left")
        for name in ("what", "taken (UTC)", "is", "values"):
            table.add_column(name, overflow="fold")
        for r in (one for one in records if one.instrument == instrument):
            note = "\nrough" if r.rough else "\ntransferred" if r.transferred else ""
            values = "\n".join(f"{name} {value}" for name, value in lines(r.quantity, r.optics) if name != "tied")
            taken = f"{r.taken:%Y-%m-%d\n%H:%M}"
            table.add_row(f"{r.kind}\n{r.optics.preset}{note}", taken, level_text(r.level), values)
        console().print(table)


@app.command("all")
def calibrate_all(
    *,
    microscope: MicroscopeOption = "simulated",
    seed: SeedOption = 0,
    store: Store = STORE,
    focus: Annotated[str, typer.Option(help="Preset of fine focusing.")] = "fa",
    hole: Annotated[str, typer.Option(help="Preset of coming near: of low magnification.")] = "hl",
    others: Annotated[list[str] | None, typer.Option("--also", help="A further preset to calibrate.")] = None,
    essential: Annotated[bool, typer.Option("--essential", help="Only what focusing can't do without.")] = False,
    anew: Annotated[bool, typer.Option("--anew", help="Measure also what is known and not old.")] = False,
    max_age: Days = 90.0,
    size: Size = 1024,
    as_json: JsonOption = False,
) -> None:
    """Measure what is missing or old, in the right order. Stopped or killed half way, run it again: it goes on.

    Everything together puts more than 1000 e/Å² on the place where the stage is: go to a place that is not needed.

    Exit code: 0 all is known and good enough, 3 something is not, 2 unusable options.
    """
    from eucentric.calibrate.all import State
    from eucentric.calibrate.plan import ESSENTIAL, Presets

    instrument, options = (
        opened(microscope, seed=seed, size=size),
        given_options(microscope=microscope, seed=seed, store=store),
    )
    presets = Presets(focus, hole, tuple(others or ()))
    with suggesting(options), watched(as_json, options) as tell:
        calibrator = _calibrator(instrument, store, tell, presets=presets, days=max_age)
        try:
            did = calibrator.all(anew=anew, only=ESSENTIAL if essential else None)
        except KeyboardInterrupt as stop:
            kept = f"What was measured is kept in {store}: run it again to go on."
            raise Stopped(f"Stopped. Everything that was moved is put back. {kept}") from stop
    if as_json:
        typer.echo(json.dumps([d.plain() for d in did], indent=2, allow_nan=False))
    else:
        summary(did, store)
    if any(d.state in (State.FAILED, State.BLOCKED) for d in did):
        raise typer.Exit(NOT_GOOD)


@app.command("transfer")
def transfer(
    *,
    kind: Annotated[str, typer.Argument(help=f"What to carry over: {', '.join(COMMANDS)}.")],
    source: Annotated[str, typer.Option("--from", help="Preset where it was measured.")],
    target: Annotated[str, typer.Option("--to", help="Preset where it is wanted.")],
    rotation: Annotated[
        str | None,
        typer.Option(help='Rotation of the image from one to the other: "12 deg". Default: by both tilt responses.'),
    ] = None,
    microscope: MicroscopeOption = "simulated",
    seed: SeedOption = 0,
    store: Store = STORE,
    as_json: JsonOption = False,
) -> None:
    """Carry a calibration over to another magnification, by pixel sizes and image rotation; its errors grow."""
    from eucentric.calibration.record import optics_of
    from eucentric.calibration.store import CalibrationStore
    from eucentric.calibration.transfer import GIVEN_SIGMA_RAD, Turn, calibrated_turn, transferred
    from eucentric.errors import InputError
    from eucentric.units import parse

    if kind not in COMMANDS:
        raise InputError(f"There is no calibration '{kind}'. Use one of: {', '.join(COMMANDS)}.")
    instrument = opened(microscope, seed=seed)
    kept = CalibrationStore(store)
    here, there = (optics_of(instrument.microscope, name) for name in (source, target))
    options = given_options(microscope=microscope, seed=seed, store=store)
    with suggesting(options):
        record = kept.need(COMMANDS[kind], instrument.instrument, here)
        if rotation is not None:
            turn = Turn(parse(rotation, "rad"), GIVEN_SIGMA_RAD)
        else:
            responses = (kept.need("tilt response", instrument.instrument, optics) for optics in (here, there))
            turn = calibrated_turn(*responses)
        carried = transferred(record, there, turn)
    show(kept.keep(carried), Where(store, options), as_json)


def _one(command: str, kind: str) -> Callable[..., None]:
    def measure_one(
        *,
        microscope: MicroscopeOption = "simulated",
        seed: SeedOption = 0,
        preset: PresetName = _usual_preset(kind),
        store: Store = STORE,
        figure: Annotated[Path | None, typer.Option(help="Where to draw it too. Always drawn in the store.")] = None,
        size: Size = 1024,
        as_json: JsonOption = False,
    ) -> None:
        from eucentric.calibration.record import Level
        from eucentric.figures.saved import check_suffix

        if figure is not None:
            check_suffix(figure)
        instrument = opened(microscope, seed=seed, size=size)
        options = given_options(microscope=microscope, seed=seed, store=store)
        with suggesting(options), watched(as_json, options) as tell:
            calibrator = _calibrator(instrument, store, tell, figure=figure)
            record = calibrator.one(kind, preset)
        show(record, Where(store, options), as_json)
        if record.level is Level.RED:
            raise typer.Exit(NOT_GOOD)

    measure_one.__name__ = command
    return measure_one


def _usual_preset(kind: str) -> str:
    return "hl" if kind in ("stage alpha", "parfocality") else "fa"


for _command, _kind in COMMANDS.items():
    app.command(_command, help=f"Measure the {_kind} and keep it, with its error and figure.")(_one(_command, _kind))


def _calibrator(
    instrument: Opened, store: Path, tell: Any, *, presets: Any = None, days: float = 90.0, figure: Path | None = None
) -> Calibrator:
    from eucentric.calibrate.all import Calibrator, Setup
    from eucentric.calibrate.plan import Presets
    from eucentric.calibration.age import Ages
    from eucentric.calibration.store import CalibrationStore

    def draw(record: Record, evidence: tuple[Evidence, ...], path: Path) -> None:
        from eucentric.figures.calibration import draw_calibration

        draw_calibration(record, evidence, path)
        if figure is not None and not record.rough:
            draw_calibration(record, evidence, figure)

    return Calibrator(
        Setup(
            microscope=instrument.microscope,
            store=CalibrationStore(store),
            columns=instrument.columns,
            instrument=instrument.instrument,
            presets=presets or Presets(),
            ages=Ages(days=days),
            z_along_normal=instrument.z_along_normal,
            draw=draw,
            tell=tell,
        )
    )
