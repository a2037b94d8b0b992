"""The figure of one calibration: measured points with error bars, what was fitted, and what the fit leaves."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eucentric.calibrate.outcome import Array, Evidence, Series
from eucentric.calibration.record import Level, Record
from eucentric.calibration.words import sentence
from eucentric.figures.saved import save
from eucentric.figures.style import BLUE, GREEN, GREY, ORANGE, RED, SKY, blank_figure, looks
from eucentric.units import minus

_COLOURS: Final = (BLUE, ORANGE, GREEN, SKY, RED, GREY)
_MARKERS: Final = ("o", "s", "^", "D", "v", "P")
_LETTERS: Final = 125
_TWO: Final = 2
_HEIGHT_IN: Final = 6.6
LEVEL_COLOURS: Final = {Level.GREEN: GREEN, Level.AMBER: ORANGE, Level.RED: RED}


def calibration_figure(record: Record, evidence: tuple[Evidence, ...]) -> Figure:
    """A column for each piece of evidence: points and fit above, residuals below where there are any."""
    with looks():
        figure = blank_figure(_HEIGHT_IN)
        values = sentence(record.quantity, record.optics).replace(" ± ", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}")
        told = f"{record.kind}, {record.instrument}, {record.optics}: {values}"
        lines = [*textwrap.wrap(told, _LETTERS), *textwrap.wrap(f"{record.level}: {record.sentence}", _LETTERS)]
        figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=12, color=LEVEL_COLOURS[record.level])
        _panels(figure, evidence)
    return figure


def draw_calibration(record: Record, evidence: tuple[Evidence, ...], path: Path) -> Path:
    """Draw a calibration to a file. Raises InputError where it can't be written."""
    return save(calibration_figure(record, evidence), path)


def _panels(figure: Figure, evidence: tuple[Evidence, ...]) -> None:
    """A column for each piece; below its points the residuals, where a fit leaves any."""
    columns, ratios = max(len(evidence), 1), (3, 1)
    grid = figure.add_gridspec(2, columns, height_ratios=ratios)
    for column, one in enumerate(evidence):
        rests = [_residual(series) for series in one.series]
        if all(rest is None for rest in rests):
            bottom = _above(figure.add_subplot(grid[:, column]), one)
        else:
            above = _above(figure.add_subplot(grid[0, column]), one)
            above.tick_params(labelbottom=False)
            bottom = _below(figure.add_subplot(grid[1, column], sharex=above), one, rests)
            figure.align_ylabels((above, bottom))
        bottom.set_xlabel(one.x_label)


def _above(axes: Axes, evidence: Evidence) -> Axes:
    """Points and fits."""
    axes.set_title(evidence.title)
    axes.set_ylabel(evidence.y_label)
    for number, series in enumerate(evidence.series):
        _points(axes, series, series.y, number, label=_told(series, evidence.y_label))
        if series.fit_x is not None and series.fit_y is not None:
            axes.plot(series.fit_x, series.fit_y, color=_COLOURS[number % len(_COLOURS)], linewidth=1.2)
    if any(series.label for series in evidence.series):
        axes.legend(loc="best")
    return _formatted(axes)


def _below(axes: Axes, evidence: Evidence, rests: list[Array | None]) -> Axes:
    """What the fits leave."""
    axes.axhline(0.0, color=GREY, linewidth=0.8)
    axes.set_ylabel(f"residual\n({_unit(evidence.y_label)})")
    for number, (series, rest) in enumerate(zip(evidence.series, rests, strict=True)):
        if rest is not None:
            _points(axes, series, rest, number)
    return _formatted(axes)


def _formatted(axes: Axes) -> Axes:
    axes.margins(x=0.05)
    axes.xaxis.set_major_formatter(lambda value, _: minus(f"{value:.6g}"))
    axes.yaxis.set_major_formatter(lambda value, _: minus(f"{value:.6g}"))
    return axes


def _told(series: Series, y_label: str) -> str:
    """The series' label with the size of its error bars, which are often smaller than the marks."""
    if series.sigma is None or not len(series.sigma) or not series.label:
        return series.label
    return f"{series.label} (1σ {float(np.median(series.sigma)):.2g} {_unit(y_label)})"


def _points(axes: Axes, series: Series, y: Array, number: int, *, label: str | None = None) -> None:
    """Points at the series' x, with their 1σ where it is known."""
    axes.errorbar(
        series.x,
        y,
        yerr=series.sigma,
        linestyle="none",
        marker=_MARKERS[number % len(_MARKERS)],
        markersize=5,
        color=_COLOURS[number % len(_COLOURS)],
        capsize=3,
        label=label,
    )


def _residual(series: Series) -> Array | None:
    """Points less the fitted curve. None without a fit, or where it does not reach over all points or goes back and
    forth; and where the points are at two x only: a straight line leaves nothing of them."""
    if series.fit_x is None or series.fit_y is None or np.unique(series.x).size <= _TWO:
        return None
    order = np.argsort(series.fit_x)
    x, y = np.asarray(series.fit_x)[order], np.asarray(series.fit_y)[order]
    if len(x) < 2 or np.any(np.diff(x) <= 0):
        return None
    slack = 1e-9 * float(np.ptp(x))
    if series.x.min() < x[0] - slack or series.x.max() > x[-1] + slack:
        return None
    return np.asarray(series.y - np.interp(series.x, x, y))


def _unit(label: str) -> str:
    """The unit that an axis' label has in brackets."""
    start, end = label.rfind("("), label.rfind(")")
    return label[start + 1 : end] if 0 <= start < end else label
