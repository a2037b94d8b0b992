"""One quantity of a map over two settings: coloured cells with their numbers, and the chosen plan marked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm, Normalize
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from eucentric.figures.style import GREY, RED
from eucentric.optimize.sweeping.axes import Axis, Value
from eucentric.optimize.sweeping.shown import Scale, axis_scale, quantity_scale
from eucentric.optimize.sweeping.sweep import LEFT, RANGE, RATE, STEPS, SUCCESS, Map, Quantity

HATCH, PALE = "///", "#f0f0f0"
_WIDE = 10.0  # the largest value over the smallest from which colours are logarithmic
_MOST_TICKS = 12  # one above the other
_NUMBER_IN, _TICK_IN = 0.3, 0.4  # a number in a cell, a label below it need so much
_MORE_IS_BETTER = (RANGE, RATE, SUCCESS)

Masked = np.ma.MaskedArray[tuple[int, int], np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Side:
    """An axis as it is drawn: where its values stand, and the edges of their cells."""

    axis: Axis
    scale: Scale
    centres: NDArray[np.float64]
    edges: NDArray[np.float64]

    def place(self, value: Value | None) -> float | None:
        """Where a value stands; None beyond the edges."""
        if self.axis.numbers is None:
            return float(self.axis.values.index(value)) if value in self.axis.values else None
        if not isinstance(value, int | float):
            return None
        at = self.scale.of(value)
        return at if self.edges[0] <= at <= self.edges[-1] else None


@dataclass(frozen=True, slots=True)
class Sides:
    """Both axes."""

    x: Side
    y: Side

    def chosen(self, found: Map) -> tuple[float, float] | None:
        """Where the chosen plan stands; None where it is beyond the map."""
        x, y = self.x.place(found.chosen(found.x)), self.y.place(found.chosen(found.y))
        return None if x is None or y is None else (x, y)


def sides_of(found: Map) -> Sides:
    """Those of a map."""
    return Sides(_side(found.x), _side(found.y))


def _side(axis: Axis) -> Side:
    scale = axis_scale(axis)
    if axis.numbers is None:
        places = np.arange(len(axis.values), dtype=np.float64)
        return Side(axis, scale, places, np.append(places, places[-1] + 1) - 0.5)
    centres = np.array([scale.of(v) for v in axis.numbers])
    values = np.log(centres) if axis.logarithmic else centres
    between = (values[1:] + values[:-1]) / 2
    edges = np.concatenate([[2 * values[0] - between[0]], between, [2 * values[-1] - between[-1]]])
    return Side(axis, scale, centres, np.exp(edges) if axis.logarithmic else edges)


def draw_panel(axes: Axes, found: Map, quantity: Quantity, sides: Sides, *, cell_in: float) -> None:
    """The quantity in colours, brighter where it is better; hatched where there is none, blank where it is not done."""
    scale = quantity_scale(quantity, found)
    values = _values(found, quantity, scale)
    _hatch(axes, found, quantity, sides)
    colours = "viridis" if quantity in _MORE_IS_BETTER else "viridis_r"
    _frame(axes, sides, every=math.ceil(_TICK_IN / cell_in))
    drawn = axes.pcolormesh(sides.x.edges, sides.y.edges, values, cmap=colours, norm=_norm(quantity, values))
    _bar(axes, drawn, quantity, scale)
    axes.set_title(quantity.title[0].upper() + quantity.title[1:])
    if cell_in >= _NUMBER_IN:
        _numbers(axes, values, sides)
    need = need_of(found, quantity)
    if need is not None:
        _line(axes, values, sides, scale.of(need))
    at = sides.chosen(found)
    if at is not None:
        axes.plot([at[0]], [at[1]], "o", ms=16, mfc="none", mec="white", mew=5)
        axes.plot([at[0]], [at[1]], "o", ms=16, mfc="none", mec=RED, mew=2.5)


def _bar(axes: Axes, drawn: QuadMesh, quantity: Quantity, scale: Scale) -> None:
    """The colours' scale, with plain numbers on it."""
    bar = axes.figure.colorbar(drawn, ax=axes, pad=0.02)
    bar.set_label(scale.label(quantity.title))
    low, high = drawn.get_clim()
    assert isinstance(low, float)
    assert isinstance(high, float)
    if isinstance(drawn.norm, LogNorm):
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        round_numbers = [step * 10.0**power for power in powers for step in (1, 2, 5)]
        shown = [value for value in round_numbers if low <= value <= high]
        bar.set_ticks(shown, labels=[f"{value:g}" for value in shown])
        bar.minorticks_off()
    elif quantity == STEPS:
        bar.set_ticks(list(range(math.ceil(low), math.floor(high) + 1)))


def _values(found: Map, quantity: Quantity, scale: Scale) -> Masked:
    """(ny, nx), masked where there is none."""
    shape = (len(found.y.values), len(found.x.values))
    there = np.array([quantity.name in cell.quantities for cell in found.cells]).reshape(shape)
    values = np.array([scale.of(cell.quantities.get(quantity.name, 0.0)) for cell in found.cells]).reshape(shape)
    return np.ma.array(values, mask=~there)


def _hatch(axes: Axes, found: Map, quantity: Quantity, sides: Sides) -> None:
    across, along = sides.x.edges, sides.y.edges
    for iy in range(len(found.y.values)):
        for ix in range(len(found.x.values)):
            cell = found.cell(ix, iy)
            if cell.why or (cell.quantities and quantity.name not in cell.quantities):
                size = float(across[ix + 1] - across[ix]), float(along[iy + 1] - along[iy])
                how: dict[str, Any] = {"hatch": HATCH, "facecolor": PALE, "edgecolor": GREY}
                axes.add_patch(Rectangle((float(across[ix]), float(along[iy])), *size, linewidth=0, **how))


def _frame(axes: Axes, sides: Sides, *, every: int) -> None:
    """Scales, ticks and labels."""
    x, y = sides.x, sides.y
    axes.set_xlabel(x.scale.label(x.axis.setting.name))
    axes.set_ylabel(y.scale.label(y.axis.setting.name))
    if x.axis.logarithmic:
        axes.set_xscale("log")
    if y.axis.logarithmic:
        axes.set_yscale("log")
    along = -(-len(y.centres) // _MOST_TICKS)
    for side, set_ticks, step in ((x, axes.set_xticks, every), (y, axes.set_yticks, along)):
        shown = range(0, len(side.centres), step)
        set_ticks(side.centres[shown], [side.scale.text(side.axis.values[k]) for k in shown])
        set_ticks([], minor=True)
    axes.set_xlim(float(x.edges[0]), float(x.edges[-1]))
    axes.set_ylim(float(y.edges[0]), float(y.edges[-1]))


def _norm(quantity: Quantity, values: Masked) -> Normalize:
    if quantity in (RATE, SUCCESS):
        return Normalize(0, 100)
    low, high = float(values.min()), float(values.max())
    return LogNorm(low, high) if low > 0 and high / low >= _WIDE else Normalize(low, high)


def _numbers(axes: Axes, values: Masked, sides: Sides) -> None:
    plain = Scale("", 1.0)
    for iy, ix in zip(*np.nonzero(~np.ma.getmaskarray(values)), strict=True):
        axes.text(
            float(sides.x.centres[ix]),
            float(sides.y.centres[iy]),
            plain.text(float(values[iy, ix])),
            ha="center",
            va="center",
            fontsize=7.5,
            path_effects=[withStroke(linewidth=2, foreground="white")],
        )


def _line(axes: Axes, values: Masked, sides: Sides, level: float) -> None:
    """Where the quantity has this value."""
    if min(values.shape) >= 2 and float(values.min()) < level < float(values.max()):
        how: dict[str, Any] = {"colors": RED, "linestyles": "--", "linewidths": 1.5}
        axes.contour(sides.x.centres, sides.y.centres, values, levels=[level], **how)


def need_of(found: Map, quantity: Quantity) -> float | None:
    """What the plan needs of its step: to reach where it starts, and what is left to be within the accuracy."""
    if found.base.step is None:
        return None
    made, step = found.base.plan, found.base.step
    if quantity == SUCCESS:
        return made.asked.probability
    if quantity == LEFT and step == len(made.steps) - 1:
        return made.asked.accuracy_m / made.asked.sigmas
    return made.steps[step].start_m if quantity == RANGE else None
