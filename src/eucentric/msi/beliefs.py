"""What is known of height and focus at a place, from the grid's settings and every focus found so far. Pure."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from eucentric.calibration.book import CalibrationBook
from eucentric.errors import CalibrationError
from eucentric.focus.methods.stage_tilt import FOCUS_UNKNOWN_M
from eucentric.focus.outcome import COVERAGE
from eucentric.microscope.protocol import Microscope, Preset
from eucentric.msi.application import Application, GoniometerSettings, GridSettings
from eucentric.msi.film import SAME_ALPHA_RAD, Film, FilmFocus, Now, Scales, Vector
from eucentric.msi.known import Known
from eucentric.msi.outcome import FocusFound
from eucentric.msi.wobble import wobble_correlation

_OPTICS = 1e-6  # relative: magnifications that differ by less are the same


def eucentric_focus(book: CalibrationBook, preset: str) -> tuple[float, float]:
    """The lens setting that focuses the eucentric plane, and its 1σ; the lens' zero where nobody measured it."""
    calibration = book.of(preset)
    if calibration.eucentric_focus_m is None:
        return 0.0, FOCUS_UNKNOWN_M
    return calibration.eucentric_focus_m, calibration.eucentric_focus_sigma_m or 0.0


@dataclass(frozen=True, slots=True)
class At:
    """A place (y, x) with the state in which it is looked at: preset, stage height and tilt, intended defocus; and
    when (None on paper).
    """

    place_m: Vector
    preset: str
    z_m: float = 0.0
    alpha_rad: float = 0.0
    defocus_m: float = 0.0
    now: Now | None = None


@dataclass(frozen=True, slots=True)
class Parfocal:
    """How much higher the lens must be set at a preset than at another for the same focus, metres, and its 1σ."""

    difference_m: float = 0.0
    sigma_m: float = 0.0


@dataclass(frozen=True, slots=True)
class Beliefs:
    """What is believed of grid and instrument. `presets` are the instrument's, by name."""

    grid: GridSettings
    goniometer: GoniometerSettings
    book: CalibrationBook
    presets: Mapping[str, Preset]

    @classmethod
    def of(cls, application: Application, scope: Microscope, book: CalibrationBook) -> Self:
        """Those of an application whose presets the instrument has."""
        return cls(application.grid, application.goniometer, book, {preset.name: preset for preset in scope.presets()})

    def known(self, found: Sequence[FocusFound], at: At) -> Known:
        """Bounds (3 σ) at a place: of height, and of C1 with the lens where `focus` says, without any focus found at
        eucentric focus. They grow with the distance from where focus was found: by the film's slope, and its waves.
        """
        stored_m, unsure_m = eucentric_focus(self.book, at.preset)
        if not found:
            return Known(self.grid.height_within_m, self.grid.height_within_m + COVERAGE * unsure_m)
        focus = self.focus(found, at)
        low = abs(stored_m - focus.lens_m)  # a lens step, told in metres that are not quite those of height
        scale_m = self.book.of(at.preset).uncertainty.focus_scale * low
        height = low + COVERAGE * math.hypot(focus.sigma_m, unsure_m, scale_m)
        return Known(height, COVERAGE * focus.sigma_m)

    def focus(self, found: Sequence[FocusFound], at: At) -> FilmFocus:
        """The lens setting at which a place is in focus, from `found` (one at least), all of the same grid target; its
        errors are those of C1 at the intended defocus.

        What was found at the same stage tilt and magnification is used where there is any; else what was found at the
        nearest tilt, of two as near at the more certain (a height there is one of h·cos α₀/cos α here, give or take
        the goniometer's runout), or at another magnification (with the difference of eucentric focus). Raises
        InputError for none found, and CalibrationError where the difference between magnifications is not known.
        """
        here = _at_one_tilt(found, at.alpha_rad)
        nearest = min((abs(f.alpha_rad - at.alpha_rad) for f in here), default=0.0)
        same = [f for f in here if self.same_optics(f.preset, at.preset)]
        if same or not here:
            source, parfocal = same, Parfocal()
        else:
            best = min(here, key=lambda f: math.hypot(f.total_sigma_m, self.parfocal(f.preset, at.preset).sigma_m))
            source = [f for f in here if self.same_optics(f.preset, best.preset)]
            parfocal = self.parfocal(best.preset, at.preset)
        alpha_rad = source[0].alpha_rad if source else at.alpha_rad
        film = _film(self.grid, tuple(source), self._scales(at.preset, alpha_rad))
        focus = film.at(at.place_m, z_m=at.z_m, defocus_m=at.defocus_m, now=at.now)
        focus = replace(focus, lens_m=focus.lens_m + parfocal.difference_m, parfocal_sigma_m=parfocal.sigma_m)
        return focus if nearest <= SAME_ALPHA_RAD else self._tilted(focus, alpha_rad, at)

    def parfocal(self, source: str, target: str) -> Parfocal:
        """How much higher `target` is in focus than `source`; nothing at the same magnification and probe mode.

        Raises CalibrationError where it was not measured.
        """
        if self.same_optics(source, target):
            return Parfocal()
        first, second = (self.book.of(preset) for preset in (source, target))
        if first.eucentric_focus_m is None or second.eucentric_focus_m is None:
            lacks = source if first.eucentric_focus_m is None else target
            raise CalibrationError(
                f"How far apart presets '{source}' and '{target}' focus is not known: '{lacks}' has no eucentric "
                f"focus. Run `eucentric calibrate eucentric-focus --preset {lacks}`, or use presets of one "
                "magnification (see also `eucentric calibrate parfocality`)."
            )
        sigma = math.hypot(eucentric_focus(self.book, source)[1], eucentric_focus(self.book, target)[1])
        return Parfocal(second.eucentric_focus_m - first.eucentric_focus_m, sigma)

    def same_optics(self, first: str, second: str) -> bool:
        """Whether two presets focus alike: same magnification and probe mode."""
        one, other = self.presets[first], self.presets[second]
        alike = math.isclose(one.magnification, other.magnification, rel_tol=_OPTICS)
        return first == second or (alike and one.probe_mode == other.probe_mode)

    def _scales(self, preset: str, alpha_rad: float) -> Scales:
        calibration = self.book.of(preset)
        sure = calibration.uncertainty
        per_z = calibration.c1_per_z(alpha_rad)
        lens = math.hypot(sure.focus_scale, sure.focus_hysteresis / math.sqrt(3))  # as focus takes an offset off
        return Scales(alpha_rad, per_z, sure.height_scale, lens, sure.c1_scale, sure.z_arrival_m)

    def _tilted(self, focus: FilmFocus, alpha_rad: float, at: At) -> FilmFocus:
        """What was found at stage tilt `alpha_rad`, told for another.

        On the optical axis a film that is f high on the holder is H = f/cos α − (a + s)·tan α + w high: a the distance
        of the tilt axis, s and w the goniometer's motion sideways and up.
        """
        stored_m, unsure_m = eucentric_focus(self.book, at.preset)
        steeper = math.cos(alpha_rad) / math.cos(at.alpha_rad)
        turned_m = self._turned_m(alpha_rad, at.alpha_rad, steeper, self.book.of(at.preset).uncertainty.z_arrival_m)
        return FilmFocus(
            lens_m=stored_m - (stored_m - focus.lens_m) * steeper,
            film_sigma_m=focus.film_sigma_m * steeper,
            shared_sigma_m=math.hypot(focus.shared_sigma_m * steeper, turned_m, unsure_m * (steeper - 1)),
            step_sigma_m=focus.step_sigma_m * max(steeper, 1.0),
            parfocal_sigma_m=focus.parfocal_sigma_m * steeper,
            doubt=focus.doubt,
        )

    def _turned_m(self, source_rad: float, target_rad: float, steeper: float, arrival_m: float) -> float:
        """1σ of what a, s and w add to a height that is told for another tilt."""
        turns = self.goniometer
        here, there = steeper * math.tan(source_rad), math.tan(target_rad)
        alike = float(wobble_correlation(target_rad - source_rad, turns.wobble_length_rad))
        wobbles = here**2 + there**2 - 2 * alike * here * there + steeper**2 + 1 - 2 * alike * steeper
        return math.hypot(
            turns.axis_offset_m * (here - there),
            turns.runout_m_per_rad * (here * source_rad - there * target_rad),
            turns.wobble_m * math.sqrt(max(wobbles, 0.0)),
            arrival_m * math.hypot(1.0, steeper),
        )


def _at_one_tilt(found: Sequence[FocusFound], alpha_rad: float) -> list[FocusFound]:
    """What was found at the tilt nearest to `alpha_rad`; of those on both sides of it, about the most certain one."""
    nearest = min((abs(f.alpha_rad - alpha_rad) for f in found), default=0.0)
    near = [f for f in found if abs(f.alpha_rad - alpha_rad) <= nearest + SAME_ALPHA_RAD / 2]
    if not near:
        return []
    best = min(near, key=lambda f: f.total_sigma_m)
    return [f for f in near if abs(f.alpha_rad - best.alpha_rad) <= SAME_ALPHA_RAD / 2]


@functools.lru_cache(maxsize=16)
def _film(grid: GridSettings, found: tuple[FocusFound, ...], scales: Scales) -> Film:
    """The film about these places: asked for at many others."""
    return Film(grid, found, scales)
