"""What limits were tuned from: every pair with its peak and its mark, C1 from repeat to repeat, χ² and evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy import special

from eucentric.figures.style import BLUE, GREEN, GREY, ORANGE, RED, blank_figure, looks
from eucentric.figures.tune_tiles import MARKS, Tile, draw_sheet, sheet_rows
from eucentric.optimize.tuning.repeats import Mark, Repeat
from eucentric.optimize.tuning.scores import Limit
from eucentric.optimize.tuning.tune import Tuning
from eucentric.units import show_length

_ROW_IN = 1.13
_PANELS_IN = 4.3
_TOP_IN = 0.8
_BINS_PER_DECADE = 4
_LEAST_CHANCE = 1e-300
_CHANCES = (1.0, 0.5, 0.1, 1e-3, 1e-10, 1e-100)
"""Ticks of an axis that is even in the logarithm of a chance's own logarithm; on it 1 stands where 0.9 does."""


def tune_figure(tuning: Tuning, tiles: Sequence[Tile], *, title: str) -> Figure:
    """Draw a tuning; `tiles` are those of its repeats, as many as are to be seen."""
    rows = sheet_rows(len(tiles))
    with looks():
        figure = blank_figure(_TOP_IN + _ROW_IN * rows + _PANELS_IN)
        figure.suptitle(title, x=0.01, ha="left", fontsize=13)
        above, below = np.asarray(figure.subfigures(2, 1, height_ratios=(_ROW_IN * rows + 0.3, _PANELS_IN))).tolist()
        draw_sheet(above, tiles, {n: m.mark for n, m in tuning.given.marks.items()}, len(tuning.given.repeats))
        through, chi2, evidence = below.subplots(1, 3, width_ratios=(1.25, 1, 1))
        _draw_c1(through, tuning)
        _draw_chi2(chi2, tuning)
        _draw_evidence(evidence, tuning)
    return figure


def _draw_c1(ax: Axes, tuning: Tuning) -> None:
    """C1 of every repeat with its statistical error, and the drift through the good ones."""
    repeats, marks = tuning.given.repeats, tuning.given.marks
    good = tuning.given.with_mark(Mark.GOOD)
    scale, unit = (1e9, "nm") if max(abs(one.c1_m) for one in good) < 1e-6 else (1e6, "µm")
    lowest, highest = min(one.c1_m for one in good), max(one.c1_m for one in good)
    room = 0.2 * max(highest - lowest, 12 * max(one.result.measurement.sigma_m for one in good))
    bottom, top = scale * (lowest - room), scale * (highest + room)
    for mark in Mark:
        some = [one for one in repeats if marks[one.number].mark is mark and not one.result.nothing_found]
        if not some:
            continue
        values = np.clip([scale * one.c1_m for one in some], bottom, top)
        ax.errorbar(
            [one.number for one in some],
            values,
            yerr=[scale * one.result.measurement.sigma_m for one in some],
            linestyle="none",
            marker=MARKS[mark].sign,
            color=MARKS[mark].colour,
            capsize=2,
            markersize=4.5,
            label=f"{mark} ({len(some)}), ± statistical",
        )
    for number, motion in enumerate(tuning.learned.motions):
        there = [one for one in good if one.stretch == motion.stretch]
        ax.plot([one.number for one in there], [scale * motion.c1.at(one.time_s) for one in there], color=ORANGE,
                linewidth=1.4, label="drift" if number == 0 else None)  # fmt: skip
    ax.set_ylim(bottom, top)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("repeat")
    ax.set_ylabel(f"C1 ({unit}; positive is overfocus)")
    ax.set_title(f"Defocus from repeat to repeat{_ratio(tuning)}")
    ax.legend(loc="best", fontsize=8)


def _ratio(tuning: Tuning) -> str:
    noise = tuning.learned.noise
    if noise is None:
        return ""
    return f"\nscatter {show_length(noise.scatter_m, 4)}: {noise.ratio:.2f} of the stated statistical σ"


def _draw_chi2(ax: Axes, tuning: Tuning) -> None:
    """χ² of the repeats against what stated errors make it, and the limit."""
    chi2 = tuning.chi2
    good, bad = (_chi2_of(tuning, mark) for mark in (Mark.GOOD, Mark.BAD))
    inside = [*good, *bad, chi2.allowed]
    low, high = (f(math.log10(max(v, 1e-4))) for f, v in ((math.floor, min(inside)), (math.ceil, 2 * max(inside))))
    edges = np.logspace(low, high, _BINS_PER_DECADE * (high - low) + 1)
    marks = [(Mark.GOOD, good), *([(Mark.BAD, bad)] if bad else [])]
    ax.hist([values for _, values in marks], edges.tolist(), stacked=True, alpha=0.75,
            color=[MARKS[mark].colour for mark, _ in marks],
            label=[f"{mark} ({len(values)})" for mark, values in marks])  # fmt: skip
    stated = special.chdtr(chi2.dof, edges)
    ax.stairs(len(good) * np.diff(stated), edges, color=GREY, linewidth=1.4, label=f"errors as stated: χ²({chi2.dof})")
    here = sum((1 - np.array([level.above(e) for e in edges])) for level in chi2.levels) / max(len(chi2.levels), 1)
    if chi2.levels:
        ax.stairs(len(good) * np.diff(here), edges, color=BLUE, linewidth=1.4, label="model of these repeats")
    ax.axvline(chi2.allowed, color="black", linewidth=1.4)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.set_ylim(0, 1.45 * ax.get_ylim()[1])
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.annotate(f"limit\n{chi2.allowed:.3g}", (chi2.allowed, 0.6), xycoords=("data", "axes fraction"), xytext=(-4, 0),
                textcoords="offset points", ha="right", va="center")  # fmt: skip
    ax.set_xlabel(f"χ² in all ({_degrees(chi2.dof)})")
    ax.set_ylabel("repeats")
    ax.set_title(
        f"Misfit: refuses {_percent(chi2.elsewhere.rate)} of good ones,\n"
        f"accepts {tuning.passing.peaks.count} of {tuning.passing.peaks.of} random peaks"
    )
    ax.legend(loc="upper left", fontsize=8)


def _chi2_of(tuning: Tuning, mark: Mark) -> list[float]:
    return [max(one.result.measurement.chi2, 1e-4) for one in tuning.given.with_mark(mark)]


def _draw_evidence(ax: Axes, tuning: Tuning) -> None:
    """The chance that noise made the peak: of the repeats, and of blank pairs."""
    good, bad = (
        [_evidence(s.false_lock_probability) for one in tuning.given.with_mark(mark) for s in one.result.shifts]
        for mark in (Mark.GOOD, Mark.BAD)
    )
    blanks = [_evidence(s.false_lock_probability) for one in tuning.given.blanks for s in one.result.shifts]
    edges = np.logspace(-1.5, 2.5, 33)
    for values, colour, label in (
        (blanks, GREY, f"blank pairs ({len(blanks)})"),
        (good, GREEN, f"good pairs ({len(good)})"),
        (bad, RED, f"bad pairs ({len(bad)})"),
    ):
        if values:
            counts = np.histogram(np.clip(values, edges[0] * 1.01, edges[-1] * 0.99), edges)[0]
            ax.stairs(counts / len(values), edges, fill=True, color=colour, alpha=0.65, label=label)
    limit = next(one for one in tuning.limits if one.setting == "false_lock_max")
    at = -math.log10(limit.after)
    ax.axvline(at, color="black", linewidth=1.4)
    ax.set_xscale("log")
    ax.set_xlim(edges[0], edges[-1])
    ax.set_xticks([_evidence(chance) for chance in _CHANCES], [_power(chance) for chance in _CHANCES])
    ax.set_xticks([], minor=True)
    ax.set_ylim(0, 1.3 * ax.get_ylim()[1])
    ax.annotate(f"limit\n{_power(limit.after)}", (at, 0.7), xycoords=("data", "axes fraction"), xytext=(4, 0),
                textcoords="offset points", ha="left", va="center")  # fmt: skip
    ax.set_xlabel("chance that noise made the peak")
    ax.set_ylabel("share of the pairs")
    ax.set_title(f"Something in common: refuses {limit.refuses.found.count} of {limit.refuses.found.of}\n"
                 f"good ones, {_blanks(limit)}")  # fmt: skip
    ax.legend(loc="upper left", fontsize=8)


def _blanks(limit: Limit) -> str:
    if limit.blank is None or limit.blank.found.of == 0:
        return "no blank pairs"
    return f"accepts {limit.blank.found.count} of {limit.blank.found.of} blank ones"


def _evidence(chance: float) -> float:
    return max(-math.log10(max(chance, _LEAST_CHANCE)), 0.04)


def _power(chance: float) -> str:
    """A chance as it is written on an axis: 0.5, 10⁻⁶, 3·10⁻⁶."""
    if chance >= 0.01:
        return f"{chance:g}"
    digit, _, power = f"{chance:.0e}".partition("e")
    times = "" if digit == "1" else rf"{digit} \cdot "
    return f"${times}10^{{{int(power)}}}$"


def _percent(rate: float) -> str:
    return f"{100 * rate:.2g}%"


def _degrees(dof: int) -> str:
    return f"{dof} degree{'s' if dof > 1 else ''} of freedom"


def shown(repeats: Sequence[Repeat], marks: dict[int, Mark], most: int) -> list[int]:
    """The numbers of the repeats whose pairs are shown: all, or the not good ones first and good ones evenly."""
    numbers = [one.number for one in repeats]
    if len(numbers) <= most:
        return numbers
    odd = [n for n in numbers if marks[n] is not Mark.GOOD][:most]
    good = [n for n in numbers if marks[n] is Mark.GOOD]
    left = most - len(odd)
    return sorted([*odd, *(good[round(k)] for k in np.linspace(0, len(good) - 1, left))]) if left else odd
