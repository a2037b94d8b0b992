"""Live progress of a session in the terminal: an observer. A line for what happened, a bar for what is to come."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from eucentric.cli.live import wrapped
from eucentric.cli.session_log import SessionLog
from eucentric.cli.session_troubles import told_above
from eucentric.focus import events as focus_events
from eucentric.focus.outcome import Status as StepStatus
from eucentric.focus.settings import FocusMethod
from eucentric.focus.words import (
    by_hand_words,
    correction_words,
    dose_words,
    drift_words,
    measured_words,
    stigmated_words,
    verdict_words,
)
from eucentric.msi import events
from eucentric.msi.application import Application, Kind
from eucentric.msi.known import Check
from eucentric.msi.left import Left, TimeLeft
from eucentric.msi.outcome import Status, UnitOutcome
from eucentric.msi.units import Unit
from eucentric.msi.words import checks_words, duration, exposure_words, promised

_WIDEST = 110
_COLUMN = 14  # where the text of a line begins
_COLOURS = {Status.DONE: "", Status.SKIPPED: "yellow", Status.INTERRUPTED: "yellow"}


class SessionLive:
    """Shows a session as it goes, and writes it to the log. Where it goes on, `done` of `total` targets are done.
    `clock` is the time that the person at the screen waits, seconds.
    """

    def __init__(
        self,
        console: Console,
        log: SessionLog | None = None,
        *,
        done: int = 0,
        total: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console, self._log, self._clock = console, log, clock
        columns = (BarColumn(20), TextColumn("{task.completed}/{task.total}"), TextColumn("{task.description}"))
        # Into a file or a pipe nothing is drawn that would be wiped out again.
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("starting" if not done else "going on", total=total, completed=done)
        self._left = TimeLeft(clock)
        self._application: Application | None = None
        self._spent: dict[str, float] = {}  # e/m² by target
        self._outcomes: dict[str, UnitOutcome] = {}
        self._remedies: set[str] = set()  # that were told
        self._unit = ""
        self._what = ""
        self._by_hand = False  # the session waits: nobody knows how long

    def __enter__(self) -> SessionLive:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Without the bar, so that a prompt can be answered."""
        self._bar.stop()
        try:
            yield
        finally:
            self._bar.start()

    def say(self, text: str, style: str = "") -> None:
        """Print a sentence."""
        self._wrapped(text, "", style)

    def note(self, text: str) -> None:
        """Write to the log alone what is on screen already. Raises nothing."""
        unkept = self._log.write(text) if self._log is not None else ""
        if unkept:
            self._printed(unkept, "", "yellow")

    def __call__(self, event: Any) -> None:
        """Show one event, of the session or of a focus node."""
        self._session(event)
        self._checks(event)
        self._focusing(event)
        self._aside(event)

    @property
    def left(self) -> Left | None:
        """What the rest will take; None where nobody knows."""
        return self._left.left()

    def _session(self, event: events.SessionEvent) -> None:
        """From unit to unit."""
        match event:
            case events.SessionStarted():
                self._started(event)
            case events.PutRight():
                self._wrapped(event.said, "", "yellow")
            case events.FocusedAnew():
                self._wrapped(
                    "The lens was found elsewhere than the session left it, and does not come back to what was found "
                    f"before. Focused once more before the next image: {', '.join(event.keys)}.",
                    "",
                    "yellow",
                )
            case events.UnitBegan():
                self._left.begin()
                self._unit, self._by_hand = event.unit.key, False
                self._now(event.unit.key)
                if self._kind(event.unit) is not Kind.ACQUIRE:
                    self._wrapped(event.unit.key, "", "bold")
            case events.Exposed() if self._kind(event.unit) is Kind.TILT_SERIES:
                tilt = f"{math.degrees(event.exposure.alpha_rad):+.1f}°".replace("-", "−")
                self._line(
                    "tilt", f"{tilt}: {exposure_words(event.exposure)}", "yellow" if event.exposure.flagged else ""
                )
            case events.UnitEnded():
                self._ended(event.outcome)
            case events.BegunAnew():
                self._wrapped(f"{event.unit.key} is begun anew: {event.error}", "  ", "yellow")
            case events.InstrumentLost():
                where = "" if event.unit is None else f" at {event.unit.key}"
                self._wrapped(f"The instrument is lost{where}: {event.error}", "  ", "red")
            case events.InstrumentBack():
                self._wrapped(f"It answers again: {event.unit.key} is begun anew.", "  ", "")

    def _started(self, event: events.SessionStarted) -> None:
        self._application, self._spent = event.application, dict(event.spent)
        counts = Counter(unit.node for unit in event.units)
        of = ", ".join(f"{n} {name}" for name, n in counts.items())
        self._wrapped(f"{event.application.name} on {event.instrument}: {len(event.units)} targets ({of}).", "", "bold")
        if event.done:
            self._wrapped(f"It goes on: {event.done} of {len(event.units)} are done.", "", "")
        self._left.expect(event.units[event.done :], event.expected_s)
        self._bar.update(self._task, total=len(event.units), completed=event.done)

    def _checks(self, event: events.SessionEvent) -> None:
        """Needs and promises with their numbers."""
        match event:
            case events.NeedsChecked() if event.needs:
                met = all(c.met for c in event.needs)
                if self._kind(event.unit) is not Kind.ACQUIRE:
                    self._line("needs", checks_words(event.needs), "" if met else "red")
                elif not met:
                    self._line("needs", f"{event.unit.key}: {checks_words(self._untold(event.needs))}", "red")
            case events.PromisesChecked() if event.promises:
                kept = all(c.met for c in event.promises)
                self._line("promises", checks_words(promised(event.promises)), "green" if kept else "red")

    def _untold(self, checks: tuple[Check, ...]) -> tuple[Check, ...]:
        """With the remedies that were not told yet: of many images that all need the same it is told once."""
        out = tuple(replace(c, remedy="") if c.remedy in self._remedies else c for c in checks)
        self._remedies.update(c.remedy for c in checks if not c.met)
        return out

    def _ended(self, outcome: UnitOutcome) -> None:
        self._left.end(outcome.node)
        self._spent[outcome.key] = outcome.focus_dose_e_per_m2
        self._bar.update(self._task, advance=1)
        spent = f"{duration(outcome.ended_s - outcome.begun_s)}"
        if outcome.focus_dose_e_per_m2:
            spent = f"{dose_words(outcome.focus_dose_e_per_m2)} for focusing, {spent}"
        style = _COLOURS.get(outcome.status, "red")
        if outcome.status is not Status.DONE:
            why = told_above(outcome.why, self._outcomes)
            self._line(str(outcome.status), f"{self._named(outcome)}{why} ({spent})", style)
        elif len(outcome.exposures) == 1 and not outcome.focus_exposures:
            one = replace(outcome.exposures[0], flagged=told_above(outcome.exposures[0].flagged, self._outcomes))
            self._wrapped(f"{outcome.key}: {exposure_words(one)}", " " * _COLUMN, "yellow" if one.flagged else "")
        else:
            self._line("done", f"{self._named(outcome)}{spent}", "green")
        self._outcomes[outcome.key] = outcome

    def _named(self, outcome: UnitOutcome) -> str:
        """The name of a unit whose line was not printed when it began."""
        known = self._application is not None and self._application.node(outcome.node).kind is not Kind.ACQUIRE
        return "" if known else f"{outcome.key}: "

    def _focusing(self, event: focus_events.Event) -> None:
        """A focus node at work: one line for a measurement, one for what came of it."""
        match event:
            case focus_events.StepStarted():
                self._by_hand = event.step.focus_method is FocusMethod.MANUAL
                self._now(f"{self._what}, {event.step.name}")
                if self._by_hand:
                    self._line(event.step.name, "by hand: the session waits until the operator at the page is done")
            case focus_events.FrameTaken() | focus_events.ByHand() if event.frame is not None:
                dose = event.frame.dose_e_per_m2 or 0.0
                self._spent[self._unit] = self._spent.get(self._unit, 0.0) + dose
                at = f"image {event.index + 1}" if isinstance(event, focus_events.FrameTaken) else "by hand"
                self._now(f"{self._what}, {event.step}: {at}")
            case focus_events.Measured():
                self._line(event.step, measured_words(event.result))
            case focus_events.Judged() if not event.verdict.accepted:
                self._line("", verdict_words(event.verdict), "red")
            case focus_events.Corrected():
                self._line("", correction_words(event.correction), "cyan")
            case focus_events.TakenBack():
                self._line("", "taken back", "cyan")
            case focus_events.Stigmated():
                self._line("", stigmated_words(event), "cyan")

    def _aside(self, event: focus_events.Event) -> None:
        """What happens beside measuring and correcting."""
        match event:
            case focus_events.ByHand() if event.channel is not None:
                self._line("by hand", by_hand_words(event), "cyan")
            case focus_events.DriftMeasured() if not event.still:
                self._line("drift", drift_words(event))
            case focus_events.LeftOut():
                self._line("left out", f"target {event.target}: {event.finding}", "red")
            case focus_events.StepEnded() if event.result.skipped is not None:
                self._line("", event.result.skipped)
            case focus_events.StepEnded() if event.result.status is StepStatus.NOT_CONVERGED:
                self._line("", "did not converge: out of iterations", "red")
            case focus_events.Paused():
                self._line("resumed" if event.over else "paused", "")
            case focus_events.ObserverFailed():
                self._wrapped(f"{event.error} The session goes on without it.", "", "yellow")

    def _kind(self, unit: Unit) -> Kind | None:
        return None if self._application is None else self._application.node(unit.node).kind

    def _line(self, what: str, text: str, style: str = "") -> None:
        self._wrapped(f"  {what} ".ljust(_COLUMN) + text, " " * _COLUMN, style)

    def _wrapped(self, text: str, indent: str, style: str) -> None:
        self._printed(text, indent, style)
        self.note(text)

    def _printed(self, text: str, indent: str, style: str) -> None:
        try:
            for line in wrapped(text, min(self._console.width, _WIDEST), indent):
                self._console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)
        except (BrokenPipeError, SystemExit):  # rich would end the program where nobody reads on
            self._console.quiet = True
            self.note("Nobody reads on screen any more. The session goes on.")

    def _now(self, text: str) -> None:
        self._what = text.partition(",")[0]
        left = None if self._by_hand else self.left
        told = "" if left is None else f"{'roughly' if left.rough else 'about'} {duration(left.seconds)} left, "
        dose = sum(self._spent.values())
        spent = f"{dose_words(dose)} for focusing" if dose else ""
        self._bar.update(self._task, description=escape(f"{told}{text}{', ' if spent else ''}{spent}"))
