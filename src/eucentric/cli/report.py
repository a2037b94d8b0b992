"""The end of a run, for people and for programs. The one place that asks a simulated microscope for its truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich import box
from rich.table import Table

from eucentric.errors import InputError
from eucentric.focus.measurement import decimals
from eucentric.focus.outcome import Round, RunResult, StepResult
from eucentric.microscope.protocol import Microscope
from eucentric.records.plain import plain
from eucentric.records.run_folder import ending
from eucentric.units import minus, show_length

_WIDTHS = {"measured": 8, "corrected": 9}  # so that a narrow terminal does not break these words
_E_PER_A2 = 1e20  # 1 e/Å² in e/m²


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


def table(result: RunResult, truths: Truths) -> Table:
    """One row for each measurement: measured, judged, corrected, dose, and the truth where it is known."""
    known = any(t is not None for t in truths.measured_m)
    title = f"{result.sequence.name} (lengths in µm)"
    out = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", padding=(0, 1, 0, 0))
    away = any(one.result.offset_m for step in result.steps for one in step.rounds)
    for name in (
        "step",
        *(["taken\nat"] if away else []),
        "measured",
        "± stat.",
        "± total",
        "verdict",
        "corrected",
        "e/Å²",
        *(["true"] if known else []),
    ):
        words = name in {"step", "verdict", "corrected"}
        out.add_column(name, justify="left" if words else "right", overflow="fold", min_width=_WIDTHS.get(name))
    at = iter(truths.measured_m)
    for step in result.steps:
        dose = step.dose_e_per_m2 / _E_PER_A2 / max(len(step.rounds), 1)
        for one in step.rounds:
            true = next(at, None)
            row = [
                step.step.name,
                *([_offset(one)] if away else []),
                *_measured(one),
                _verdict(step, one),
                _corrected(one),
                f"{dose:.1f}",
            ]
            out.add_row(*row, *([_micrometres(true)] if known else []))
    return out


def closing(result: RunResult, truths: Truths) -> list[str]:
    """The last lines: what the run states, what it spent, and the truth."""
    lines = [result.statement, f"Electrons spent: {result.dose_e_per_m2 / _E_PER_A2:.1f} e/Å²."]
    if truths.end_m is not None:
        lines.append(f"True residual (known to the simulation alone): {show_length(truths.end_m)}.")
    return lines


def as_json(result: RunResult, truths: Truths, folder: str) -> dict[str, Any]:
    """The run as plain values: SI units."""
    steps = [
        {
            "name": step.step.name,
            "status": step.status.value,
            "refusal": None if step.refusal is None else str(step.refusal),
            "reason_code": None if step.refusal is None else step.refusal.reason.name,
            "dose_e_per_m2": step.dose_e_per_m2,
            "corrected_m": step.corrected_m,
            "rounds": [{**one.result.summary(), "correction": plain(one.correction)} for one in step.rounds],
        }
        for step in result.steps
    ]
    left = result.residual
    return {
        **ending(result),
        "residual_m": None if left is None else left.c1_m,
        "residual_sigma_m": None if left is None else left.sigma_m,
        "residual_total_sigma_m": None if left is None else left.total_sigma_m,
        "true_residual_m": truths.end_m,
        "true_c1_m": list(truths.measured_m),
        "steps": steps,
        "folder": folder,
    }


def _measured(one: Round) -> list[str]:
    result, m = one.result, one.result.measurement
    if not result.accepted:
        return ["not known" if result.nothing_found else f"({_micrometres(m.c1_m)})", "", ""]
    if not result.states_sigma:
        return [_micrometres(m.c1_m), "", f"{m.total_sigma_m * 1e6:.3f}"]
    return [_micrometres(m.c1_m), f"{m.sigma_m * 1e6:.{decimals(m.sigma_m)}f}", f"{m.total_sigma_m * 1e6:.3f}"]


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


def _micrometres(value_m: float | None) -> str:
    return "" if value_m is None else minus(f"{value_m * 1e6:.3f}")
