"""How long a node's work at one target should take, before one was ever seen: from its settings and presets. Pure.

It is rough: what an instrument takes for a stage move or a preset is not known beforehand, nor how often a step
will look.
"""

from __future__ import annotations

from collections.abc import Mapping

from eucentric.focus.settings import FocusMethod, FocusSettings, FocusStep
from eucentric.microscope.protocol import Preset
from eucentric.msi.application import Application, Kind, NodeSettings

_READOUT_S = 0.5
"""From the end of an exposure to the image."""
_STAGE_S = 3.0
"""A stage move, with settling."""
_PRESET_S = 2.0
_LENS_S = 0.5
"""A correction, or the way of the lens to a target."""
_COMPARED_S = 0.5
"""Comparing two images."""
_STAGE_TILT_IMAGES = 3  # −t, 0 and +t
_LOOKED_BEFORE = 2  # a series measures focus on both sides of its feature at least


def expected_s(application: Application, presets: Mapping[str, Preset]) -> dict[str, float]:
    """Seconds at one target, by the name of the node; `presets` are the instrument's, by name.

    A node with a preset that is not among them is left out. Steps by hand, waiting for drift and looking again for
    what was refused are not in it: they take as long as they take.
    """
    known = {}
    for node in application.nodes:
        try:
            known[node.name] = _at_one_target(node, presets)
        except KeyError:
            continue
    return known


def _at_one_target(node: NodeSettings, presets: Mapping[str, Preset]) -> float:
    there = _STAGE_S + node.settle_s
    focusing = 0.0 if node.focus is None else _focusing(node.focus, presets)
    if node.kind is Kind.FOCUS:
        return there + focusing
    image = _PRESET_S + _LENS_S + _image(presets[node.preset or ""])
    if node.series is None:
        return there + image
    tilts = round(abs(node.series.last_rad - node.series.first_rad) / node.series.step_rad) + 1
    return tilts * (there + image) + _LOOKED_BEFORE * focusing


def _focusing(settings: FocusSettings, presets: Mapping[str, Preset]) -> float:
    each = settings.melt_time_s + settings.pause_time_s
    return each + sum(_step(step, settings, presets) for step in settings.sequence.steps if step.switch)


def _step(step: FocusStep, settings: FocusSettings, presets: Mapping[str, Preset]) -> float:
    """As many looks as it needs at least, a correction after each but the last."""
    if step.focus_method is FocusMethod.MANUAL or step.focus_method is FocusMethod.NONE:
        return _PRESET_S
    image = _image(presets[step.preset])
    if step.focus_method is FocusMethod.STAGE_TILT:
        images, between = _STAGE_TILT_IMAGES, _STAGE_S
    else:
        images, between = step.beam_tilts().images, settings.beam_tilt_settle_time_s
    look = images * (image + between) + (images - 1) * _COMPARED_S
    looks = max(step.looks_min, 2) if step.look_again else 1
    return _PRESET_S + looks * look + max(looks - 1, 1) * (_LENS_S + step.settle_s)


def _image(preset: Preset) -> float:
    return preset.exposure_s + _READOUT_S
