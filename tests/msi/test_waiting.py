"""What an acquisition waits for, on the small session and on one with several focus nodes."""

from __future__ import annotations

from eucentric.msi.application import Application, Kind, Lattice, NodeSettings
from eucentric.msi.outcome import Status, UnitOutcome
from eucentric.msi.units import Unit, units
from eucentric.msi.waiting import awaited, failed_focus
from tests.msi.small import FOCUS, SMALL, Z_FOCUS

ALL = units(SMALL)


def unit(key: str, every: tuple[Unit, ...] = ALL) -> Unit:
    return next(one for one in every if one.key == key)


def waits(application: Application, key: str) -> list[str]:
    every = units(application)
    return [one.key for one in awaited(application, every, unit(key, every))]


def ended(key: str, status: Status, why: str = "") -> dict[str, UnitOutcome]:
    return {key: UnitOutcome(key, key.rsplit("/", 1)[-1].rsplit(" ", 1)[0], status, why)}


def test_an_exposure_waits_for_the_focus_of_its_own_hole() -> None:
    assert waits(SMALL, "Square 1/Hole 2/Exposure 1") == ["Square 1/Hole 2/Focus 1"]
    assert waits(SMALL, "Square 1/Hole 2") == ["Square 1/Z Focus 1"]
    assert waits(SMALL, "Square 1") == []


def test_of_several_focus_nodes_the_last_one_before_it_counts() -> None:
    """A tilted partner waits for the tilted focus, the untilted one for the focus after it."""
    square = NodeSettings(name="Square", kind=Kind.ACQUIRE, preset="sq")
    tilted = NodeSettings(name="RCT Focus", kind=Kind.FOCUS, inside="Square", focus=Z_FOCUS, alpha_rad=0.7)
    first = NodeSettings(name="Tilted", kind=Kind.ACQUIRE, inside="Square", preset="fa", alpha_rad=0.7)
    flat = NodeSettings(
        name="Focus", kind=Kind.FOCUS, inside="Square", focus=FOCUS, targets=Lattice(columns=2, spacing_m=1e-6)
    )
    second = NodeSettings(name="Untilted", kind=Kind.ACQUIRE, inside="Square", preset="fa")
    both = Application(name="RCT", nodes=(square, tilted, first, flat, second))
    assert waits(both, "Square 1/Tilted 1") == ["Square 1/RCT Focus 1"]
    assert waits(both, "Square 1/Untilted 1") == ["Square 1/Focus 1", "Square 1/Focus 2"]


def test_focusing_failed_where_none_of_its_targets_is_done() -> None:
    exposure = unit("Square 1/Hole 1/Exposure 1")
    focus = "Square 1/Hole 1/Focus 1"
    assert failed_focus(SMALL, ALL, ended(focus, Status.DONE), exposure) == ""
    assert "blank" in failed_focus(SMALL, ALL, ended(focus, Status.REFUSED, "blank"), exposure)
    assert focus in failed_focus(SMALL, ALL, {}, exposure)
    assert failed_focus(SMALL, ALL, {}, unit("Square 1")) == ""
