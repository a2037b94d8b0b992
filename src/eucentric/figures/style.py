"""Looks that all figures share: size, fonts, colours that colour-blind people can tell apart."""

from __future__ import annotations

import logging
import math
from contextlib import AbstractContextManager
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

# Of fonts that its list remembers and that are gone, nobody has to know: there is another one.
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)

DPI: Final = 125
WIDTH_IN: Final = 12.8  # 1600 pixels

# Okabe & Ito's colours.
BLUE, ORANGE, GREEN, RED, SKY, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#767676"

_STYLE: Final[dict[str, Any]] = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.grid": False,
    "legend.frameon": True,
    "legend.framealpha": 0.85,
    "legend.edgecolor": "none",
    "legend.fontsize": 9,
    "axes.unicode_minus": True,
    "savefig.dpi": DPI,
}


def looks() -> AbstractContextManager[None]:
    """The shared settings, for the time that a figure is built."""
    return mpl.rc_context(_STYLE)  # type: ignore[arg-type]


def blank_figure(height_in: float) -> Figure:
    """An empty figure, 1600 pixels wide, with no window and no global state behind it."""
    figure = Figure(figsize=(WIDTH_IN, height_in), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def outlined(width: float = 2.5) -> list[withStroke]:
    """An outline that keeps bright marks readable on bright pixels."""
    return [withStroke(linewidth=width, foreground="black")]


def quiet(axes: Axes) -> None:
    """Take ticks and frame away."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def round_length(value: float) -> float:
    """The largest 1, 2 or 5 times a power of ten that is not above a positive value."""
    power = 10.0 ** math.floor(math.log10(value))
    return max(step * power for step in (1, 2, 5) if step * power <= value * (1 + 1e-9))


def length_label(value_m: float) -> str:
    """A round length in nm, µm or mm."""
    for limit, unit, factor in ((1e-6, "nm", 1e9), (1e-3, "µm", 1e6)):
        if value_m < limit * (1 - 1e-9):
            return f"{value_m * factor:g} {unit}"
    return f"{value_m * 1e3:g} mm"
