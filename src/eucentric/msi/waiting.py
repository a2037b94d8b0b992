"""What an acquisition waits for: the focus targets of its parent, else of the nearest ancestor that has some. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eucentric.msi.application import Application, Kind
from eucentric.msi.outcome import Status, UnitOutcome
from eucentric.msi.units import Unit


def awaited(application: Application, units: Sequence[Unit], unit: Unit) -> tuple[Unit, ...]:
    """The focus units that a unit waits for: those of the last focus node before its own, in the nearest place.

    For an exposure in a hole these are the focus targets of that hole. () where no focus node comes before.
    """
    by_key = {one.key: one for one in units}
    order = [node.name for node in application.nodes]
    focus = [n.name for n in application.nodes[: order.index(unit.node)] if n.kind is Kind.FOCUS]
    parent = unit.parent
    while parent is not None:
        there = [one for one in units if one.parent == parent and one.node in focus]
        if there:
            last = max((one.node for one in there), key=order.index)
            return tuple(one for one in there if one.node == last)
        parent = by_key[parent].parent
    there = [one for one in units if one.parent is None and one.group == unit.group and one.node in focus]
    last = max((one.node for one in there), key=order.index, default="")
    return tuple(one for one in there if one.node == last)


def failed_focus(
    application: Application, units: Sequence[Unit], outcomes: Mapping[str, UnitOutcome], unit: Unit
) -> str:
    """Why focusing failed for a unit: none of the focus targets that it waits for is done. Empty: it did not fail."""
    waits = awaited(application, units, unit)
    ended = [outcomes[one.key] for one in waits if one.key in outcomes]
    if not waits or any(one.status is Status.DONE for one in ended):
        return ""
    return " ".join(f"{one.key}: {one.why}" for one in ended) or f"{waits[0].key} was not done."
