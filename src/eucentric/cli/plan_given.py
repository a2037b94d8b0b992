"""What `plan` and `sweep` are given alike: the instrument, and what is asked of a plan."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eucentric.optimize.instrument import Instrument
    from eucentric.optimize.planning.asked import Asked


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
) -> Asked:
    """What is asked, in SI, of options in µm and mrad."""
    from eucentric.optimize.planning.asked import Asked, Cheapest

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
    )
