"""Focus measured at one tilt of a series: at a focus target beside the feature, on the tilt axis' direction.

There the specimen is as high as at the feature but for the film itself; two targets, one on each side, take turns.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from eucentric.focus import events as focus_events
from eucentric.focus.focus import Focus
from eucentric.focus.outcome import RunResult
from eucentric.focus.settings import FocusSettings
from eucentric.focus.targets import FocusTarget
from eucentric.msi.going import read_lens_m, set_lens, set_preset
from eucentric.msi.series_notes import Diary, TiltFocus
from eucentric.msi.shared import Shared
from eucentric.msi.track import Place, in_image
from eucentric.msi.units import Unit

_E_PER_A2 = 1e20  # 1 e/Å² in e/m²


class SeriesFocus:
    """Measures focus for one series; nothing is corrected by Focus itself."""

    def __init__(self, shared: Shared, unit: Unit, diary: Diary) -> None:
        node = shared.node(unit)
        assert node.focus is not None
        assert node.series is not None
        self._shared, self._unit, self._diary = shared, unit, diary
        self._settings = node.focus
        self._away_m = node.series.focus_distance_m
        self.preset = [step for step in node.focus.sequence.steps if step.switch][-1].preset
        """That with which focus is measured in the end."""
        self.approach_m = node.focus.focus_approach_m
        """From how far below the lens arrives."""

    def measure(self, number: int, alpha_rad: float, place: Place, lens_m: float) -> TiltFocus:
        """Measure focus beside the feature at `place`, with the lens predicted at `lens_m`; written in the diary.

        Raises InstrumentError, CalibrationError, Aborted.
        """
        side = self._side()
        settings = self._affordable(side)
        if settings is None:
            why = "The dose budget of its focus target is spent."
            note = TiltFocus(number, alpha_rad, side, None, 0.0, 0.0, why)
        else:
            note = self._measured(TiltFocus(number, alpha_rad, side, None, 0.0, 0.0), place, lens_m, settings)
        self._diary.write(note)
        return note

    def _measured(self, note: TiltFocus, place: Place, lens_m: float, settings: FocusSettings) -> TiltFocus:
        shared, scope = self._shared, self._shared.scope
        set_preset(shared, self.preset, normalize=settings.normalize)
        axis_rad = shared.book.of(self.preset).stage_tilt_axis_rad
        assert axis_rad is not None  # measuring on a tilted stage needs it, and says so
        across, along = place.at_m
        with shared.activities.during("moving"):
            scope.set_image_shift(in_image((across, along + note.side * self._away_m), axis_rad))
        set_lens(shared, lens_m, self.approach_m)
        name = f"{'+' if note.side > 0 else '-'} along the tilt axis"
        with shared.activities.during("focusing"):
            focus = Focus(
                scope,
                shared.book,
                settings,
                observers=(self._watch,),
                confirmed=shared.journal.noted.confirmed,
                workers=shared.workers,
            )
            result = focus.run((FocusTarget(name),), measure_only=True)
        return self._note(note, result, place)

    def _note(self, note: TiltFocus, result: RunResult, place: Place) -> TiltFocus:
        dose, found = result.dose_e_per_m2, result.residual
        if found is None:
            return replace(note, dose_e_per_m2=dose, why=str(result.refusal or result.statement))
        beside = place.sigma_m * math.tan(abs(note.alpha_rad))
        lens_m = read_lens_m(self._shared.scope) - found.c1_m
        return replace(note, dose_e_per_m2=dose, lens_m=lens_m, sigma_m=math.hypot(found.total_sigma_m, beside))

    def _watch(self, event: Any) -> None:
        """What was spent is written at once."""
        if isinstance(event, focus_events.FrameTaken):
            dose = event.frame.dose_e_per_m2
            spent = self._shared.scope.preset().dose_e_per_m2 if dose is None else dose
            self._shared.journal.spent(self._unit.key, spent)
        self._shared.audience.tell(event)

    def _spent(self, side: int) -> float:
        return sum(note.dose_e_per_m2 for note in self._diary.of(TiltFocus) if note.side == side)

    def _side(self) -> int:
        """The side that got less so far."""
        return 1 if self._spent(1) <= self._spent(-1) else -1

    def _affordable(self, side: int) -> FocusSettings | None:
        """The settings with what is left of the side's budget; None where nothing is."""
        budget = self._settings.dose_max_per_m2
        if budget is None:
            return self._settings
        left = budget - self._spent(side)
        return self._settings.model_copy(update={"dose_max_per_m2": left}) if left > 0 else None
