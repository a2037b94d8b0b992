"""Repeats on a microscope, into the records."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eucentric.cli.node import Node
from eucentric.cli.run_troubles import Troubles, named
from eucentric.cli.stopped import Stopped
from eucentric.units import E_PER_A2

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from eucentric.focus.focus import Focus
    from eucentric.focus.outcome import RunResult
    from eucentric.focus.settings import FocusSettings, FocusStep
    from eucentric.records.place import Place


@dataclass(frozen=True, slots=True)
class Wanted:
    """How often a step is to be measured, whether the steps up to it focus first (and correct), and where it is kept:
    the records, and the run folder that is made of them (None: none)."""

    step: FocusStep
    repeats: int
    focus_first: bool
    place: Place
    folder: Path | None = None


def electrons_words(node: Node, wanted: Wanted) -> str:
    """What the repeats will put on the specimen, before they do."""
    from eucentric.focus.forecast import plan_of
    from eucentric.focus.presets import preset_of

    step, settings = wanted.step, node.settings
    known = {one.name: one for one in node.microscope.presets()}
    for brought in settings.presets:
        known[brought.name] = preset_of(brought.name, brought.unnamed, known[brought.like])
    preset, images = known[step.preset], plan_of(step, settings).images
    each = preset.dose_e_per_m2 / E_PER_A2
    besides = [
        *(["focusing before it"] if wanted.focus_first else []),
        *(["melting"] if settings.melt_time_s else []),
        *(["waiting for drift"] if step.check_drift else []),
    ]
    more = f", besides {' and '.join(besides)}" if besides else ""
    return (
        f"{wanted.repeats} repeats of {images} images with preset {preset.name} ({each:.3g} e/Å² each) put "
        f"{wanted.repeats * images * each:.3g} e/Å² on this one place{more}. Nothing is corrected"
        f"{' after that.' if wanted.focus_first else ': a place that is not near focus yet needs --focus-first.'}"
    )


def measure(node: Node, wanted: Wanted, console: Console) -> Troubles:
    """Repeat the step; all is kept, and restored on the microscope. Raises Stopped, and what a run raises."""
    where = (wanted.place, wanted.folder)
    return _watched(node, where, console, lambda focus: focus.repeat(wanted.step.name, wanted.repeats))[0]


def focus_up_to(node: Node, wanted: Wanted, console: Console) -> str | None:
    """The sequence up to the step, as it is always done; why it failed, None where it did not."""
    up_to = Node(node.microscope, node.book, _up_to(node.settings, wanted.step), node.name)
    troubles, result = _watched(up_to, (wanted.place, None), console, lambda focus: focus.run())
    if result.refusal is None and result.residual is not None:
        return None
    return " ".join(("Focusing before the repeats failed.", result.statement, *troubles.where()))


def _watched(
    node: Node, where: tuple[Place, Path | None], console: Console, work: Callable[[Focus], RunResult]
) -> tuple[Troubles, RunResult]:
    """A run, recorded and shown."""
    from eucentric.cli.live import Live
    from eucentric.cli.recorded import recorded
    from eucentric.focus.focus import Focus

    troubles = Troubles()
    try:
        with (
            Live(console) as live,
            named() as troubles,
            recorded(*where, instrument=node.name, say=troubles.sentences.append) as kept,
        ):
            troubles.kept = kept
            observers = (kept.recorder, live, troubles)
            result = work(Focus(node.microscope, node.book, node.settings, observers=observers))
    except Stopped as stop:
        run = None if troubles.kept is None else troubles.kept.run_id
        tune = "" if run is None else f"\nTune from what was measured: eucentric tune --from {run}"
        raise Stopped(f"{stop}{tune}") from stop
    return troubles, result


def _up_to(settings: FocusSettings, step: FocusStep) -> FocusSettings:
    steps = settings.sequence.steps
    before = steps[: [one.name for one in steps].index(step.name) + 1]
    sequence = settings.sequence.model_copy(update={"steps": before})
    return settings.model_copy(update={"sequence": sequence, "acquire_final": False})
