"""Whether the nodes of an application fit together: the session on paper, from the grid's settings to the exposures.

Each node is walked at all its targets with what the focus nodes before it will have found there if they succeed. What
earlier targets of the same node found is left out: each may be the first, or the only one not refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from eucentric.calibration.book import CalibrationBook
from eucentric.errors import CalibrationError, SettingsError
from eucentric.focus.forecast import measuring
from eucentric.focus.outcome import COVERAGE
from eucentric.microscope.protocol import Microscope
from eucentric.msi.application import Application, Kind, NodeSettings
from eucentric.msi.beliefs import At, Beliefs, eucentric_focus
from eucentric.msi.known import Check, Known
from eucentric.msi.needs import forecast, needs_of, promises_of, walk
from eucentric.msi.outcome import FocusFound
from eucentric.msi.series.promise import series_promise
from eucentric.msi.units import Unit, units
from eucentric.units import show_bound

_COARSE = 10.0
"""A node that says so many times less than is needed is there for something else: height."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """A node on paper: what will be known at the worst of its targets before it and after it, and its checks."""

    node: str
    known_before: Known
    known_after: Known
    needs: tuple[Check, ...] = ()
    promises: tuple[Check, ...] = ()


@dataclass(slots=True)
class _Paper:
    """A session on paper: what was found, by node, at the places of each group."""

    application: Application
    scope: Microscope
    book: CalibrationBook
    beliefs: Beliefs
    units: tuple[Unit, ...]
    found: dict[str, list[FocusFound]] = field(default_factory=dict)  # by group
    nodes: list[str] = field(default_factory=list)  # focus nodes so far


def check_chain(application: Application, scope: Microscope, book: CalibrationBook) -> tuple[Forecast, ...]:
    """The forecasts of all nodes, in order.

    `scope` has the application's presets and `book` their calibrations (presets.install). Nothing moves. Raises
    SettingsError where a node's needs will not be met even if all before it succeed, where it can't reach what it
    promises, or where a calibration is missing: which nodes, the numbers, and what would help.
    """
    beliefs = Beliefs.of(application, scope, book)
    paper = _Paper(application, scope, book, beliefs, _once(application))
    return tuple(_walked(paper, node) for node in application.nodes)


def _once(application: Application) -> tuple[Unit, ...]:
    """The units of the first of the grid's targets for each set of nodes: the others are the same elsewhere."""
    groups: dict[str, list[Unit]] = {}
    for unit in units(application):
        groups.setdefault(unit.group, []).append(unit)
    first: dict[frozenset[str], list[Unit]] = {}
    for members in groups.values():
        first.setdefault(frozenset(u.node for u in members), members)
    return tuple(unit for members in first.values() for unit in members)


def _walked(paper: _Paper, node: NodeSettings) -> Forecast:
    try:
        _check_presets(paper, node)
        known = _worst([_known(paper, node, unit) for unit in paper.units if unit.node == node.name])
        if node.kind is Kind.FOCUS:
            return _focused(paper, node, known)
        told = Forecast(node.name, known, known, needs_of(node, known, paper.scope, paper.book))
        _check_needs(paper, node, told.needs)
        if node.kind is Kind.TILT_SERIES:
            last = list(walk(node, known, paper.scope, paper.book))[-1]
            promises = series_promise(node, paper.application.grid, last.leaves.total_sigma_m)
            _check_promises(paper, node, promises)
            told = replace(told, promises=promises)
        return told
    except CalibrationError as error:
        raise SettingsError(f"Node '{node.name}' of application '{paper.application.name}': {error}") from error


def _focused(paper: _Paper, node: NodeSettings, known: Known) -> Forecast:
    needs = needs_of(node, known, paper.scope, paper.book)
    _check_needs(paper, node, needs)
    for one in walk(node, known, paper.scope, paper.book):
        if not one.need.met:
            raise SettingsError(
                f"{_named(paper, node)} begins its step '{one.step.name}' with {one.need}. {one.need.remedy}"
            )
    promises = promises_of(node, known, paper.scope, paper.book)
    _check_promises(paper, node, promises)
    for unit in paper.units:
        if unit.node == node.name:
            found = _would_find(paper, node, unit, known)
            paper.found.setdefault(unit.group, []).append(found)
    paper.nodes.append(node.name)
    return Forecast(node.name, known, forecast(node, known, paper.scope, paper.book), needs, promises)


def _would_find(paper: _Paper, node: NodeSettings, unit: Unit, before: Known) -> FocusFound:
    """What success leaves at a place, at its worst: as far from focus, and from eucentric height, as is promised.

    `before` is what is known at the worst of the node's targets: all are then on one film, which scatters nowhere.
    """
    after = forecast(node, before, paper.scope, paper.book)
    last = list(walk(node, before, paper.scope, paper.book))[-1]
    assert node.focus is not None
    total, stated = last.leaves.total_sigma_m, node.focus.sequence.accuracy_m
    stored, unsure = eucentric_focus(paper.book, last.step.preset)
    left = max(stated - COVERAGE * total, 0.0)
    height = max(after.height_within_m - COVERAGE * (total + unsure), 0.0)
    return FocusFound(
        place_m=unit.place_m,
        z_m=0.0,
        alpha_rad=node.alpha_rad,
        preset=last.step.preset,
        lens_m=stored - height + left,
        c1_m=left,
        total_sigma_m=total,
        own_sigma_m=last.leaves.own_sigma_m,
        stated_m=stated,
        offset_m=last.step.offset_m,
    )


def _known(paper: _Paper, node: NodeSettings, unit: Unit) -> Known:
    """What is known at a unit's place when its node begins; of an image whose defocus does not matter, as little."""
    found = paper.found.get(unit.group, [])
    preset = _first_preset(node)
    if node.kind is Kind.ACQUIRE and node.within_m is None:
        found = []
        if preset not in paper.book.presets:
            height = paper.application.grid.height_within_m
            return Known(height, height)
    defocus = paper.beliefs.presets[preset].defocus_m if node.kind is Kind.ACQUIRE else 0.0
    return paper.beliefs.known(found, At(unit.place_m, preset, alpha_rad=node.alpha_rad, defocus_m=defocus))


def _first_preset(node: NodeSettings) -> str:
    """The preset in which the node begins."""
    if node.preset is not None:
        return node.preset
    assert node.focus is not None
    steps = measuring(node.focus)
    return (steps or node.focus.sequence.steps)[0].preset


def _worst(known: list[Known]) -> Known:
    return Known(max(k.height_within_m for k in known), max(k.defocus_within_m for k in known))


def _check_presets(paper: _Paper, node: NodeSettings) -> None:
    """Raise SettingsError where the instrument has not all presets of the node."""
    there = paper.beliefs.presets
    for name in _presets(node):
        if name not in there:
            raise SettingsError(
                f"{_named(paper, node)} asks for preset '{name}', which {paper.scope.name} has not "
                f"({', '.join(there)}). Give the application a preset of that name (presets.{name}: like = …)."
            )


def _presets(node: NodeSettings) -> Iterator[str]:
    if node.preset is not None:
        yield node.preset
    if node.focus is not None:
        yield from (step.preset for step in measuring(node.focus))


def _check_needs(paper: _Paper, node: NodeSettings, needs: tuple[Check, ...]) -> None:
    for check in needs:
        if not check.met:
            before = _before(paper)
            raise SettingsError(
                f"{_named(paper, node)} needs {check.what} within ±{show_bound(check.limit)}, and {before} "
                f"±{show_bound(check.value or 0.0)} at the farthest of its targets. {_remedy(paper, node, check)}"
            )


def _remedy(paper: _Paper, node: NodeSettings, check: Check) -> str:
    """What would meet a need: where the application itself is at odds, that first."""
    order = [one.name for one in paper.application.nodes]
    later = [n.name for n in paper.application.nodes[order.index(node.name) + 1 :] if n.kind is Kind.FOCUS]
    found = [f for some in paper.found.values() for f in some]
    if check.soft and later and not any(f.preset == _first_preset(node) for f in found):
        return f"Node '{later[-1]}' stands after it in the file: put it before."
    if check.soft and found and found[-1].stated_m > _COARSE * check.limit:
        return f'That node does not say more than that. Put a Focus node before it (focus = "focus"). {check.remedy}'
    if check.soft and found and not paper.beliefs.same_optics(found[-1].preset, _first_preset(node)):
        return (
            f"Focus is found at preset '{found[-1].preset}', and '{_first_preset(node)}' has another magnification, "
            f"which costs what their eucentric foci are not known to: make it like '{found[-1].preset}'. {check.remedy}"
        )
    return check.remedy


def _check_promises(paper: _Paper, node: NodeSettings, promises: tuple[Check, ...]) -> None:
    for check in promises:
        if not check.met:
            raise SettingsError(f"{_named(paper, node)} promises {check}. {check.remedy}")


def _before(paper: _Paper) -> str:
    if not paper.nodes:
        return "no focus node stands before it: the grid's settings give"
    return f"with node '{paper.nodes[-1]}' before it there will be"


def _named(paper: _Paper, node: NodeSettings) -> str:
    return f"Node '{node.name}' of application '{paper.application.name}'"
