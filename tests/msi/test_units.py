"""Lattices of targets, and the order in which a session does its units."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucentric.focus.shipped import shipped
from eucentric.msi.application import Application, Kind, Lattice, NodeSettings
from eucentric.msi.units import Unit, places, units

UM = 1e-6


def image(name: str, inside: str | None, targets: Lattice = Lattice()) -> NodeSettings:  # noqa: B008 - frozen
    return NodeSettings(name=name, kind=Kind.ACQUIRE, preset="sq", inside=inside, targets=targets)


def pair(spacing_m: float) -> Lattice:
    return Lattice(columns=2, spacing_m=spacing_m)


def keys(found: tuple[Unit, ...]) -> list[str]:
    return [u.key for u in found]


def test_one_point_is_the_parent_itself() -> None:
    assert places(Lattice()) == ((0.0, 0.0),)


def test_points_are_counted_along_rows_and_lie_about_the_middle() -> None:
    """(y, x): 2 rows by 3 columns, 6 µm apart; the second one left out."""
    found = places(Lattice(rows=2, columns=3, spacing_m=6 * UM, centre_m=(1 * UM, 0.0), leave_out=(1,)))
    wanted = [(-2, -6), (-2, 6), (4, -6), (4, 0), (4, 6)]
    assert found == tuple(pytest.approx((y * UM, x * UM)) for y, x in wanted)


def test_a_lattice_turns_from_x_towards_y() -> None:
    """By a quarter turn, what lay at +x lies at +y; its middle does not turn."""
    found = places(Lattice(columns=2, spacing_m=2 * UM, angle_rad=math.pi / 2, centre_m=(0.0, 5 * UM)))
    assert found == (pytest.approx((-1 * UM, 5 * UM)), pytest.approx((1 * UM, 5 * UM)))


@given(
    rows=st.integers(1, 6),
    columns=st.integers(1, 6),
    spacing=st.floats(1e-7, 1e-4),
    angle=st.floats(-math.pi, math.pi),
)
def test_neighbours_are_the_spacing_apart_and_the_mean_is_the_middle(
    rows: int, columns: int, spacing: float, angle: float
) -> None:
    found = places(Lattice(rows=rows, columns=columns, spacing_m=spacing, angle_rad=angle, centre_m=(3e-6, -2e-6)))
    assert len(found) == rows * columns
    far = spacing * max(rows, columns)
    for axis, middle in ((0, 3e-6), (1, -2e-6)):
        assert sum(p[axis] for p in found) / len(found) == pytest.approx(middle, abs=1e-12 * far + 1e-18)
    for k in range(1, columns):
        assert math.dist(found[k], found[k - 1]) == pytest.approx(spacing, rel=1e-9)
    for row in range(1, rows):
        assert math.dist(found[row * columns], found[(row - 1) * columns]) == pytest.approx(spacing, rel=1e-9)


def test_a_node_ends_its_targets_before_the_next_begins_square_by_square() -> None:
    """Focus stands before exposures in the file: no exposure of a square comes before its last focus."""
    focus = NodeSettings(name="Focus", kind=Kind.FOCUS, inside="Hole", focus=shipped("focus"))
    application = Application(
        name="mine",
        nodes=(
            image("Square", None, pair(85 * UM)),
            image("Hole", "Square", pair(6 * UM)),
            focus,
            image("Exposure", "Hole", pair(3 * UM)),
        ),
    )
    assert keys(units(application))[:9] == [
        "Square 1",
        "Square 1/Hole 1",
        "Square 1/Hole 2",
        "Square 1/Hole 1/Focus 1",
        "Square 1/Hole 2/Focus 1",
        "Square 1/Hole 1/Exposure 1",
        "Square 1/Hole 1/Exposure 2",
        "Square 1/Hole 2/Exposure 1",
        "Square 1/Hole 2/Exposure 2",
    ]
    every = units(application)
    assert len(every) == 18
    assert len(set(keys(every))) == 18
    assert keys(every)[9:] == [key.replace("Square 1", "Square 2") for key in keys(every)[:9]]
    last = every[-1]
    assert (last.node, last.number, last.parent, last.group) == ("Exposure", 2, "Square 2/Hole 2", "2")
    assert last.place_m == pytest.approx((0.0, (42.5 + 3 + 1.5) * UM))


def test_several_nodes_on_the_grid_share_their_targets() -> None:
    """Where two nodes of the grid have the same places these are the same targets; others are targets of their own."""
    application = Application(
        name="mine",
        nodes=(image("A", None, pair(10 * UM)), image("B", None, pair(10 * UM)), image("C", None)),
    )
    assert [(u.key, u.group) for u in units(application)] == [
        ("A 1", "1"),
        ("B 1", "1"),
        ("A 2", "2"),
        ("B 2", "2"),
        ("C 3", "3"),
    ]


def test_units_are_plain_values() -> None:
    """As a journal keeps them."""
    application = Application(name="mine", nodes=(image("A", None, pair(10 * UM)),))
    for unit in units(application):
        assert all(type(v) is float for v in unit.place_m)
        assert json.loads(json.dumps(unit.place_m)) == list(unit.place_m)
