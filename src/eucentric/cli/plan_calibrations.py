"""Plans for an instrument as its calibrations found it: `--calibrations`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eucentric.errors import SettingsError

if TYPE_CHECKING:
    from eucentric.optimize.calibrated import Calibrated
    from eucentric.optimize.instrument import Instrument

MeasuredOption = Annotated[
    Path | None,
    typer.Option(
        "--calibrations",
        "--store",
        metavar="FOLDER",
        help="What 'eucentric calibrate --store FOLDER' measured, in place of the instrument file's numbers.",
        show_default=False,
    ),
]
WhoseOption = Annotated[
    str | None,
    typer.Option(
        "--calibrations-of", metavar="NAME", help="Whose, where a folder has those of several.", show_default=False
    ),
]


@dataclass(frozen=True, slots=True)
class From:
    """A folder with calibrations and whose they are, as the options have it."""

    folder: Path | None
    whose: str | None

    def of(self, there: Instrument, *, kv: float | None, quiet: bool) -> Calibrated | None:
        """The instrument with what they measured, told unless quiet; damaged and old ones on stderr. None: no folder.

        Raises CalibrationError for a folder without any or without what fits, SettingsError for another `kv` than
        theirs.
        """
        if self.folder is None:
            if self.whose is not None:
                raise SettingsError("--calibrations-of does nothing without --calibrations. Say where they are.")
            return None
        came = _calibrated(there, self.folder, self.whose, kv)
        for line in () if quiet else came.sentences:
            typer.echo(line)
        return came


def _calibrated(there: Instrument, folder: Path, whose: str | None, kv: float | None) -> Calibrated:
    from datetime import UTC, datetime

    from eucentric.calibration.age import Ages, warnings_of
    from eucentric.calibration.store import CalibrationStore
    from eucentric.cli.suggested import check_store
    from eucentric.optimize.calibrated import calibrated

    check_store(folder, microscope="simulated", seed=0)
    store = CalibrationStore(folder)
    records = store.records()
    came = calibrated(there, records, whose)
    volts = came.instrument.lens.voltage
    if kv is not None and volts != there.lens.voltage:
        raise SettingsError(
            f"--kv {kv:g} is not what the calibrations in {folder} were made at, {volts * 1e-3:g} kV. Leave it out, or "
            "calibrate at that high tension."
        )
    states = {r.optics.preset: r.optics for r in records if r.instrument == came.whose}
    old = warnings_of(records, came.whose, states.values(), datetime.now(UTC), Ages())
    for sentence in (*store.troubles(), *old):
        typer.echo(sentence, err=True)
    return came
