"""A tilt series: at each tilt the place and the focus of the feature are predicted, focus is measured where the
prediction is not good enough, the image is taken, and the feature is found again in it.

The stage's x, y and z stay; the feature is followed by image shift, within the instrument's limit.
"""

from __future__ import annotations

import math
from dataclasses import replace

from eucentric.calibration.instrument import Calibration
from eucentric.errors import LimitError
from eucentric.focus.outcome import COVERAGE
from eucentric.microscope.preserved import unbroken
from eucentric.msi.application import NodeSettings
from eucentric.msi.events import Exposed
from eucentric.msi.exposing import field_of, room_of
from eucentric.msi.found import go_alpha
from eucentric.msi.going import lens_step_m, set_lens, set_preset
from eucentric.msi.lens import Belief
from eucentric.msi.outcome import Exposure
from eucentric.msi.series.beside import Beside
from eucentric.msi.series.doubt import doubted, odd
from eucentric.msi.series.focusing import SeriesFocus
from eucentric.msi.series.following import Following
from eucentric.msi.series.geometry import Predicted
from eucentric.msi.series.knowledge import DRIFT_M, knowledge, seen_focus, seen_place
from eucentric.msi.series.looking import Look
from eucentric.msi.series.notes import Diary, TiltBegun, TiltDoubted, TiltFocus, TiltLooked, TiltTracked, TiltTrusted
from eucentric.msi.series.tilts import WORST, focus_first, tilts
from eucentric.msi.series.track import Place, axis_of, in_image
from eucentric.msi.shared import Shared
from eucentric.msi.units import Unit
from eucentric.units import show_bound, show_length

_DEGREES = 180 / math.pi
_HALVES, _LEAST_RAD = 6, math.radians(0.2)
"""So often a step is halved, down to this."""


class Series:
    """A tilt series, from where its diary ends. `doubt`: why no image's focus is to be relied on, empty where it is."""

    def __init__(self, shared: Shared, unit: Unit, belief: Belief, diary: Diary, doubt: str = "") -> None:
        node = shared.node(unit)
        assert node.series is not None
        assert node.focus is not None
        assert node.preset is not None
        self._shared, self._unit, self._node, self._diary = shared, unit, node, diary
        self._series, self._preset, self._doubt = node.series, node.preset, doubt
        self._alphas = tilts(node.series)
        beside = Beside(shared, unit, diary)
        self._focus = SeriesFocus(shared, unit, diary, beside)
        self._look = Look(shared, node.preset, beside)
        self._parfocal = shared.beliefs.parfocal(self._focus.preset, node.preset)
        self._axis_rad = axis_of(shared.book.of(node.preset), node.preset)
        self._following = Following(diary, self._axis_rad, workers=shared.workers)
        self._following.catch_up()
        self._geometry = knowledge(shared, node, belief, diary)

    @property
    def first_rad(self) -> float:
        """The tilt at which it begins: the others lie on both sides of it."""
        return self._alphas[0]

    @property
    def left(self) -> tuple[tuple[int, float], ...]:
        """Numbers and stage tilts of what was never begun."""
        begun = {note.number for note in self._diary.of(TiltBegun)}
        return tuple((k, alpha) for k, alpha in enumerate(self._alphas) if k not in begun)

    def take(self, number: int, alpha_rad: float) -> None:
        """Take the image of one tilt. Raises InstrumentError, Aborted, KeepError."""
        self._come_near(number, alpha_rad)
        self._tilt(alpha_rad)
        place = self._looked(number, alpha_rad)
        lens, refused = self._lens(number, alpha_rad), ""
        if self._focus_wanted(number, lens):
            refused = self._learn_focus(number, alpha_rad, place)
            lens = self._lens(number, alpha_rad)
        self._expose(number, alpha_rad, place, lens, refused)

    def _learn_focus(self, number: int, alpha_rad: float, place: Place) -> str:
        """Measure focus beside the feature, and once more on the other side where that can't be believed; empty, or why
        nothing was learnt.
        """
        geometry = self._geometry
        lens_m = geometry.lens(alpha_rad, number).value_m
        found = [self._focus.measure(number, alpha_rad, place, lens_m)]
        if odd(geometry, found[0]):
            # Written before the other side is asked: what ends the run there must not leave it believed.
            ((note, why),) = doubted(geometry, found)
            self._diary.write(TiltDoubted(number, note.side, why))
            found.append(self._focus.measure(number, alpha_rad, place, lens_m, -note.side))
        doubts = doubted(geometry, found)
        for note, why in doubts:
            if note is not found[0]:
                self._diary.write(TiltDoubted(number, note.side, why))
        if len(found) > 1 and not doubts:
            self._diary.write(TiltTrusted(number))
        told = [note for note in found if self._diary.believed(note)]
        self._geometry = geometry.with_seen(*(seen for note in told for seen in seen_focus(note, number)))
        if told:
            return ""
        return " ".join(filter(None, (*(note.why for note in found), *(why for _, why in doubts))))

    def _focus_wanted(self, number: int, lens: Predicted) -> bool:
        """Whether focus is measured before this image: not twice in a run; first of all where the session was taken up
        again, since lens and stage do not come back as they were; and where the prediction is not good enough."""
        run, foci = self._diary.run, self._diary.of(TiltFocus)
        if any(note.number == number and note.run == run for note in foci):
            return False
        again = any(note.run < run for note in self._diary.notes)
        if again and not any(note.lens_m is not None and note.run == run for note in foci):
            return True
        before = [begun.sigma_m for begun in self._diary.of(TiltBegun)]
        return focus_first(lens.sigma_m, before, self._series.focus_within_m)

    def _tilt(self, alpha_rad: float) -> None:
        with self._shared.activities.during("moving"):
            go_alpha(self._shared.scope, alpha_rad)
        with self._shared.activities.during("waiting"):
            self._shared.scope.wait(self._node.settle_s)

    def _come_near(self, number: int, alpha_rad: float) -> None:
        """Look at the focus target on the way, where the step is too long to find anything again at its end."""
        seen = [note.alpha_rad for note in self._diary.notes if isinstance(note, TiltTracked | TiltLooked)]
        at = min(seen, key=lambda one: abs(one - alpha_rad), default=alpha_rad)
        if seen and self._look.blind and self._look.needed(self._place(alpha_rad)):  # the session was taken up again
            self._tilt(at)
            self._look_there(number, at)
        for _ in range(_HALVES):
            if not self._look.lost(self._place(alpha_rad)):
                return
            goal = alpha_rad
            while self._look.lost(self._place(goal)) and abs(goal - at) > _LEAST_RAD:
                goal = 0.5 * (at + goal)
            self._tilt(goal)
            self._look_there(number, goal)
            at = goal

    def _place(self, alpha_rad: float) -> Place:
        """Where the feature is thought to be. Raises LimitError where no image shift reaches it."""
        across, along = self._geometry.across(alpha_rad), self._geometry.along(alpha_rad)
        sigma = math.hypot(max(across.sigma_m, along.sigma_m), DRIFT_M)
        limit, away = self._shared.scope.limits.image_shift_max_m, math.hypot(across.value_m, along.value_m)
        if away + self._series.focus_distance_m > limit:
            raise LimitError(
                f"At {alpha_rad * _DEGREES:.1f}° the feature is {show_length(away)} from where it was, beyond the "
                f"image shift's limit of {show_length(limit)}. Bring it nearer to eucentric height before the series."
            )
        return Place((across.value_m, along.value_m), sigma)

    def _looked(self, number: int, alpha_rad: float) -> Place:
        """Where the feature is thought to be, after a look beside it where nobody could know."""
        place = self._place(alpha_rad)
        after = self._place(self._alphas[1]) if number == 0 and len(self._alphas) > 1 else place
        if not self._look.needed(after):
            return place
        self._look_there(number, alpha_rad)
        return self._place(alpha_rad)

    def _look_there(self, number: int, alpha_rad: float) -> None:
        """Look beside the feature, and learn its place from that."""
        place = self._place(alpha_rad)
        lens = self._geometry.lens(alpha_rad, number).value_m
        set_preset(self._shared, self._preset)
        set_lens(self._shared, lens + self._shared.scope.preset().defocus_m, self._focus.approach_m)
        note = self._diary.write(self._look.look(number, alpha_rad, place))
        self._geometry = self._geometry.with_seen(*seen_place(note))

    def _lens(self, number: int, alpha_rad: float) -> Predicted:
        """The lens setting that focuses the image's middle: the feature may lie beside it, which is a height too."""
        found, place = self._geometry.lens(alpha_rad, number), self._place(alpha_rad)
        beside = place.sigma_m * math.tan(abs(alpha_rad))
        sigma = math.hypot(found.sigma_m, beside, self._parfocal.sigma_m)
        return Predicted(found.value_m + self._parfocal.difference_m, sigma)

    def _expose(self, number: int, alpha_rad: float, place: Place, lens: Predicted, refused: str) -> None:
        shared, scope = self._shared, self._shared.scope
        set_preset(shared, self._preset)
        preset = scope.preset()
        with shared.activities.during("moving"):
            scope.set_image_shift(in_image(place.at_m, self._axis_rad))
        calibration = shared.book.of(self._preset)
        step_m = lens_step_m(calibration, preset.defocus_m, self._focus.approach_m)
        set_lens(shared, lens.value_m + step_m, self._focus.approach_m)
        sigma = math.hypot(lens.sigma_m, _step_error(calibration, preset.defocus_m))
        planned = Exposure(
            preset=self._preset,
            file=self._diary.file_of(number, alpha_rad),
            place_m=self._unit.place_m,
            alpha_rad=alpha_rad,
            time_s=shared.audience.now_s(),
            dose_e_per_m2=preset.dose_e_per_m2,
            intended_m=preset.defocus_m,
            error_sigma_m=sigma,
            flagged=_flag(self._node, sigma, refused, self._doubt) or self._beyond(lens, refused),
            field_m=field_of(preset),
        )
        begun = TiltBegun(number, alpha_rad, place.at_m, lens.value_m, lens.sigma_m, planned)
        shared.journal.room_for(planned.file, room_of(preset))
        shared.check()
        with unbroken():  # what the camera has is never thrown away
            self._diary.write(begun)
            frame = shared.expose()
            dose = planned.dose_e_per_m2 if frame.dose_e_per_m2 is None else frame.dose_e_per_m2
            exposure = replace(planned, time_s=frame.time_s, dose_e_per_m2=dose)
            self._diary.keep(begun, exposure, frame)
            shared.audience.tell(Exposed(shared.audience.now_s(), self._unit, exposure, frame))
        tracked = self._following.track(begun, frame)
        if tracked is not None:
            self._geometry = self._geometry.with_seen(*seen_place(tracked))

    def _beyond(self, lens: Predicted, refused: str) -> str:
        """Why an image is flagged whose focus was predicted worse than is allowed; empty where it was not."""
        allowed_m = WORST * self._series.focus_within_m
        if lens.sigma_m <= allowed_m:
            return ""
        known, asked = show_bound(lens.sigma_m), show_bound(allowed_m)
        return f"Its focus was predicted to {known} (1 σ), and {asked} is allowed of an image. {refused}".strip()


def _step_error(calibration: Calibration, step_m: float) -> float:
    """1σ of the intended defocus: the lens' scale, and up to `focus_hysteresis` of a step stays behind (uniform)."""
    sure = calibration.uncertainty
    return abs(step_m) * math.hypot(sure.focus_scale, sure.c1_scale, sure.focus_hysteresis / math.sqrt(3))


def _flag(node: NodeSettings, sigma_m: float, refused: str, doubt: str) -> str:
    if node.within_m is None:
        return ""
    if doubt or COVERAGE * sigma_m <= node.within_m:
        return doubt
    why = f" Focus was refused here: {refused}" if refused else ""
    known, asked = show_bound(COVERAGE * sigma_m), show_bound(node.within_m)
    return f"Its defocus is known to ±{known} (3 σ); ±{asked} is asked.{why}"
