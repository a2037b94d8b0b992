"""Live progress of a run in the terminal: an observer of the sequence."""

from __future__ import annotations

from rich.console import Console

from eucentric.cli.words import correction_words, verdict_words
from eucentric.focus import events
from eucentric.focus.patterns import pattern
from eucentric.focus.settings import FocusStep
from eucentric.units import show_angle, show_length


class Live:
    """Prints a line for what happened, and shows in a status line what is happening."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("Starting")
        self._images = 2

    def __enter__(self) -> Live:
        self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def __call__(self, event: events.Event) -> None:
        """Show one event."""
        match event:
            case events.StepStarted():
                self._step(event.step, event.range_m)
            case events.FrameTaken():
                self._now(f"{event.step}: image {event.index + 1} of {self._images}")
            case events.Measured():
                self._say(f"  measured  {event.result.words}")
            case events.Judged():
                style = "green" if event.verdict.accepted else "red"
                self._say(f"            {verdict_words(event.verdict)}", style)
            case events.Corrected():
                self._say(f"  corrected {correction_words(event.correction)}", "cyan")
            case events.Failed():
                self._say("  broke off", "red")  # why is told on stderr
            case events.TakenBack():
                self._say("  the probe was taken back", "cyan")
            case events.StepEnded() if event.result.skipped is not None:
                self._say(f"  {event.result.skipped}")
            case _:
                pass

    def _step(self, step: FocusStep, range_m: float) -> None:
        self._images = pattern(step.pattern, step.tilt_rad).images
        away = f", measured at {show_length(step.offset_m)}" if step.offset_m else ""
        self._say(
            f"Step {step.name}: preset {step.preset}, ±{show_angle(step.tilt_rad)}, {step.pattern}{away}, corrects by "
            f"{step.correction_type}, range ±{show_length(range_m, 0)}, tolerance {show_length(step.tolerance_m)}",
            "bold",
        )
        self._now(f"{step.name}: measuring")

    def _say(self, text: str, style: str = "") -> None:
        self._console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    def _now(self, text: str) -> None:
        self._status.update(text)
