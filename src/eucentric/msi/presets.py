"""An application's presets on the instrument, and those that its focus nodes bring."""

from __future__ import annotations

from eucentric.calibration.book import CalibrationBook
from eucentric.errors import SettingsError
from eucentric.focus.preset_settings import PresetSettings
from eucentric.focus.presets import install_presets
from eucentric.focus.settings import FocusMethod
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.protocol import Preset
from eucentric.msi.application import Application, NodeSettings


def install(scope: Guarded, application: Application, book: CalibrationBook) -> CalibrationBook:
    """Define them on the instrument; the book with the calibrations that hold for them too.

    Those that are there already, as asked for, stay untouched. Nothing moves. Raises SettingsError, LimitError,
    InstrumentError.
    """
    known = {p.name: p for p in scope.presets()}
    brought = _brought(application)
    _check_named(scope.name, brought, application.nodes, known)
    return install_presets(scope, brought, book)


def _brought(application: Application) -> dict[str, PresetSettings]:
    """All presets by name. Raises SettingsError where two of one name differ."""
    presets = dict(application.presets)
    for node in application.nodes:
        for preset in () if node.focus is None else node.focus.presets:
            if presets.setdefault(preset.name, preset.unnamed) != preset.unnamed:
                raise SettingsError(
                    f"Preset '{preset.name}' of node '{node.name}' is also another one of the application, with other "
                    "settings. Give it a name of its own."
                )
    return presets


def _check_named(
    instrument: str,
    brought: dict[str, PresetSettings],
    nodes: tuple[NodeSettings, ...],
    known: dict[str, Preset],
) -> None:
    """Raise SettingsError where a node asks for a preset that is neither the application's nor the instrument's."""
    there = {*known, *brought}
    for node in nodes:
        for preset, what in _asked(node):
            if preset not in there:
                own = ", ".join(brought) or "none"
                raise SettingsError(
                    f"{what} asks for preset '{preset}', which is neither the application's ({own}) nor one of "
                    f"{instrument} ({', '.join(known)})."
                )


def _asked(node: NodeSettings) -> list[tuple[str, str]]:
    """The presets that a node asks for, and who asks."""
    asked = [] if node.preset is None else [(node.preset, f"Node '{node.name}'")]
    steps = () if node.focus is None else node.focus.sequence.steps
    return asked + [
        (step.preset, f"Step '{step.name}' of node '{node.name}'")
        for step in steps
        if step.switch and step.focus_method is not FocusMethod.MANUAL
    ]
