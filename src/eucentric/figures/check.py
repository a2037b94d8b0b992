"""The page of a pre-flight as a figure: the three known defoci, and every line in its colour."""

from __future__ import annotations

import textwrap
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from eucentric.calibrate.report import DefocusPoint, Line, Report
from eucentric.calibration.record import Level
from eucentric.figures.calibration import LEVEL_COLOURS
from eucentric.figures.style import BLUE, GREY, blank_figure, looks, quiet

_LETTERS: Final = 108
_ROW_IN: Final = 0.17
_HEAD_IN: Final = 1.0


def check_figure(report: Report) -> Figure:
    """Draw a report: on the left measured against known defocus, on the right the lines."""
    rows = [(line, _wrapped(line)) for line in report.lines]
    count = sum(len(words) + 0.6 for _, words in rows)
    with looks():
        figure = blank_figure(max(_HEAD_IN + count * _ROW_IN, 4.5))
        title = f"Pre-flight of {report.instrument} at {report.preset}: {report.sentence}"
        figure.suptitle("\n".join(textwrap.wrap(title, 120)), x=0.01, ha="left", fontsize=13,
                        color=LEVEL_COLOURS[report.level])  # fmt: skip
        left, right = np.asarray(figure.subfigures(1, 2, width_ratios=(1, 2.6))).tolist()
        above, below = left.subplots(2, 1, height_ratios=(2, 1), sharex=True)
        _ratio(above, report.points, report.line("ratio"))
        _rest(below, report.points)
        _page(right.subplots(), rows, count)
    return figure


def _wrapped(line: Line) -> list[str]:
    """The lines of text of one row: green ones need only their number."""
    told = line.value if line.level is Level.GREEN else f"{line.value}. {line.sentence}"
    return textwrap.wrap(told, _LETTERS) or [""]


def _page(axes: Axes, rows: list[tuple[Line, list[str]]], count: float) -> None:
    quiet(axes)
    axes.set_xlim(0, 1)
    axes.set_ylim(count, 0)
    top = 0.0
    for line, words in rows:
        height = len(words) + 0.6
        axes.add_patch(Rectangle((0, top + 0.15), 0.012, height - 0.3, color=LEVEL_COLOURS[line.level]))
        axes.text(0.02, top + 0.3, line.key, va="top", fontweight="bold", fontsize=9)
        axes.text(0.165, top + 0.3, str(line.level), va="top", fontsize=9, color=LEVEL_COLOURS[line.level])
        axes.text(0.22, top + 0.3, "\n".join(words), va="top", fontsize=8.5, linespacing=1.15)
        top += height


def _ratio(axes: Axes, points: tuple[DefocusPoint, ...], ratio: Line | None) -> None:
    axes.set_title("Measured ÷ known")
    if not points:
        axes.text(0.5, 0.5, "Nothing was measured.", transform=axes.transAxes, ha="center", color=GREY)
        return
    actual, measured, sigma = (
        np.array([getattr(p, name) for p in points]) * 1e6 for name in ("actual_m", "measured_m", "sigma_m")
    )
    line = np.array([actual.min(), actual.max()])
    axes.plot(line, line, color=GREY, linewidth=1, label="measured = known")
    axes.errorbar(
        actual, measured, yerr=sigma, linestyle="none", marker="o", color=BLUE, capsize=3, label="measured ± 1σ"
    )
    axes.set_ylabel("measured change (µm)")
    if ratio is not None:
        axes.set_title(f"Measured ÷ known\n{ratio.value.removesuffix('measured ÷ actual')}")
    axes.legend(loc="upper left")


def _rest(axes: Axes, points: tuple[DefocusPoint, ...]) -> None:
    """What is measured too much, with its error."""
    axes.axhline(0.0, color=GREY, linewidth=0.8)
    axes.set_xlabel("known change of defocus (µm)")
    axes.set_ylabel("too much (nm)")
    for p in points:
        axes.errorbar(p.actual_m * 1e6, (p.measured_m - p.actual_m) * 1e9, yerr=p.sigma_m * 1e9, marker="o", color=BLUE,
                      capsize=3)  # fmt: skip
