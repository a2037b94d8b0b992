"""`eucentric sweep`: a map over any two settings of a plan, of one of its steps or of the instrument."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from eucentric.cli.options import JsonOption
from eucentric.cli.plan_calibrations import From, MeasuredOption, WhoseOption
from eucentric.cli.plan_given import AtOption, Saves, asked_given, instrument_given
from eucentric.cli.stopped import raise_if_stopped
from eucentric.cli.written import UNWRITTEN


def sweep(
    *,
    over: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=FROM..TO|A,B,C",
            help="Twice: along the map, and up. Of a step: tilt, magnification, binning, pixel, size, pattern, offset, "
            "dose, exposure, correction. Asked: start, accuracy, probability, tilt_max. Of the instrument's file, by "
            "path: lens.hysteresis, errors.a1, stage.drift, specimen.thickness, camera.dqe …",
        ),
    ],
    points: Annotated[int, typer.Option(min=2, max=101, help="Values in a range.")] = 9,
    step: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which step of the plan. Default: the last.", show_default=False)
    ] = None,
    trials: Annotated[
        int, typer.Option(metavar="N", min=0, help="Run each point on N simulated microscopes, for its success rate.")
    ] = 0,
    start_um: Annotated[float, typer.Option(help="Largest defocus error to start from, µm.")] = 500.0,
    accuracy_um: Annotated[float, typer.Option(help="Defocus error that may be left, µm.")] = 0.1,
    probability: Annotated[float, typer.Option(help="With which probability it is held.")] = 0.99,
    instrument: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="200kv-side-entry, 300kv-autoloader, 300kv-cs-corrected, or TOML.")
    ] = "200kv-side-entry",
    calibrations: MeasuredOption = None,
    calibrations_of: WhoseOption = None,
    tilt_max_mrad: Annotated[
        float | None,
        typer.Option(help="Largest tilt of one image, mrad (default: the instrument's).", show_default=False),
    ] = None,
    camera: Annotated[
        int | None, typer.Option(min=64, max=65536, help="Side of the camera, pixels, in place of the instrument's.")
    ] = None,
    kv: Annotated[
        float | None, typer.Option(min=20, max=1500, help="High tension, kV, in place of the instrument's.")
    ] = None,
    cs: Annotated[float | None, typer.Option(help="Cs, mm, in place of the instrument's.")] = None,
    saves: Annotated[Saves, typer.Option("--for", help="What the plans save.")] = Saves.BOTH,
    preset: Annotated[
        list[str] | None, typer.Option(help="Plans with this magnification only (again for another). Default: all.")
    ] = None,
    one_preset: Annotated[bool, typer.Option("--one-preset", help="Plans with one preset for all steps.")] = False,
    at: AtOption = None,
    steps: Annotated[int, typer.Option(metavar="N", help="Plans with at most so many steps.")] = 4,
    look_again: Annotated[
        bool, typer.Option("--look-again", help="Plans that look once more after the last correction.")
    ] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the points as .csv, in SI units.")] = None,
    figure: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the map.")] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="On this Dask cluster (tcp://HOST:8786). Default: processes of this machine."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Map what two settings do to a plan, or to one of its steps; the chosen plan is marked.

    Over settings of a step: its range, errors and electrons, all else as the plan has it. Over what is asked and what
    the instrument is: electrons, time and steps of the plan that is made anew at each point.

    eucentric sweep --over tilt=1..18mrad --over specimen.thickness=10..300nm --figure map.png
    """
    from eucentric.cli import sweep_told as told
    from eucentric.cli.plan_verify import check_cluster, check_trials
    from eucentric.cli.style import console
    from eucentric.cli.sweep_run import swept
    from eucentric.optimize.planning.plan import plan
    from eucentric.optimize.sweeping.axes import axis_of, settings_of_maps
    from eucentric.optimize.sweeping.sweep import base_of, check_axes

    there = instrument_given(instrument, kv, cs, camera)
    measured = From(calibrations, calibrations_of).of(there, kv=kv, quiet=as_json)
    there = there if measured is None else measured.instrument
    known = settings_of_maps(there)
    axes = [axis_of(text, known, points) for text in over]
    check_axes(axes, there, step)
    told.check_files(out, figure)
    asked = asked_given(
        there,
        start_um=start_um,
        accuracy_um=accuracy_um,
        probability=probability,
        tilt_max_mrad=tilt_max_mrad,
        saves=saves,
        steps=steps,
        presets=preset,
        one_preset=one_preset,
        look_again=look_again,
        at=at,
    )
    if trials:
        check_trials(there, scheduler)
    else:
        check_cluster(scheduler)
    base = base_of(plan(there, asked), there, axes, step)
    screen = console(quiet=as_json)
    came = swept(base, axes, trials, scheduler, screen)
    if as_json:
        typer.echo(json.dumps(told.as_json(came), indent=2, allow_nan=False))
    else:
        told.show(came.map, screen)
    unwritten = told.write(came.map, out, figure, screen)
    raise_if_stopped(came.stopped, came.done, came.asked, came.what, by_user=came.by_user)
    if unwritten:
        raise typer.Exit(UNWRITTEN)
