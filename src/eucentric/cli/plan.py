"""`eucentric plan`: which tilt, pixel size, image and steps reach a wanted accuracy on an instrument."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eucentric.cli.options import JsonOption
from eucentric.cli.plan_calibrations import From, MeasuredOption, WhoseOption
from eucentric.cli.plan_given import AtOption, Saves, asked_given, instrument_given
from eucentric.cli.stopped import raise_if_stopped
from eucentric.cli.typed import check_typed, others_than
from eucentric.cli.written import UNWRITTEN, check_files, told_unwritten
from eucentric.errors import SettingsError

if TYPE_CHECKING:
    from eucentric.cli.plan_verify import Job
    from eucentric.optimize.calibrated import Calibrated
    from eucentric.optimize.instrument import Instrument
    from eucentric.optimize.planning.asked import Asked
    from eucentric.optimize.planning.plan import Plan
    from eucentric.optimize.trials.spread import Spread
    from eucentric.optimize.trials.trial import Trial


class Rules(StrEnum):
    """What a plan follows."""

    PHYSICS = "physics"
    CLASSIC = "classic"


class Aims(StrEnum):
    """What a tilt pattern is to tell."""

    C1 = "c1"
    C1_A1 = "c1+a1"
    C1_A1_COMA = "c1+a1+coma"


def plan(
    ctx: typer.Context,
    *,
    rules: Annotated[
        Rules, typer.Option(help="physics: by what this instrument can do; classic: Leginon's rules of thumb.")
    ] = Rules.PHYSICS,
    start_um: Annotated[float, typer.Option(help="Largest defocus error to start from, µm.")] = 500.0,
    accuracy_um: Annotated[float, typer.Option(help="Defocus error that may be left, µm.")] = 0.1,
    probability: Annotated[float, typer.Option(help="With which probability it is held.")] = 0.99,
    instrument: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="200kv-side-entry, 300kv-autoloader, 300kv-cs-corrected, or TOML.")
    ] = "200kv-side-entry",
    calibrations: MeasuredOption = None,
    calibrations_of: WhoseOption = None,
    copy_instrument: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the file of --instrument to edit it, and plan nothing.")
    ] = None,
    tilt_max_mrad: Annotated[
        float | None,
        typer.Option(
            help="physics: largest tilt of one image, mrad (default: the instrument's). "
            "classic: the angle between the two images, what Leginon calls its beam tilt (default 10).",
            show_default=False,
        ),
    ] = None,
    camera: Annotated[
        int | None,
        typer.Option(min=64, max=65536, help="Side of the camera, pixels. Default: the instrument's; classic: 4096."),
    ] = None,
    kv: Annotated[
        float | None, typer.Option(min=20, max=1500, help="High tension, kV, in place of the instrument's.")
    ] = None,
    cs: Annotated[float | None, typer.Option(help="Cs, mm, in place of the instrument's.")] = None,
    image: Annotated[
        int | None,
        typer.Option(help="classic: side of the image after binning, pixels. Default: binned to 1024 or below."),
    ] = None,
    saves: Annotated[
        Saves, typer.Option("--for", help="What the plan saves; both: the plans between which to choose are told.")
    ] = Saves.BOTH,
    preset: Annotated[
        list[str] | None,
        typer.Option(help="Only this magnification (again for another). Default: all; --optimal-pattern: the plan's."),
    ] = None,
    one_preset: Annotated[
        bool, typer.Option("--one-preset", help="All images alike: one preset for all steps.")
    ] = False,
    at: AtOption = None,
    steps: Annotated[int, typer.Option(metavar="N", help="At most so many steps.")] = 4,
    look_again: Annotated[
        bool, typer.Option("--look-again", help="Look once more after the last correction, instead of trusting it.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the sequence: eucentric focus --settings FILE.")
    ] = None,
    figure: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the plan.")] = None,
    verify: Annotated[
        int, typer.Option(metavar="N", min=0, help="Run the plan on N simulated microscopes of this instrument.")
    ] = 0,
    optimal_pattern: Annotated[
        bool,
        typer.Option("--optimal-pattern", help="Find the tilts and their order that tell best what --aim asks for."),
    ] = False,
    aim: Annotated[
        Aims | None, typer.Option(help="--optimal-pattern: what it is to tell. Default: c1.", show_default=False)
    ] = None,
    images: Annotated[
        int | None, typer.Option(help="--optimal-pattern: of so many images. Default: 2, 4, 6 and 8 beside each other.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="--verify on this Dask cluster (tcp://HOST:8786). Default: processes of this machine.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Plan focus steps: which take you from one error to another, cheapest first.

    physics: dose, optics, camera, specimen and calibration of the instrument decide; each number has its reasons.
    classic: accuracy = pixel / separation; range = a quarter of the image · pixel / separation.
    """
    if copy_instrument is not None:
        check_typed(ctx, others_than(ctx, "instrument", "copy_instrument"), "with --copy-instrument")
        _copy(instrument, copy_instrument)
        return
    _check_meant(ctx, rules, optimal=optimal_pattern, at_preset=bool(preset))
    if rules is Rules.CLASSIC:
        from eucentric.cli.plan_classic import needs_of, tell

        tell(needs_of(start_um, accuracy_um, tilt_max_mrad, camera, size_px=image), as_json=as_json)
        return
    if not verify:
        check_typed(ctx, {"scheduler"}, "without --verify")
    check_files(out, figure)
    there = instrument_given(instrument, kv, cs, camera)
    known = From(calibrations, calibrations_of).of(there, kv=kv, quiet=as_json)
    there = there if known is None else known.instrument
    asked = asked_given(
        there,
        start_um=start_um,
        accuracy_um=accuracy_um,
        probability=probability,
        tilt_max_mrad=tilt_max_mrad,
        saves=saves,
        steps=steps,
        presets=None if optimal_pattern else preset,
        one_preset=one_preset,
        look_again=look_again,
        at=at,
    )
    if optimal_pattern:
        from eucentric.cli.plan_pattern import PatternAsked, plan_pattern

        of = PatternAsked(asked, (aim or Aims.C1).value, _one(preset), images)
        plan_pattern(there, of, figure=figure, as_json=as_json, known=known)
    else:
        own = all(changed is None for changed in (kv, cs, camera, known))
        whose = instrument if own else None
        _physical(there, asked, _Wanted(out, figure, verify, scheduler, as_json, known, whose))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to come of a plan by physics: files, trials, in which form it is told; `known` came from calibrations;
    `instrument` is the name or file of what is planned for, where no option changes it.
    """

    out: Path | None
    figure: Path | None
    verify: int
    scheduler: str | None
    as_json: bool
    known: Calibrated | None = None
    instrument: str | None = None


def _physical(there: Instrument, asked: Asked, wanted: _Wanted) -> None:
    """Plan by what the instrument can do, and tell. Raises SettingsError, InputError."""
    from eucentric.cli import plan_physics as physics
    from eucentric.cli.plan_verify import check_trials
    from eucentric.optimize.planning.asked import Cheapest
    from eucentric.optimize.planning.plan import front, knee
    from eucentric.optimize.planning.plan import plan as planned

    if sys.stderr.isatty():
        typer.echo("Planning (some seconds) …", err=True)
    if wanted.verify:
        check_trials(there, wanted.scheduler)
    plans = front(there, asked) if asked.cheapest is Cheapest.BOTH else (planned(there, asked),)
    made = knee(plans)
    if not wanted.as_json:
        physics.show(made, there, verified=wanted.verify > 0)
        physics.show_front(plans, made)
    unwritten = _write(made, there, wanted)
    came = None
    try:
        came = _verified(made, there, wanted) if wanted.verify else None
    finally:  # whatever becomes of the trials, the plan is told
        if wanted.as_json:
            told = {**physics.as_json(made, there, came, plans), **physics.calibrations_json(wanted.known)}
            typer.echo(json.dumps(told, indent=2, allow_nan=False))
    if came is not None:
        raise_if_stopped(came.stopped, len(came.ended), came.asked, "trials", by_user=came.by_user)
    if unwritten:
        raise typer.Exit(UNWRITTEN)


def _write(made: Plan, there: Instrument, wanted: _Wanted) -> bool:
    """Write what is asked, and tell it (not beside JSON), and what could not be written; whether anything could not."""
    from eucentric.cli.plan_physics import sequence_told, write_sequence

    def sequence(path: Path) -> None:
        write_sequence(made, there, path)
        tell(sequence_told(made, path, wanted.instrument))

    def drawn(path: Path) -> None:
        from eucentric.figures.plan import plan_figure
        from eucentric.figures.saved import save

        save(plan_figure(made, there), path)
        tell(f"Figure: {path}")

    def tell(line: str) -> None:
        if not wanted.as_json:
            typer.echo(line)

    asked = ((sequence, wanted.out), (drawn, wanted.figure))
    return told_unwritten(partial(one, path) for one, path in asked if path is not None)


def _copy(instrument: str, path: Path) -> None:
    """Write the file of a shipped instrument. Raises InputError."""
    from eucentric.cli.copied import copy_to
    from eucentric.optimize.instrument import shipped_text

    copy_to(path, shipped_text(instrument), "Instruments")
    typer.echo(f"Change it, then: eucentric plan --instrument {path}")


def _one(presets: list[str] | None) -> str | None:
    """The one magnification of a pattern. Raises SettingsError where several are given."""
    if presets and len(presets) > 1:
        raise SettingsError("--optimal-pattern takes one --preset. Leave the others out.")
    return presets[0] if presets else None


def _verified(made: Plan, instrument: Instrument, wanted: _Wanted) -> Spread[Job, Trial]:
    """The plan's trials, told as they end and together."""
    from eucentric.cli.plan_physics import tell_verified
    from eucentric.cli.plan_verify import trial_of, verify
    from eucentric.cli.style import console

    screen = console(quiet=wanted.as_json)
    came = verify(made, instrument, wanted.verify, scheduler=wanted.scheduler, console=screen)
    tell_verified(made, [trial_of(one) for one in came.ended], screen)
    return came


def _check_meant(ctx: typer.Context, rules: Rules, *, optimal: bool, at_preset: bool) -> None:
    """Raise SettingsError for an option that belongs to another kind of answer."""
    if rules is Rules.CLASSIC:
        if optimal:
            raise SettingsError("--rules classic knows no patterns. Leave it out with --optimal-pattern.")
        used = ("rules", "start_um", "accuracy_um", "tilt_max_mrad", "camera", "image", "as_json")
        check_typed(ctx, others_than(ctx, *used), "with --rules classic")
        return
    check_typed(ctx, {"image"}, "with --rules physics")
    if not optimal:
        check_typed(ctx, {"aim", "images"}, "without --optimal-pattern")
        return
    check_typed(ctx, {"out", "verify", "scheduler"}, "with --optimal-pattern")
    if at_preset:
        of_plans = {"start_um", "probability", "saves", "one_preset", "steps", "look_again", "at"}
        check_typed(ctx, of_plans, "with --optimal-pattern at a --preset: no plan is made")
