"""`eucentric focus`: focus a microscope, by default the simulated one, and say how well it was done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eucentric.cli.stopped import Stopped
from eucentric.errors import EucentricError

if TYPE_CHECKING:
    from eucentric.cli.report import Truths
    from eucentric.focus.events import Event, Observer
    from eucentric.focus.outcome import RunResult
    from eucentric.images.frame import Frame
    from eucentric.microscope.protocol import Microscope

NOT_FOCUSED = 3
_FIGURE = "figure.png"


def focus(
    *,
    seed: Annotated[int, typer.Option(min=0, help="Which simulated microscope: its height error and faults.")] = 0,
    measure_only: Annotated[
        bool, typer.Option("--measure-only", help="Measure with each step, correct nothing.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Run folder, new or empty. Default: a new one in ./runs.", show_default=False)
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help=f"Where to draw the run. Default: {_FIGURE} in the run folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON (SI units) and nothing else.")] = False,
) -> None:
    """Focus the simulated microscope from up to ±200 µm: coarse by stage Z, then fine by defocus.

    Everything is kept in a run folder: events as JSON lines, the images as MRC, settings, result and figure.

    Exit code: 0 in focus (or measured, with --measure-only), 3 not in focus or refused, 2 unusable options.
    """
    from rich.console import Console

    from eucentric.cli.live import Live
    from eucentric.cli.report import as_json as report_json
    from eucentric.cli.report import closing, table
    from eucentric.figures.saved import check_suffix
    from eucentric.records.run_folder import RunFolder, empty_folder, new_folder

    if figure is not None:
        check_suffix(figure)
    folder = empty_folder(out) if out is not None else new_folder(Path("runs"), _name(seed))
    console = Console(quiet=as_json, highlight=False)
    with RunFolder(folder) as records, Live(console) as live, _named(folder) as troubles:
        result, watcher = _run(seed, measure_only, (records, live, troubles))
    truths = watcher.truths()
    if as_json:
        typer.echo(json.dumps(report_json(result, truths, str(folder)), indent=2, allow_nan=False))
    else:
        console.print(table(result, truths))
        for line in closing(result, truths):
            console.print(line, markup=False)
        console.print(f"Run folder: {folder}", markup=False, soft_wrap=True)
    for sentence in troubles.sentences:
        typer.echo(sentence, err=True)
    drawn = _draw(result, watcher, figure or folder / _FIGURE)
    console.print(f"Figure: {drawn}", markup=False, soft_wrap=True)
    if result.refusal is not None or not (result.focused or measure_only):
        raise typer.Exit(NOT_FOCUSED)


def _name(seed: int) -> str:
    return f"{datetime.now():%Y-%m-%d-%H%M%S}-focus-seed{seed}"


class _Troubles:
    """Remembers what those who watch must tell on stderr: how a run was stopped, and what could not be kept."""

    def __init__(self) -> None:
        self.stopped = "Stopped."
        self.sentences: list[str] = []

    def __call__(self, event: Event) -> None:
        from eucentric.focus import events

        if isinstance(event, events.Failed):
            self.stopped = " ".join((event.error, *event.not_restored))
        elif isinstance(event, events.ObserverFailed):
            self.sentences.append(f"{event.error} The run went on without it.")


@contextmanager
def _named(folder: Path) -> Iterator[_Troubles]:
    """Whatever ends a run early says where its folder is."""
    troubles = _Troubles()
    try:
        yield troubles
    except KeyboardInterrupt as stop:
        raise Stopped(f"{troubles.stopped} Run folder: {folder}") from stop
    except EucentricError as error:
        for sentence in (*troubles.sentences, f"Run folder: {folder}"):
            error.add_note(sentence)
        raise


class _Watcher:
    """Remembers what the report needs: the last pair, and the truth at each measurement where there is one."""

    def __init__(self, microscope: Microscope, c3_m: float) -> None:
        self.c3_m = c3_m
        self._microscope = microscope
        self._true: list[float | None] = []
        self._end: float | None = None
        self._taken: list[Frame] = []
        self.pair: tuple[Frame, Frame] | None = None

    def __call__(self, event: Event) -> None:
        from eucentric.cli.report import true_c1_m
        from eucentric.focus import events

        if isinstance(event, events.FrameTaken):
            self._taken = [*self._taken, event.frame] if event.index else [event.frame]
        elif isinstance(event, events.Measured):
            self._true.append(true_c1_m(self._microscope))
            if len(self._taken) > 1:
                self.pair = (self._taken[0], self._taken[1])
        elif isinstance(event, events.StepEnded):
            self._end = true_c1_m(self._microscope)

    def truths(self) -> Truths:
        """The truth at each measurement, and at the end of the last step (before anything is restored)."""
        from eucentric.cli.report import Truths

        return Truths(tuple(self._true), self._end)


def _run(seed: int, measure_only: bool, observers: tuple[Observer, ...]) -> tuple[RunResult, _Watcher]:
    from eucentric.calibration.handed_over import book_from
    from eucentric.focus.sequence import run_sequence
    from eucentric.focus.settings import default_sequence
    from eucentric.microscope.registry import handed_out, open_microscope

    microscope = open_microscope("simulated", seed=seed)
    numbers = handed_out(microscope)
    watcher = _Watcher(microscope, numbers.c3_m)
    result = run_sequence(
        default_sequence(), microscope, book_from(numbers), observers=(*observers, watcher), measure_only=measure_only
    )
    return result, watcher


def _draw(result: RunResult, watcher: _Watcher, path: Path) -> Path:
    from eucentric.figures.run import run_figure
    from eucentric.figures.saved import save

    drawn = run_figure(result, watcher.pair, c3_m=watcher.c3_m, truths_m=watcher.truths().measured_m)
    return save(drawn, path)
