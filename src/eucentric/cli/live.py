"""Live progress of a run in the terminal: an observer of the focus node."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from eucentric.focus import events
from eucentric.focus.outcome import Status
from eucentric.focus.settings import FocusMethod, FocusStep
from eucentric.focus.words import (
    by_hand_words,
    correction_words,
    dose_words,
    drift_words,
    step_words,
    stigmated_words,
    verdict_words,
)
from eucentric.units import show_length

_WIDEST = 100
_COLUMN = 12  # where the text of a line begins


class Live:
    """Prints a line for what happened, and shows in a status line what is happening."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("Starting")
        self._images: int | None = None
        self._targets = 1
        self._set_up = ""  # told after the step's own line

    def __enter__(self) -> Live:
        self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Without the status line, so that a prompt can be answered."""
        self._status.stop()
        try:
            yield
        finally:
            self._status.start()

    def say(self, text: str) -> None:
        """Print lines as they are."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def __call__(self, event: events.Event) -> None:
        """Show one event."""
        self._way(event)
        self._around(event)
        self._after(event)

    def _way(self, event: events.Event) -> None:
        """The way from measurement to correction."""
        match event:
            case events.StepStarted():
                self._step(event.step, event.range_m)
            case events.FrameTaken():
                of = "" if self._images is None else f" of {self._images}"
                self._now(f"{event.step}: image {event.index + 1}{of}")
            case events.Measured():
                self._line("measured", f"{self._at(event.target)}{event.result.words}")
            case events.Judged():
                self._line("", verdict_words(event.verdict), "green" if event.verdict.accepted else "red")
            case events.Averaged():
                self._line("average", f"of {', '.join(event.targets)}: {event.measurement}")
            case events.LeftOut():
                self._line("left out", f"target {event.target}: {event.finding}", "red")
            case events.Corrected():
                self._line("corrected", correction_words(event.correction), "cyan")
            case events.TakenBack():
                self._line("", "the probe was taken back" if event.correction.probe else "taken back", "cyan")
            case events.Stigmated():
                self._line("stigmated", stigmated_words(event), "cyan")

    def _around(self, event: events.Event) -> None:
        """What makes a measurement possible."""
        match event:
            case events.RunStarted():
                self._targets = len(event.targets)
            case events.SetUp():
                self._set_up = "" if event.what == f"preset {event.preset}" else event.what
            case events.TargetReached():
                if self._targets > 1:
                    self._line("target", event.target, "bold")
            case events.Melted():
                times = f"{event.exposures} exposure{'s' if event.exposures != 1 else ''}"
                self._line("melted", f"{self._at(event.target)}{times} at {event.preset}, "
                           f"{dose_words(event.dose_e_per_m2)}")  # fmt: skip
            case events.DriftMeasured():
                self._line("drift", f"{self._at(event.target)}{drift_words(event)}")
                self._now(f"{event.step}: waiting until the specimen is still")

    def _after(self, event: events.Event) -> None:
        """How it ends, and what the operator does."""
        match event:
            case events.StepEnded():
                if event.result.skipped is not None:
                    self._line("", event.result.skipped)
                elif event.result.status is Status.NOT_CONVERGED:
                    self._line("", "did not converge: out of iterations", "red")
            case events.DefocusReset():
                self._line("reset", f"lens defocus {show_length(event.defocus_m)} is now defocus zero")
            case events.ByHand() if event.channel is not None:
                self._line("by hand", by_hand_words(event), "cyan")
            case events.FinalTaken():
                self._line("kept", f"{self._at(event.target)}the final image")
            case events.Paused():
                self._line("resumed" if event.over else "paused", "")
            case events.Failed():
                self._line("broke off", "", "red")  # why is told on stderr

    def _step(self, step: FocusStep, range_m: float) -> None:
        beam = step.focus_method is FocusMethod.BEAM_TILT
        self._images = step.beam_tilts().images if beam else None
        self._wrapped(step_words(step, range_m), "     ", "bold")
        if self._set_up:
            self._line("set up", self._set_up)
        self._set_up = ""
        self._now(f"{step.name}: {'by hand' if step.focus_method is FocusMethod.MANUAL else 'measuring'}")

    def _at(self, target: str) -> str:
        """The target that it is about, where there are several."""
        return f"{target}: " if self._targets > 1 else ""

    def _line(self, what: str, text: str, style: str = "") -> None:
        self._wrapped(f"  {what}".ljust(_COLUMN) + text, " " * _COLUMN, style)

    def _wrapped(self, text: str, indent: str, style: str) -> None:
        width = min(self._console.width, _WIDEST)
        for line in wrapped(text, width, indent):
            self._console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)

    def _now(self, text: str) -> None:
        self._status.update(text)


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """A line as lines of at most `width` letters; a number stays with its unit where it can."""
    lines = textwrap.wrap(
        text, max(width, 2 * _COLUMN), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return lines or [text]
