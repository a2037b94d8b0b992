"""Tilt patterns side by side: where each image's beam goes and in which order, and what each pattern leaves unknown."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from eucentric.figures.style import BLUE, GREEN, GREY, ORANGE, RED, SKY, blank_figure, looks, quiet
from eucentric.optimize.instrument import Instrument
from eucentric.optimize.patterns.comparison import Compared, Comparison
from eucentric.units import E_PER_A2

_COLUMNS = 6
_FLOOR_NM = 0.05  # where the bars of the logarithmic axis begin
_NEAR = 0.05  # of the largest tilt: nearer than this two numbers share a place


def pattern_figure(made: Comparison, instrument: Instrument) -> Figure:
    """The picture of a comparison."""
    rows = math.ceil(len(made.patterns) / _COLUMNS)
    with looks():
        figure = blank_figure(2.35 * rows + 4.2)
        above, below = figure.subfigures(2, 1, height_ratios=(2.35 * rows, 3.8), squeeze=False)[:, 0]
        panels = above.subplots(rows, _COLUMNS, squeeze=False).ravel()
        for axes, one in zip(panels, made.patterns, strict=False):
            _tilts(axes, one, 1e3 * made.sizes_rad[-1])
        for axes in panels[len(made.patterns) :]:
            axes.set_visible(False)
        _errors(below.subplots(), made)
        c = made.measured.candidate
        above.suptitle(
            f"{instrument.name}, {c.magnification.name}, {c.pixel_m * 1e9:.3g} nm: "
            f"tilts for {made.conditions.aim.words}\n"
            "numbers: the order of the images; lines: what is compared; x to the right, y down",
            fontweight="bold",
            fontsize=11,
        )
    return figure


def _tilts(axes: Axes, one: Compared, largest_mrad: float) -> None:
    """The tilt plane: numbers in order of acquisition, a line for each comparison."""
    at = [(1e3 * y, 1e3 * x) for y, x in one.plan.tilts]
    best = one.name is None
    colour = ORANGE if best else BLUE
    for i, j in one.plan.links:
        axes.plot([at[i][1], at[j][1]], [at[i][0], at[j][0]], color=colour, linewidth=1, alpha=0.6)
    near = _NEAR * largest_mrad
    for (y, x), numbers in _places(at, near):
        axes.plot(x, y, "o", color=colour, markersize=5)
        inner = math.hypot(y, x) < 1e3 * one.sizes_rad[-1] - near
        out = (-0.13 if inner else 0.13) * largest_mrad / math.hypot(y, x)  # away from the axis, or towards it
        side = "center" if abs(x) < near else "left" if x * out > 0 else "right"
        level = "center" if abs(y) < near else "top" if y * out > 0 else "bottom"  # y grows downwards
        clear = {"facecolor": "white", "edgecolor": "none", "pad": 0.4}
        axes.text((1 + out) * x, (1 + out) * y, " ".join(numbers), ha=side, va=level, fontsize=8, bbox=clear)
    for size in one.sizes_rad:
        circle = [(1e3 * size * math.cos(a), 1e3 * size * math.sin(a)) for a in (math.tau * k / 72 for k in range(73))]
        axes.plot(*zip(*circle, strict=True), color=GREY, linewidth=0.6, linestyle=":")
    axes.set_aspect("equal")
    limit = 1.5 * largest_mrad
    axes.set_xlim(-limit, limit)
    axes.set_ylim(limit, -limit)  # y downwards, as in the image
    quiet(axes)
    sizes = ", ".join(f"{size * 1e3:g}" for size in one.sizes_rad)
    axes.set_title(f"{one.title}: {sizes} mrad", fontsize=10, loc="center", color=RED if best else "black")


def _places(at: list[tuple[float, float]], near: float) -> list[tuple[tuple[float, float], list[str]]]:
    """Each place of the plane with the numbers of the images taken there."""
    found: list[tuple[tuple[float, float], list[str]]] = []
    for number, (y, x) in enumerate(at, start=1):
        same = next((names for (v, u), names in found if math.hypot(v - y, u - x) < near), None)
        if same is None:
            found.append(((y, x), [f"{number}"]))
        else:
            same.append(f"{number}")
    return found


def _errors(axes: Axes, made: Comparison) -> None:
    """What is left, 1σ: bars for each pattern on a logarithmic axis."""
    coma_m = 2 * abs(made.conditions.c3_m) * made.conditions.angle_rad  # of each radian that the axis is off
    kinds = (
        ("C1, statistical", SKY, [one.told.c1_statistical_m for one in made.patterns]),
        ("C1, total", BLUE, [one.told.c1_total_m for one in made.patterns]),
        ("A1", GREEN, [one.told.a1_m for one in made.patterns]),
        (
            f"coma, as defocus at {made.conditions.angle_rad * 1e3:g} mrad",
            ORANGE,
            [None if one.told.axis_rad is None else coma_m * one.told.axis_rad for one in made.patterns],
        ),
    )
    shown = [kind for kind in kinds if any(value is not None for value in kind[2])]
    width = 0.8 / len(shown)
    for k, (label, colour, values) in enumerate(shown):
        bars = [(n, 1e9 * value) for n, value in enumerate(values) if value is not None]
        places = [n + (k - 0.5 * (len(shown) - 1)) * width for n, _ in bars]
        axes.bar(places, [v - _FLOOR_NM for _, v in bars], width, bottom=_FLOOR_NM, color=colour, label=label)
        for place, (_, value) in zip(places, bars, strict=True):
            axes.text(
                place,
                1.08 * value,
                f"{value:.0f}" if value >= 10 else f"{value:.2g}",
                ha="center",
                va="bottom",
                fontsize=7.5,
            )
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    top = 1e9 * max(one.told.c1_total_m for one in made.patterns)
    axes.set_ylim(_FLOOR_NM, 12 * top)
    names = [
        f"{one.title}\n{one.dose_e_per_m2 / E_PER_A2:.3g} e/Å²\n{made.efficiency(one):.0%}" for one in made.patterns
    ]
    axes.set_xticks(range(len(names)), names)
    axes.set_xlabel("pattern, electrons on the specimen, and what each of them tells against the best")
    axes.set_ylabel("error, 1 σ, nm")
    axes.legend(loc="upper right", ncols=len(shown))
    axes.set_title("What is left unknown (no bar: hardly told)")
