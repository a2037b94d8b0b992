"""The map of a session's targets, coloured by how they ended."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Rectangle, Wedge

from eucentric.figures.style import GREEN, GREY, ORANGE, RED, SKY
from eucentric.msi.outcome import SessionResult, Status, UnitOutcome
from eucentric.msi.units import Unit

_PANELS: Final = 4
_ROOMY: Final = 2  # panels beside which there is room for words
_UM: Final = 1e6
_FLATTEST: Final = 0.6  # of a panel: its height to its width
_MARGIN: Final = 1.12  # of a panel, about all that lies in it
_LEAST_UM: Final = 1.0  # half the side of a panel in which nothing lies
_APART: Final = 0.42  # a mark's radius, of the distance of the nearest targets: they do not touch
_SMALLEST, _LARGEST = 0.009, 0.05  # … and of the panel's half side
_TOO_WIDE: Final = 2.0  # a field that much wider than all that lies in it is told, not drawn
TO_DO: Final = "not done yet"
FLAGGED: Final = "done, focus flagged"
COLOURS: Final = {
    "done": GREEN,
    FLAGGED: ORANGE,
    "refused": RED,
    "skipped": GREY,
    "failed": "black",
    "interrupted": SKY,
    TO_DO: "#D0D0D0",
}
_TROUBLE: Final = {"refused": 3, "failed": 3, "interrupted": 2, "skipped": 2, FLAGGED: 1}


def fate_of(outcome: UnitOutcome | None) -> str:
    """How a target ended, in a word of `COLOURS`."""
    if outcome is None:
        return TO_DO
    if outcome.status is Status.DONE and any(e.flagged for e in outcome.exposures):
        return FLAGGED
    return str(outcome.status)


def groups_shown(todo: Sequence[Unit], result: SessionResult) -> list[str]:
    """The targets of the grid that have a panel: all, or those with most trouble; in the order of the session."""
    ended = {o.key: o for o in result.outcomes}
    trouble: dict[str, int] = {}
    for unit in todo:
        trouble[unit.group] = trouble.get(unit.group, 0) + _TROUBLE.get(fate_of(ended.get(unit.key)), 0)
    worst = sorted(trouble, key=lambda g: -trouble[g])[:_PANELS]
    return [g for g in trouble if g in worst]


def draw_map(part: SubFigure, todo: Sequence[Unit], result: SessionResult, shown: Sequence[str]) -> None:
    """One panel for each target of the grid: what lies in it, in stage axes from its centre."""
    ended = {o.key: o for o in result.outcomes}
    groups = {group: [u for u in todo if u.group == group] for group in dict.fromkeys(u.group for u in todo)}
    panels = np.atleast_1d(np.asarray(part.subplots(1, 1 if len(groups) == 1 else max(len(shown), 2)))).tolist()
    maps = {group: _Map.of(groups[group], ended) for group in groups}
    reach = max(one.reach_um for one in maps.values())
    for ax, group in zip(panels, shown, strict=False):
        _panel(ax, maps[group], reach, narrow=len(panels) > _ROOMY)
    for ax in panels[len(shown) :]:
        ax.set_axis_off()
    some = "" if len(shown) == len(groups) else f" ({len(shown)} of {len(groups)}: those with most trouble)"
    part.suptitle(f"Targets on the stage{some}", x=0.01, ha="left", fontsize=11, fontweight="bold")
    fates = [f for f in COLOURS if any(fate_of(ended.get(u.key)) == f for u in todo)]
    marks = [_mark("o", COLOURS[f], f) for f in fates] + [_mark("o", "none", "focus target", ring=True)]
    if any(one.fields_um for one in maps.values()):
        marks.append(_mark("s", "none", "field of an image with targets"))
    if len(groups) == 1:
        part.legend(handles=marks, loc="outside lower left", ncols=2, borderaxespad=0.1, framealpha=0)
    elif len(panels) > _ROOMY:
        part.legend(handles=marks, loc="outside lower left", ncols=len(marks), borderaxespad=0.1, framealpha=0)
    else:
        part.legend(handles=marks, loc="outside right upper")


def _mark(shape: str, colour: str, label: str, *, ring: bool = False) -> Line2D:
    edge = GREY if colour == "none" else colour
    return Line2D(
        [], [], linestyle="none", marker=shape, markersize=9, markerfacecolor=colour, markeredgecolor=edge, label=label,
        markeredgewidth=2.5 if ring else 1.2,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Map:
    """What lies in one target of the grid, the first of `some`: micrometres (y, x) from its centre.

    `fields_um` are the sizes of the images in which targets lie, by key; `wide_um` that of the grid's target where it
    is too wide to be drawn.
    """

    some: Sequence[Unit]
    ended: dict[str, UnitOutcome]
    at_um: dict[str, tuple[float, float]]
    fields_um: dict[str, tuple[float, float]]
    wide_um: tuple[float, float] | None

    @classmethod
    def of(cls, some: Sequence[Unit], ended: dict[str, UnitOutcome]) -> _Map:
        root = some[0]
        at = {u.key: _from_um(u, root) for u in some}
        parents = {u.parent for u in some}
        fields = {u.key: f for u in some if u.key in parents and (f := _field_um(ended.get(u.key))) is not None}
        inner = _reach(at, {key: field for key, field in fields.items() if key != root.key})
        wide = fields.get(root.key)
        if wide is not None and max(wide) / 2 > _TOO_WIDE * max(inner):
            return cls(some, ended, at, {key: field for key, field in fields.items() if key != root.key}, wide)
        return cls(some, ended, at, fields, None)

    @property
    def reach_um(self) -> float:
        """Half the side of what is shown."""
        return max(_reach(self.at_um, self.fields_um))

    @property
    def half_um(self) -> float:
        """Half the height of what is shown."""
        return _reach(self.at_um, self.fields_um)[0]

    @property
    def nearest_um(self) -> float:
        """The distance of the two nearest targets that do not lie at one place."""
        places = list(dict.fromkeys(self.at_um.values()))
        pairs = ((a, b) for n, a in enumerate(places) for b in places[:n])
        return min((math.dist(a, b) for a, b in pairs), default=math.inf)


def _reach(at_um: dict[str, tuple[float, float]], fields_um: dict[str, tuple[float, float]]) -> tuple[float, float]:
    """How far (y, x) from the centre something lies, with a margin."""
    y, x = (
        max(abs(at[k]) + fields_um.get(key, (0.0, 0.0))[k] / 2 for key, at in at_um.items()) * _MARGIN + _LEAST_UM
        for k in (0, 1)
    )
    return y, x


def _panel(ax: Axes, one: _Map, reach: float, *, narrow: bool) -> None:
    root = one.some[0]
    radius = min(max(_APART * one.nearest_um, _SMALLEST * reach), _LARGEST * reach)
    parents = {u.parent for u in one.some}
    for unit in one.some:
        outcome = one.ended.get(unit.key)
        colour = COLOURS[fate_of(outcome)]
        y, x = one.at_um[unit.key]
        if unit.key in one.fields_um:
            high, wide = one.fields_um[unit.key]
            corner = (x - wide / 2, y - high / 2)
            ax.add_patch(Rectangle(corner, wide, high, fill=False, edgecolor=colour, linewidth=1.4))
        elif unit.key in parents:
            continue
        elif outcome is not None and not outcome.exposures and outcome.focus_exposures:
            ax.add_patch(Wedge((x, y), radius, 0, 360, width=0.35 * radius, facecolor=colour, linewidth=0))
        else:
            ax.add_patch(Circle((x, y), 0.6 * radius, facecolor=colour, linewidth=0))
    ax.set_title(f"{root.key}{chr(10) if narrow else ' '}at (y, x) = {_where(root)}", fontsize=9 if narrow else 10)
    ax.set_xlim(-reach, reach)
    half = min(max(one.half_um, _FLATTEST * reach), reach)
    ax.set_ylim(-half, half)
    ax.set_aspect("equal")
    ax.set_xlabel("x from there (µm)")
    ax.set_ylabel("y from there (µm)")
    if one.wide_um is not None:
        high, wide = one.wide_um
        text = f"{'' if narrow else 'all of it '}within an image of {high:.0f} × {wide:.0f} µm"
        ax.text(0.02, 0.97, text, transform=ax.transAxes, va="top", fontsize=8, color=GREY)


def _field_um(outcome: UnitOutcome | None) -> tuple[float, float] | None:
    """The size (y, x) of a target's image, where it is known."""
    fields = [] if outcome is None else [e.field_m for e in outcome.exposures if e.field_m is not None]
    return (fields[0][0] * _UM, fields[0][1] * _UM) if fields else None


def _where(root: Unit) -> str:
    y, x = (round(c * _UM, 1) + 0.0 for c in root.place_m)
    return f"({y:g}, {x:g}) µm".replace("-", "−")


def _from_um(unit: Unit, root: Unit) -> tuple[float, float]:
    return ((unit.place_m[0] - root.place_m[0]) * _UM, (unit.place_m[1] - root.place_m[1]) * _UM)
