"""The figure of the drift benchmark: what each pattern would state, and what some of them did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from eucentric.figures.saved import save
from eucentric.figures.style import BLUE, GREEN, GREY, ORANGE, RED, blank_figure, looks
from eucentric.focus.measurement import Measurement
from eucentric.focus.outcome import COVERAGE

_PARTS = (("drift", BLUE), ("first motion", ORANGE), ("astigmatism", GREEN), ("everything else", GREY))


@dataclass(frozen=True, slots=True)
class Best:
    """What each pattern would state, and the name of the cheapest that holds the wanted accuracy, or None."""

    name: str | None
    predicted: Mapping[str, Measurement]


def draw(best: Best, errors_m: Mapping[str, NDArray[np.float64]], *, holds_m: float, path: Path) -> None:
    """Left: predicted variance by source. Right: each microscope's error, with the wanted accuracy as a band."""
    with looks():
        figure = blank_figure(5.2)
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.1))
        _predicted(left, best, holds_m)
        _measured(right, best, errors_m, holds_m)
        save(figure, path)


def _predicted(axes: Axes, best: Best, holds_m: float) -> None:
    names = list(best.predicted)
    for row, name in enumerate(names):
        one = best.predicted[name]
        start = 0.0
        for part, colour in _PARTS:
            length = one.total_sigma_m * _share(one, part) * 1e9
            axes.barh(row, length, left=start, color=colour, label=part if row == 0 else None, height=0.62)
            start += length
        weight = "bold" if name == best.name else "normal"
        axes.text(max(start, holds_m / COVERAGE * 1e9) + 3, row, f"{start:.0f} nm", va="center", fontweight=weight)
    limit = holds_m / COVERAGE * 1e9
    axes.axvline(limit, color=RED, linewidth=1.2, linestyle="--")
    axes.text(limit + 2, len(names) - 0.42, f"3 σ = {holds_m * 1e9:.0f} nm", color=RED, va="center")
    axes.set_yticks(range(len(names)), [f"{n} ({len(best.predicted[n].tilts)} images)" for n in names])
    for tick, name in zip(axes.get_yticklabels(), names, strict=True):
        tick.set_fontweight("bold" if name == best.name else "normal")
    axes.invert_yaxis()
    axes.set_ylim(len(names) - 0.1, -0.6)
    axes.set_xlim(0, 1.18 * max(m.total_sigma_m for m in best.predicted.values()) * 1e9)
    axes.set_xlabel("predicted 1σ of defocus, nm (shares: of the variance)")
    axes.legend(loc="center right")
    axes.set_title("Predicted: 2 nm/s of drift, 3 nm of first motion (τ 2 s)")


def _share(one: Measurement, part: str) -> float:
    """The part's share of the variance."""
    named = {c.source: c.sigma_m**2 for c in one.budget}
    known = {name for name, _ in _PARTS}
    mine = sum(v for name, v in named.items() if name == part or (part == "everything else" and name not in known))
    return mine / one.total_sigma_m**2


def _measured(axes: Axes, best: Best, errors_m: Mapping[str, NDArray[np.float64]], holds_m: float) -> None:
    axes.axhspan(-holds_m * 1e9, holds_m * 1e9, color=GREEN, alpha=0.15, linewidth=0)
    axes.axhline(0, color=GREY, linewidth=0.8)
    far = max(float(np.abs(e).max()) for e in errors_m.values()) * 1e9
    for column, (name, error) in enumerate(errors_m.items()):
        spread = np.linspace(-0.28, 0.28, error.size)
        colour = BLUE if name == best.name else GREY
        axes.plot(column + spread, error * 1e9, "o", color=colour, markersize=4.5, alpha=0.85)
        inside = np.mean(np.abs(error) <= holds_m)
        rms = np.sqrt(np.mean(error**2)) * 1e9
        axes.text(column, 1.4 * far, f"{rms:.0f} nm rms\n{inside:.0%} within", ha="center", va="top")
    axes.set_ylim(-1.1 * far, 1.45 * far)
    axes.set_xticks(range(len(errors_m)), list(errors_m))
    for tick, name in zip(axes.get_xticklabels(), errors_m, strict=True):
        tick.set_fontweight("bold" if name == best.name else "normal")
    axes.set_ylabel("measured − true defocus, nm")
    count = next(iter(errors_m.values())).size
    axes.set_title(f"Tried on {count} simulated microscopes, all faults on")
