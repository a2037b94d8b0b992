"""What a session should take, from its settings and presets."""

from __future__ import annotations

from pathlib import Path

from eucentric.focus.settings import FocusMethod
from eucentric.microscope.protocol import Preset
from eucentric.msi.application import Application
from eucentric.msi.expected import expected_s
from tests.msi.small import FOCUS, SERIES, SMALL, opened, run


def _presets(application: Application) -> dict[str, Preset]:
    presets = {preset.name: preset for preset in opened().presets()}
    return presets | dict.fromkeys(application.presets, presets["fa"])


def _with(**changes: object) -> Application:
    """The small application with another step in its Focus."""
    step = FOCUS.sequence.steps[0].model_copy(update=changes)
    sequence = FOCUS.sequence.model_copy(update={"steps": (step,)})
    nodes = [
        n.model_copy(update={"focus": FOCUS.model_copy(update={"sequence": sequence})}) if n.name == "Focus" else n
        for n in SMALL.nodes
    ]
    return SMALL.model_copy(update={"nodes": tuple(nodes)})


def _focus_s(application: Application) -> float:
    return expected_s(application, _presets(application))["Focus"]


def test_every_node_is_expected_to_take_something() -> None:
    for application in (SMALL, SERIES):
        known = expected_s(application, _presets(application))
        assert set(known) == {node.name for node in application.nodes}
        assert min(known.values()) > 0


def test_more_looks_take_longer_and_one_look_shorter() -> None:
    assert _focus_s(_with(looks_min=4)) > _focus_s(_with(looks_min=2)) > _focus_s(_with(look_again=False))
    assert _focus_s(_with(focus_method=FocusMethod.MANUAL)) < _focus_s(_with(look_again=False))


def test_what_asks_for_an_unknown_preset_is_left_out() -> None:
    assert expected_s(SMALL, {}) == {}


def test_it_is_within_a_factor_of_three_of_what_the_simulated_microscope_takes(tmp_path: Path) -> None:
    """By the microscope's own clock."""
    known = expected_s(SMALL, _presets(SMALL))
    result = run(tmp_path, opened())
    took = sum(one.ended_s - one.begun_s for one in result.outcomes)
    should = sum(known[one.node] for one in result.outcomes)
    assert took / 3 < should < 3 * took
