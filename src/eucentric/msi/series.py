"""A tilt series: at each tilt the place and the focus of the feature are predicted, focus is measured where the
prediction is not good enough, the image is taken, and the feature is found again in it.

The stage's x, y and z stay; the feature is followed by image shift, within the instrument's limit.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace

from eucentric.calibration.instrument import Calibration
from eucentric.errors import InputError, LimitError
from eucentric.images.frame import Frame
from eucentric.microscope.preserved import unbroken
from eucentric.msi.application import NodeSettings
from eucentric.msi.beliefs import eucentric_focus
from eucentric.msi.events import Exposed
from eucentric.msi.exposing import field_of, room_of
from eucentric.msi.film import PLACE_M
from eucentric.msi.found import go_alpha
from eucentric.msi.going import lens_step_m, set_lens, set_preset
from eucentric.msi.lens import Belief
from eucentric.msi.outcome import Exposure
from eucentric.msi.series_beside import Beside
from eucentric.msi.series_focus import SeriesFocus
from eucentric.msi.series_look import Look
from eucentric.msi.series_notes import Diary, TiltBegun, TiltFocus, TiltLooked, TiltTaken, TiltTracked
from eucentric.msi.series_plan import focus_first, tilts
from eucentric.msi.shared import Shared
from eucentric.msi.tilt_geometry import Predicted, Priors, Seen, TiltGeometry
from eucentric.msi.track import Place, View, axis_of, found_again, in_image
from eucentric.msi.units import Unit
from eucentric.units import show_length

_DEGREES = 180 / math.pi
_COVERAGE = 3.0  # an image is in focus as intended when so many σ are within what the node allows
_HYSTERESIS_M = 0.15e-6
"""1σ of where the lens arrives, from below, beside where it did in another run, or when eucentric focus was calibrated.
"""
_HALVES, _LEAST_RAD = 6, math.radians(0.2)
"""So often a step is halved, down to this."""
_DRIFT_M = 20e-9
"""1σ, per component, by which a stage drifts between two tilts, beyond what is predicted."""


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
        self._views: dict[int, View] = {}  # images that may serve as references, by number
        self._geometry = self._known(belief)
        self._catch_up()

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
            found = self._focus.measure(number, alpha_rad, place, self._geometry.lens(alpha_rad, number).value_m)
            self._geometry = self._geometry.with_seen(*_seen_focus(found, number))
            lens, refused = self._lens(number, alpha_rad), found.why
        self._expose(number, alpha_rad, place, lens, refused)

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

    def _catch_up(self) -> None:
        """Find the feature in what was taken last, where the session was stopped before it could be."""
        tracked = {note.number for note in self._diary.of(TiltTracked)}
        taken = [note for note in self._diary.of(TiltTaken) if note.exposure is not None]
        begun = {note.number: note for note in self._diary.of(TiltBegun)}
        for note in taken[-1:]:
            if note.number not in tracked and note.exposure is not None:
                with suppress(InputError):  # the file was moved away
                    self._track(begun[note.number], self._diary.image(note.exposure))

    def _known(self, belief: Belief) -> TiltGeometry:
        """What the diary and earlier focusing tell."""
        run, ran = self._diary.run, self._shared.journal.noted.run_of
        zero = next((note.run for note in self._diary.of(TiltBegun) if note.number == 0), run)
        geometry = TiltGeometry(self._priors(belief), self._alphas[0], run=run, first_run=zero)
        if belief.sigma_m is not None:
            focused = max((ran[unit.key] for unit, _ in self._shared.found()), default=run)
            own = _less(belief.sigma_m, belief.shared_m)
            found = Seen("lens", self._node.alpha_rad, belief.lens_m, own, -1, shared_m=belief.shared_m, run=focused)
            geometry = geometry.with_seen(found)
        stays = -2  # stays before this run were other ones
        for note in self._diary.notes:
            if isinstance(note, TiltFocus):
                geometry = geometry.with_seen(*_seen_focus(note, stays))
                stays -= 1
            elif isinstance(note, TiltTracked | TiltLooked):
                geometry = geometry.with_seen(*_seen_place(note))
        return geometry

    def _priors(self, belief: Belief) -> Priors:
        shared, series, away_m = self._shared, self._series, self._series.focus_distance_m
        stored_m, sigma_m = eucentric_focus(shared.book, self._focus.preset)
        grid, sure = shared.application.grid, shared.book.of(self._focus.preset).uncertainty
        waves = grid.bend_m / grid.bend_length_m
        return Priors(
            lens_m=stored_m,
            lens_sigma_m=sigma_m,
            restart_m=_HYSTERESIS_M,
            play_m=PLACE_M,
            height_m=belief.known.height_within_m / _COVERAGE,
            axis_m=series.axis_offset_m,
            runout_m_per_rad=series.runout_m_per_rad,
            wobble_m=series.wobble_m,
            wobble_length_rad=series.wobble_length_rad,
            film_odd_m=away_m * math.hypot(grid.slope_rad, waves),
            film_even_m=0.5 * math.sqrt(3) * waves * away_m**2 / grid.bend_length_m,
            turned_m=away_m * sure.stage_tilt_axis_rad,
        )

    def _place(self, alpha_rad: float) -> Place:
        """Where the feature is thought to be. Raises LimitError where no image shift reaches it."""
        across, along = self._geometry.across(alpha_rad), self._geometry.along(alpha_rad)
        sigma = math.hypot(max(across.sigma_m, along.sigma_m), _DRIFT_M)
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
        self._geometry = self._geometry.with_seen(*_seen_place(note))

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
        set_lens(
            shared, lens.value_m + lens_step_m(shared.book.of(self._preset), preset.defocus_m), self._focus.approach_m
        )
        sigma = math.hypot(lens.sigma_m, _step_error(shared.book.of(self._preset), preset.defocus_m))
        planned = Exposure(
            preset=self._preset,
            file=self._diary.file_of(number, alpha_rad),
            place_m=self._unit.place_m,
            alpha_rad=alpha_rad,
            time_s=shared.audience.now_s(),
            dose_e_per_m2=preset.dose_e_per_m2,
            intended_m=preset.defocus_m,
            error_sigma_m=sigma,
            flagged=_flag(self._node, sigma, refused, self._doubt),
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
        self._track(begun, frame)

    def _track(self, begun: TiltBegun, frame: Frame) -> None:
        """Find the feature in the new image, from the image nearest in tilt in which it was found."""
        view = View(frame, begun.alpha_rad, self._axis_rad, begun.shift_m)
        found = Place(begun.shift_m, 0.0) if begun.number == 0 else self._again(view)
        if found is None:
            return
        note = self._diary.write(TiltTracked(begun.number, begun.alpha_rad, found.at_m, found.sigma_m))
        self._geometry = self._geometry.with_seen(*_seen_place(note))
        self._views[begun.number] = view

    def _again(self, view: View) -> Place | None:
        tracked = self._diary.of(TiltTracked)
        if not tracked:
            return None
        nearest = min(tracked, key=lambda note: abs(note.alpha_rad - view.alpha_rad))
        try:
            reference = self._view(nearest.number)
        except InputError:  # the file of an earlier run was moved away: its place is in the notes
            return None
        return found_again(reference, Place(nearest.at_m, nearest.sigma_m), view, workers=self._shared.workers)

    def _view(self, number: int) -> View:
        """The image of a tilt: still here, or read from where it was kept."""
        if number not in self._views:
            begun = next(note for note in self._diary.of(TiltBegun) if note.number == number)
            frame = self._diary.image(begun.exposure)
            self._views[number] = View(frame, begun.alpha_rad, self._axis_rad, begun.shift_m)
        ends = sorted(self._views, key=lambda k: self._alphas[k])
        for k in ends[1:-1]:  # only the outermost ones are neighbours of what is to come
            if k != number:
                del self._views[k]
        return self._views[number]


def _seen_focus(note: TiltFocus, visit: int) -> tuple[Seen, ...]:
    if note.lens_m is None:
        return ()
    own = _less(note.sigma_m, note.shared_m)
    return (Seen("lens", note.alpha_rad, note.lens_m, own, visit, note.side, note.shared_m, note.run),)


def _less(whole: float, shared: float) -> float:
    """What is left of a 1σ without a part of it."""
    return math.sqrt(max(whole**2 - shared**2, 0.0))


def _seen_place(note: TiltTracked | TiltLooked) -> tuple[Seen, ...]:
    """The first image's place is zero by definition, and tells nothing."""
    if note.number == 0 or note.at_m is None:
        return ()
    (across, along), sigma = note.at_m, math.hypot(note.sigma_m, _DRIFT_M)
    return (
        Seen("across", note.alpha_rad, across, sigma, note.number, run=note.run),
        Seen("along", note.alpha_rad, along, sigma, note.number, run=note.run),
    )


def _step_error(calibration: Calibration, step_m: float) -> float:
    """1σ of the intended defocus: the lens' scale, and up to `focus_hysteresis` of a step stays behind (uniform)."""
    sure = calibration.uncertainty
    return abs(step_m) * math.hypot(sure.focus_scale, sure.c1_scale, sure.focus_hysteresis / math.sqrt(3))


def _flag(node: NodeSettings, sigma_m: float, refused: str, doubt: str) -> str:
    if node.within_m is None:
        return ""
    if doubt or _COVERAGE * sigma_m <= node.within_m:
        return doubt
    why = f" Focus was refused here: {refused}" if refused else ""
    known, asked = show_length(_COVERAGE * sigma_m), show_length(node.within_m)
    return f"Its defocus is known to ±{known} (3 σ); ±{asked} is asked.{why}"
