"""The two focus targets of a tilt series, one on each side of the feature along the tilt axis, and what they got."""

from __future__ import annotations

from eucentric.focus.settings import FocusSettings
from eucentric.images.frame import Frame
from eucentric.msi.going import set_preset
from eucentric.msi.series.notes import Diary, TiltFocus
from eucentric.msi.series.track import Vector, axis_of, in_image
from eucentric.msi.shared import Shared
from eucentric.msi.units import Unit

_TURNS = (1, -1, -1, 1)
"""The sides take turns so that neither goes with one sign of the tilt: the film's slope looks like the axis' place."""


class Beside:
    """Goes to the focus targets and keeps their accounts. Sides are ±1: in the tilt axis' direction, and against it."""

    def __init__(self, shared: Shared, unit: Unit, diary: Diary) -> None:
        node = shared.node(unit)
        assert node.focus is not None
        assert node.series is not None
        self._shared, self._key, self._diary = shared, unit.key, diary
        self._settings, self._away_m = node.focus, node.series.focus_distance_m

    def go(self, preset: str, at_m: Vector, side: int) -> None:
        """Look at the target beside a feature that is at (across, along) the tilt axis. Raises InstrumentError."""
        shared, (across, along) = self._shared, at_m
        shared.side = side
        set_preset(shared, preset, normalize=self._settings.normalize)
        axis_rad = axis_of(shared.book.of(preset), preset)
        with shared.activities.during("moving"):
            shared.scope.set_image_shift(in_image((across, along + side * self._away_m), axis_rad))

    def next_side(self) -> int:
        """Whose turn it is."""
        return _TURNS[len(self._diary.of(TiltFocus)) % len(_TURNS)]

    def dose(self, frame: Frame) -> float:
        """What an image of a target spent there; the journal has it already."""
        dose = frame.dose_e_per_m2
        return self._shared.scope.preset().dose_e_per_m2 if dose is None else dose

    def settings(self, side: int) -> FocusSettings | None:
        """The focus settings with what is left of the budget of that target; None where nothing is."""
        budget = self._settings.dose_max_per_m2
        if budget is None:
            return self._settings
        left = budget - self._shared.journal.noted.beside.get((self._key, side), 0.0)
        return self._settings.model_copy(update={"dose_max_per_m2": left}) if left > 0 else None
