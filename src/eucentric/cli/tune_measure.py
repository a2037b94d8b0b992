"""Repeats on a microscope, into a run folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eucentric.cli.node import Node
from eucentric.cli.run_troubles import named

if TYPE_CHECKING:
    from rich.console import Console

    from eucentric.focus.outcome import RunResult
    from eucentric.focus.settings import FocusSettings, FocusStep

_E_PER_A2 = 1e20


@dataclass(frozen=True, slots=True)
class Wanted:
    """How often a step is to be measured, and whether the steps up to it focus first (and correct)."""

    step: FocusStep
    repeats: int
    focus_first: bool


def electrons_words(node: Node, wanted: Wanted) -> str:
    """What the repeats will put on the specimen, before they do."""
    from eucentric.focus.forecast import plan_of
    from eucentric.focus.presets import preset_of

    step, settings = wanted.step, node.settings
    known = {one.name: one for one in node.microscope.presets()}
    for brought in settings.presets:
        known[brought.name] = preset_of(brought.name, brought.unnamed, known[brought.like])
    preset, images = known[step.preset], plan_of(step, settings).images
    each = preset.dose_e_per_m2 / _E_PER_A2
    besides = [
        *(["focusing before it"] if wanted.focus_first else []),
        *(["melting"] if settings.melt_time_s else []),
        *(["waiting for drift"] if step.check_drift else []),
    ]
    more = f", besides {' and '.join(besides)}" if besides else ""
    return (
        f"{wanted.repeats} repeats of {images} images with preset {preset.name} ({each:.3g} e/Å² each) put "
        f"{wanted.repeats * images * each:.3g} e/Å² on this one place{more}. Nothing is corrected"
        f"{' after that' if wanted.focus_first else ''}."
    )


def measure(node: Node, wanted: Wanted, folder: Path, console: Console) -> list[str]:
    """Repeat the step; everything is kept in `folder`, and restored on the microscope. What could not be kept comes
    back in sentences. Raises Stopped, and what a run raises.
    """
    from eucentric.cli.live import Live
    from eucentric.focus.focus import Focus
    from eucentric.records.run_folder import RunFolder

    with (
        RunFolder(folder) as records,
        Live(console) as live,
        named(folder, f"What was measured is kept: eucentric tune --from {folder}") as troubles,
    ):
        observers = (records, live, troubles)
        Focus(node.microscope, node.book, node.settings, observers=observers).repeat(wanted.step.name, wanted.repeats)
    return troubles.sentences


def focus_up_to(node: Node, step: FocusStep, folder: Path, console: Console) -> str | None:
    """The sequence up to the step, as it is always done; why it failed, None where it did not."""
    from eucentric.cli.live import Live
    from eucentric.focus.focus import Focus
    from eucentric.records.run_folder import RunFolder, empty_folder

    settings = _up_to(node.settings, step)
    with RunFolder(empty_folder(folder)) as records, Live(console) as live, named(folder) as troubles:
        result: RunResult = Focus(node.microscope, node.book, settings, observers=(records, live, troubles)).run()
    if result.refusal is not None or result.residual is None:
        return f"Focusing before the repeats failed. {result.statement} Run folder: {folder}"
    return None


def _up_to(settings: FocusSettings, step: FocusStep) -> FocusSettings:
    steps = settings.sequence.steps
    before = steps[: [one.name for one in steps].index(step.name) + 1]
    sequence = settings.sequence.model_copy(update={"steps": before})
    return settings.model_copy(update={"sequence": sequence, "acquire_final": False})
