"""What an application must be to be one."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from eucentric.focus.preset_settings import PresetSettings
from eucentric.focus.shipped import shipped
from eucentric.msi.application import Application, Kind, Lattice, NodeSettings, SeriesSettings

FOCUS: dict[str, Any] = {"name": "Focus", "kind": Kind.FOCUS, "focus": shipped("focus")}
IMAGE: dict[str, Any] = {"name": "Square", "kind": Kind.ACQUIRE, "preset": "sq"}
SERIES: dict[str, Any] = {
    **{"name": "Series", "kind": Kind.TILT_SERIES, "preset": "ex"},
    **{"series": SeriesSettings(), "focus": shipped("focus")},
}


@pytest.mark.parametrize("node", [FOCUS, IMAGE, SERIES])
def test_a_node_has_what_its_kind_needs(node: dict[str, Any]) -> None:
    assert NodeSettings(**node).kind is node["kind"]


@pytest.mark.parametrize(
    ("node", "said"),
    [
        ({**FOCUS, "focus": None}, "a focus node needs its settings"),
        ({**IMAGE, "preset": None}, "it takes images and needs a preset"),
        ({**IMAGE, "focus": shipped("focus")}, "only focus nodes and tilt series have focus settings"),
        ({**SERIES, "series": None}, "a tilt series needs its angles"),
        ({**SERIES, "focus": None}, "a tilt series needs its angles .* and focus settings"),
        ({**IMAGE, "name": "a/b"}, "pattern"),  # a part of file names
        ({**IMAGE, "alpha_rad": 1.3}, "1.22"),
    ],
)
def test_a_node_without_it_is_refused(node: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        NodeSettings(**node)


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ([IMAGE, IMAGE], "two nodes are called 'Square'"),
        ([{**IMAGE, "inside": "Square"}], r"stands inside 'Square', and no node before it .* \(before it: none\)"),
        ([{**IMAGE, "inside": "Focus"}, FOCUS], "no node before it is called so"),
        ([], "at least 1"),
    ],
)
def test_nodes_stand_inside_nodes_before_them(nodes: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Application(name="mine", nodes=tuple(NodeSettings(**n) for n in nodes))


@pytest.mark.parametrize(
    ("lattice", "said"),
    [
        ({"rows": 2}, "needs their distance"),
        ({"columns": 2, "spacing_m": 1e-6, "leave_out": (2,)}, "leave_out names points from 0 to 1"),
    ],
)
def test_a_lattice_is_one(lattice: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Lattice(**lattice)


def test_a_preset_with_an_image_shift_is_refused_where_defocus_matters() -> None:
    beside = {"sq": PresetSettings(like="sq", image_shift_m=(0.0, 2e-6))}
    plain, strict = (NodeSettings(**IMAGE, within_m=within) for within in (None, 50e-9))
    assert Application(name="mine", presets=beside, nodes=(plain,)).nodes == (plain,)
    with pytest.raises(ValidationError, match="preset 'sq' has an image shift"):
        Application(name="mine", presets=beside, nodes=(strict,))
