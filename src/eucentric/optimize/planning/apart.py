"""How far two magnifications focus apart. Pure."""

from __future__ import annotations

import math

from eucentric.focus.measurement import Contribution
from eucentric.optimize.instrument import Instrument, Magnification

_SATURATES = 5.0  # factors of e of a change of magnification, after which hysteresis grows no more


def changed(one: Magnification, other: Magnification, instrument: Instrument) -> tuple[Contribution, ...]:
    """How far two magnifications focus apart: calibration, and hysteresis that grows with their ratio. None for one."""
    if one.name == other.name:
        return ()
    factors = min(abs(math.log(one.pixel_m / other.pixel_m)), _SATURATES)
    behind_m = factors * instrument.lens.hysteresis_magnification_m
    parfocal = Contribution("parfocality", instrument.errors.parfocal_m)
    return parfocal, Contribution("hysteresis of the magnification", behind_m)


def between(one: Magnification, other: Magnification, instrument: Instrument) -> float:
    """1σ of how far two magnifications focus apart, metres."""
    return math.hypot(*(part.sigma_m for part in changed(one, other, instrument)))
