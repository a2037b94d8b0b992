"""Pictures from the records: the figure of a session, and that of a run."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eucentric.cli.recorded import RECORDS, FolderOption, RecordsOption
from eucentric.cli.records_wanted import (
    InstrumentOption,
    NodeOption,
    SessionOption,
    SinceOption,
    opened_records,
    wanted_of,
)
from eucentric.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from eucentric.correlation.shift import Shift
    from eucentric.figures.records import Shown
    from eucentric.focus.outcome import RunResult
    from eucentric.records.kept import Wanted
    from eucentric.records.reading import Records


def figure(
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The picture: .png, .pdf or .svg.")],
    session: SessionOption = None,
    since: SinceOption = None,
    instrument: InstrumentOption = None,
    node: NodeOption = None,
    records: RecordsOption = RECORDS,
    images_folder: FolderOption = None,
) -> None:
    """Draw a session, the newest without other choice.

    Against time: defocus, what is left at the end of each run with its bound, drift, and how well a defocus fits.
    """
    from eucentric.cli.written import check_place
    from eucentric.figures.records import records_figure
    from eucentric.figures.saved import check_suffix, save

    check_suffix(out)
    check_place(out, makes_folder=True)
    with opened_records(records, images_folder) as kept:
        if session is None and since is None and instrument is None and node is None:
            newest = kept.sessions(limit=1)
            session = newest[0].id if newest else None
        wanted = wanted_of(since, instrument, session, node)
        shown = _shown(kept, wanted)
        if not shown.runs:
            raise InputError(f"There is nothing to draw in {kept.place}. See: eucentric records list")
        drawn = records_figure(shown, title=_title(kept, wanted))
    typer.echo(f"Figure: {save(drawn, out)}")


def _shown(records: Records, wanted: Wanted) -> Shown:
    from eucentric.figures.records import Shown

    runs = tuple(reversed(records.runs(wanted)))
    begun_s = None if wanted.session is None else records.session(wanted.session).begun_s
    on_one_clock = begun_s is not None and all(a.begun_s <= b.begun_s for a, b in pairwise(runs))
    return Shown(runs, records.measurements(wanted), records.drifts(wanted), begun_s if on_one_clock else None)


def _title(records: Records, wanted: Wanted) -> str:
    from eucentric.cli.records_words import local

    parts = []
    if wanted.session is not None:
        one = records.session(wanted.session)
        parts.append(f"Session {one.id}: {one.application} on {one.instrument}, begun {local(one.begun_at)}")
    else:
        parts.append("Focus runs" + (f" since {local(wanted.since)}" if wanted.since is not None else ""))
    parts += [wanted.instrument] if wanted.instrument is not None else []
    parts += [f"node {wanted.node}"] if wanted.node is not None else []
    return ", ".join(parts)


def run_picture(records: Records, run_id: int) -> Figure | None:
    """The figure of a run as it was drawn at its end, its last pair measured again; None where the run has no end."""
    from eucentric.errors import GoneError
    from eucentric.figures.run import run_figure
    from eucentric.records.remeasure import Whole

    result = records.run_result(run_id)
    measurements = records.measurements(wanted_of(run=run_id))
    if result is None or not measurements:
        return None
    last = records.measurement(measurements[-1].id)
    try:
        whole = Whole.of(records, last.row.id)
    except GoneError:
        return run_figure(result, None, c3_m=0.0)
    if last.how is None:
        return run_figure(result, None, c3_m=0.0)
    first, second = last.links[0]
    result = _with_maps(result, whole.again().shifts)
    return run_figure(result, (whole.frames[first], whole.frames[second]), c3_m=last.how.column.c3_m)


def _with_maps(result: RunResult, shifts: tuple[Shift, ...]) -> RunResult:
    """The result whose last measurement has shifts with their correlation maps, which the records leave out."""
    at = max(n for n, step in enumerate(result.steps) if step.rounds)
    *before, last = result.steps[at].rounds
    last = replace(last, result=replace(last.result, shifts=shifts))
    step = replace(result.steps[at], rounds=(*before, last))
    return replace(result, steps=(*result.steps[:at], step, *result.steps[at + 1 :]))
