"""What of a session is to be exposed once and kept, told apart in the instrument's log; and a session with tilts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.calls import Call
from eucentric.msi.application import Application, Kind
from eucentric.msi.series.tilts import tilts
from eucentric.msi.units import Unit, units

TILTED = """
name = "Small tilts"
[grid]
height_within = "10 um"
[presets.tomo]
like = "fa"
binning = 16
size = [256, 256]
exposure = "0.3 s"
dose = "3 e/A2"
defocus = "-3 um"
[[nodes]]
name = "Square"
kind = "acquire"
preset = "sq"
[[nodes]]
name = "Z Focus"
kind = "focus"
inside = "Square"
focus = "z-focus-beam-tilt"
[[nodes]]
name = "Focus"
kind = "focus"
inside = "Square"
focus = "focus"
[[nodes]]
name = "Tilt series"
kind = "tilt series"
inside = "Square"
preset = "tomo"
within = "0.5 um"
after_failure = "go on"
[nodes.series]
first = "-9 deg"
last = "9 deg"
step = "3 deg"
focus_distance = "3 um"
focus_within = "0.15 um"  # three micrometres beside it the film tells no more
[nodes.focus]
name = "Focus at a tilt"
accuracy = "0.3 um"
accuracy_limit = "off"
focus_approach = "4 um"
[[nodes.focus.steps]]
name = "focus"
preset = "fa"
focus_method = "Beam Tilt"
tilt = "5 mrad"
pattern = "quad"
correction_type = "Defocus"
delta_max = "22 um"
offset = "-0.5 um"
tolerance = "0.1 um"
looks_min = 1
settle = "1 s"
"""
"""Seven tilts, focused as in MSI-Tomography; what their focus targets take is told from the images by image shift."""
BESIDE_M = 1.5e-6
"""An image shift of more looks at a focus target: half of the 3 µm; up to ±9° features move less than 1 µm."""
_SAME_PLACE_M = 0.5e-6  # targets are further apart than twice this, a stage arrives nearer
_SAME_TILT_RAD = math.radians(0.5)  # tilts are 3° apart


@dataclass(frozen=True, slots=True)
class Target:
    """An image that is to be kept: of a unit, or of one tilt of it."""

    unit: Unit
    preset: str
    alpha_rad: float | None = None

    @property
    def name(self) -> str:
        """As it is told."""
        return self.unit.key if self.alpha_rad is None else f"{self.unit.key} {math.degrees(self.alpha_rad):+.0f}°"

    def exposed(self, calls: Sequence[Call]) -> list[Call]:
        """The exposures of it."""
        return [c for c in calls if c.state.preset == self.preset and self._here(c)]

    def kept(self, outcome: dict[str, Any] | None) -> list[dict[str, Any]]:
        """The images of it that its unit's outcome has."""
        return [] if outcome is None else [e for e in outcome["exposures"] if self._tilt(e["alpha_rad"])]

    def _here(self, call: Call) -> bool:
        return _near(call, self.unit) and not _beside(call) and self._tilt(call.state.stage.alpha_rad)

    def _tilt(self, alpha_rad: float) -> bool:
        return self.alpha_rad is None or abs(alpha_rad - self.alpha_rad) < _SAME_TILT_RAD


def targets(plan: Application) -> Iterator[Target]:
    """All of an application."""
    for unit in units(plan):
        node = plan.node(unit.node)
        if node.kind is Kind.ACQUIRE and node.preset is not None:
            yield Target(unit, node.preset)
        elif node.series is not None and node.preset is not None:
            yield from (Target(unit, node.preset, alpha) for alpha in tilts(node.series))


def at(unit: Unit, plan: Application, exposed: Sequence[Call]) -> list[Call]:
    """The exposures at a unit's place with a preset of its node; of a tilt series also those on its focus targets."""
    node = plan.node(unit.node)
    steps = set() if node.focus is None else {s.preset for s in node.focus.sequence.steps}
    near = [c for c in exposed if _near(c, unit)]
    if node.kind is Kind.TILT_SERIES:
        return [c for c in near if c.state.preset == node.preset or (c.state.preset in steps and _beside(c))]
    presets = {node.preset} if node.focus is None else steps
    return [c for c in near if c.state.preset in presets and not _beside(c)]


def _near(call: Call, unit: Unit) -> bool:
    return math.dist((call.state.stage.y_m, call.state.stage.x_m), unit.place_m) < _SAME_PLACE_M


def _beside(call: Call) -> bool:
    return math.hypot(*call.state.image_shift_m) > BESIDE_M
