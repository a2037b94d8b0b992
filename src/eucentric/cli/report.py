"""The end of a run, for people and for programs. The one place that asks a simulated microscope for its truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rich import box
from rich.table import Table

from eucentric.errors import InputError
from eucentric.focus.measurement import error_um, micrometres
from eucentric.focus.outcome import Round, RunResult, StepResult
from eucentric.focus.words import dose_words
from eucentric.microscope.protocol import Microscope
from eucentric.records.plain import plain
from eucentric.records.run_folder import ending
from eucentric.units import E_PER_A2, minus, show_length

_WIDTHS = {"measured": 8, "corrected": 9}  # so that a narrow terminal does not break these words


@dataclass(frozen=True, slots=True)
class Truths:
    """The true C1 in metres at each measurement and at the end; None where nobody knows it."""

    measured_m: tuple[float | None, ...]
    end_m: float | None


def true_c1_m(microscope: Microscope) -> float | None:
    """The true defocus of a simulated microscope now, None for any other."""
    from eucentric.microscope.simulated.truth import truth

    try:
        return truth(microscope).c1_m
    except InputError:
        return None


def true_place(microscope: Microscope) -> tuple[float, float] | None:
    """(true C1, true height of the film) in metres of a simulated microscope now, None for any other."""
    from eucentric.microscope.simulated.truth import truth

    try:
        now = truth(microscope)
    except InputError:
        return None
    return now.c1_m, now.height_m


def table(result: RunResult, truths: Truths) -> Table:
    """One row for each measurement, average and step without any: measured, judged, corrected, dose, and the truth."""
    columns = _Columns(
        away=any(one.result.offset_m for step in result.steps for one in step.rounds),
        true=any(t is not None for t in truths.measured_m),
    )
    several = len({one.target for step in result.steps for one in step.rounds}) > 1
    title = f"{result.sequence.name} (lengths in µm)"
    out = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", padding=(0, 1, 0, 0))
    for name in columns.names():
        justify: Literal["left", "right"] = "left" if name in _WORDS else "right"
        out.add_column(name, justify=justify, overflow="fold", min_width=_WIDTHS.get(name))
    at = iter(truths.measured_m)
    for step in result.steps:
        rows = [row for one in step.rounds for row in _rows(step, one, next(at, None), several)]
        for row in rows or [_idle(step)]:
            out.add_row(*(row[name] for name in columns.names()))
    return out


_WORDS = {"step", "verdict", "corrected"}


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which columns have something to tell."""

    away: bool
    true: bool

    def names(self) -> tuple[str, ...]:
        """The headings from left to right."""
        shown = {"taken\nat": self.away, "true": self.true}
        every = (
            "step",
            "taken\nat",
            "measured",
            "± stat.",
            "± total",
            "verdict",
            "corrected",
            "e/Å²",
            "true",
        )
        return tuple(name for name in every if shown.get(name, True))


def _rows(step: StepResult, one: Round, true: float | None, several: bool) -> list[dict[str, str]]:
    """The row of a measurement, and that of the average that it completed."""
    dose = step.dose_e_per_m2 / E_PER_A2 / len(step.rounds)
    value, sigma, total = _measured(one)
    row = {
        "step": f"{step.step.name}: {one.target}" if several else step.step.name,
        "taken\nat": _offset(one),
        "measured": value,
        "± stat.": sigma,
        "± total": total,
        "verdict": _verdict(step, one),
        "corrected": _corrected(one),
        "e/Å²": f"{dose:.1f}",
        "true": "" if true is None else micrometres(true),
    }
    if one.average is None:
        return [row]
    mean = one.average
    average = dict.fromkeys(row, "") | {
        "step": f"{step.step.name}: average",
        "measured": micrometres(mean.c1_m, mean.total_sigma_m),
        "± stat.": error_um(mean.sigma_m),
        "± total": error_um(mean.total_sigma_m),
        "corrected": row["corrected"],
    }
    return [row | {"corrected": ""}, average]


def _idle(step: StepResult) -> dict[str, str]:
    """The row of a step that measured nothing: skipped, refused at once, or done by hand."""
    moved = [
        minus(f"{name} {length * 1e6:+.3f}")
        for name, length in zip(("Defocus", "Stage Z"), step.by_hand_m, strict=True)
        if length
    ]
    row = dict.fromkeys(_Columns(away=True, true=True).names(), "")
    verdict = f"refused: {step.refusal.reason}" if step.refusal is not None else str(step.status)
    dose = f"{step.dose_e_per_m2 / E_PER_A2:.1f}"
    return row | {"step": step.step.name, "verdict": verdict, "corrected": ", ".join(moved), "e/Å²": dose}


def closing(result: RunResult, truths: Truths) -> list[str]:
    """The last lines: what the run states, what it spent, and the truth."""
    lines = [result.statement]
    for step in result.steps:
        for target, finding in step.left_out:
            lines.append(f"Step {step.step.name} left target {target} out. {finding}")
        if step.not_stigmated is not None:
            lines.append(f"Step {step.step.name} left the astigmatism. {step.not_stigmated}")
    lines.append(f"Electrons spent: {_spent(result)}.")
    if truths.end_m is not None:
        lines.append(f"True residual (known to the simulation alone): {show_length(truths.end_m)}.")
    return lines


def _spent(result: RunResult) -> str:
    """The dose, of each target where there are several."""
    if len(result.doses_e_per_m2) < 2:
        return dose_words(result.dose_e_per_m2)
    return ", ".join(f"{target} {dose_words(dose)}" for target, dose in result.doses_e_per_m2)


def as_json(result: RunResult, truths: Truths, kept: Mapping[str, Any]) -> dict[str, Any]:
    """The run as plain values, and where it is kept: SI units."""
    steps = [_step_json(step) for step in result.steps]
    left = result.residual
    return {
        **ending(result),
        "residual_m": None if left is None else left.c1_m,
        "residual_sigma_m": None if left is None else left.sigma_m,
        "residual_total_sigma_m": None if left is None else left.total_sigma_m,
        "doses_e_per_m2": dict(result.doses_e_per_m2),
        "true_residual_m": truths.end_m,
        "true_c1_m": list(truths.measured_m),
        "steps": steps,
        **kept,
    }


def _step_json(step: StepResult) -> dict[str, Any]:
    return {
        "name": step.step.name,
        "method": step.step.focus_method.value,
        "preset": step.step.preset,
        "status": step.status.value,
        "skipped": step.skipped,
        "refusal": None if step.refusal is None else str(step.refusal),
        "reason_code": None if step.refusal is None else step.refusal.reason.name,
        "dose_e_per_m2": step.dose_e_per_m2,
        "corrected_m": step.corrected_m,
        "by_hand_m": dict(zip(("defocus", "stage_z"), step.by_hand_m, strict=True)),
        "left_out": {target: str(finding) for target, finding in step.left_out},
        "not_stigmated": None if step.not_stigmated is None else str(step.not_stigmated),
        "rounds": [_round_json(one) for one in step.rounds],
    }


def _round_json(one: Round) -> dict[str, Any]:
    mean = one.average
    average = None if mean is None else {
        "defocus_m": mean.c1_m,
        "defocus_sigma_m": mean.sigma_m,
        "defocus_total_sigma_m": mean.total_sigma_m,
    }  # fmt: skip
    measured = one.result.measurement
    return {
        **one.result.summary(),
        "target": one.target,
        "astigmatism_m": list(measured.a1_m),
        "astigmatism_sigma_m": list(measured.a1_sigma_m),
        "average": average,
        "correction": plain(one.correction),
        "taken_back": one.taken_back,
    }


def _measured(one: Round) -> list[str]:
    result, m = one.result, one.result.measurement
    value, total = micrometres(m.c1_m, m.total_sigma_m), error_um(m.total_sigma_m)
    if not result.accepted:
        return ["not known" if result.nothing_found else f"({value})", "", ""]
    return [value, error_um(m.sigma_m) if result.states_sigma else "", total]


def _offset(one: Round) -> str:
    """The lens defocus at which the images were taken on purpose; what was measured is told without it."""
    return minus(f"{one.result.offset_m * 1e6:g}")


def _verdict(step: StepResult, one: Round) -> str:
    if not one.result.accepted:
        return f"refused: {one.result.verdict.reason}"
    if step.refusal is not None and one is step.rounds[-1]:
        return f"refused: {step.refusal.reason}"
    return "accepted"


def _corrected(one: Round) -> str:
    if one.correction is None:
        return ""
    return minus(
        f"{one.correction.channel} {one.correction.move_m * 1e6:+.3f}{', taken back' if one.taken_back else ''}"
    )
