"""Settings, values and quantities of a map as people read them: with a unit that fits the whole map. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from eucentric.optimize.planning.sequence import names_of
from eucentric.optimize.sweeping.axes import Axis, Setting, Value
from eucentric.optimize.sweeping.sweep import RATE, SUCCESS, Map, Quantity
from eucentric.units import minus, show_bound, unit_for

_SUFFIX = {"m": "_m", "rad": "_rad", "s": "_s", "m/s": "_m_per_s", "1/m2": "_per_m2", "V": "_v"}


@dataclass(frozen=True, slots=True)
class Scale:
    """A unit (empty: none) and its factor to SI."""

    unit: str
    factor: float

    def of(self, value: float) -> float:
        """A value in SI as it is told."""
        return value / self.factor

    def text(self, value: Value) -> str:
        """A value with three digits, without its unit; a choice as it is."""
        return value if isinstance(value, str) else minus(_three_digits(self.of(value)))

    def with_unit(self, value: Value) -> str:
        """A value with its unit."""
        return f"{self.text(value)} {self.unit}".rstrip() if isinstance(value, int | float) else value

    def label(self, name: str) -> str:
        """A name with the unit: "tilt (mrad)"."""
        return f"{name} ({self.unit})" if self.unit else name


def axis_scale(axis: Axis) -> Scale:
    """That of an axis."""
    return _scale(axis.setting.unit, [v for v in axis.values if isinstance(v, int | float)])


def quantity_scale(quantity: Quantity, found: Map) -> Scale:
    """That of a quantity over a map."""
    if quantity in (RATE, SUCCESS):
        return Scale("%", 0.01)
    return _scale(quantity.unit, [c.quantities[quantity.name] for c in found.cells if quantity.name in c.quantities])


def key_of(setting: Setting) -> str:
    """A setting's name with its SI unit, as data have it: "tilt_rad"."""
    return setting.name + _SUFFIX.get(setting.unit or "", "")


def subject_text(found: Map) -> str:
    """What the map is of."""
    made, swept = found.base.plan, {found.x.setting.name, found.y.setting.name}
    ends = [] if "start" in swept else [f"from {show_bound(made.asked.start_m)}"]
    ends += [] if "accuracy" in swept else [f"to {show_bound(made.asked.accuracy_m)}"]
    step = found.base.step
    of = "plans made for each point" if step is None else f"step '{names_of(made)[step]}' of the plan"
    return " ".join((f"{found.base.instrument.name}: {of}", *ends))


def chosen_text(found: Map) -> str:
    """The two values that the chosen plan has."""
    return ", ".join(_chosen(found, axis) for axis in (found.x, found.y))


def _chosen(found: Map, axis: Axis) -> str:
    value = found.chosen(axis)
    return f"{axis.setting.name} {'not limited' if value is None else axis_scale(axis).with_unit(value)}"


def everywhere_text(found: Map) -> str:
    """The quantities that are the same at all points which have any; empty where all change."""
    same = [(q, found.same_everywhere(q)) for q in found.quantities if q not in found.changing]
    return ", ".join(f"{q.title} {quantity_scale(q, found).with_unit(value)}" for q, value in same if value is not None)


def _scale(si_unit: str | None, values: Sequence[float]) -> Scale:
    sizes = [abs(v) for v in values if v]
    if si_unit is None or not sizes:
        return Scale(si_unit or "", 1.0)
    return Scale(*unit_for(si_unit, math.sqrt(min(sizes) * max(sizes))))


def _three_digits(value: float) -> str:
    """12300 rather than 1.23e+04."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:.0f}" if 1e3 <= abs(rounded) < 1e6 else f"{rounded:g}"
