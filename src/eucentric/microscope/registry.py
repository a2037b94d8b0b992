"""Microscopes by name. Only this file imports adapters or the simulation, and only when one is opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eucentric.errors import CalibrationError, InputError, SettingsError
from eucentric.microscope.handed_out import HandedOut
from eucentric.microscope.protocol import Microscope

NAMES = ("simulated",)
_SIDES = (32, 8192)


def open_microscope(name: str = "simulated", *, seed: int = 0, **options: Any) -> Microscope:
    """The microscope of that name, ready to use (wrap it in `Guarded` before moving anything).

    Options of `simulated`: `perfect=True` (no fault at all); `magnitudes`, a nested mapping of what differs from the
    defaults, for example `{"specimen": {"height_m": 5e-5}, "camera": {"gain_residual": 0.0}}`; `size`, the
    side of the images in pixels or (ny, nx). All magnitudes: docs/simulated-microscope.md.
    Raises InputError for an unknown name, SettingsError for an unknown option or a magnitude out of its bounds.
    """
    if name == "simulated":
        return _simulated(seed, **options)
    raise InputError(f"There is no microscope '{name}'. Use one of: {', '.join(NAMES)}.")


def handed_out(microscope: Microscope) -> HandedOut:
    """The calibration that an instrument brings along. Raises CalibrationError when it brings none."""
    inner: object = microscope
    while inner is not None:
        found = getattr(inner, "handed_out", None)
        if isinstance(found, HandedOut):
            return found
        inner = getattr(inner, "inner", None)
    raise CalibrationError(f"'{microscope.name}' brings no calibration. Calibrate it before focusing.")


def _simulated(
    seed: int,
    *,
    perfect: bool = False,
    magnitudes: dict[str, Any] | None = None,
    size: int | tuple[int, int] = 1024,
    **unknown: Any,
) -> Microscope:
    from pydantic import ValidationError  # noqa: PLC0415 - only this microscope needs it

    from eucentric.microscope.simulated import magnitudes as table  # noqa: PLC0415
    from eucentric.microscope.simulated.microscope import SimulatedMicroscope  # noqa: PLC0415

    if unknown:
        raise SettingsError(
            f"The simulated microscope has no option '{next(iter(unknown))}'. It has: seed, perfect, magnitudes, size."
        )
    sides = (size, size) if isinstance(size, int) else size
    if not all(_SIDES[0] <= side <= _SIDES[1] for side in sides):
        raise SettingsError(f"Images of {size} pixels can't be simulated. Give a size of 32 to 8192.")
    start = (table.perfect() if perfect else table.Magnitudes()).model_dump()
    try:
        magnitudes_now = table.Magnitudes.model_validate(_changed(start, magnitudes or {}))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(p) for p in first["loc"])
        raise SettingsError(f"Magnitude '{where}': {first['msg']}. See docs/simulated-microscope.md.") from error
    return SimulatedMicroscope(magnitudes_now, seed=seed, size=sides)


def _changed(old: dict[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """`old` with the values of `new`, part by part at any depth."""
    out = dict(old)
    for name, value in new.items():
        part = old.get(name)
        out[name] = _changed(part, value) if isinstance(part, dict) and isinstance(value, Mapping) else value
    return out
