"""What is asked of a plan, and whether it can be. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from scipy import stats

from eucentric.errors import SettingsError
from eucentric.optimize.instrument import Instrument
from eucentric.optimize.planning.candidate import LARGEST_PX, SMALLEST_PX, images_of
from eucentric.optimize.planning.search import STEPS_MAX


class Cheapest(StrEnum):
    """What a plan saves."""

    ELECTRONS = "electrons"
    TIME = "time"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a plan, metres; `probability` is that of ending within the accuracy. `look_again`: after the
    last correction the plan looks once more. `at` is the magnification where it is to hold, as where exposures are
    taken; None: that of the last images. `presets` are the only magnifications that may be used; none: all. With
    `one_preset` all images are taken alike.
    """

    start_m: float
    accuracy_m: float
    probability: float = 0.99
    tilt_max_rad: float | None = None
    cheapest: Cheapest = Cheapest.ELECTRONS
    look_again: bool = False
    steps_max: int = STEPS_MAX
    presets: tuple[str, ...] = ()
    one_preset: bool = False
    at: str | None = None

    @property
    def sigmas(self) -> float:
        """How many σ hold with that probability, on both sides."""
        return float(stats.norm.ppf(0.5 + 0.5 * self.probability))

    @property
    def sure_m(self) -> float:
        """A run that can't say that it is within this looks once more; all do anyhow where that is asked."""
        return math.inf if self.look_again else self.accuracy_m


def exposed_at(instrument: Instrument, presets: Sequence[str] = ()) -> str:
    """Where exposures are taken if nobody says otherwise: the finest magnification, of those that may be used."""
    allowed = [one for one in instrument.magnifications if not presets or one.name in presets]
    return min(allowed or instrument.magnifications, key=lambda one: one.pixel_m).name


def check(asked: Asked, instrument: Instrument) -> None:
    """Raises SettingsError, a sentence, for what can't be asked of this instrument."""
    for what, value, example in (("A start", asked.start_m, "500"), ("An accuracy", asked.accuracy_m, "0.1")):
        if not 1e-9 <= value <= 10e-3:
            raise SettingsError(
                f"{what} of {value * 1e6:g} µm is not between 0.001 µm and 10 mm. Give it in µm: {example}."
            )
    names = [m.name for m in instrument.magnifications]
    for name in (*asked.presets, *([] if asked.at is None else [asked.at])):
        if name not in names:
            raise SettingsError(f"{instrument.name} has no magnification '{name}'. It has: {', '.join(names)}.")
    if not any(images_of(instrument)):
        raise SettingsError(
            f"A camera of {instrument.camera.size} pixels has no image of {SMALLEST_PX} to {LARGEST_PX} pixels at any "
            "binning, as plans need: they take the whole of it, a half or a quarter of its side."
        )
    if asked.accuracy_m >= asked.start_m:
        raise SettingsError("The accuracy is not below the error to start from: there is nothing to do.")
    if asked.tilt_max_rad is not None:
        _check_tilt(asked.tilt_max_rad, instrument)
    if not 1 <= asked.steps_max <= STEPS_MAX:
        raise SettingsError(f"A plan of {asked.steps_max} steps is not between 1 and {STEPS_MAX}.")
    if not 0.5 <= asked.probability < 1:
        raise SettingsError(f"A probability of {asked.probability:g} is not between 0.5 and 1. Give for example 0.99.")


def _check_tilt(tilt_rad: float, instrument: Instrument) -> None:
    if not 1e-4 <= tilt_rad <= 0.1:
        raise SettingsError(f"A tilt of {tilt_rad * 1e3:g} mrad is not between 0.1 and 100. Give it in mrad: 10.")
    aperture = instrument.lens.aperture_rad
    if aperture is not None and tilt_rad >= aperture:
        raise SettingsError(
            f"A tilt of {tilt_rad * 1e3:g} mrad is beyond the objective aperture of {instrument.name} "
            f"({aperture * 1e3:g} mrad): the beam itself would be stopped. Give a smaller --tilt-max-mrad, or take the "
            "aperture out (lens.aperture in the instrument's file)."
        )
