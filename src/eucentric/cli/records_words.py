"""Records for people: tables of runs, sessions and measurements, and what is said of a run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal

from rich import box
from rich.table import Table

from eucentric.calibration.instrument import Calibration
from eucentric.focus.measurement import error_um, micrometres
from eucentric.focus.words import dose_words, signed_length
from eucentric.records.kept import RUNNING, KeptMeasurement, KeptRun, KeptSession, KeptStep, RunDetails
from eucentric.records.plain import plain
from eucentric.units import E_PER_A2, counted, minus, show_bound, show_length

_GOOD = {"focused", "measured", "by hand"}


def run_table(runs: Sequence[KeptRun]) -> Table:
    """One row for each run; where all are of one instrument, or of one session, the title names it."""
    instruments, sessions = {run.instrument for run in runs}, {run.session_id for run in runs}
    on = f" on {next(iter(instruments))}" if len(instruments) == 1 else ""
    of = f" of session {next(iter(sessions))}" if len(sessions) == 1 and None not in sessions else ""
    table = _table(f"{counted(len(runs), 'run')}{of}{on}, the newest first")
    for name, width in _RUN_COLUMNS.items():
        right = name in {"run", "within\n(3 σ)", "e/Å²", "refused"}
        table.add_column(name, justify="right" if right else "left", overflow="fold", min_width=width,
                         max_width=_MOST.get(name))  # fmt: skip
    for run in runs:
        table.add_row(*_run_cells(run, on=not on, of=not of), style="" if run.status in _GOOD else "yellow")
    return table


_RUN_COLUMNS = {"run": 3, "begun": 16, "what": None, "ended": 8, "within\n(3 σ)": 7, "e/Å²": 5, "refused": 7}
"""With the widths at which their words do not break."""
_MOST = {"what": 19, "ended": 10}
"""How wide they may be: all in 80 columns."""


def _run_cells(run: KeptRun, *, on: bool, of: bool) -> tuple[str, ...]:
    what = [run.sequence] if run.target is None else re.findall(r"[^/]+/?", run.target)
    what += [f", session {run.session_id}"] if of and run.session_id is not None else []
    what += [f", {run.instrument}"] if on else []
    return (
        str(run.id),
        local(run.begun_at),
        _in_lines(what),
        ended(run),
        "" if run.stated_error_m is None else show_bound(run.stated_error_m),
        "" if run.dose_e_per_m2 is None else f"{run.dose_e_per_m2 / E_PER_A2:.1f}",
        f"{run.refused} of {run.measurements}" if run.measurements else "",
    )


def _in_lines(parts: Sequence[str]) -> str:
    """Parts of a cell one after the other, in lines of the narrow column."""
    lines = [""]
    for part in parts:
        if lines[-1] and len(lines[-1] + part) > _MOST["what"]:
            lines.append("")
        lines[-1] += part if lines[-1] else part.removeprefix(", ")
    return "\n".join(lines)


def session_table(sessions: Sequence[KeptSession]) -> Table:
    """One row for each session."""
    table = _table(f"{counted(len(sessions), 'session')}, the newest first")
    widths = {"session": 7, "begun": 16, "ended": 8, "targets\ndone": 7, "runs": 4}
    for name in ("session", "begun", "application", "instrument", "ended", "targets\ndone", "runs"):
        right = name in {"session", "targets\ndone", "runs"}
        table.add_column(name, justify="right" if right else "left", overflow="fold", min_width=widths.get(name),
                         max_width=widths[name] if name in {"ended", "targets\ndone"} else None)  # fmt: skip
    for one in sessions:
        end = "complete" if one.complete else ("not ended" if one.ended_at is None else "not complete")
        done = f"{one.done} of {one.units}"
        table.add_row(str(one.id), local(one.begun_at), one.application, one.instrument, end, done, str(one.runs))
    return table


def not_done(told: Sequence[Mapping[str, Any]]) -> list[str]:
    """The targets of a session that were not done and why, from what it told outside of its runs."""
    ends = {body["outcome"]["key"]: body["outcome"] for body in told if body["event"] == "UnitEnded"}
    return [f"{key}: {end['status']}. {end['why']}".strip() for key, end in ends.items() if end["status"] != "done"]


def measurement_table(measurements: Sequence[KeptMeasurement]) -> Table:
    """One row for each measurement, as at the end of its run, with its number in the records."""
    several = len({one.target for one in measurements}) > 1
    table = _table("Measurements (lengths in µm)")
    names = ["no.", "step", "taken\nat", "measured", "± stat.", "± total", "χ²/dof", "verdict", "corrected"]
    words, widths = {"step", "verdict", "corrected"}, {"measured": 8, "corrected": 9, "verdict": 8, "± total": 7}
    for name in names:
        justify: Literal["left", "right"] = "left" if name in words else "right"
        table.add_column(name, justify=justify, overflow="fold", min_width=widths.get(name))
    for one in measurements:
        cells = _cells(one, several)
        table.add_row(*(cells[name] for name in names))
    return table


def _cells(one: KeptMeasurement, several: bool) -> dict[str, str]:
    accepted, sigma, total = bool(one.accepted), one.sigma_m, one.total_sigma_m
    value = "" if one.c1_m is None else micrometres(one.c1_m, total)
    return {
        "no.": str(one.id),
        "step": f"{one.step}: {one.target}" if several else one.step,
        "taken\nat": "" if one.offset_m is None else minus(f"{one.offset_m * 1e6:g}"),
        "measured": _unless_refused(value, one.accepted),
        "± stat.": error_um(sigma) if accepted and sigma is not None else "",
        "± total": error_um(total) if accepted and total is not None else "",
        "χ²/dof": _fit(one),
        "verdict": _verdict(one),
        "corrected": _corrected(one),
    }


def _fit(one: KeptMeasurement) -> str:
    """Where nothing was found there is nothing that could fit."""
    nothing = one.accepted is False and one.c1_m is None
    return "" if nothing or one.chi2_per_dof is None else f"{one.chi2_per_dof:.2g}"


def _unless_refused(value: str, accepted: bool | None) -> str:
    """In brackets what is not believed; where nothing was found that is said."""
    if accepted is False:
        return f"({value})" if value else "not known"
    return value


def _verdict(one: KeptMeasurement) -> str:
    if one.accepted is None:
        return "cut off"
    return "accepted" if one.accepted else f"refused: {(one.reason or '').lower().replace('_', ' ')}"


def _corrected(one: KeptMeasurement) -> str:
    if one.moved is None:
        return ""
    back = ", taken back" if one.moved.taken_back else ""
    return minus(f"{one.moved.channel} {one.moved.moved_m * 1e6:+.3f}{back}")


def heading(run: KeptRun, details: RunDetails) -> list[str]:
    """What run it is."""
    lines = [f"Run {run.id}: {run.sequence} on {run.instrument}, begun {local(run.begun_at)}, eucentric {run.version}"]
    if run.session_id is not None:
        lines.append(f"Session {run.session_id}, node {run.node}, target {run.target}")
    steps = ", ".join(step.name for step in details.settings.sequence.steps if step.switch)
    lines.append(f"Steps {steps}; accuracy {show_bound(run.accuracy_m)}{', measured only' * run.measure_only}")
    before, after = details.found_as, details.left_as
    if before is not None and after is not None:
        moved = [
            f"{name} by {signed_length(b - a)} to {show_length(b)}"
            for name, a, b in (
                ("lens", before.focus_m, after.focus_m),
                ("stage z", before.stage_z_m, after.stage_z_m),
            )
            if a is not None and b is not None and abs(b - a) > 1e-10
        ]
        lines.append(f"From its beginning to its end: {', '.join(moved) or 'nothing stayed moved'}")
    return lines


def believed(run: KeptRun, calibrations: Mapping[str, Calibration]) -> list[str]:
    """What it was measured with: how old each calibration was then."""
    presets: dict[str, list[str]] = {}
    for preset, one in calibrations.items():
        ages = [
            f"{s.kind} {max((run.begun_at - s.taken).days, 0)} d{' (transferred)' * s.transferred}" for s in one.sources
        ]
        presets.setdefault(", ".join(ages) or "as the instrument tells it of itself", []).append(preset)
    return [f"Calibration of {' and '.join(names)}: {words}" for words, names in presets.items()]


def closing(run: KeptRun, steps: Sequence[KeptStep], measurements: Sequence[KeptMeasurement]) -> list[str]:
    """How it ended, and what it spent. What was said once is not said again."""
    lines = [run.statement or "It has not ended: it is running, or its process was killed."]
    for step in steps:
        if step.skipped is not None and not _said(step.skipped, lines):
            lines.append(step.skipped)
    for one in measurements:
        if one.accepted is False and one.sentence is not None and not _said(one.sentence, lines):
            lines.append(f"Measurement {one.id} was refused. {one.sentence}")
    if run.dose_e_per_m2 is not None:
        lines.append(f"Electrons spent: {dose_words(run.dose_e_per_m2)}.")
    there = sum(0 < one.images == one.images_kept for one in measurements)
    if there < len(measurements):
        lines.append(f"Images are there of {there} of {counted(len(measurements), 'measurement')}.")
    if there:
        lines.append("Measure one again: eucentric records remeasure NO.")
    return lines


def _said(sentence: str, lines: Sequence[str]) -> bool:
    return any(sentence.rstrip(". ") in line for line in lines)


def as_plain(
    run: KeptRun,
    details: RunDetails,
    steps: Sequence[KeptStep],
    measurements: Sequence[KeptMeasurement],
    calibrations: Mapping[str, Calibration],
) -> dict[str, Any]:
    """All of a run for programs."""
    body: dict[str, Any] = plain({**asdict(run), "steps": steps, "measurements": measurements})
    return body | {
        "settings": details.settings.model_dump(mode="json"),
        "targets": plain(details.targets),
        "found_as": plain(details.found_as),
        "left_as": plain(details.left_as),
        "calibrations": plain(calibrations),
    }


def ended(run: KeptRun) -> str:
    """Its status; with the reason where it was refused."""
    if run.status == RUNNING:
        return "not ended"
    reason = f": {run.reason.lower().replace('_', ' ')}" if run.reason is not None else ""
    return f"{run.status}{reason}"


def local(when: datetime) -> str:
    """A time on the wall here."""
    return f"{when.astimezone():%Y-%m-%d %H:%M}"


def _table(title: str) -> Table:
    return Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", padding=(0, 1, 0, 0), show_edge=False)
