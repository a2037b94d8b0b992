"""The microscope that a command works on: opened by its name, with the name under which it is calibrated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eucentric.calibration.book import CalibrationBook
    from eucentric.microscope.protocol import Microscope
    from eucentric.optics.column import Column

SIMULATED = "simulated"
STORE = Path("calibrations")
"""Where calibrations are kept when nobody says where."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An instrument, the name of its calibrations, its data sheet, and the calibration that it brings along."""

    microscope: Microscope
    instrument: str
    columns: Mapping[str, Column]
    brought: CalibrationBook | None
    z_along_normal: bool = False


def opened(name: str = SIMULATED, *, seed: int = 0, size: int = 1024) -> Opened:
    """Open an instrument. Each seed of the simulated one is an instrument of its own.

    Raises InputError for an unknown name, CalibrationError where its data sheet is missing.
    """
    from eucentric.calibration.handed_over import book_from, columns_of
    from eucentric.microscope.registry import handed_out, open_microscope

    simulation: dict[str, int] = {"seed": seed, "size": size} if name == SIMULATED else {}
    microscope = open_microscope(name, **simulation)
    numbers = handed_out(microscope)
    instrument = f"{name} (seed {seed})" if name == SIMULATED else microscope.name
    return Opened(
        microscope,
        instrument,
        columns_of(numbers),
        book_from(numbers),
        z_along_normal=bool(getattr(numbers, "z_along_normal", False)),
    )


def stored_book(instrument: Opened, store: Path) -> CalibrationBook:
    """What is believed of it from the calibrations in `store`; presets without a tilt response are not in it."""
    from eucentric.calibration.believed import book_from_store
    from eucentric.calibration.record import optics_of
    from eucentric.calibration.store import CalibrationStore

    scope = instrument.microscope
    states = [optics_of(scope, preset.name) for preset in scope.presets()]
    return book_from_store(
        CalibrationStore(store),
        instrument.instrument,
        states,
        instrument.columns,
        z_along_normal=instrument.z_along_normal,
    )


def cautions(instrument: Opened, store: Path) -> tuple[str, ...]:
    """Sentences on damaged files of `store`, and on calibrations past their age that are believed of the instrument."""
    from datetime import UTC, datetime

    from eucentric.calibration.age import Ages, warnings_of
    from eucentric.calibration.record import optics_of
    from eucentric.calibration.store import CalibrationStore

    scope, kept = instrument.microscope, CalibrationStore(store)
    states = [optics_of(scope, preset.name) for preset in scope.presets()]
    return (*kept.troubles(), *warnings_of(kept.records(), instrument.instrument, states, datetime.now(UTC), Ages()))
