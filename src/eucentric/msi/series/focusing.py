"""Focus measured at one tilt of a series: at a focus target beside the feature, on the tilt axis' direction.

There the specimen is as high as at the feature but for the film itself; two targets, one on each side, take turns.
"""

from __future__ import annotations

import math
from dataclasses import replace

from eucentric.focus.average import own_sigma_m
from eucentric.focus.focus import Focus
from eucentric.focus.forecast import measuring
from eucentric.focus.outcome import RunResult
from eucentric.focus.settings import FocusSettings
from eucentric.focus.targets import FocusTarget
from eucentric.microscope.lens import lens_of
from eucentric.msi.going import set_lens
from eucentric.msi.series.beside import Beside
from eucentric.msi.series.notes import Diary, TiltFocus
from eucentric.msi.series.track import Place
from eucentric.msi.shared import Shared
from eucentric.msi.units import Unit


def last_preset(settings: FocusSettings) -> str:
    """That of the last step that measures: what it measures is what a run says in the end."""
    return measuring(settings)[-1].preset


class SeriesFocus:
    """Measures focus for one series; nothing is corrected by Focus itself."""

    def __init__(self, shared: Shared, unit: Unit, diary: Diary, beside: Beside) -> None:
        node = shared.node(unit)
        assert node.focus is not None
        self._shared, self._diary, self._beside = shared, diary, beside
        self.preset = last_preset(node.focus)
        self.approach_m = node.focus.focus_approach_m
        """From how far below the lens arrives."""

    def measure(self, number: int, alpha_rad: float, place: Place, lens_m: float, side: int = 0) -> TiltFocus:
        """Measure focus beside the feature at `place`, with the lens predicted at `lens_m`, on a side (±1; 0: whose
        turn it is); written in the diary.

        Raises InstrumentError, CalibrationError, Aborted.
        """
        side = side or self._beside.next_side()
        settings = self._beside.settings(side)
        if settings is None:
            why = "The dose budget of its focus target is spent."
            note = TiltFocus(number, alpha_rad, side, None, 0.0, 0.0, why)
        else:
            note = self._measured(TiltFocus(number, alpha_rad, side, None, 0.0, 0.0), place, lens_m, settings)
        return self._diary.write(note)

    def _measured(self, note: TiltFocus, place: Place, lens_m: float, settings: FocusSettings) -> TiltFocus:
        shared, scope = self._shared, self._shared.scope
        self._beside.go(self.preset, place.at_m, note.side)
        set_lens(shared, lens_m, self.approach_m)
        name = f"{'+' if note.side > 0 else '-'} along the tilt axis"
        with shared.activities.during("focusing"):
            focus = Focus(
                scope,
                shared.book,
                settings,
                observers=(shared.audience.tell,),
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
        lens_m = lens_of(self._shared.scope) - found.c1_m
        whole, own = found.total_sigma_m, own_sigma_m(found)
        sigma, shared = math.hypot(whole, beside), math.sqrt(max(whole**2 - own**2, 0.0))
        return replace(note, dose_e_per_m2=dose, lens_m=lens_m, sigma_m=sigma, shared_m=shared)
