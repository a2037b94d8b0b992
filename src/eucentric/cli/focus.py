"""`eucentric focus`: focus a microscope, by default the simulated one, and say how well it was done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eucentric.cli.stopped import Stopped
from eucentric.errors import CalibrationError, EucentricError, SettingsError

if TYPE_CHECKING:
    from rich.console import Console

    from eucentric.calibration.book import CalibrationBook
    from eucentric.cli.report import Truths
    from eucentric.focus.events import Event, Observer
    from eucentric.focus.methods.manual import Operator
    from eucentric.focus.outcome import RunResult
    from eucentric.focus.settings import FocusSettings
    from eucentric.images.frame import Frame
    from eucentric.microscope.protocol import Microscope

NOT_FOCUSED = 3
_FIGURE = "figure.png"


def focus(
    *,
    microscope: Annotated[str, typer.Option("--microscope", help="Which instrument.")] = "simulated",
    seed: Annotated[int, typer.Option(min=0, help="Which simulated microscope: its height error and faults.")] = 0,
    settings: Annotated[
        str,
        typer.Option(
            "--settings", metavar="NAME|FILE", help="A sequence of 'eucentric sequences list', or a TOML file."
        ),
    ] = "default",
    calibrations: Annotated[
        Path | None,
        typer.Option(
            "--calibrations",
            "--store",
            metavar="FOLDER",
            help="What 'eucentric calibrate --store FOLDER' kept. Default: what the instrument tells of itself.",
            show_default=False,
        ),
    ] = None,
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
    """Focus a microscope, by default the simulated one, from up to ±200 µm: coarse by stage Z, then fine by defocus.

    Everything is kept in a run folder: events as JSON lines, the images as MRC, settings, result and figure.

    Exit code: 0 in focus (or measured, with --measure-only), 3 not in focus or refused, 2 unusable options.
    """
    from eucentric.cli.style import console as make_console
    from eucentric.figures.saved import check_suffix
    from eucentric.records.run_folder import empty_folder, new_folder

    if figure is not None:
        check_suffix(figure)
    node = _node(microscope, seed, settings, calibrations)
    for sentence in node.cautions:
        typer.echo(sentence, err=True)
    folder = empty_folder(out) if out is not None else new_folder(Path("runs"), _name(microscope, seed))
    console = make_console(quiet=as_json)
    result, watcher, troubles = _watched(node, folder, console, measure_only=measure_only)
    _tell(result, watcher.truths(), folder, console)
    for sentence in troubles:
        typer.echo(sentence, err=True)
    drawn = _draw(result, watcher, figure or folder / _FIGURE)
    console.print(f"Figure: {drawn}", markup=False, soft_wrap=True)
    if result.refusal is not None or not (result.focused or measure_only):
        raise typer.Exit(NOT_FOCUSED)


def _watched(
    node: _Node, folder: Path, console: Console, *, measure_only: bool
) -> tuple[RunResult, _Watcher, list[str]]:
    """The run, kept in its folder and shown; what could not be kept comes back in sentences."""
    from eucentric.cli.live import Live
    from eucentric.cli.manual import operator_at
    from eucentric.records.run_folder import RunFolder

    with RunFolder(folder) as records, Live(console) as live, _named(folder) as troubles:
        operator = None if console.quiet else operator_at(live, folder)
        result, watcher = _run(node, measure_only, (records, live, troubles), operator)
    return result, watcher, troubles.sentences


def _tell(result: RunResult, truths: Truths, folder: Path, console: Console) -> None:
    """The end of the run: table and last lines, or JSON where the console is quiet."""
    from eucentric.cli.live import wrapped
    from eucentric.cli.report import as_json, closing, table

    if console.quiet:
        typer.echo(json.dumps(as_json(result, truths, str(folder)), indent=2, allow_nan=False))
        return
    console.print(table(result, truths))
    for sentence in closing(result, truths):
        for line in wrapped(sentence, console.width):
            console.print(line, markup=False, soft_wrap=True)
    console.print(f"Run folder: {folder}", markup=False, soft_wrap=True)


def _name(microscope: str, seed: int) -> str:
    which = f"seed{seed}" if microscope == "simulated" else microscope
    return f"{datetime.now():%Y-%m-%d-%H%M%S}-focus-{which}"


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
        self._compared: tuple[int, int] | None = None
        self.pair: tuple[Frame, Frame] | None = None

    def __call__(self, event: Event) -> None:
        from eucentric.cli.report import true_c1_m
        from eucentric.focus import events

        if isinstance(event, events.FrameTaken):
            self._taken = [*self._taken, event.frame] if event.index else [event.frame]
            self._compared = None
        elif isinstance(event, events.ShiftFound):
            self._compared = self._compared or event.link
        elif isinstance(event, events.Measured):
            self._true.append(true_c1_m(self._microscope))
            if self._compared is not None:
                self.pair = (self._taken[self._compared[0]], self._taken[self._compared[1]])
        elif isinstance(event, events.StepEnded):
            self._end = true_c1_m(self._microscope)

    def truths(self) -> Truths:
        """The truth at each measurement, and at the end of the last step (before anything is restored)."""
        from eucentric.cli.report import Truths

        return Truths(tuple(self._true), self._end)


@dataclass(frozen=True, slots=True)
class _Node:
    """What is focused, with what, and what is believed of it."""

    microscope: Microscope
    book: CalibrationBook
    settings: FocusSettings
    cautions: tuple[str, ...] = ()  # about what is believed

    @property
    def c3_m(self) -> float:
        """Cs as believed at the last step's preset; the same at all presets of one instrument."""
        steps = [step for step in self.settings.sequence.steps if step.preset in self.book.presets]
        return self.book.of(steps[-1].preset).column.c3_m if steps else 0.0


def _node(microscope: str, seed: int, settings: str, calibrations: Path | None) -> _Node:
    """All that a run needs, checked before it begins. Raises InputError, SettingsError, CalibrationError."""
    from eucentric.cli.bench import cautions, opened, stored_book
    from eucentric.cli.chosen import chosen
    from eucentric.cli.suggested import calibrate_all, check_store

    wanted = chosen(settings)
    if calibrations is not None:
        check_store(calibrations, microscope=microscope, seed=seed)
    instrument = opened(microscope, seed=seed)
    book = instrument.brought if calibrations is None else stored_book(instrument, calibrations)
    if book is None:
        raise CalibrationError(f"{instrument.instrument} brings no calibration. Name a folder: --calibrations FOLDER")
    try:
        _check_presets(wanted, instrument.microscope, book)
    except CalibrationError as error:
        if calibrations is not None:
            error.add_note(f"All at once: {calibrate_all(calibrations, microscope=microscope, seed=seed)}")
        raise
    told = () if calibrations is None else cautions(instrument, calibrations)
    return _Node(instrument.microscope, book, wanted, told)


def _check_presets(settings: FocusSettings, microscope: Microscope, book: CalibrationBook) -> None:
    """Every preset is there, and where a step measures by beam tilt it is calibrated."""
    from eucentric.focus.settings import FocusMethod

    brought = {preset.name: preset.like for preset in settings.presets}
    known = [*(preset.name for preset in microscope.presets()), *brought]
    steps = [step for step in settings.sequence.steps if step.switch]
    further = {
        "Melting": settings.melt_preset,
        "Manual focusing": settings.manual_focus_preset,
        "The final image": settings.final_preset,
    }
    asked = [(f"Step '{step.name}'", step.preset) for step in steps]
    for who, preset in (*asked, *((who, preset) for who, preset in further.items() if preset is not None)):
        if preset not in known:
            raise SettingsError(
                f"{who} asks for preset '{preset}', and {microscope.name} has none of that name. "
                f"It has: {', '.join(known)}."
            )
    for step in steps:
        if step.focus_method is FocusMethod.BEAM_TILT:
            book.of(brought.get(step.preset, step.preset))


def _run(
    node: _Node, measure_only: bool, observers: tuple[Observer, ...], operator: Operator | None
) -> tuple[RunResult, _Watcher]:
    from eucentric.focus.focus import Focus

    watcher = _Watcher(node.microscope, node.c3_m)
    focus = Focus(node.microscope, node.book, node.settings, observers=(*observers, watcher), operator=operator)
    return focus.run(measure_only=measure_only), watcher


def _draw(result: RunResult, watcher: _Watcher, path: Path) -> Path:
    from eucentric.figures.run import run_figure
    from eucentric.figures.saved import save

    drawn = run_figure(result, watcher.pair, c3_m=watcher.c3_m, truths_m=watcher.truths().measured_m)
    return save(drawn, path)
