"""A map over two settings on the terminal, as JSON and as a file for spreadsheets."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from eucentric.cli.sweep_run import Swept
from eucentric.cli.written import check_new, check_place, told_unwritten
from eucentric.errors import InputError
from eucentric.figures.saved import check_suffix
from eucentric.optimize.planning.sequence import names_of
from eucentric.optimize.sweeping.axes import Axis
from eucentric.optimize.sweeping.shown import (
    axis_scale,
    chosen_text,
    everywhere_text,
    key_of,
    quantity_scale,
    subject_text,
)
from eucentric.optimize.sweeping.sweep import Map, Quantity

_FRAME = 3  # letters of a column beside its text
_MOST_REASONS = 3
_REFUSED = "trials refused, most often: "


def check_files(out: Path | None, figure: Path | None) -> None:
    """Raise InputError, before anything is done, for files that can't be written under these names."""
    if figure is not None:
        check_suffix(figure)
        check_place(figure, makes_folder=True)
    if out is not None and out.suffix.lower() != ".csv":
        raise InputError(f"The table is written as .csv, and {out} does not say so. Write for example --out map.csv")
    if out is not None:
        check_new(out)


def write(found: Map, out: Path | None, figure: Path | None, screen: Console) -> bool:
    """The table and the figure, where they are asked for; whether any could not be written, which is said."""

    def table(path: Path) -> None:
        _write_csv(found, path)
        screen.print(f"Table: {path}", markup=False, soft_wrap=True)

    def drawn(path: Path) -> None:
        from eucentric.figures.saved import save
        from eucentric.figures.sweep import sweep_figure

        save(sweep_figure(found), path)
        screen.print(f"Figure: {path}", markup=False, soft_wrap=True)

    asked = ((table, out), (drawn, figure))
    return told_unwritten(partial(one, path) for one, path in asked if path is not None)


def show(found: Map, screen: Console) -> None:
    """Tables of what changes over the map, and a sentence for what does not."""
    screen.print(subject_text(found), style="bold", soft_wrap=True)
    for quantity in found.changing:
        title = quantity_scale(quantity, found).label(quantity.title)
        screen.print(f"{title}, along: {axis_scale(found.x).label(found.x.setting.name)}", markup=False)
        screen.print(_table(found, quantity, screen))
    say = [f"The same at all points: {text}." for text in (everywhere_text(found),) if text]
    say += [f"* nearest to the chosen plan: {chosen_text(found)}.", *_failures(found)]
    for line in say:
        screen.print(line, markup=False, soft_wrap=True)


def _table(found: Map, quantity: Quantity, screen: Console) -> Table:
    scale, x, y = quantity_scale(quantity, found), axis_scale(found.x), axis_scale(found.y)
    corner = y.label(found.y.setting.name)
    near = _nearest(found, found.x), _nearest(found, found.y)
    columns: list[tuple[str, ...]] = []
    for ix, value in enumerate(found.x.values):
        got = [found.cell(ix, iy).quantities.get(quantity.name) for iy in range(len(found.y.values))]
        texts = ["–" if one is None else scale.text(one) for one in got]
        marked = (f"{text}*" if (ix, iy) == near else text for iy, text in enumerate(texts))
        columns.append((x.text(value), *marked))
    shown = _fitting(columns, screen.width - len(corner) - 4, near[0] or 0)
    table = Table(caption="" if len(shown) == len(columns) else "Not all columns: --out and --json have them.")
    table.add_column(corner, no_wrap=True)
    for head, *_ in shown:
        table.add_column(head, justify="right", no_wrap=True)
    for iy, value in enumerate(found.y.values):
        table.add_row(y.text(value), *(column[iy + 1] for column in shown))
    return table


def _fitting(columns: Sequence[tuple[str, ...]], width: int, near: int) -> Sequence[tuple[str, ...]]:
    """All columns where there is room; else each second, third … that has the one which is near the chosen plan."""
    for every in range(1, len(columns) + 1):
        shown = columns[near % every :: every]
        if sum(max(map(len, column)) + _FRAME for column in shown) <= width:
            return shown
    return columns[near : near + 1]


def _nearest(found: Map, axis: Axis) -> int | None:
    """Number of the value that is nearest to the chosen one."""
    chosen = found.chosen(axis)
    if axis.numbers is None or not isinstance(chosen, int | float):
        return axis.values.index(chosen) if chosen in axis.values else None
    numbers = axis.numbers
    if axis.logarithmic and chosen > 0:
        return min(range(len(numbers)), key=lambda k: abs(math.log(numbers[k] / chosen)))
    return min(range(len(numbers)), key=lambda k: abs(numbers[k] - chosen))


def _failures(found: Map) -> list[str]:
    """Why points have nothing, or their trials refused: the most frequent reasons, each with a point that has it."""
    of: dict[str, list[int]] = {}
    for k, cell in enumerate(found.cells):
        if cell.why or cell.refused:
            of.setdefault(cell.why or f"{_REFUSED}{cell.refused}", []).append(k)
    frequent = sorted(of.items(), key=lambda one: -len(one[1]))
    told = [_failure(found, why, places) for why, places in frequent[:_MOST_REASONS]]
    rest = sum(len(places) for _, places in frequent[_MOST_REASONS:])
    return [*told, f"– at {rest} more for other reasons, which --json and --out have."] if rest else told


def _failure(found: Map, why: str, places: Sequence[int]) -> str:
    iy, ix = divmod(places[0], len(found.x.values))
    at = ((found.x, found.x.values[ix]), (found.y, found.y.values[iy]))
    where = ", ".join(f"{axis.setting.name} {axis_scale(axis).with_unit(value)}" for axis, value in at)
    more = f" and {len(places) - 1} more" if len(places) > 1 else ""
    return f"– at {where}{more}: {why}"


def as_json(came: Swept) -> dict[str, Any]:
    """The map in SI units."""
    found = came.map
    base, asked = found.base, found.base.plan.asked
    return {
        "instrument": base.instrument.name,
        "start_m": asked.start_m,
        "accuracy_m": asked.accuracy_m,
        "probability": asked.probability,
        "step": None if base.step is None else names_of(base.plan)[base.step],
        "over": [
            {"setting": key_of(axis.setting), "values": list(axis.values), "chosen": found.chosen(axis)}
            for axis in (found.x, found.y)
        ],
        "points": _rows(found),
        "stopped": came.stopped,
        "done": f"{came.done} of {came.asked} {came.what}",
    }


def _rows(found: Map) -> list[dict[str, Any]]:
    """A row for each point: its two values, what was found, why where nothing was, and why trials refused."""
    rows = []
    for k, cell in enumerate(found.cells):
        iy, ix = divmod(k, len(found.x.values))
        at = {key_of(found.x.setting): found.x.values[ix], key_of(found.y.setting): found.y.values[iy]}
        here = {q.name: cell.quantities.get(q.name) for q in found.quantities}
        why = cell.why or ("" if cell.quantities else "not done")
        rows.append({**at, **here, "why": why, "refused": cell.refused})
    return rows


def _write_csv(found: Map, path: Path) -> None:
    """A line for each point. Raises InputError where it can't be written."""
    rows = _rows(found)
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise InputError(f"{path} can't be written: {error.strerror}. Give another place.") from error
