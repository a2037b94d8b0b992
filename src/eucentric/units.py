"""Numbers with units at the edges of the program; SI everywhere inside.

`parse("20 um", "m")` gives 2e-5, `exactly(2e-5, "m")` gives "20 um" back; `show_length(-3e-7)` gives "−0.300 µm".
"""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation, localcontext
from typing import Final

from eucentric.errors import InputError

E_PER_A2: Final = 1e20
"""1 e/Å² in e/m²."""

_DEGREE = "0.01745329251994329576923690768488612713"  # π/180
# Unit -> (dimension as its SI unit, factor to SI). Decimal: 20 um is 2e-5 to the last bit.
_MICRO, _ANGSTROM = "1e-6", "1e-10"
_BY_DIMENSION: dict[str, dict[str, str]] = {
    "m": {
        **{"m": "1", "mm": "1e-3", "um": _MICRO, "µm": _MICRO, "μm": _MICRO, "nm": "1e-9"},
        **{"A": _ANGSTROM, "Å": _ANGSTROM, "pm": "1e-12"},
    },
    "rad": {"rad": "1", "mrad": "1e-3", "urad": _MICRO, "µrad": _MICRO, "deg": _DEGREE, "°": _DEGREE},
    "s": {"s": "1", "ms": "1e-3", "min": "60", "h": "3600"},
    "m/s": {"m/s": "1", "um/s": _MICRO, "µm/s": _MICRO, "nm/s": "1e-9", "A/s": _ANGSTROM, "Å/s": _ANGSTROM},
    "1/m2": {
        **{"1/m2": "1", "e/m2": "1", "e/nm2": "1e18"},
        **{"e/A2": "1e20", "e/Å2": "1e20", "e/Å²": "1e20", "e/A^2": "1e20"},
    },
    "V": {"V": "1", "kV": "1e3"},
}
_UNITS: dict[str, tuple[str, Decimal]] = {
    unit: (dimension, Decimal(factor)) for dimension, units in _BY_DIMENSION.items() for unit, factor in units.items()
}
_EXAMPLES = {"m": "20 um", "rad": "10 mrad", "s": "2.5 s", "m/s": "3 A/s", "1/m2": "50 e/A2", "V": "200 kV"}
# In which units values are written to files, each from its limit upwards.
_WRITTEN = {
    "m": ((1e-3, "mm"), (1e-6, "um"), (0.0, "nm")),
    "rad": ((0.0, "mrad"),),
    "s": ((0.0, "s"),),
    "m/s": ((1e-9, "nm/s"), (0.0, "A/s")),
    "1/m2": ((0.0, "e/A2"),),
    "V": ((1e3, "kV"), (0.0, "V")),
}
_DIGITS = 25  # more than any float needs in any unit

_QUANTITY = re.compile(r"^\s*([-+−]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+−]?[0-9]+)?)\s*([^\s0-9.][^\s]*|)\s*$")


def parse(text: str | float, si_unit: str) -> float:
    """The value of `text` ("20 um") in `si_unit` ("m"); a bare number is already SI.

    Raises InputError when the text is not a finite number with a unit of the wanted dimension.
    """
    if not isinstance(text, str):
        return float(text)
    example = _EXAMPLES.get(si_unit, "20 um")
    match = _QUANTITY.match(text)
    if match is None:
        raise InputError(f"'{text}' is not a number with a unit. Write for example '{example}'.")
    unit = match.group(2)
    dimension, factor = _UNITS.get(unit, ("", Decimal(1))) if unit else (si_unit, Decimal(1))
    if dimension != si_unit:
        known = ", ".join(u for u, (d, _) in _UNITS.items() if d == si_unit)
        raise InputError(f"'{text}' is not in a unit of {si_unit}: use one of {known}. Write for example '{example}'.")
    value = _float(match.group(1).replace("−", "-"), factor)
    if not math.isfinite(value):
        raise InputError(f"'{text}' is larger than any number that can be used. Write for example '{example}'.")
    return value


def unit_in(text: str) -> str:
    """The unit that a quantity is written with ("20 um": "um"); empty where there is none, or no quantity."""
    match = _QUANTITY.match(text)
    return match.group(2) if match is not None else ""


def _float(number: str, factor: Decimal) -> float:
    with localcontext() as context:
        context.prec = 40
        try:
            return float(Decimal(number) * factor)
        except InvalidOperation:  # an exponent beyond what Decimal holds
            return math.inf


def exactly(value: float, si_unit: str, unit: str | None = None) -> str:
    """The shortest text with a unit that `parse` reads as the very same value ("20 um").

    `unit` is the one to write; without it a fitting one is chosen. Raises InputError for what is not finite.
    """
    if not math.isfinite(value):
        raise InputError(f"{value} can't be written as a quantity in {si_unit}.")
    chosen = unit or next(u for limit, u in _WRITTEN[si_unit] if abs(value) >= limit)
    factor = _UNITS[chosen][1]
    with localcontext() as context:
        context.prec = 40
        wanted = Decimal(repr(value)) / factor
        for digits in range(1, _DIGITS):
            text = _plainly(Decimal(f"{wanted:.{digits - 1}e}"))
            if _float(text, factor) == value:
                return f"{text} {chosen}"
    return f"{value!r} {si_unit}"  # no value gets here; SI is exact in any case


def _plainly(number: Decimal) -> str:
    """12.5 rather than 1.25e1; powers of ten only where there would be many zeros."""
    small = Decimal("1e-6") <= abs(number) < Decimal("1e9") or number == 0
    text = f"{number:f}" if small else f"{number.normalize():e}"
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def unit_for(si_unit: str, largest: float) -> tuple[str, float]:
    """The unit in which people read values up to `largest` on one scale, and its factor to SI: ("µm", 1e-6)."""
    size = abs(largest) * (1 + 1e-9)
    chosen = "e/Å²" if si_unit == "1/m2" else next(u for limit, u in _WRITTEN[si_unit] if size >= limit)
    return chosen.replace("um", "µm").replace("A/s", "Å/s"), float(_UNITS[chosen][1])


def minus(text: str) -> str:
    """The text with a real minus sign, as printed to people."""
    return text.replace("-", "−")


def show_length(value_m: float, digits: int = 3) -> str:
    """A length for people: nm below 0.1 µm, mm above 1000 µm, else µm ("−0.300 µm")."""
    if not math.isfinite(value_m):
        return minus(f"{value_m} µm")
    unit, factor = _read_in(value_m)
    return minus(f"{value_m / factor:.{digits if unit != 'nm' else max(digits - 2, 0)}f} {unit}")


def _read_in(size_m: float) -> tuple[str, float]:
    """The unit in which people read a length of this size, and its factor to metres."""
    limits = ((1e-7, "nm", 1e-9), (1e-3, "µm", 1e-6))
    return next(((unit, factor) for limit, unit, factor in limits if abs(size_m) < limit), ("mm", 1e-3))


FINEST = {"nm": 2, "µm": 5, "mm": 8}
"""Decimals beyond which a length says nothing: 0.01 nm."""


def decimals(error: float, most: int = 6) -> int:
    """How many decimals show an error, in the unit that it is written in, with two digits that count: 0.025, 1.3, 24;
    from 100 upwards three ("662"). `most` at most; 3 where there is no error.
    """
    return min(max(1 - math.floor(math.log10(error)), 0), most) if error > 0 else 3


def show_error(error_m: float) -> str:
    """An error (1 σ) of a length for people, with the digits that an error has: "25 nm", "1.3 µm", "662 µm"."""
    unit, factor = _read_in(error_m)
    return f"{error_m / factor:.{decimals(error_m / factor, FINEST[unit])}f} {unit}"


def show_measured(value_m: float, *errors_m: tuple[float, str]) -> str:
    """A length with its errors (each with a name, or none): "−0.300 ± 0.002 (statistical) ± 0.015 (total) µm".

    All are in the unit that fits the largest. The last error has two digits that count (three from 100 upwards), and
    the value ends where it does; the errors before it, which are smaller, end there too if that leaves them a digit.
    """
    unit, factor = _read_in(max(abs(value_m), *(error for error, _ in errors_m)))
    most = FINEST[unit]
    digits = decimals(errors_m[-1][0] / factor, most)
    text = f"{value_m / factor:.{digits}f}"
    for error_m, name in errors_m:
        own = max(digits, decimals(error_m / factor, most + 1) - 1)
        text += f" ± {error_m / factor:.{own}f}" + (f" ({name})" if name else "")
    return minus(f"{text} {unit}")


def show_chance(probability: float) -> str:
    """A chance for people; below 1e-30 its size says nothing more."""
    return "below 1e-30" if probability < 1e-30 else f"{probability:.2g}"


def show_odds(odds: float) -> str:
    """Odds to 1 for people; above 1e30 their size says nothing more."""
    return "over 1e30" if odds > 1e30 else f"{odds:.3g}"


def show_bound(value_m: float) -> str:
    """A bound for people, with at most three digits: "22 µm", "200 µm", "33.6 nm"."""
    limits = ((1e-6, "nm", 1e9), (1e-3, "µm", 1e6))
    # What is rounded up to 1000 is told in the next unit.
    unit, factor = next(((u, f) for limit, u, f in limits if abs(value_m) < 0.9995 * limit), ("mm", 1e3))
    return minus(f"{value_m * factor:.3g} {unit}")


def show_angle(value_rad: float) -> str:
    """An angle of the beam for people, in mrad."""
    return minus(f"{value_rad * 1e3:.2f} mrad")


def counted(number: int, what: str) -> str:
    """A number of things: "1 run", "2 runs"."""
    return f"{number} {what}{'s' * (number != 1)}"
