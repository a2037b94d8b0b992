"""The figure of a run: defocus from step to step above, its last measurement below."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from eucentric.figures.history import draw_history
from eucentric.figures.measure import draw_measurement, taken_at
from eucentric.figures.style import GREEN, RED, blank_figure, looks
from eucentric.focus.outcome import RunResult
from eucentric.focus.result import DefocusResult
from eucentric.images.frame import Frame

_HEIGHTS_IN = (3.6, 8.4)
"""Of the history and of the measurement below it."""
_LETTERS = 120


def run_figure(
    run: RunResult,
    frames: tuple[Frame, Frame] | None,
    *,
    c3_m: float,
    truths_m: Sequence[float | None] = (),
    title: str = "",
) -> Figure:
    """Draw a run. `frames` are the two images of the first shift of its last measurement (None: none was taken).

    `truths_m` are the true C1 in metres at each measurement, in order, where a simulation knows them.
    """
    rounds = [one for step in run.steps for one in step.rounds]
    with_pair = bool(rounds) and frames is not None
    with looks():
        figure = blank_figure(sum(_HEIGHTS_IN) if with_pair else _HEIGHTS_IN[0] + 1.0)
        lines = ([title] if title else []) + textwrap.wrap(run.statement, _LETTERS)
        good = run.focused or (run.measure_only and run.refusal is None)
        figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=13, color=GREEN if good else RED)
        if frames is None or not rounds:
            draw_history(figure.subplots(), run, truths_m)
            return figure
        top, bottom = np.asarray(figure.subfigures(2, 1, height_ratios=_HEIGHTS_IN)).tolist()
        draw_history(top.subplots(), run, truths_m)
        draw_measurement(bottom, frames, rounds[-1].result, c3_m=c3_m)
        bottom.suptitle(textwrap.fill(_last(rounds[-1].result), _LETTERS), x=0.01, ha="left", fontsize=12)
    return figure


def _last(result: DefocusResult) -> str:
    """What is below: the last measurement, of which one pair is shown."""
    others = len(result.shifts) - 1
    of_several = f". Below: the first of its {others + 1} pairs, drift included" if others else ""
    return f"Last measurement: {result!r}{taken_at(result)}{of_several}"
