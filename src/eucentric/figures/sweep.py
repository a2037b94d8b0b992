"""A map over two settings: a panel for each quantity that changes."""

from __future__ import annotations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from eucentric.figures.style import GREY, RED, WIDTH_IN, blank_figure, looks
from eucentric.figures.sweep_panel import HATCH, PALE, Sides, draw_panel, need_of, sides_of
from eucentric.optimize.sweeping.shown import chosen_text, everywhere_text, quantity_scale, subject_text
from eucentric.optimize.sweeping.sweep import TRIALS, Map

_BAR = 0.7  # of a panel's width is left beside its colour bar and its labels


def sweep_figure(found: Map) -> Figure:
    """The picture of a map. At least one point must have been found."""
    changing = [q for q in found.changing if q != TRIALS]
    columns = 2 if len(changing) in {2, 4} else min(len(changing), 3)
    rows = -(-len(changing) // columns)
    sides = sides_of(found)
    cell_in = _BAR * WIDTH_IN / columns / len(found.x.values)
    with looks():
        figure = blank_figure(1.4 + rows * 4.4)
        panels = np.atleast_1d(figure.subplots(rows, columns)).ravel()
        for axes, quantity in zip(panels, changing, strict=False):
            draw_panel(axes, found, quantity, sides, cell_in=cell_in)
        for axes in panels[len(changing) :]:
            axes.set_visible(False)
        everywhere = everywhere_text(found)
        title = subject_text(found) + (f"\nthe same at all points: {everywhere}" if everywhere else "")
        figure.suptitle(title, fontweight="bold")
        figure.legend(handles=_marks(found, sides), loc="outside lower center", ncols=2, frameon=False)
    return figure


def _marks(found: Map, sides: Sides) -> list[Artist]:
    """What the marks mean that are there."""
    chosen = chosen_text(found)
    if sides.chosen(found) is None:
        handles: list[Artist] = [Patch(facecolor="none", label=f"the chosen plan is beyond the map: {chosen}")]
    else:
        ring = Line2D([], [], linestyle="none", marker="o", ms=12, mfc="none", mec=RED, mew=2.5)
        ring.set_label(f"the chosen plan: {chosen}")
        handles = [ring]
    if any(c.why or (c.quantities and q.name not in c.quantities) for c in found.cells for q in found.changing):
        label = "no plan" if found.base.step is None else "nothing is seen, or the step starts beyond the range"
        handles.append(Patch(facecolor=PALE, edgecolor=GREY, hatch=HATCH, label=label))
    if any(not c.why and not c.quantities for c in found.cells):
        handles.append(Patch(facecolor="white", edgecolor=GREY, label="not done"))
    needs = [(q, need) for q in found.changing if (need := need_of(found, q)) is not None]
    if needs:
        told = ", ".join(f"{q.title} {quantity_scale(q, found).with_unit(need)}" for q, need in needs)
        handles.append(Line2D([], [], color=RED, linestyle="--", label=f"what the plan needs: {told}"))
    return handles
