"""One sequence at the place where the microscope stands: `Focus` with all other settings at their defaults."""

from __future__ import annotations

from collections.abc import Iterable

from eucentric.calibration.book import CalibrationBook
from eucentric.focus import events
from eucentric.focus.focus import Focus
from eucentric.focus.outcome import RunResult
from eucentric.focus.settings import CorrectionType, FocusSequence, FocusSettings
from eucentric.microscope.protocol import Microscope


def run_sequence(
    sequence: FocusSequence,
    microscope: Microscope,
    book: CalibrationBook,
    *,
    observers: Iterable[events.Observer] = (),
    measure_only: bool = False,
    confirmed: frozenset[CorrectionType] = frozenset(),
    workers: int = 2,
) -> RunResult:
    """Do the enabled steps in order; see `Focus.run`."""
    settings = FocusSettings(sequence=sequence)
    focus = Focus(microscope, book, settings, observers=observers, confirmed=confirmed, workers=workers)
    return focus.run(measure_only=measure_only)
