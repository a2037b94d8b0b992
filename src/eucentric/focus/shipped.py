"""The focus settings that eucentric brings along: named defaults, to be run, shown and copied.

The ones after the first do what the sequences do that Leginon ships (same nodes, steps, methods, ranges and
corrections), with what makes them end where they say. A beam tilt there is the separation of two images: its 10 mrad
are ±5 mrad. Ranges are a tenth above theirs: an error of the tilt's scale must not refuse what is just within.

Presets: `sq` a grid square, `hl` a hole, `fa` focus, `fc` manual focus. Steps that are switched off there are so here.
"""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass

from eucentric.errors import SettingsError
from eucentric.focus.patterns import PatternName
from eucentric.focus.settings import (
    CorrectionType,
    FocusMethod,
    FocusSequence,
    FocusSettings,
    FocusStep,
    default_sequence,
)

_SEPARATION_RAD = 10e-3
_STAGE_TILT_RAD = math.radians(1)
_AWAY_M = -20e-6  # at low magnification the film has contrast only far from focus


@dataclass(frozen=True, slots=True)
class Shipped:
    """Settings that come along, and in a few words where in a session they stand."""

    place: str
    settings: FocusSettings

    @property
    def name(self) -> str:
        """What the sequence is called."""
        return self.settings.sequence.name

    @property
    def key(self) -> str:
        """Its name for the command line: `z-focus-beam-tilt`."""
        return _key(self.name)


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _beam(name: str, preset: str, range_m: float, correction: CorrectionType, **further: object) -> FocusStep:
    values = {
        "name": name,
        "preset": preset,
        "tilt_rad": _SEPARATION_RAD / 2,
        "delta_max_m": range_m,
        "correction_type": correction,
        **further,
    }
    return FocusStep.model_validate(values)


def _approach(name: str, range_m: float = 22e-6, **further: object) -> FocusStep:
    """From far to some tenths of a micrometre by the lens: cheap, free of a steady drift."""
    return _beam(
        name,
        "fa",
        range_m,
        CorrectionType.DEFOCUS,
        **{"pattern": PatternName.QUAD, "offset_m": -0.5e-6, "tolerance_m": 0.3e-6, "looks_min": 1, "settle_s": 1.0},
        **further,
    )


def _again(name: str, **further: object) -> FocusStep:
    """The last word: along two axes, because one leaves the astigmatism in, there and back, because of drift."""
    return _beam(
        name,
        "fa",
        2.2e-6,
        CorrectionType.DEFOCUS,
        **{"pattern": PatternName.CROSS_QUAD, "offset_m": -0.5e-6, "tolerance_m": 25e-9, "settle_s": 1.0},
        **further,
    )


def _height(name: str, range_m: float) -> FocusStep:
    """Height by beam tilt on images of the film; a stage settles for seconds."""
    return _beam(
        name,
        "hl",
        range_m,
        CorrectionType.STAGE_Z,
        **{"offset_m": _AWAY_M, "tolerance_m": 1e-6, "looks_min": 1, "settle_s": 5.0},
    )


def _stage(name: str, preset: str, range_m: float, tolerance_m: float, *, switch: bool = True) -> FocusStep:
    """Height from images at −1°, 0° and +1°. 50 nm of sideways motion per degree would look like 3 µm of height."""
    return FocusStep(
        name=name,
        switch=switch,
        preset=preset,
        focus_method=FocusMethod.STAGE_TILT,
        tilt_rad=_STAGE_TILT_RAD,
        delta_max_m=range_m,
        correction_type=CorrectionType.STAGE_Z,
        offset_m=_AWAY_M,
        tolerance_m=tolerance_m,
        looks_min=1,
        settle_s=5.0,
    )


def _manual(*, switch: bool) -> FocusStep:
    return FocusStep(
        name="Manual after",
        switch=switch,
        preset="fc",
        focus_method=FocusMethod.MANUAL,
        correction_type=CorrectionType.NONE,
    )


def _node(name: str, accuracy_m: float, *steps: FocusStep) -> FocusSettings:
    """A node whose accuracy limit skips only what could not make it better."""
    sequence = FocusSequence(name=name, accuracy_m=accuracy_m, steps=steps)
    return FocusSettings(sequence=sequence, accuracy_limit_m=min(_GOOD_ENOUGH_M, accuracy_m))


_GOOD_ENOUGH_M = 50e-9
_FOCUS_M, _HEIGHT_M, _STAGE_HEIGHT_M = 100e-9, 3e-6, 12e-6
"""What a node states to have reached: by the lens, by height from beam tilt, by height from stage tilt."""


def _ours() -> FocusSettings:
    return FocusSettings(sequence=default_sequence(), accuracy_limit_m=_GOOD_ENOUGH_M)


def _lens_nodes() -> tuple[Shipped, ...]:
    far = {"offset_m": -0.5e-6, "tolerance_m": 1e-6, "looks_min": 1, "settle_s": 5.0}
    height = _beam("Height", "fa", 22e-6, CorrectionType.STAGE_Z, **far)
    approach, again = _approach("Focus", check_drift=True), _again("Focus again")
    return (
        Shipped("Before each exposure", _node("Focus", _FOCUS_M, approach, again, _manual(switch=True))),
        Shipped(
            "Before the exposures of a random conical tilt pair", _node("RCT Focus", _FOCUS_M, height, approach, again)
        ),
    )


def _height_nodes() -> tuple[Shipped, ...]:
    return (
        Shipped(
            "Before the hole images (older): height by beam tilt",
            _node("Z Focus beam tilt", _HEIGHT_M, _height("Z Focus", 220e-6)),
        ),
        Shipped(
            "Before the hole images (newer): height by stage tilt",
            _node(
                "Z Focus stage tilt",
                _STAGE_HEIGHT_M,
                _stage("Stage tilt rough", "sq", 220e-6, 8e-6, switch=False),
                _stage("Stage tilt fine", "hl", 220e-6, 4e-6),
                _manual(switch=False),
            ),
        ),
        Shipped(
            "Before a tilt series",
            _node(
                "Tomo Focus",
                _STAGE_HEIGHT_M,
                _stage("Stage tilt", "hl", 110e-6, 8e-6),
                _stage("Stage tilt again", "hl", 55e-6, 4e-6),
                _approach("Beam tilt fine", switch=False, check_drift=True),  # theirs to 50 µm; 0.3 nm pixels to 25
                _manual(switch=False),
            ),
        ),
    )


def _shipped() -> tuple[Shipped, ...]:
    focus, rct = _lens_nodes()
    return (Shipped("From a new grid square to focus: ours, and the default", _ours()), focus, *_height_nodes(), rct)


SHIPPED = _shipped()
"""All that comes along, ours first."""


def shipped(name: str) -> FocusSettings:
    """The settings of that name, however it is spelt ("Z Focus beam tilt", "z-focus-beam-tilt", "default").

    Raises SettingsError with the nearest name for one that is not there.
    """
    key = _key(name)
    for one in SHIPPED:
        if key in {one.key, "default" if one is SHIPPED[0] else one.key}:
            return one.settings
    near = [one.key for one in SHIPPED if key and _joined(key) in _joined(one.key)]
    near = near or difflib.get_close_matches(key, [one.key for one in SHIPPED], n=1, cutoff=0.4)
    guess = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(one.key for one in SHIPPED)}."
    raise SettingsError(f"No sequence is called '{name}'. {guess} All of them: eucentric sequences list")


def _joined(key: str) -> str:
    return key.replace("-", "")
