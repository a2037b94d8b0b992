"""|Defocus| through a run, measurement by measurement, on a logarithmic axis."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from eucentric.figures.style import BLUE, GREEN, GREY, RED
from eucentric.focus.outcome import Round, RunResult, StepResult
from eucentric.units import show_length

_FLOOR_M = 1e-10
_BAR_WIDTH = 0.35
_WIDE = 110  # characters that the axis is wide


@dataclass(frozen=True, slots=True)
class _Point:
    """One measurement of the run, metres; `number` counts from 1."""

    number: int
    value_m: float
    sigma_m: float
    total_sigma_m: float
    accepted: bool
    corrected: str


def draw_history(ax: Axes, run: RunResult, truths_m: Sequence[float | None] = ()) -> None:
    """Draw every measurement with its errors, each step's tolerance as a band, and the truth where it is known.

    `truths_m` are the true C1 at the measurements, in order; a simulated microscope knows them.
    """
    ax.set_title("Defocus through the run")
    ax.set_ylabel("|defocus|")
    ax.set_yscale("log")
    points = _points(run)
    if not points:
        ax.text(0.5, 0.5, "Nothing was measured.", transform=ax.transAxes, ha="center", va="center", color=GREY)
        return
    floor, top = _limits(points, run, truths_m)
    ax.set_ylim(floor, top)
    _steps(ax, run, (floor, top))
    for point in points:
        _draw_point(ax, point, floor)
    true = [(p.number, abs(t)) for p, t in zip(points, truths_m, strict=False) if t is not None]
    if true:
        ax.plot(*zip(*true, strict=True), linestyle="none", marker="D", markersize=9, markerfacecolor="none",
                color="black", markeredgewidth=1.2)  # fmt: skip
    _legend(ax, bool(true), any(not p.accepted for p in points))
    ax.set_xlim(0.5, len(points) + 0.5)
    ax.set_xticks([p.number for p in points])
    ax.set_xlabel("measurement")
    ax.yaxis.set_major_formatter(lambda value, _: f"{value * 1e9:g} nm" if value < 0.99e-6 else f"{value * 1e6:g} µm")
    ax.yaxis.set_minor_formatter(lambda _value, _: "")


def _points(run: RunResult) -> list[_Point]:
    """All measurements of all steps."""
    rounds = [one for step in run.steps for one in step.rounds]
    return [_point(number, one) for number, one in enumerate(rounds, start=1)]


def _point(number: int, one: Round) -> _Point:
    measured, correction = one.result.measurement, one.correction
    return _Point(
        number=number,
        value_m=abs(measured.c1_m),
        sigma_m=measured.sigma_m,
        total_sigma_m=measured.total_sigma_m,
        accepted=one.result.accepted,
        corrected="" if correction is None else f"{correction.channel}\n{_signed(correction.move_m)}",
    )


def _signed(length_m: float) -> str:
    """A length with its sign, whichever it is."""
    return f"{'+' if length_m > 0 else ''}{show_length(length_m, 2)}"


def _limits(points: list[_Point], run: RunResult, truths_m: Sequence[float | None]) -> tuple[float, float]:
    """Bottom and top of the axis: everything drawn, with room for the names of the steps above."""
    tolerances = [step.step.tolerance_m for step in run.steps]
    sizes = [p.value_m for p in points] + [abs(t) for t in truths_m if t is not None] + tolerances
    bottom = max(min(s for s in sizes if s > 0) / 3, _FLOOR_M)
    return bottom, 20 * max([*sizes, *(p.value_m + p.total_sigma_m for p in points)])


def _steps(ax: Axes, run: RunResult, limits: tuple[float, float]) -> None:
    """The extent of each step, its name, and its tolerance as a band from the bottom."""
    left, every = 0.5, sum(len(step.rounds) for step in run.steps)
    for step in (s for s in run.steps if s.rounds):
        right = left + len(step.rounds)
        ax.fill_between([left, right], limits[0], step.step.tolerance_m, color=GREEN, alpha=0.15, linewidth=0)
        if left > 0.5:
            ax.axvline(left, color=GREY, linewidth=0.8)
        label = textwrap.fill(_step_label(step), max(12, int(_WIDE * len(step.rounds) / every)))
        ax.annotate(label, (left, 1), xycoords=("data", "axes fraction"), xytext=(6, -4),
                    textcoords="offset points", ha="left", va="top")  # fmt: skip
        left = right


def _step_label(step: StepResult) -> str:
    return f"{step.step.name} ({step.step.preset}): {step.status}, tolerance {show_length(step.step.tolerance_m, 2)}"


def _draw_point(ax: Axes, point: _Point, floor: float) -> None:
    """A measurement with its total error (thin) and its statistical error (box), and what was moved after it."""
    color = BLUE if point.accepted else RED
    value = max(point.value_m, floor * 1.02)
    if not point.accepted:  # a number that is not believed has no error
        ax.plot(point.number, value, "X", color=color, markersize=7)
        return
    below = min(point.total_sigma_m, value - floor)
    ax.errorbar(point.number, value, yerr=np.array([[below], [point.total_sigma_m]]), color=color, linewidth=1.2,
                capsize=6, marker="o" if point.accepted else "X", markersize=6)  # fmt: skip
    low = max(value - point.sigma_m, floor)
    ax.bar(point.number, value + point.sigma_m - low, bottom=low, width=_BAR_WIDTH / 4, color=color, alpha=0.35)
    if point.corrected:
        ax.annotate(point.corrected, (point.number, value), xytext=(12, -4), textcoords="offset points", fontsize=9,
                    ha="left", va="top", color=GREY)  # fmt: skip


def _legend(ax: Axes, with_truth: bool, with_refused: bool) -> None:
    """Explain the marks with empty artists, so that each is there once."""
    marks: list[Artist] = [
        ax.errorbar([], [], yerr=[], color=BLUE, marker="o", capsize=6)[0],
        ax.bar([np.nan], [1], color=BLUE, alpha=0.35)[0],
        ax.fill_between([], [], color=GREEN, alpha=0.15),
    ]
    labels = ["measured ± total error", "± statistical error", "tolerance"]
    if with_refused:
        marks += ax.plot([], [], "X", color=RED)
        labels.append("refused (not believed)")
    if with_truth:
        marks += ax.plot([], [], "D", color="black", markerfacecolor="none", markersize=9)
        labels.append("truth (simulation)")
    ax.legend(marks, labels, loc="upper left", bbox_to_anchor=(1.0, 1.0))
