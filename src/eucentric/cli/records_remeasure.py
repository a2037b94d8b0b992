"""`eucentric records remeasure`: a stored measurement made again with other settings, beside what it gave."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eucentric.cli.measure import Correlation
from eucentric.cli.options import JsonOption
from eucentric.cli.recorded import RECORDS, FolderOption, RecordsOption
from eucentric.cli.records_wanted import opened_records
from eucentric.errors import InputError

if TYPE_CHECKING:
    from eucentric.focus.result import DefocusResult
    from eucentric.images.frame import Frame
    from eucentric.records.kept import MeasurementDetails
    from eucentric.records.remeasure import Changes

REFUSED = 3
_JUDGED = "When it is believed"
_ALIKE_M = 1e-12


def remeasure(
    measurement: Annotated[
        int, typer.Argument(metavar="MEASUREMENT", min=1, help="Its number: eucentric records show RUN.")
    ],
    *,
    correlation: Annotated[Correlation | None, typer.Option(help="Correlation type.", show_default=False)] = None,
    cs_mm: Annotated[float | None, typer.Option(help="Spherical aberration Cs, mm.", show_default=False)] = None,
    tilt_scale: Annotated[
        float, typer.Option(min=0.1, max=10.0, help="Factor on all beam tilts, as of another calibration.")
    ] = 1.0,
    settings: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="Measure and judge as the step of the same name in these settings would.",
            show_default=False,
        ),
    ] = None,
    false_lock_max: Annotated[
        float | None,
        typer.Option(help="Largest chance that noise alone is it.", show_default=False, rich_help_panel=_JUDGED),
    ] = None,
    odds_min: Annotated[
        float | None,
        typer.Option(help="Smallest odds against the runner-up.", show_default=False, rich_help_panel=_JUDGED),
    ] = None,
    chi2_max: Annotated[
        float | None,
        typer.Option(help="Largest χ² at one degree of freedom.", show_default=False, rich_help_panel=_JUDGED),
    ] = None,
    overlap_min: Annotated[
        float | None,
        typer.Option(help="Smallest common part of the images.", show_default=False, rich_help_panel=_JUDGED),
    ] = None,
    lit_min: Annotated[
        float | None,
        typer.Option(help="Smallest lit part of an image.", show_default=False, rich_help_panel=_JUDGED),
    ] = None,
    figure: Annotated[Path | None, typer.Option(help="Also draw it: .png, .pdf or .svg.", show_default=False)] = None,
    records: RecordsOption = RECORDS,
    images_folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a stored measurement again from its images, with other settings, and show both. The records stay as they
    are.

    Exit code: 0 accepted, 3 measured and refused, 2 unusable options, or its images are not there.
    """
    from eucentric.correlation.shift import Method
    from eucentric.records.remeasure import Changes, Whole, why_not_again

    if figure is not None:
        from eucentric.cli.written import check_place
        from eucentric.figures.saved import check_suffix

        check_suffix(figure)
        check_place(figure, makes_folder=True)
    asked = {
        "false_lock_max": false_lock_max,
        "odds_min": odds_min,
        "chi2_per_dof_max": chi2_max,
        "overlap_min": overlap_min,
        "lit_min": lit_min,
    }
    with opened_records(records, images_folder) as kept:
        details = kept.measurement(measurement)
        changes = Changes() if settings is None else _of_settings(settings, details.row.step)
        changes = replace(
            changes,
            method=changes.method if correlation is None else Method(correlation.value),
            c3_m=None if cs_mm is None else cs_mm * 1e-3,
            tilt_scale=tilt_scale,
            thresholds={**changes.thresholds, **{name: v for name, v in asked.items() if v is not None}},
        )
        why = why_not_again(details)
        if why is not None:
            raise InputError(why)
        whole = Whole.of(kept, measurement)
        now = whole.again(changes)
    _tell(details, now, changes, as_json=as_json)
    if figure is not None:
        _draw(details, now, whole.frames, figure)
    if not now.accepted:
        raise typer.Exit(REFUSED)


def _of_settings(name: str, step_name: str) -> Changes:
    from eucentric.cli.chosen import chosen
    from eucentric.records.remeasure import Changes

    steps = chosen(name).sequence.steps
    step = next((one for one in steps if one.name == step_name), steps[0] if len(steps) == 1 else None)
    if step is None:
        known = ", ".join(one.name for one in steps)
        raise InputError(
            f"The measurement is of step '{step_name}', and '{name}' has none of that name (it has: {known}). Rename "
            "one there, or give settings of one step."
        )
    return Changes.of(step)


def _tell(details: MeasurementDetails, now: DefocusResult, changes: Changes, *, as_json: bool) -> None:
    from eucentric.records.plain import plain

    before = details.result
    assert before is not None
    if as_json:
        asked = {name: value for name, value in plain(changes).items() if value not in (None, {}, 1.0)}
        body = {"measurement": details.row.id, "changed": asked, "kept": _plain(before), "now": _plain(now)}
        typer.echo(json.dumps(plain(body), indent=2, allow_nan=False, ensure_ascii=False))
        return
    from eucentric.cli.records_compared import compared
    from eucentric.cli.style import console

    screen = console()
    screen.print(compared(details, before, now, changes))
    for name, result in (("Kept", before), ("Now", now)):
        verdict = "accepted" if result.accepted else f"refused. {result.verdict.sentence}"
        screen.print(f"{name}: {result.words}; {verdict}", markup=False, soft_wrap=True)


def _plain(result: DefocusResult) -> dict[str, Any]:
    measured = result.measurement
    return {**result.summary(), "astigmatism_m": list(measured.a1_m), "chi2_per_dof": measured.chi2_per_dof}


def _draw(details: MeasurementDetails, now: DefocusResult, frames: tuple[Frame, ...], path: Path) -> None:
    from eucentric.figures.measure import measure_figure
    from eucentric.figures.saved import save

    first, second = details.links[0]
    assert details.how is not None
    title = f"Measurement {details.row.id}, made again"
    drawn = measure_figure((frames[first], frames[second]), now, c3_m=details.how.column.c3_m, title=title)
    typer.echo(f"Figure: {save(drawn, path)}", err=True)
