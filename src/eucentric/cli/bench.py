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
_START_M = 200e-6


@dataclass(frozen=True, slots=True)
class Opened:
    """An instrument, the name of its calibrations, its data sheet, and the calibration that it brings along."""

    microscope: Microscope
    instrument: str
    columns: Mapping[str, Column]
    brought: CalibrationBook | None
    z_along_normal: bool = False


def opened(name: str = SIMULATED, *, seed: int = 0, size: int = 1024) -> Opened:
    """Open an instrument. Each seed of the simulated one is an instrument of its own; "simulated:NAME|FILE" is drawn
    from an instrument that is planned for, with its camera and calibrations as sure as it says.

    Raises InputError for an unknown name, SettingsError for an unknown instrument, CalibrationError where the data
    sheet is missing.
    """
    from eucentric.calibration.handed_over import book_from, columns_of
    from eucentric.microscope.registry import handed_out, open_microscope

    kind, _, drawn_from = name.partition(":")
    if kind == SIMULATED and drawn_from:
        return _drawn(drawn_from, seed)
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


def _drawn(name: str, seed: int) -> Opened:
    """A simulated microscope drawn from an instrument's file, its specimen anywhere within `_START_M`."""
    from eucentric.calibration.handed_over import book_from, columns_of
    from eucentric.microscope.registry import handed_out, open_microscope
    from eucentric.optimize.instrument import instrument_of
    from eucentric.optimize.trials.simulated import believed, height_of, magnitudes_of

    instrument = instrument_of(name)
    magnitudes = magnitudes_of(instrument, height_of(_START_M, seed))
    microscope = open_microscope(SIMULATED, seed=seed, size=instrument.camera.size, magnitudes=magnitudes)
    numbers = handed_out(microscope)
    book = believed(book_from(numbers), instrument)
    return Opened(microscope, f"simulated {instrument.name} (seed {seed})", columns_of(numbers), book)


def is_simulated(name: str) -> bool:
    """Whether it is the simulated microscope, its own or one drawn from an instrument: seeds tell such apart."""
    return name.partition(":")[0] == SIMULATED


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
