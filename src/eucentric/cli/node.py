"""What a command focuses with: the instrument, what is believed of it, and the settings, checked together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eucentric.errors import CalibrationError, SettingsError

if TYPE_CHECKING:
    from eucentric.calibration.book import CalibrationBook
    from eucentric.focus.settings import FocusSettings
    from eucentric.microscope.protocol import Microscope


@dataclass(frozen=True, slots=True)
class Bench:
    """Which instrument a command works on (a simulated one by its seed and the side of its images), and the folder of
    its calibrations; None: what it brings along."""

    microscope: str
    seed: int
    calibrations: Path | None = None
    size: int = 1024


@dataclass(frozen=True, slots=True)
class Node:
    """What is focused, with what, and what is believed of it."""

    microscope: Microscope
    book: CalibrationBook
    settings: FocusSettings
    name: str  # under which it is calibrated and recorded
    cautions: tuple[str, ...] = ()  # about what is believed

    @property
    def c3_m(self) -> float:
        """Cs as believed at the last step's preset; the same at all presets of one instrument."""
        steps = [step for step in self.settings.sequence.steps if step.preset in self.book.presets]
        return self.book.of(steps[-1].preset).column.c3_m if steps else 0.0


def node_of(bench: Bench, settings: FocusSettings) -> Node:
    """All that a run needs, checked before it begins. Raises InputError, SettingsError, CalibrationError."""
    from eucentric.cli.bench import cautions, opened, stored_book
    from eucentric.cli.suggested import calibrate_all, check_store

    store = bench.calibrations
    if store is not None:
        check_store(store, microscope=bench.microscope, seed=bench.seed)
    instrument = opened(bench.microscope, seed=bench.seed, size=bench.size)
    book = instrument.brought if store is None else stored_book(instrument, store)
    if book is None:
        raise CalibrationError(f"{instrument.instrument} brings no calibration. Name a folder: --calibrations FOLDER")
    try:
        _check_presets(settings, instrument.microscope, book)
    except CalibrationError as error:
        if store is not None:
            error.add_note(f"All at once: {calibrate_all(store, microscope=bench.microscope, seed=bench.seed)}")
        raise
    told = () if store is None else cautions(instrument, store)
    return Node(instrument.microscope, book, settings, instrument.instrument, told)


def _check_presets(settings: FocusSettings, microscope: Microscope, book: CalibrationBook) -> None:
    """Every preset is there, and where a step measures by beam tilt it is calibrated."""
    from eucentric.focus.settings import FocusMethod

    brought = {preset.name: preset.like for preset in settings.presets}
    known = [*(preset.name for preset in microscope.presets()), *brought]
    steps = [step for step in settings.sequence.steps if step.switch]
    further = {
        "Melting": settings.melt_preset,
        "Manual focusing": settings.manual_focus_preset,
        "The final image": settings.final_preset,
    }
    asked = [(f"Step '{step.name}'", step.preset) for step in steps]
    for who, preset in (*asked, *((who, preset) for who, preset in further.items() if preset is not None)):
        if preset not in known:
            raise SettingsError(
                f"{who} asks for preset '{preset}', and {microscope.name} has none of that name. "
                f"It has: {', '.join(known)}."
            )
    for step in steps:
        if step.focus_method is FocusMethod.BEAM_TILT:
            book.of(brought.get(step.preset, step.preset))
