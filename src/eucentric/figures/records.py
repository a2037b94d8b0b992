"""The figure of a session from the records: defocus against time, and what is left, its error, drift and fit."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from eucentric.figures.style import BLUE, GREEN, GREY, ORANGE, RED, SKY, blank_figure, looks
from eucentric.focus.outcome import COVERAGE
from eucentric.records.kept import KeptDrift, KeptMeasurement, KeptRun
from eucentric.units import counted

_HEIGHT_IN = 11.5
_COLOURS = (BLUE, ORANGE, GREEN, SKY, "#CC79A7", "#8C7A00")
_LINEAR_UM = 0.1
"""Defoci smaller than this lie on a linear part of the axis, larger ones on a logarithmic one."""
_FLOOR_NM = 0.3
_PER_DECADE = 5
"""Bins of the histograms."""
_WELL = {"focused", "measured", "by hand", "aborted"}
"""How runs end that did not fail: whom the operator stops did not either."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What is drawn. With `begun_s` time is that of the microscope, in minutes from then; without, that on the wall."""

    runs: Sequence[KeptRun]
    measurements: Sequence[KeptMeasurement]
    drifts: Sequence[KeptDrift]
    begun_s: float | None = None

    def when(self, at: datetime, time_s: float) -> Any:
        """Where something stands on the axis of time."""
        return at.astimezone().replace(tzinfo=None) if self.begun_s is None else (time_s - self.begun_s) / 60

    def colours(self) -> dict[str, str]:
        """A colour for each step, in the order in which they came first."""
        steps = dict.fromkeys(one.step for one in self.measurements)
        return dict(zip(steps, cycle(_COLOURS), strict=False))

    def first(self) -> set[int]:
        """The measurements that are the first ones of their step in their run: what was found."""
        seen: dict[tuple[int, str], int] = {}
        for one in self.measurements:
            seen.setdefault((one.run_id, one.step), one.id)
        return set(seen.values())


def records_figure(shown: Shown, *, title: str) -> Figure:
    """Draw the measurements of a session, or of some time."""
    with looks():
        figure = blank_figure(_HEIGHT_IN)
        failed = [run for run in shown.runs if run.status not in _WELL]
        head = f"{title}\n{_summary(shown, len(failed))}"
        figure.suptitle(head, x=0.01, ha="left", fontsize=13, color=RED if failed else GREEN)
        grid = figure.add_gridspec(4, 2, width_ratios=(6, 1), height_ratios=(1.7, 1.2, 1, 1))
        top = figure.add_subplot(grid[0, 0])
        if not shown.measurements:
            top.text(0.5, 0.5, "Nothing was measured.", transform=top.transAxes, ha="center", color=GREY)
            return figure
        rows = [top, *(figure.add_subplot(grid[n, 0], sharex=top) for n in (1, 2, 3))]
        _defocus(top, shown)
        _found(figure.add_subplot(grid[0, 1], sharey=top), shown)
        _left(rows[1], shown)
        _stated(figure.add_subplot(grid[1, 1], sharey=rows[1]), shown)
        _drift(rows[2], shown)
        _fit(rows[3], shown)
        for ax in rows[:-1]:
            ax.tick_params(labelbottom=False)
        minutes = "minutes of the microscope's time since the session began"
        rows[-1].set_xlabel("time of day" if shown.begun_s is None else minutes)
    return figure


def _summary(shown: Shown, failed: int) -> str:
    refused = [one for one in shown.measurements if one.accepted is False]
    reasons = Counter((one.reason or "").lower().replace("_", " ") for one in refused)
    why = f" ({', '.join(f'{name} {count}' for name, count in reasons.most_common(4))})" if refused else ""
    stopped = sum(run.status == "aborted" for run in shown.runs)
    ends = f"{failed} not in focus" if failed else "all others in focus" if stopped else "all in focus"
    runs = f"{counted(len(shown.runs), 'run')}, {f'{stopped} aborted, ' if stopped else ''}{ends}"
    return f"{runs}; {counted(len(shown.measurements), 'measurement')}, {len(refused)} refused{why}"


def _defocus(ax: Axes, shown: Shown) -> None:
    """Every measurement with its total error; what was found by the first one of a step in a run has a full mark."""
    ax.set_title("Defocus (full: found, hollow: corrected)")
    ax.set_ylabel("defocus (µm), + overfocus")
    ax.set_yscale("symlog", linthresh=_LINEAR_UM, linscale=0.6)
    ax.axhline(0, color=GREY, linewidth=0.6)
    first = shown.first()
    for step, colour in shown.colours().items():
        mine = [one for one in shown.measurements if one.step == step and one.accepted]
        _points(ax, shown, [one for one in mine if one.id in first], colour)
        _points(ax, shown, [one for one in mine if one.id not in first], colour, hollow=True)
        ax.plot([], [], "o", color=colour, markersize=5, label=step)
    refused = [one for one in shown.measurements if one.accepted is False]
    known = [one for one in refused if one.c1_m is not None]
    lost = [one for one in refused if one.c1_m is None]
    ax.plot(_times(shown, known), [(one.c1_m or 0.0) * 1e6 for one in known], "X", color=RED, markersize=8, zorder=3)
    if lost:
        ax.plot(_times(shown, lost), [0.03] * len(lost), "X", color=RED, markersize=8, clip_on=False,
                transform=ax.get_xaxis_transform())  # fmt: skip
    if refused:
        ax.plot([], [], "X", color=RED, markersize=8, label="refused (below: nothing found)")
    ax.yaxis.set_major_formatter(_plain)
    _legend(ax)


def _points(ax: Axes, shown: Shown, some: Sequence[KeptMeasurement], colour: str, *, hollow: bool = False) -> None:
    if some:
        x, y = _times(shown, some), [(one.c1_m or 0.0) * 1e6 for one in some]
        error = [(one.total_sigma_m or 0.0) * 1e6 for one in some]
        face = "white" if hollow else colour
        ax.errorbar(x, y, yerr=error, fmt="o", color=colour, markerfacecolor=face, markersize=5, linewidth=1,
                    capsize=2)  # fmt: skip


def _found(ax: Axes, shown: Shown) -> None:
    """How often which defocus was found."""
    ax.set_title("Found")
    ax.set_xlabel("measurements")
    first = shown.first()
    found = {
        step: [(one.c1_m or 0.0) * 1e6 for one in shown.measurements if _counts(one, step) and one.id in first]
        for step in shown.colours()
    }
    _sideways(ax, found, shown, _edges([v for some in found.values() for v in some]))


def _counts(one: KeptMeasurement, step: str) -> bool:
    return one.step == step and bool(one.accepted)


def _edges(values: list[float]) -> list[float]:
    """Bins that are alike on the axis: even within the linear part, by equal factors beyond it."""
    top = max([abs(v) for v in values] + [2 * _LINEAR_UM])
    steps = range(math.ceil(_PER_DECADE * math.log10(top / _LINEAR_UM)) + 1)
    beyond = [_LINEAR_UM * 1.0001 * 10 ** (n / _PER_DECADE) for n in steps]  # a little beyond: the largest counts
    return [*(-v for v in reversed(beyond)), *np.linspace(-_LINEAR_UM, _LINEAR_UM, 5)[1:-1].tolist(), *beyond]


def _sideways(ax: Axes, values: dict[str, list[float]], shown: Shown, edges: Sequence[float]) -> None:
    colours = shown.colours()
    ax.hist(
        list(values.values()),
        bins=list(edges),
        orientation="horizontal",
        stacked=True,
        color=[colours[step] for step in values],
    )
    if not any(values.values()):
        ax.set_xlim(0, 1)
        _empty(ax, "none")
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    ax.tick_params(labelleft=False)


def _left(ax: Axes, shown: Shown) -> None:
    """What each run left, and what it states of it."""
    ax.set_title(f"Left at each run's end, and bound (+ {COVERAGE:g} σ)")
    ax.set_ylabel("|defocus| (nm)")
    ax.set_yscale("log")
    ended = [run for run in shown.runs if run.residual_m is not None and run.stated_error_m is not None]
    x = [_at_end(shown, run) for run in ended]
    left = [max(abs(run.residual_m or 0.0) * 1e9, _FLOOR_NM) for run in ended]
    bound = [(run.stated_error_m or 0.0) * 1e9 for run in ended]
    if ended:
        ax.vlines(x, left, bound, color=BLUE, linewidth=1.2)
        ax.plot(x, bound, "_", color=BLUE, markersize=9, label="bound")
        ax.plot(x, left, "o", color=BLUE, markersize=5, label="residual")
        ax.plot(x, [run.accuracy_m * 1e9 for run in ended], "_", color=GREEN, markersize=14, markeredgewidth=2,
                label="accuracy asked for")  # fmt: skip
    else:
        _empty(ax, "No run ended in focus.")
    failed = [run for run in shown.runs if run.status not in _WELL]
    if failed:
        top = np.full(len(failed), 0.96)
        ax.plot([_at_end(shown, run) for run in failed], top, "X", color=RED, markersize=8, clip_on=False,
                transform=ax.get_xaxis_transform(), label="not in focus, or failed")  # fmt: skip
    _decades(ax, [*left, *bound, *(run.accuracy_m * 1e9 for run in ended)])
    _legend(ax)


def _stated(ax: Axes, shown: Shown) -> None:
    """How often which bound was stated: bins that are alike on the axis, however near to each other the bounds are."""
    ax.set_title("Bounds")
    ax.set_xlabel("runs")
    bounds = [run.stated_error_m * 1e9 for run in shown.runs if run.stated_error_m]
    if bounds:
        low, high = ax.get_ylim()
        edges = np.geomspace(low, high, round(_PER_DECADE * math.log10(high / low)) + 1)
        ax.hist(bounds, bins=edges.tolist(), orientation="horizontal", color=BLUE)
    else:
        _empty(ax, "none")
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    ax.tick_params(labelleft=False)


def _drift(ax: Axes, shown: Shown) -> None:
    """How fast the specimen moved: seen by drift checks, and by the patterns that tell drift from defocus."""
    ax.set_title("Drift")
    ax.set_ylabel("nm/s")
    ax.set_yscale("log")
    by_pattern = [one for one in shown.measurements if one.accepted and one.images > 2 and _speed(one)]
    if by_pattern:
        ax.plot(_times(shown, by_pattern), [_speed(one) * 1e9 for one in by_pattern], "o", color=GREY,
                markerfacecolor="white", markersize=4, label="by the pattern's own images")  # fmt: skip
    looks_ = [one for one in shown.drifts if one.speed_m_per_s]
    x = [shown.when(one.told_at, one.time_s) for one in looks_]
    speed = [(one.speed_m_per_s or 0.0) * 1e9 for one in looks_]
    error = np.array([(one.sigma_m_per_s or 0.0) * 1e9 for one in looks_])
    below = np.minimum(error, 0.9 * np.array(speed))  # a logarithmic axis has no zero
    if looks_:
        ax.errorbar(x, speed, yerr=(below, error), fmt="o", color=BLUE, markersize=5, linewidth=1, label="drift check")
        ax.plot(x, [one.threshold_m_per_s * 1e9 for one in looks_], "_", color=GREEN, markersize=14,
                markeredgewidth=2, label="threshold")  # fmt: skip
    if not looks_ and not by_pattern:
        _empty(ax, "No drift was measured.")
    thresholds = [one.threshold_m_per_s * 1e9 for one in looks_]
    _decades(ax, [*speed, *thresholds, *(_speed(one) * 1e9 for one in by_pattern)])
    _legend(ax)


def _fit(ax: Axes, shown: Shown) -> None:
    """How well a defocus explains the shifts: those of accepted measurements. What is refused explains nothing, and its
    χ² may be as small as rounding.
    """
    ax.set_title("Fit of what was accepted (colours as above)")
    ax.set_ylabel("χ² per degree\nof freedom")
    ax.set_yscale("log")
    known = [one for one in shown.measurements if one.accepted and one.chi2_per_dof]
    for step, colour in shown.colours().items():
        mine = [one for one in known if one.step == step]
        ax.plot(_times(shown, mine), [one.chi2_per_dof or 0.0 for one in mine], "o", color=colour, markersize=4)
    if known:
        ax.axhline(1, color=GREY, linewidth=0.8)
    else:
        _empty(ax, "Nothing was accepted.")
    _decades(ax, [one.chi2_per_dof for one in known if one.chi2_per_dof])


def _empty(ax: Axes, why: str) -> None:
    """Say why there is nothing on it."""
    ax.text(0.5, 0.5, why, transform=ax.transAxes, ha="center", va="center", color=GREY)
    ax.tick_params(axis="y", which="both", left=False, labelleft=False)


def _legend(ax: Axes) -> None:
    """On the line of the title, at its other end, where it hides nothing."""
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=8, columnspacing=1.2, handletextpad=0.3,
                  borderpad=0.1)  # fmt: skip


def _decades(ax: Axes, values: list[float]) -> None:
    """A logarithmic axis over whole decades, with plain numbers."""
    known = [v for v in values if v > 0]
    if known:
        low, high = (math.log10(v) for v in (min(known), max(known)))
        ax.set_ylim(10 ** math.floor(low - 0.05), 10 ** math.ceil(high + 0.05))
    ax.yaxis.set_major_locator(LogLocator(numticks=6))
    ax.yaxis.set_major_formatter(_plain)
    ax.yaxis.set_minor_formatter(NullFormatter())


def _plain(value: float, _place: object) -> str:
    return f"{value:g}".replace("-", "−")


def _speed(one: KeptMeasurement) -> float:
    return float(np.hypot(*one.drift_m_per_s)) if one.drift_m_per_s is not None else 0.0


def _times(shown: Shown, some: Iterable[KeptMeasurement]) -> list[Any]:
    return [shown.when(one.taken_at, one.time_s) for one in some]


def _at_end(shown: Shown, run: KeptRun) -> Any:
    return shown.when(run.ended_at or run.begun_at, run.ended_s if run.ended_s is not None else run.begun_s)
