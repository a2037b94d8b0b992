"""A plan at a glance: how each step takes the error down, on one logarithmic axis; and what limits it."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from eucentric.figures.style import BLUE, GREEN, GREY, ORANGE, RED, SKY, blank_figure, looks
from eucentric.msi.words import length
from eucentric.optimize.instrument import Instrument
from eucentric.optimize.planning.plan import Plan
from eucentric.optimize.planning.sequence import names_of
from eucentric.optimize.planning.shown import ShownStep, show_dose, show_time, shown_steps
from eucentric.units import show_bound

_COLOURS = (BLUE, ORANGE, GREEN, SKY, RED, "#CC79A7", "#F0E442")
_SHOWN = 6  # parts of a budget that are named; the others are told together


def plan_figure(made: Plan, instrument: Instrument) -> Figure:
    """The picture of a plan."""
    with looks():
        figure = blank_figure(2.6 + 1.5 * len(made.steps))
        above, below = figure.subplots(2, 1, height_ratios=(1, 1))
        _way(above, made)
        _budget(below, made)
        asked = made.asked
        figure.suptitle(
            f"{instrument.name}: {show_bound(asked.start_m)} to {show_bound(asked.accuracy_m)} with "
            f"{asked.probability:.0%}, {show_dose(made.dose_e_per_m2)}, {show_time(made.seconds)}",
            fontweight="bold",
        )
    return figure


def _way(axes: Axes, made: Plan) -> None:
    """Bars from what a step starts from to what it leaves, in its range."""
    for row, one in enumerate(made.steps):
        axes.barh(row, one.range_m * 1e6 - 1e-4, left=1e-4, height=0.7, color=GREY, alpha=0.15)
        axes.barh(row, (one.start_m - one.leaves_m) * 1e6, left=one.leaves_m * 1e6, height=0.36, color=BLUE)
        axes.text(one.leaves_m * 1e6 * 0.93, row, length(one.leaves_m), ha="right", va="center")
        axes.text(one.start_m * 1e6 * 1.07, row, length(one.start_m), ha="left", va="center")
    axes.axvline(made.asked.accuracy_m * 1e6, color=GREEN, linewidth=1.5)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ends = [made.asked.accuracy_m * 1e6, *(one.range_m * 1e6 for one in made.steps), made.asked.start_m * 1e6]
    axes.set_xlim(min(ends) / 6, max(ends) * 4)
    axes.set_yticks(range(len(made.steps)), [_label(one) for one in shown_steps(made)])
    axes.invert_yaxis()
    axes.set_xlabel("|defocus error|, µm")
    axes.set_title("From where to where: blue the way of each step, grey its range, green the goal")


def _label(one: ShownStep) -> str:
    return f"{one.name}\n{one.magnification}, pixel {one.pixel}, {one.tilt}\nby {one.correction}"


def _budget(axes: Axes, made: Plan) -> None:
    """What the error of each step's last look is made of: shares of its variance."""
    totals = [sum(p.sigma_m**2 for p in one.budget) for one in made.steps]
    share: dict[str, list[float]] = {}
    for row, (one, total) in enumerate(zip(made.steps, totals, strict=True)):
        for part in one.budget:
            share.setdefault(part.source, [0.0] * len(made.steps))[row] += part.sigma_m**2 / total
    named = sorted(share, key=lambda source: -max(share[source]))
    left = [0.0] * len(made.steps)
    for k, source in enumerate(named[:_SHOWN]):
        axes.barh(range(len(made.steps)), share[source], left=left, height=0.5, color=_COLOURS[k], label=source)
        left = [a + b for a, b in zip(left, share[source], strict=True)]
    axes.barh(range(len(made.steps)), [1 - a for a in left], left=left, height=0.5, color=GREY, label="others")
    sigmas = [length(total**0.5) for total in totals]
    axes.set_yticks(range(len(made.steps)), [f"{n}\n1 σ {s}" for n, s in zip(names_of(made), sigmas, strict=True)])
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of the variance that is left")
    axes.invert_yaxis()
    axes.set_title("What limits it")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
