"""What all settings are made of: frozen models whose fields carry their unit in the name in Python, and in the value
in files.

`delta_max_m = 2e-5` in Python is `delta_max = "20 um"` in a file. Under a name that tells the unit a bare number is SI;
under one that does not, as in files, it is refused: nobody can see what is meant. Zero is zero in every unit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AliasGenerator, BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from eucentric.errors import InputError
from eucentric.units import parse


def _reader(si_unit: str) -> BeforeValidator:
    def read(value: object) -> object:
        if isinstance(value, bool):
            raise ValueError(f"it is {str(value).lower()}, and a number with a unit of {si_unit} is wanted.")
        if not isinstance(value, str):
            return value
        try:
            return parse(value, si_unit)
        except InputError as error:
            raise ValueError(str(error)) from error

    return BeforeValidator(read)


Length = Annotated[float, _reader("m")]
Angle = Annotated[float, _reader("rad")]
Seconds = Annotated[float, _reader("s")]
Speed = Annotated[float, _reader("m/s")]
Dose = Annotated[float, _reader("1/m2")]

OFF = "off"
"""What stands in a file for a limit that is switched off: TOML has no word for nothing."""


def _off(value: object) -> object:
    return None if isinstance(value, str) and value.strip().lower() in {OFF, "none"} else value


LengthOrOff = Annotated[Length | None, BeforeValidator(_off)]

_SI_UNITS = {"_m_per_s": "m/s", "_per_m2": "1/m2", "_rad": "rad", "_px2": "px2", "_m": "m", "_s": "s"}
"""What a field's name ends with, and the unit that this means; the longer endings first."""
NO_UNIT = "no_unit"
"""The type of pydantic's error for a number without a unit; its context has the `name` and the `value`."""


def without_unit(name: str) -> str:
    """`delta_max_m` → `delta_max`: what a field is called where its value carries the unit."""
    return next((name.removesuffix(ending) for ending in _SI_UNITS if name.endswith(ending)), name)


def si_unit(name: str) -> str | None:
    """`delta_max_m` → "m": the SI unit that a field's name ends with, None where it has no unit."""
    return next((unit for ending, unit in _SI_UNITS.items() if name.endswith(ending)), None)


def bare_number(value: object) -> float | None:
    """The first number without a unit in a value, in quotes or not, at any depth; None: there is none but zero."""
    if isinstance(value, list | tuple):
        return next((found for one in value if (found := bare_number(one)) is not None), None)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value.replace("−", "-") if isinstance(value, str) else value)
    except ValueError:
        return None
    return number if number != 0 and math.isfinite(number) else None


class Settings(BaseModel):
    """Frozen, no unknown names; fields are read under their name with the unit or without."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        alias_generator=AliasGenerator(validation_alias=without_unit),
        validate_by_name=True,
        validate_by_alias=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _with_units(cls, values: Any) -> Any:
        """Refuse a bare number under a name that does not tell the unit. Raises PydanticCustomError."""
        given = values if isinstance(values, Mapping) else {}
        for name in cls.model_fields:
            key = without_unit(name)
            if key == name or si_unit(name) == "px2" or key not in given:
                continue
            number = bare_number(given[key])
            if number is not None:
                raise PydanticCustomError(NO_UNIT, "{name} is {value} without a unit", {"name": key, "value": number})
        return values


def given(settings: Settings, *names: str) -> bool:
    """Whether these fields were given, not left at their defaults."""
    return settings.model_fields_set.issuperset(names)


def plain_value(value: Any) -> Any:
    """An enumeration's value, anything else as it is."""
    return getattr(value, "value", value)
