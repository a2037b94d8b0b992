"""What every place of the specimen has been exposed to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dosed:
    """What a place has had: electrons per square metre, and the seconds since it was first exposed (0: never yet)."""

    dose_per_m2: float
    seconds: float


@dataclass(frozen=True, slots=True)
class _Exposure:
    centre: complex  # of the lit disc, in the specimen's plane
    radius_m: float
    dose_per_m2: float
    begin_s: float


class DoseMemory:
    """All exposures so far."""

    def __init__(self) -> None:
        self._exposures: list[_Exposure] = []

    def add(self, centre: complex, radius_m: float, dose_per_m2: float, begin_s: float) -> None:
        """An exposure of the disc about `centre` (x + iy, metres), from `begin_s` on."""
        self._exposures.append(_Exposure(centre, radius_m, dose_per_m2, begin_s))

    def at(self, place: complex, now_s: float) -> Dosed:
        """What `place` has had until now."""
        met = [e for e in self._exposures if abs(place - e.centre) < e.radius_m]
        begin_s = min((e.begin_s for e in met), default=now_s)
        return Dosed(sum(e.dose_per_m2 for e in met), now_s - begin_s)
