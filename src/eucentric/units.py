"""Numbers with units at the edges of the program; SI everywhere inside.

`parse("20 um", "m")` gives 2e-5; `show_length(-3e-7)` gives "−0.300 µm".
"""

from __future__ import annotations

import math
import re

from eucentric.errors import InputError

# Unit -> (dimension as its SI unit, factor to SI).
_UNITS: dict[str, tuple[str, float]] = {
    "m": ("m", 1.0), "mm": ("m", 1e-3), "um": ("m", 1e-6), "µm": ("m", 1e-6), "μm": ("m", 1e-6),
    "nm": ("m", 1e-9), "A": ("m", 1e-10), "Å": ("m", 1e-10), "pm": ("m", 1e-12),
    "rad": ("rad", 1.0), "mrad": ("rad", 1e-3), "urad": ("rad", 1e-6), "µrad": ("rad", 1e-6),
    "deg": ("rad", 3.141592653589793 / 180), "°": ("rad", 3.141592653589793 / 180),
    "s": ("s", 1.0), "ms": ("s", 1e-3), "min": ("s", 60.0), "h": ("s", 3600.0),
    "m/s": ("m/s", 1.0), "um/s": ("m/s", 1e-6), "nm/s": ("m/s", 1e-9), "A/s": ("m/s", 1e-10), "Å/s": ("m/s", 1e-10),
    "1/m2": ("1/m2", 1.0), "e/m2": ("1/m2", 1.0), "e/A2": ("1/m2", 1e20), "e/Å²": ("1/m2", 1e20), "e/nm2": ("1/m2", 1e18),
    "V": ("V", 1.0), "kV": ("V", 1e3),
}  # fmt: skip

_QUANTITY = re.compile(r"^\s*([-+−]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*([^\s0-9][^\s]*|)\s*$")


def parse(text: str | float, si_unit: str) -> float:
    """The value of `text` ("20 um") in `si_unit` ("m"); a bare number is already SI.

    Raises InputError when the text is not a number with a unit of the wanted dimension.
    """
    if isinstance(text, int | float):
        return float(text)
    match = _QUANTITY.match(text)
    if match is None:
        raise InputError(f"'{text}' is not a number with a unit. Write for example '20 um' or '10 mrad'.")
    number, unit = match.group(1).replace("−", "-"), match.group(2)
    dimension, factor = _UNITS.get(unit, ("", 1.0)) if unit else (si_unit, 1.0)
    if dimension != si_unit:
        known = ", ".join(u for u, (d, _) in _UNITS.items() if d == si_unit)
        raise InputError(f"'{text}' is not in a unit of {si_unit}. Use one of: {known}.")
    try:
        return float(number) * factor
    except ValueError as error:
        raise InputError(f"'{text}' does not begin with a number. Write for example '20 um'.") from error


def minus(text: str) -> str:
    """The text with a real minus sign, as printed to people."""
    return text.replace("-", "−")


def show_length(value_m: float, digits: int = 3) -> str:
    """A length for people: nm below 0.1 µm, mm above 1000 µm, else µm ("−0.300 µm")."""
    if not math.isfinite(value_m):
        return minus(f"{value_m} µm")
    size = abs(value_m)
    for limit, unit, factor in ((1e-7, "nm", 1e9), (1e-3, "µm", 1e6), (float("inf"), "mm", 1e3)):
        if size < limit:
            return minus(f"{value_m * factor:.{digits if unit != 'nm' else max(digits - 2, 0)}f} {unit}")
    raise InputError(f"{value_m} is not a length.")


def show_chance(probability: float) -> str:
    """A chance for people; below 1e-30 its size says nothing more."""
    return "below 1e-30" if probability < 1e-30 else f"{probability:.2g}"


def show_odds(odds: float) -> str:
    """Odds to 1 for people; above 1e30 their size says nothing more."""
    return "over 1e30" if odds > 1e30 else f"{odds:.3g}"


def show_angle(value_rad: float) -> str:
    """An angle of the beam for people, in mrad."""
    return minus(f"{value_rad * 1e3:.2f} mrad")
