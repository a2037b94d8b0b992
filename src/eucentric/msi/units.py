"""The units of a session: one node's work at one target, in the order in which they are done. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from eucentric.msi.application import Application, Lattice, NodeSettings

Vector = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Unit:
    """One node's work at one target. `key` is the same in every expansion: "Square 1/Hole 2/Exposure 3".

    `place_m` is the stage position (y, x); `group` the key of the grid's target that it belongs to.
    """

    key: str
    node: str
    number: int
    place_m: Vector
    parent: str | None
    group: str


def places(lattice: Lattice) -> tuple[Vector, ...]:
    """The lattice's points (y, x) from the parent target, metres, stage axes."""
    rows = (np.arange(lattice.rows) - (lattice.rows - 1) / 2) * lattice.spacing_m
    columns = (np.arange(lattice.columns) - (lattice.columns - 1) / 2) * lattice.spacing_m
    turn = np.exp(1j * lattice.angle_rad)
    points = [complex(*reversed(lattice.centre_m)) + turn * complex(x, y) for y in rows for x in columns]
    return tuple((float(p.imag), float(p.real)) for k, p in enumerate(points) if k not in lattice.leave_out)


def units(application: Application) -> tuple[Unit, ...]:
    """All units: target by target of the grid; there node by node, each at all its targets.

    So a node ends its list before the next one begins: focus targets go first, acquisition waits for them.
    """
    grid = [n for n in application.nodes if n.inside is None]
    roots = dict.fromkeys(p for n in grid for p in places(n.targets))
    out: list[Unit] = []
    for number, root in enumerate(roots, start=1):
        out += _under(application, number, root)
    return tuple(out)


def _under(application: Application, number: int, root: Vector) -> Iterator[Unit]:
    """The units at one of the grid's targets."""
    of: dict[str, list[Unit]] = {}
    for node in application.nodes:
        if node.inside is None:
            found = [_at_root(node, number, root)] if root in places(node.targets) else []
        else:
            found = [_child(node, parent, k, p) for parent in of[node.inside] for k, p in _numbered(node)]
        of[node.name] = found
        yield from found


def _numbered(node: NodeSettings) -> list[tuple[int, Vector]]:
    return list(enumerate(places(node.targets), start=1))


def _at_root(node: NodeSettings, number: int, root: Vector) -> Unit:
    key = f"{node.name} {number}"
    return Unit(key, node.name, number, root, None, f"{number}")


def _child(node: NodeSettings, parent: Unit, number: int, offset: Vector) -> Unit:
    y, x = parent.place_m
    key = f"{parent.key}/{node.name} {number}"
    return Unit(key, node.name, number, (y + offset[0], x + offset[1]), parent.key, parent.group)
