"""What a map can go over, and its axes as an operator writes them. Pure.

`tilt=1..20mrad` is a range, `binning=1,2,4` a list; a setting that takes one of a few words needs none: `pattern`.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, get_args

import numpy as np
from pydantic.fields import FieldInfo

from eucentric.errors import SettingsError
from eucentric.focus.fields import Settings, si_unit, without_unit
from eucentric.focus.patterns import PatternName
from eucentric.focus.settings import CorrectionType
from eucentric.optimize.instrument import Instrument, Magnification
from eucentric.units import parse, unit_in

MAGNIFICATIONS = "magnifications."
"""What the path of a magnification's value begins with; the magnification's name follows."""
_MOST = 101  # values of one axis
_WIDE = 10.0  # the largest value over the smallest from which an axis is logarithmic
_NEAR = 0.6  # how alike two names are, of which one is meant for the other (difflib's own default)

_OF_ANY_SIGN = ("offset",)

Value = float | str


class Of(StrEnum):
    """Whose a setting is."""

    STEP = "step"
    ASKED = "asked"
    INSTRUMENT = "instrument"


@dataclass(frozen=True, slots=True)
class Setting:
    """What a map goes over: `unit` is SI; None is a plain number, or one of the `choices`.

    `multiple`: only whole multiples of it.
    """

    name: str
    of: Of
    unit: str | None = None
    multiple: int | None = None
    choices: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Axis:
    """A setting and the values that it takes, in order."""

    setting: Setting
    values: tuple[Value, ...]

    @property
    def numbers(self) -> tuple[float, ...] | None:
        """The values where they are numbers on a scale; None where they are choices."""
        numbers = tuple(v for v in self.values if not isinstance(v, str))
        return None if self.setting.choices or len(numbers) < len(self.values) else numbers

    @property
    def logarithmic(self) -> bool:
        """Whether its span is so wide."""
        return self.numbers is not None and _is_wide(min(self.numbers), max(self.numbers))


def settings_of_maps(instrument: Instrument) -> dict[str, Setting]:
    """All that a map can go over, by name."""
    magnifications = tuple(m.name for m in instrument.magnifications)
    of_steps = (
        Setting("tilt", Of.STEP, "rad"),
        Setting("magnification", Of.STEP, choices=magnifications),
        Setting("binning", Of.STEP, choices=instrument.camera.binnings),
        Setting("pixel", Of.STEP, "m"),
        Setting("size", Of.STEP, multiple=64),
        Setting("pattern", Of.STEP, choices=tuple(str(name) for name in PatternName)),
        Setting("offset", Of.STEP, "m"),
        Setting("dose", Of.STEP, "1/m2"),
        Setting("exposure", Of.STEP, "s"),
        Setting("correction", Of.STEP, choices=(str(CorrectionType.STAGE_Z), str(CorrectionType.DEFOCUS))),
    )
    asked = (
        Setting("start", Of.ASKED, "m"),
        Setting("accuracy", Of.ASKED, "m"),
        Setting("probability", Of.ASKED),
        Setting("tilt_max", Of.ASKED, "rad"),
    )
    tables = {n: f.annotation for n, f in Instrument.model_fields.items()}
    own = [one for n, t in tables.items() if isinstance(t, type) and issubclass(t, Settings) for one in _fields(n, t)]
    own += [one for m in magnifications for one in _fields(MAGNIFICATIONS + m, Magnification)]
    return {one.name: one for one in (*of_steps, *asked, *own)}


def _fields(table: str, model: type[Settings]) -> list[Setting]:
    """The numbers in a table of an instrument's file."""
    kinds = {name: _number(field) for name, field in model.model_fields.items()}
    return [
        Setting(
            f"{table}.{without_unit(name)}",
            Of.INSTRUMENT,
            "V" if name == "voltage" else si_unit(name),
            64 if kind is int else None,
        )
        for name, kind in kinds.items()
        if kind is not None
    ]


def _number(field: FieldInfo) -> type | None:
    """float or int where the field is one number, also one that may be missing."""
    flat: list[Any] = [field.annotation]
    for one in flat:
        flat += [] if getattr(one, "__origin__", None) is tuple else get_args(one)
    return next((kind for kind in (float, int) if kind in flat), None)


def axis_of(text: str, known: Mapping[str, Setting], points: int) -> Axis:
    """The axis that `NAME=FROM..TO`, `NAME=A,B,C` or `NAME` stands for; a range has so many points.

    Raises SettingsError for a name that is none of the known, InputError for what is no number in its unit.
    """
    name, given, values = (part.strip() for part in text.partition("="))
    setting = known.get(name)
    if setting is None:
        raise SettingsError(_unknown(name, known))
    if not given and setting.choices:
        return Axis(setting, setting.choices)
    if not values:
        raise SettingsError(f"{name} has no values. Give a range: --over {name}={_example(setting)}")
    if ".." in values and not setting.choices:
        found = _range(values, setting, points)
    elif ".." in values:
        raise SettingsError(f"{name} takes {_among(setting)}. List those: --over {name}={_example(setting)}")
    else:
        parts = values.split(",")
        found = tuple(_value(part, parts[-1], setting) for part in parts)
    found = tuple(dict.fromkeys(found))
    if setting.of is not Of.INSTRUMENT and setting.name not in _OF_ANY_SIGN and any(_is_low(v) for v in found):
        raise SettingsError(f"{name} must be above zero, and {name}={values} is not.")
    if not 2 <= len(found) <= _MOST:
        raise SettingsError(
            f"{name}={values} is {'one value' if len(found) == 1 else f'{len(found)} values'}, and a map takes 2 to "
            f"{_MOST} of each setting. Write for example --over {name}={_example(setting)}"
        )
    return Axis(setting, found if setting.choices else tuple(sorted(found, key=float)))


def _range(text: str, setting: Setting, points: int) -> tuple[Value, ...]:
    first, last = text.split("..", 1)
    low, high = sorted(float(_value(end, last, setting)) for end in (first, last))
    wide = _is_wide(low, high)
    between = np.geomspace(low, high, points) if wide else np.linspace(low, high, points)
    if setting.multiple is not None:
        return tuple(max(round(v / setting.multiple), 1) * setting.multiple for v in between)
    # Round numbers, as people would write them; the ends as they are.
    step = 0.0 if wide else (high - low) / (points - 1)
    return (low, *(_rounded(float(v), step) for v in between[1:-1]), high)


def _rounded(value: float, step: float) -> float:
    """Three digits; of evenly spaced ones so many that the steps have three."""
    size = max(abs(value), 0.0)
    digits = 3 if step == 0 or size <= step else 3 + math.ceil(math.log10(size / step))
    return float(f"{value:.{digits}g}")


def _value(text: str, last: str, setting: Setting) -> Value:
    """A value; a number without a unit has that of the last one. Raises SettingsError, InputError."""
    text = text.strip()
    if setting.choices:
        return _choice(text, setting)
    unit = unit_in(text) or unit_in(last.strip())
    if setting.unit is None and unit:
        raise SettingsError(
            f"{setting.name} is a number without a unit, and '{text}' has one. Write for example --over "
            f"{setting.name}={_example(setting)}"
        )
    number = _number_in(text.removesuffix(unit).strip(), setting)
    if setting.unit is None or number == 0:
        return number if setting.multiple is None else round(number)
    if not unit:
        raise SettingsError(
            f"{setting.name}={text} has no unit. Write it with one: --over {setting.name}={_example(setting)}"
        )
    return parse(text if unit_in(text) else f"{text} {unit}", setting.unit)


def _number_in(text: str, setting: Setting) -> float:
    try:
        value = float(text.replace("−", "-"))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise SettingsError(
            f"{setting.name} can't be '{text}'. Write for example --over {setting.name}={_example(setting)}"
        )
    return value


def _choice(text: str, setting: Setting) -> Value:
    for one in setting.choices:
        if text.lower() == str(one).lower():
            return one
    raise SettingsError(f"{setting.name} can't be '{text}': it takes {_among(setting)}.")


def _is_low(value: Value) -> bool:
    return not isinstance(value, str) and value <= 0


def _is_wide(low: float, high: float) -> bool:
    return low > 0 and high / low >= _WIDE * (1 - 1e-9)


_EXAMPLES = {"m": "0.1..10um", "rad": "1..20mrad", "s": "0.1..2s", "m/s": "0.1..2nm/s", "1/m2": "1..50e/A2"}


def _example(setting: Setting) -> str:
    if setting.choices:
        return ",".join(str(one) for one in setting.choices)
    if setting.unit is None and setting.of is Of.ASKED:
        return "0.9..0.999"
    if setting.unit is None:
        return "512..4096" if setting.multiple else "0.001..0.1"
    return _EXAMPLES.get(setting.unit, "100..300kV")


def _among(setting: Setting) -> str:
    return ", ".join(str(one) for one in setting.choices)


def _unknown(name: str, known: Mapping[str, Setting]) -> str:
    """The sentence for a name that there is not, with those that may be meant."""
    same = [full for full in known if full.rpartition(".")[2] == name]
    alike = difflib.get_close_matches(name, known, 3, _NEAR)
    last = name.rpartition(".")[2]
    alike += [full for full in known if difflib.SequenceMatcher(None, full.rpartition(".")[2], last).ratio() > _NEAR]
    near = [*dict.fromkeys([*same, *alike])][:3]
    if near:
        return f"There is no setting '{name}'. Did you mean {' or '.join(near)}?"
    plain = ", ".join(full for full in known if "." not in full)
    return f"There is no setting '{name}'. There are: {plain}; and the instrument's numbers, such as lens.hysteresis."
