"""The feature found again in each image of a series, from the image nearest in tilt in which it was found."""

from __future__ import annotations

from eucentric.errors import InputError
from eucentric.images.frame import Frame
from eucentric.msi.series.notes import Diary, TiltBegun, TiltTaken, TiltTracked
from eucentric.msi.series.track import Place, View, found_again


class Following:
    """Follows the feature. `axis_rad` is the direction of the tilt axis in the series' images."""

    def __init__(self, diary: Diary, axis_rad: float, *, workers: int) -> None:
        self._diary, self._axis_rad, self._workers = diary, axis_rad, workers
        self._views: dict[int, View] = {}  # images that may serve as references, by number

    def track(self, begun: TiltBegun, frame: Frame) -> TiltTracked | None:
        """Find the feature in a new image; None where the images don't tell it."""
        view = View(frame, begun.alpha_rad, self._axis_rad, begun.shift_m)
        found = Place(begun.shift_m, 0.0) if begun.number == 0 else self._again(view)
        if found is None:
            return None
        self._views[begun.number] = view
        return self._diary.write(TiltTracked(begun.number, begun.alpha_rad, found.at_m, found.sigma_m))

    def catch_up(self) -> None:
        """Find it in what was taken last, where the session was stopped before it could be."""
        tracked = {note.number for note in self._diary.of(TiltTracked)}
        taken = [note for note in self._diary.of(TiltTaken) if note.exposure is not None]
        begun = {note.number: note for note in self._diary.of(TiltBegun)}
        for note in taken[-1:]:
            frame = None if note.number in tracked else self._image(begun[note.number])
            if frame is not None:
                self.track(begun[note.number], frame)

    def _again(self, view: View) -> Place | None:
        tracked = self._diary.of(TiltTracked)
        if not tracked:
            return None
        nearest = min(tracked, key=lambda note: abs(note.alpha_rad - view.alpha_rad))
        reference = self._view(nearest.number)
        if reference is None:
            return None
        return found_again(reference, Place(nearest.at_m, nearest.sigma_m), view, workers=self._workers)

    def _view(self, number: int) -> View | None:
        """The image of a tilt: still here, or read from where it was kept."""
        if number not in self._views:
            begun = next(note for note in self._diary.of(TiltBegun) if note.number == number)
            frame = self._image(begun)
            if frame is None:
                return None
            self._views[number] = View(frame, begun.alpha_rad, self._axis_rad, begun.shift_m)
        ends = sorted(self._views, key=lambda k: self._views[k].alpha_rad)
        for k in ends[1:-1]:  # only the outermost ones are neighbours of what is to come
            if k != number:
                del self._views[k]
        return self._views[number]

    def _image(self, begun: TiltBegun) -> Frame | None:
        """The image that was kept; None where its file was moved away: its place is in the notes."""
        try:
            return self._diary.image(begun.exposure)
        except InputError:
            return None
