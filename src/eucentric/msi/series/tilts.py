"""The tilts of a series in the order in which they are taken, and when focus is measured first. Pure.

Dose-symmetric: from the tilt nearest 0 outwards, both sides in turn (Hagen, Wan & Briggs, J. Struct. Biol. 197 (2017)
191-198): the first electrons go where images are best, each tilt lies one step beside one that is known, and what is
odd in the tilt (the axis beside the optical axis) is told early from what is even (the height).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from eucentric.msi.application import SeriesSettings

WORST = 1.5
"""Before an image whose predicted 1σ is more than this many times the rms that is allowed over the series, focus is
measured; where that does not help it is flagged."""


def tilts(settings: SeriesSettings) -> tuple[float, ...]:
    """Stage tilts in radians, in order: first, first + step … as far as last, from the one nearest 0 outwards."""
    low, high = sorted((settings.first_rad, settings.last_rad))
    count = math.floor((high - low) / settings.step_rad + 1e-6) + 1
    every = [low + k * settings.step_rad for k in range(count)]
    middle = min(every, key=abs)
    return tuple(sorted(every, key=lambda alpha: (round(abs(alpha - middle) / settings.step_rad), -alpha)))


def focus_first(sigma_m: float, before_m: Sequence[float], allowed_m: float) -> bool:
    """Whether focus is measured before the next image, whose predicted 1σ is `sigma_m`: without it the rms over the
    series, with the images before (`before_m`), or this image alone, would be worse than what is allowed.
    """
    rms = math.sqrt((sum(one**2 for one in before_m) + sigma_m**2) / (len(before_m) + 1))
    return rms > allowed_m or sigma_m > WORST * allowed_m
