"""Where the feature must lie, seen on a focus target: before an exposure that would else show something beside it.

The first step of a series is the one that nobody can predict: a goniometer that runs out by 50 nm per degree moves the
image by half a field at 3°. The focus targets move as the feature does, so they are looked at in its place.
"""

from __future__ import annotations

from eucentric.msi.series.beside import Beside
from eucentric.msi.series.notes import TiltLooked
from eucentric.msi.series.track import Place, View, axis_of, found_again
from eucentric.msi.shared import Shared

OFF_CENTRE = 1 / 4
"""A place known worse (1σ) than this part of the image's shorter side is looked at first: 2 σ keep it in the image."""
LOST = 0.3
"""At a place known worse (1σ) than this part of it too little may be in common (2.7 σ are 0.8): go half way first."""
_SIDE = 1


class Look:
    """Looks at one focus target with the series' own preset; the last image of it is the reference of the next."""

    def __init__(self, shared: Shared, preset: str, beside: Beside) -> None:
        self._shared, self._preset, self._beside = shared, preset, beside
        self._axis_rad = axis_of(shared.book.of(preset), preset)
        known = next(one for one in shared.scope.presets() if one.name == preset)
        self._side_m = min(known.size) * known.pixel_m
        self._last: tuple[View, Place] | None = None

    def needed(self, place: Place) -> bool:
        """Whether a place is known too badly to be exposed."""
        return place.sigma_m > OFF_CENTRE * self._side_m

    @property
    def blind(self) -> bool:
        """Whether there is no image yet to compare with."""
        return self._last is None

    def lost(self, place: Place) -> bool:
        """Whether a place is known too badly to be looked at, where there is something to compare with."""
        return self._last is not None and place.sigma_m > LOST * self._side_m

    def look(self, number: int, alpha_rad: float, place: Place) -> TiltLooked:
        """Take an image beside `place`, and say where the feature must lie. Raises InstrumentError, Aborted."""
        shared = self._shared
        self._beside.go(self._preset, place.at_m, _SIDE)
        with shared.activities.during("tracking"):
            frame = shared.scope.acquire()
        dose = self._beside.dose(frame)
        found = self._found(View(frame, alpha_rad, self._axis_rad, place.at_m), place, number)
        if found is None:
            return TiltLooked(number, alpha_rad, _SIDE, dose, None, 0.0)
        return TiltLooked(number, alpha_rad, _SIDE, dose, found.at_m, found.sigma_m)

    def _found(self, view: View, place: Place, number: int) -> Place | None:
        """Compared with the last image. The first one says where `place` is at the first tilt; at another one (the
        session was interrupted) it tells nothing, but later ones are compared with it."""
        if self._last is None and number > 0:
            self._last = (view, place)
            return None
        if self._last is None:
            found: Place | None = Place(place.at_m, 0.0)
        else:
            reference, where = self._last
            found = found_again(reference, where, view, workers=self._shared.workers)
        if found is not None:
            self._last = (view, found)
        return found
