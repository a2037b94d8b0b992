"""The figure of a session: what an operator reads at a glance."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from eucentric.figures.session_defocus import draw_exposures, draw_tilts, series_of, shots_of
from eucentric.figures.session_map import draw_map, groups_shown
from eucentric.figures.session_spent import draw_electrons, draw_time
from eucentric.figures.style import GREEN, ORANGE, blank_figure, looks
from eucentric.msi.application import Application
from eucentric.msi.outcome import SessionResult
from eucentric.msi.units import units

_DEFOCUS_IN, _SPENT_IN, _LINE_IN = 3.4, 3.5, 0.25
_LETTERS = 120
_MAP_IN = {2: 4.3, 3: 4.0, 4: 3.2}  # narrow panels need less


def session_figure(
    result: SessionResult,
    application: Application,
    *,
    true_errors_m: Mapping[str, float] | None = None,
    title: str = "",
    good: bool = True,
) -> Figure:
    """Draw a session: defocus errors, the map of its targets, and what it spent.

    `true_errors_m`: true minus intended C1 in metres by the exposure's file, where a simulation knows it. `good`
    colours the title.
    """
    true, todo = true_errors_m or {}, units(application)
    shots, series = shots_of(result, application), series_of(result, application)
    shown = groups_shown(todo, result)
    below = [_SPENT_IN] if len(shown) == 1 else [_MAP_IN.get(len(shown), 3.2), _SPENT_IN]
    heights = [_DEFOCUS_IN] * bool(shots) + [_DEFOCUS_IN] * bool(series) + below
    with looks():
        lines = textwrap.wrap(title or f"{result.application} on {result.instrument}", _LETTERS)
        figure = blank_figure(sum(heights) + _LINE_IN * (len(lines) + 1))
        figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=13, color=GREEN if good else ORANGE)
        rows = iter(np.atleast_1d(np.asarray(figure.subfigures(len(heights), 1, height_ratios=heights))).tolist())
        if shots:
            draw_exposures(_axes(next(rows)), shots, true)
        if series:
            draw_tilts(_axes(next(rows)), series, true)
        if len(shown) == 1:
            middle, *sides = np.asarray(next(rows).subfigures(1, 3, width_ratios=(1.1, 1, 1.3))).tolist()
        else:
            middle = next(rows)
            sides = np.asarray(next(rows).subfigures(1, 2, width_ratios=(1, 1.6))).tolist()
        draw_map(middle, todo, result, shown)
        draw_time(_axes(sides[0]), result)
        draw_electrons(_axes(sides[1]), result, narrow=len(shown) == 1)
    return figure


def _axes(part: SubFigure) -> Axes:
    axes = part.subplots()
    assert isinstance(axes, Axes)
    return axes
