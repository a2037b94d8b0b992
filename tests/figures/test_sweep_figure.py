"""The picture of a map: units on its axes, logarithmic where it is wide, hatched where there is nothing."""

from __future__ import annotations

import pytest
from matplotlib.colors import LogNorm

from eucentric.figures.sweep import sweep_figure
from eucentric.optimize.sweeping.axes import axis_of, settings_of_maps
from eucentric.optimize.sweeping.sweep import ELECTRONS, RANGE, RATE, SECONDS, STEPS, Base, Cell, Map, map_of
from tests.optimize.tiny import tiny, tiny_plan


def _map(over: tuple[str, str], cells: dict[int, Cell], step: int | None = None) -> Map:
    known = settings_of_maps(tiny())
    x, y = (axis_of(text, known, 3) for text in over)
    return map_of(Base(tiny_plan(), tiny(), step), x, y, cells)


def test_axes_have_units_and_wide_ones_are_logarithmic():
    cost = {ELECTRONS.name: 1e20, SECONDS.name: 30.0, STEPS.name: 1.0}
    cells = {k: Cell({**cost, ELECTRONS.name: 10.0**k * 1e18, SECONDS.name: 10.0 + k}) for k in range(7)}
    figure = sweep_figure(_map(("start=10..1000um", "lens.cs=1..3mm"), {**cells, 7: Cell(why="Too far.")}))
    electrons, seconds, *bars = [axes for axes in figure.axes if axes.get_visible()]
    assert (electrons.get_xlabel(), electrons.get_ylabel()) == ("start (µm)", "lens.cs (mm)")
    assert (electrons.get_xscale(), electrons.get_yscale()) == ("log", "linear")
    assert [label.get_text() for label in electrons.get_xticklabels()] == ["10", "100", "1000"]
    assert (electrons.get_title(loc="left"), seconds.get_title(loc="left")) == ("Electrons", "Time")
    assert [bar.get_ylabel() for bar in bars] == ["electrons (e/Å²)", "time (s)"]
    assert isinstance(electrons.collections[0].norm, LogNorm)  # six powers of ten
    assert not isinstance(seconds.collections[0].norm, LogNorm)
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["the chosen plan: start 10 µm, lens.cs 2.7 mm", "no plan", "not done"]
    assert "the same at all points: steps 1" in figure.get_suptitle()
    assert [patch.get_hatch() for patch in electrons.patches] == ["///"]


@pytest.mark.parametrize(("tilts", "beyond"), [("0.01..0.02mrad", True), ("0.2..20mrad", False)])
def test_the_chosen_plan_is_marked_where_it_is(tilts, beyond):
    cells = {k: Cell({RANGE.name: (10 + k) * 1e-6, RATE.name: k / 21}) for k in range(21)}
    figure = sweep_figure(_map((f"tilt={tilts}", "pattern"), cells, step=len(tiny_plan().steps) - 1))
    ranges = figure.axes[0]
    chosen = tiny_plan().steps[-1].candidate
    tilt = chosen.tilt_rad * 1e3
    assert bool(ranges.lines) is not beyond
    if not beyond:
        assert list(ranges.lines[0].get_xdata()) == [pytest.approx(tilt)]
    assert ranges.get_yticklabels()[0].get_text() == "pair"
    assert ("beyond the map" in figure.legends[0].get_texts()[0].get_text()) is beyond
    rates = figure.axes[1].collections[0].norm
    assert (rates.vmin, rates.vmax) == (0, 100)


def test_one_point_is_enough_for_a_picture():
    figure = sweep_figure(_map(("tilt=2..6mrad", "binning"), {3: Cell({RANGE.name: 1e-6})}, step=0))
    assert figure.axes[0].get_title(loc="left") == "Range"
