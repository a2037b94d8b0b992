"""Microscopes by name. Only this file imports adapters or the simulation, and only when one is opened."""

from __future__ import annotations

from typing import Any

from eucentric.errors import CalibrationError, InputError, SettingsError
from eucentric.microscope.handed_out import HandedOut
from eucentric.microscope.protocol import Microscope

NAMES = ("simulated",)


def open_microscope(name: str = "simulated", *, seed: int = 0, **options: Any) -> Microscope:
    """The microscope of that name, ready to use (wrap it in `Guarded` before moving anything).

    Options of `simulated`: `perfect=True` (no fault at all); `magnitudes`, a nested mapping of what differs from the
    defaults, for example `{"specimen": {"height_m": 5e-5}, "camera": {"gain_residual": 0.0}}`; `size`, the side of the
    images in pixels (1024).
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
    size: int = 1024,
    **unknown: Any,
) -> Microscope:
    from pydantic import ValidationError  # noqa: PLC0415 - only this microscope needs it

    from eucentric.microscope.simulated import magnitudes as table  # noqa: PLC0415
    from eucentric.microscope.simulated.microscope import SimulatedMicroscope  # noqa: PLC0415
    from eucentric.microscope.simulated.modes import resized  # noqa: PLC0415

    if unknown:
        raise SettingsError(
            f"The simulated microscope has no option '{next(iter(unknown))}'. It has: seed, perfect, magnitudes, size."
        )
    if not 32 <= size <= 8192:
        raise SettingsError(f"Images of {size} pixels can't be simulated. Give a size of 32 to 8192.")
    start = (table.perfect() if perfect else table.Magnitudes()).model_dump()
    for part, changed in (magnitudes or {}).items():
        start[part] = {**start[part], **changed} if isinstance(start.get(part), dict) else changed
    try:
        return SimulatedMicroscope(table.Magnitudes.model_validate(start), seed=seed, modes=resized(size))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(p) for p in first["loc"])
        raise SettingsError(
            f"Magnitude '{where}': {first['msg']}. See the table in simulated/magnitudes.py."
        ) from error
