"""The end of a session, for people and for programs: needs and promises, images, electrons, time, what was refused."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from eucentric.cli.session_kept import kept_images
from eucentric.cli.session_troubles import troubles
from eucentric.cli.session_truth import Truths
from eucentric.figures.session_spent import seconds_by_activity
from eucentric.focus.outcome import COVERAGE
from eucentric.focus.words import dose_words
from eucentric.msi.application import Application, Kind
from eucentric.msi.known import Check
from eucentric.msi.outcome import Exposure, SessionResult, Status, UnitOutcome
from eucentric.msi.words import duration, length, statement
from eucentric.units import E_PER_A2, minus, show_length

_ON_SCREEN = 40  # more rows than that stand in the file alone
_IN_FILE = 160  # letters in a line


@dataclass(frozen=True, slots=True)
class Report:
    """A session as it ended, with the truth where there is one. `resume` is the command that goes on with it."""

    result: SessionResult
    application: Application
    truths: Truths
    folder: str
    resume: str = ""
    instrument: str = ""  # with the simulation's seed
    date: str = ""  # when it began
    version: str = ""  # of the software that began it

    @property
    def title(self) -> str:
        """Which session it is."""
        return f"{self.result.application} on {self.instrument or self.result.instrument}"

    @property
    def begun(self) -> str:
        """When it began, and what runs it; empty where nobody noted it."""
        date = self.date.replace("T", " ")
        return f"Begun {date} with eucentric {self.version}." if date and self.version else ""

    @property
    def kept(self) -> dict[str, str]:
        """Where the images of targets that were refused are, below the folder, by key."""
        return kept_images(Path(self.folder), self.result.outcomes)

    def error_m(self, one: Exposure) -> float | None:
        """The true defocus of an image minus the intended one; None where nobody knows it or asked for it."""
        true = self.truths.c1_m.get(one.file)
        return None if true is None or one.intended_m is None else true - one.intended_m

    def errors_m(self) -> dict[str, float]:
        """The same by file, of all images where it is known."""
        every = ((one.file, self.error_m(one)) for o in self.result.outcomes for one in o.exposures)
        return {file: error for file, error in every if error is not None}

    def shots(self) -> list[tuple[UnitOutcome, Exposure]]:
        """All images whose focus matters."""
        return [(o, one) for o in self.result.outcomes for one in o.exposures if one.intended_m is not None]

    def limit_m(self, outcome: UnitOutcome) -> float | None:
        """What is allowed of a unit's images (3 σ); None where nothing is said, or an rms is."""
        return self.application.node(outcome.node).within_m


def as_text(report: Report, *, whole: bool = True) -> str:
    """The report as plain text."""
    out = io.StringIO()
    console = Console(file=out, width=_IN_FILE, highlight=False, force_terminal=False)
    show(report, console, whole=whole)
    return out.getvalue()


def show(report: Report, console: Console, *, whole: bool = False) -> None:
    """Print the report; of long sessions only what was not as it should be, unless `whole`."""
    for part in _parts(report, whole):
        if isinstance(part, str):
            console.print(part, markup=False, highlight=False)
        else:
            console.print(part)


def _parts(report: Report, whole: bool) -> Iterator[RenderableType]:
    focused = [o for o in report.result.outcomes if report.application.node(o.node).kind is not Kind.ACQUIRE]
    yield report.title
    if report.begun:
        yield report.begun
    if report.result.resumed:
        times = "once" if report.result.resumed == 1 else f"{report.result.resumed} times"
        yield f"It was taken up again {times}: the time of what was cut off is not in here, its electrons are."
    if focused:
        yield from _cut(focused, whole, lambda some: _needs_table(report, some))
        yield from _cut(focused, whole, lambda some: _left_table(report, some))
    shots = report.shots()
    if shots:
        yield from _cut(shots, whole, lambda some: _shot_table(report, some))
        yield from (f"{sentence}\n" for sentence in _summary(report))
    spent = seconds_by_activity(report.result)
    if spent:
        time = ", ".join(f"{name} {duration(s)}" for name, s in spent.items())
        yield f"Time on the microscope: {duration(sum(spent.values()))} ({time})."
    if report.result.not_ended:
        cut = "; ".join(f"{dose_words(dose)} at {key}" for key, dose in report.result.not_ended)
        yield f"Spent on focusing that had not ended: {cut}."
    wrong = troubles(report.result, report.kept)
    if wrong:
        yield "\nNot as it should be:"
        shown = wrong if whole else wrong[:_ON_SCREEN]
        yield from (Padding(Text(t), (0, 0, 0, 2)) for t in shown)
        if len(shown) < len(wrong):
            yield f"  … and {len(wrong) - len(shown)} more: see report.txt."
    yield f"\n{statement(report.result, report.resume)}"


def _cut(rows: list[Any], whole: bool, table: Any) -> Iterator[RenderableType]:
    """A table of the rows; of very many only the last ones, unless `whole`."""
    if whole or len(rows) <= _ON_SCREEN:
        yield table(rows)
        return
    yield table(rows[-_ON_SCREEN:])
    yield f"(The last {_ON_SCREEN} of {len(rows)}; all of them are in report.txt.)\n"


def _needs_table(_report: Report, outcomes: list[UnitOutcome]) -> Table:
    """What each focus node needed and promised, with what was known, and what it spent."""
    out = _table("Focus nodes: what they need and promise (bounds: 3 σ)")
    out.add_column("target", overflow="fold")
    for name in ("needs: is/limit", "promises: is/limit"):
        out.add_column(name, no_wrap=True)
    out.add_column("e/Å²", justify="right", no_wrap=True)
    for o in outcomes:
        ended = "" if o.status is Status.DONE else str(o.status)
        promises = "\n".join(one for one in (_check_lines(o.promises), ended) if one)
        out.add_row(o.key, _check_lines(o.needs), promises, f"{o.focus_dose_e_per_m2 / E_PER_A2:.1f}")
    return out


def _left_table(report: Report, outcomes: list[UnitOutcome]) -> Table:
    """What each focus node left, and the truth."""
    knows = any(o.key in report.truths.c1_m for o in outcomes)
    out = _table("Focus nodes: what they left")
    out.add_column("target", overflow="fold")
    for name in ("defocus", "± 3 σ", *(["true defocus", "true height"] if knows else [])):
        out.add_column(name, justify="right", no_wrap=True)
    for o in outcomes:
        found = ("", "") if o.found is None else (length(o.found.c1_m), f"±{length(COVERAGE * o.found.total_sigma_m)}")
        true = [(_known(report.truths.c1_m, o.key)), _known(report.truths.height_m, o.key)] if knows else []
        out.add_row(o.key, *found, *true)
    return out


def _known(values_m: dict[str, float], key: str) -> str:
    return length(values_m[key]) if key in values_m else ""


def _check_lines(checks: tuple[Check, ...]) -> str:
    return "\n".join(_check_line(c) for c in checks)


def _check_line(check: Check) -> str:
    """In the unit of the limit: "height ±1.1/20 µm"."""
    missed = "" if check.met else " NOT MET"
    if not check.unit:
        return f"{check.what} {'?' if check.value is None else _two_digits(check.value)} (≥ {check.limit:g}){missed}"
    unit, factor = ("nm", 1e9) if check.limit < 0.9995e-6 else ("µm", 1e6)
    now = "?" if check.value is None else f"±{_two_digits(check.value * factor)}"
    return f"{check.what} {now}/{check.limit * factor:.3g} {unit}{missed}"


def _two_digits(value: float) -> str:
    return f"{value:.0f}" if value >= 9.95 else f"{value:.2g}"


def _shot_table(report: Report, shots: list[tuple[UnitOutcome, Exposure]]) -> Table:
    """Every image whose focus matters: intended, expected error, true error."""
    knows, tilted = bool(report.errors_m()), any(one.alpha_rad for _, one in shots)
    out = _table("Images: defocus and its error")
    out.add_column("target", overflow="fold")
    truth = ["true\nerror"] if knows else []
    columns = (*(["tilt"] if tilted else []), "e/Å²", "intended", "expected\n±3 σ", *truth)
    for name in columns:
        out.add_column(name, justify="right", no_wrap=True)
    out.add_column("", overflow="fold")
    for outcome, one in shots:
        error = report.error_m(one)
        row = [outcome.key]
        row += [minus(f"{math.degrees(one.alpha_rad):.1f}°")] if tilted else []
        row += [f"{one.dose_e_per_m2 / E_PER_A2:.1f}", show_length(one.intended_m or 0.0)]
        row += ["not known" if one.error_sigma_m is None else f"±{length(COVERAGE * one.error_sigma_m)}"]
        row += ["" if error is None else length(error)] if knows else []
        out.add_row(*row, "flagged" if one.flagged else "")
    return out


def _table(title: str) -> Table:
    return Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", padding=(0, 1, 0, 0))


def _summary(report: Report) -> Iterator[str]:
    """All images in a sentence for each node: how good they are said to be, and how good they are."""
    for node in report.application.nodes:
        shots = [(o, one) for o, one in report.shots() if o.node == node.name]
        if not shots:
            continue
        good = [one for _, one in shots if not one.flagged]
        count, truth = _count_words(len(shots), len(good), node.within_m), _truth_words(report, good, node.within_m)
        yield f"{node.name}: {count}.{truth}"


def _count_words(count: int, good: int, limit_m: float | None) -> str:
    """How many images there are, how many of them are flagged, and what holds of the others."""
    images = "1 image" if count == 1 else f"{count} images"
    if not good:
        return f"{images}, {'flagged' if count == 1 else 'all of them flagged'}"
    flagged = "" if good == count else f", {count - good} flagged"
    if limit_m is None:
        return f"{images}{flagged or ', none flagged'}"
    others = "all" if good == count and count > 1 else "the others" if count > 1 else ""
    within = f"within ±{length(limit_m)} (3 σ) of the defocus that was intended"
    return f"{images}{flagged}, {others}{' ' if others else ''}{within}"


def _truth_words(report: Report, good: list[Exposure], limit_m: float | None) -> str:
    known = [(one, error) for one in good if (error := report.error_m(one)) is not None]
    if not known:
        return ""
    errors = [abs(error) for _, error in known]
    rms = math.sqrt(sum(e * e for e in errors) / len(errors))
    expected = sum(abs(e) <= COVERAGE * one.error_sigma_m for one, e in known if one.error_sigma_m is not None)
    within = "" if limit_m is None else f", {sum(e <= limit_m for e in errors)} within ±{length(limit_m)}"
    return (
        f" In truth (known to the simulation alone) those not flagged: rms {length(rms)}, largest {length(max(errors))}"
        f"{within}, {expected} of {len(known)} within their expected 3 σ."
    )
