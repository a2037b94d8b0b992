"""What a session needs before anything moves: the presets on the instrument, and a chain of nodes that holds."""

from __future__ import annotations

from dataclasses import dataclass

from eucentric.calibration.book import CalibrationBook
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.protocol import Microscope
from eucentric.msi.application import Application
from eucentric.msi.cautions import cautions_of
from eucentric.msi.chain import Forecast, check_chain
from eucentric.msi.presets import install


@dataclass(frozen=True, slots=True)
class Ready:
    """An instrument with the application's presets, the book that holds for them, what each node will know, and what an
    operator should know before.
    """

    microscope: Microscope
    book: CalibrationBook
    forecasts: tuple[Forecast, ...]
    cautions: tuple[str, ...] = ()


def ready(microscope: Microscope, application: Application, book: CalibrationBook) -> Ready:
    """Define the application's presets and check its chain of nodes. Nothing moves.

    Raises SettingsError where a preset or a need can't be met, CalibrationError where something is not calibrated.
    """
    scope = microscope if isinstance(microscope, Guarded) else Guarded(microscope)
    extended = install(scope, application, book)
    forecasts = check_chain(application, scope, extended)
    presets = {preset.name: preset for preset in scope.presets()}
    return Ready(scope, extended, forecasts, cautions_of(application, presets))
