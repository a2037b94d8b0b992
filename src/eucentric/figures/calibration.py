"""The figure of one calibration: measured points with error bars, what was fitted, and what the fit leaves."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from eucentric.calibrate.outcome import Evidence, Series
from eucentric.calibration.record import Level, Record
from eucentric.calibration.words import sentence
from eucentric.figures.saved import save
from eucentric.figures.style import BLUE, GREEN, GREY, ORANGE, RED, SKY, blank_figure, looks
from eucentric.units import minus

_COLOURS: Final = (BLUE, ORANGE, GREEN, SKY, RED, GREY)
_MARKERS: Final = ("o", "s", "^", "D", "v", "P")
_LETTERS: Final = 125
_HEIGHT_IN: Final = 6.6
LEVEL_COLOURS: Final = {Level.GREEN: GREEN, Level.AMBER: ORANGE, Level.RED: RED}


def calibration_figure(record: Record, evidence: tuple[Evidence, ...]) -> Figure:
    """A column for each piece of evidence: points and fit above, residuals below."""
    with looks():
        figure = blank_figure(_HEIGHT_IN)
        values = sentence(record.quantity, record.optics).replace(" ± ", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}")
        told = f"{record.kind}, {record.instrument}, {record.optics}: {values}"
        lines = [*textwrap.wrap(told, _LETTERS), *textwrap.wrap(f"{record.level}: {record.sentence}", _LETTERS)]
        figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=12, color=LEVEL_COLOURS[record.level])
        columns = max(len(evidence), 1)
        axes = figure.subplots(2, columns, squeeze=False, height_ratios=(3, 1), sharex="col")
        for column, one in enumerate(evidence):
            _draw(axes[0, column], axes[1, column], one)
    return figure


def draw_calibration(record: Record, evidence: tuple[Evidence, ...], path: Path) -> Path:
    """Draw a calibration to a file. Raises InputError where it can't be written."""
    return save(calibration_figure(record, evidence), path)


def _draw(above: Axes, below: Axes, evidence: Evidence) -> None:
    above.set_title(evidence.title)
    above.set_ylabel(evidence.y_label)
    below.set_xlabel(evidence.x_label)
    below.axhline(0.0, color=GREY, linewidth=0.8)
    fitted = False
    for number, series in enumerate(evidence.series):
        colour, marker = _COLOURS[number % len(_COLOURS)], _MARKERS[number % len(_MARKERS)]
        _points(above, series, series.y, (colour, marker), label=series.label)
        if series.fit_x is None or series.fit_y is None or not len(series.fit_x):
            continue
        above.plot(series.fit_x, series.fit_y, color=colour, linewidth=1.2)
        rest = _residual(series)
        if rest is not None:
            fitted = True
            _points(below, series, rest, (colour, marker))
    if fitted:
        below.set_ylabel(f"residual ({_unit(evidence.y_label)})")
    else:
        below.set_yticks([])
        below.text(0.5, 0.5, "no fit", transform=below.transAxes, ha="center", va="bottom", color=GREY)
    for axes in (above, below):
        axes.margins(x=0.05)
        axes.yaxis.set_major_formatter(lambda value, _: minus(f"{value:.6g}"))
    if any(series.label for series in evidence.series):
        above.legend(loc="best")


def _points(
    axes: Axes, series: Series, y: NDArray[np.float64], look: tuple[str, str], *, label: str | None = None
) -> None:
    """Points at the series' x, with their 1σ where it is known."""
    colour, marker = look
    axes.errorbar(
        series.x,
        y,
        yerr=series.sigma,
        linestyle="none",
        marker=marker,
        markersize=5,
        color=colour,
        capsize=3,
        label=label,
    )


def _residual(series: Series) -> NDArray[np.float64] | None:
    """Points less the fitted curve, None where the curve does not reach over all points or goes back and forth."""
    assert series.fit_x is not None
    assert series.fit_y is not None
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
