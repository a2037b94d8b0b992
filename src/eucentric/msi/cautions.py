"""What an operator should know of an application before it runs, though it can be done. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from eucentric.focus.settings import FocusMethod
from eucentric.microscope.protocol import Preset
from eucentric.msi.application import Application, Kind, NodeSettings
from eucentric.msi.units import Unit, units
from eucentric.units import show_bound


def cautions_of(application: Application, presets: Mapping[str, Preset]) -> tuple[str, ...]:
    """A sentence for each pair of nodes; `presets` are the instrument's, by name."""
    there = units(application)
    return (*_burnt(application, presets, there), *_outside(application, presets, there))


def _burnt(application: Application, presets: Mapping[str, Preset], there: tuple[Unit, ...]) -> Iterator[str]:
    """Focus targets in the view of images that matter, which are taken later."""
    order = [node.name for node in application.nodes]
    for focus in (node for node in application.nodes if node.kind is Kind.FOCUS):
        for node in (n for n in application.nodes if _matters(n) and order.index(n.name) > order.index(focus.name)):
            for preset in _beam_presets(focus):
                reach_m = 0.5 * (_side_m(presets[preset]) + _side_m(presets[node.preset or ""]))
                if _nearest_m(there, focus.name, node.name) < reach_m and _near_in_scale(presets, preset, node):
                    yield (
                        f"Node '{focus.name}' focuses where node '{node.name}' takes its images: its electrons are "
                        "spent there first. Place its targets beside (targets: centre)."
                    )
                    break


def _outside(application: Application, presets: Mapping[str, Preset], there: tuple[Unit, ...]) -> Iterator[str]:
    """Targets that lie outside the image in which they are looked for."""
    by_key = {unit.key: unit for unit in there}
    for node in application.nodes:
        parent = None if node.inside is None else application.node(node.inside)
        if parent is None or parent.kind is not Kind.ACQUIRE or parent.preset is None:
            continue
        rows, columns = presets[parent.preset].size
        half_m = 0.5 * presets[parent.preset].pixel_m * min(rows, columns)
        away_m = max(
            (math.dist(u.place_m, by_key[u.parent].place_m) for u in there if u.node == node.name and u.parent),
            default=0.0,
        )
        if away_m > math.sqrt(2) * half_m:  # in a corner at best, however the image is turned
            yield (
                f"Targets of node '{node.name}' lie up to {show_bound(away_m)} from the middle of the images of "
                f"'{parent.name}', which reach {show_bound(half_m)} to each side: you will not see them there."
            )


def _matters(node: NodeSettings) -> bool:
    return node.kind is Kind.TILT_SERIES or (node.kind is Kind.ACQUIRE and node.within_m is not None)


def _beam_presets(node: NodeSettings) -> list[str]:
    assert node.focus is not None
    steps = [s for s in node.focus.sequence.steps if s.switch and s.focus_method is not FocusMethod.NONE]
    return list(dict.fromkeys(s.preset for s in steps if s.focus_method is not FocusMethod.MANUAL))


def _near_in_scale(presets: Mapping[str, Preset], preset: str, node: NodeSettings) -> bool:
    """Whether a preset is no overview: those put hardly any electrons on much specimen."""
    return _side_m(presets[preset]) <= 4 * _side_m(presets[node.preset or ""])


def _side_m(preset: Preset) -> float:
    return preset.pixel_m * max(preset.size)


def _nearest_m(there: tuple[Unit, ...], first: str, second: str) -> float:
    one, other = ([u.place_m for u in there if u.node == name] for name in (first, second))
    return min((math.dist(a, b) for a in one for b in other), default=math.inf)
