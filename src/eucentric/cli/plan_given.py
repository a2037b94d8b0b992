"""What `plan` and `sweep` are given alike: the instrument, and what is asked of a plan."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eucentric.optimize.instrument import Instrument
    from eucentric.optimize.planning.asked import Asked


AtOption = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="PRESET",
        help="Where the accuracy is to hold: where you expose. Default: the finest magnification (of --preset); with "
        "--one-preset that of the images.",
        show_default=False,
    ),
]


class Saves(StrEnum):
    """What a plan saves."""

    ELECTRONS = "electrons"
    TIME = "time"
    BOTH = "both"


def instrument_given(name: str, kv: float | None, cs: float | None, camera: int | None) -> Instrument:
    """The instrument, with what the options put in place. Raises InputError, SettingsError."""
    from eucentric.optimize.instrument import instrument_of

    return instrument_of(name).with_values(
        voltage=None if kv is None else kv * 1e3, cs_m=None if cs is None else cs * 1e-3, camera_px=camera
    )


def asked_given(
    instrument: Instrument,
    *,
    start_um: float,
    accuracy_um: float,
    probability: float,
    tilt_max_mrad: float | None,
    saves: Saves,
    steps: int,
    presets: Sequence[str] | None,
    one_preset: bool,
    look_again: bool,
    at: str | None,
) -> Asked:
    """What is asked, in SI, of options in µm and mrad. Images that are all alike are those of the exposures, too."""
    from eucentric.optimize.planning.asked import Asked, Cheapest, exposed_at

    if at is None and not one_preset:
        at = exposed_at(instrument, presets or ())
    return Asked(
        start_um * 1e-6,
        accuracy_um * 1e-6,
        probability,
        None if tilt_max_mrad is None else tilt_max_mrad * 1e-3,
        Cheapest(saves.value),
        look_again=look_again,
        steps_max=steps,
        presets=tuple(presets or ()),
        one_preset=one_preset,
        at=at,
    )
