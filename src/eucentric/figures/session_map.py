"""The map of a session's targets, coloured by how they ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from eucentric.figures.style import GREEN, GREY, ORANGE, RED, SKY
from eucentric.msi.outcome import SessionResult, Status, UnitOutcome
from eucentric.msi.units import Unit

_PANELS: Final = 4
_MARGIN: Final = 0.07  # of a panel's half side, about what lies in a target
_FLATTEST: Final = 0.6  # of a panel: its height to its width
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
    every = dict.fromkeys(u.group for u in todo)
    panels = np.atleast_1d(np.asarray(part.subplots(1, 1 if len(every) == 1 else max(len(shown), 2)))).tolist()
    roots = {group: next(u for u in todo if u.group == group) for group in every}
    reach = max((abs(c) for u in todo for c in _from(u, roots[u.group])), default=0.0) * 1e6 * 1.3 + 1.0
    for ax, group in zip(panels, shown, strict=False):
        _panel(ax, [u for u in todo if u.group == group], ended, reach)
    for ax in panels[len(shown) :]:
        ax.set_axis_off()
    some = "" if len(shown) == len(every) else f" ({len(shown)} of {len(every)}: those with most trouble)"
    part.suptitle(f"Targets on the stage{some}", x=0.01, ha="left", fontsize=11, fontweight="bold")
    fates = [f for f in COLOURS if any(fate_of(ended.get(u.key)) == f for u in todo)]
    marks = [_mark("o", COLOURS[f], f) for f in fates]
    marks += [_mark("s", "none", "image in which targets lie"), _mark("o", "none", "focus target", ring=True)]
    if len(every) == 1:
        part.legend(handles=marks, loc="outside lower left", ncols=2)
    else:
        part.legend(handles=marks, loc="outside right upper")


def _mark(shape: str, colour: str, label: str, *, ring: bool = False) -> Line2D:
    edge = GREY if colour == "none" else colour
    return Line2D(
        [], [], linestyle="none", marker=shape, markersize=9, markerfacecolor=colour, markeredgecolor=edge, label=label,
        markeredgewidth=2.5 if ring else 1.2,
    )  # fmt: skip


def _panel(ax: Axes, some: Sequence[Unit], ended: dict[str, UnitOutcome], reach: float) -> None:
    root = some[0]
    parents = {u.parent for u in some}
    for unit in some:
        outcome = ended.get(unit.key)
        colour = COLOURS[fate_of(outcome)]
        y, x = (c * 1e6 for c in _from(unit, root))
        if unit.key in parents:
            ax.add_patch(_box(unit, some, root, reach, colour))
        elif outcome is not None and not outcome.exposures and outcome.focus_exposures:
            ax.plot(x, y, "o", markersize=12, markerfacecolor="none", markeredgecolor=colour, markeredgewidth=2.5)
        else:
            ax.plot(x, y, "o", markersize=7, color=colour)
    ax.set_title(root.key, fontsize=10)
    ax.set_xlim(-reach, reach)
    height = max((abs(_from(u, root)[0]) * 1e6 * 1.3 + 1.0 for u in some), default=reach)
    half = min(max(height, _FLATTEST * reach), reach)
    ax.set_ylim(-half, half)
    ax.set_aspect("equal")
    ax.set_xlabel(f"x (µm) from {_where(root)}")
    ax.set_ylabel("y (µm)")


def _box(parent: Unit, some: Sequence[Unit], root: Unit, reach: float, colour: str) -> Rectangle:
    """A frame about all that lies in a target; a wider one where targets lie in those again."""
    inside = [u for u in some if u.key == parent.key or u.key.startswith(f"{parent.key}/")]
    deeper = max(u.key.count("/") for u in inside) - parent.key.count("/")
    margin = _MARGIN * reach * deeper
    (low_y, low_x), (high_y, high_x) = (
        tuple(pick(_from(u, root)[k] for u in inside) * 1e6 for k in (0, 1)) for pick in (min, max)
    )
    return Rectangle(
        (low_x - margin, low_y - margin), high_x - low_x + 2 * margin, high_y - low_y + 2 * margin, fill=False,
        edgecolor=colour, linewidth=1.4,
    )  # fmt: skip


def _where(root: Unit) -> str:
    y, x = root.place_m
    return f"stage ({x * 1e6:.0f}, {y * 1e6:.0f}) µm".replace("-", "−")


def _from(unit: Unit, root: Unit) -> tuple[float, float]:
    return (unit.place_m[0] - root.place_m[0], unit.place_m[1] - root.place_m[1])
