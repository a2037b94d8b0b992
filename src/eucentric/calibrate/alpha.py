"""Stage alpha: how far the image moves when the stage tilts, about which axis, and at which Z it does not move.

A point at height h above the tilt axis goes to −h·tan α across the axis (a rotation about u turns height towards
v = i·u, and what is above towards −v). Between images at −t and +t therefore

    d = (p·(z − z₀))·2 tan t,   p = −v·(dh/dz) ÷ pixel

Measured at several Z this is a straight line of vectors: its slope is p, its zero z₀, the eucentric Z. At ±t both
images are foreshortened alike, by 1 − t²/2 (6e-4 of the field at 2° between 0 and t: hence the symmetric pair).

What it can't tell: a goniometer that also moves sideways by r per tilt displaces the image just as a height r does. Its
part across the axis of p shows, the part along p does not: it is tied to z₀, and more amplitudes don't separate it.
Each tilt is approached from below, so that play is the same in all and cancels.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass

import numpy as np

from eucentric.calibrate.height import check_flat
from eucentric.calibrate.outcome import Array, Evidence, Level, Outcome, Progress, Series, silent
from eucentric.calibrate.reading import PEAK_FLOOR_PX
from eucentric.calibrate.shots import Moved, Shot, Shots, approach_z
from eucentric.calibrate.swings import AlphaFit, Swing, fit_one, fit_swings
from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.quantities import AlphaResponse
from eucentric.errors import NotMeasuredError
from eucentric.focus.settings import Thresholds
from eucentric.microscope.guarded import Guarded
from eucentric.units import show_length, show_measured

_UM = 1e6
_MOVE_NOISE_M = 5e-9
"""1σ by which two arrivals of the stage differ sideways when nothing else is known: settling and drift."""
_FIND_PART = 0.15
"""While the height is not known, displacements are kept to this part of the field."""
_FIRST_TILT_RAD = math.radians(0.15)
_ROUNDS = 4
_AGREES_SIGMA = 6.0
_ANY_ODDS = Thresholds(odds_min=1.0)
"""A lattice repeats itself, and at one tilt the odds can't say by how much the image moved. A wrong repeat does not
grow in proportion with the tilt: so each swing is asked to agree with what smaller ones led to expect."""


@dataclass(frozen=True, slots=True)
class AlphaPlan:
    """How it is measured: stage tilts ±`tilt_rad` at Z ± `range_m` about the eucentric Z, in `points` steps.

    `runout_m_per_rad` is 1σ of the goniometer's sideways motion per tilt, along one direction: 2.1 µm/rad (37 nm per
    degree; 50 nm per degree in all). The lens is set away by the first of `offsets_m` at which the images have enough
    in common: near focus, and very far from it, a thin specimen shows little. `approach_rad` is from how far below a
    tilt is approached, `settle_s` the wait.
    """

    preset: str = "hl"
    tilt_rad: float = math.radians(1.0)
    range_m: float = 25e-6
    points: int = 4
    approach_rad: float = math.radians(0.3)
    settle_s: float = 5.0
    runout_m_per_rad: float = 2.1e-6
    offsets_m: tuple[float, ...] = (-40e-6, -120e-6, 40e-6, 120e-6)


def measure_alpha(
    microscope: Guarded, book: CalibrationBook, plan: AlphaPlan | None = None, *, progress: Progress = silent
) -> Outcome:
    """Measure the image's motion with stage tilt, the tilt axis and the eucentric Z; everything is put back.

    Raises CalibrationError, NotMeasuredError where the images do not tell it, LimitError.
    """
    plan = plan or AlphaPlan()
    check_flat(microscope)
    with microscope.preserved():
        microscope.set_preset(plan.preset)
        shots = swinging_shots(microscope, book, plan)
        fit = find_eucentric(shots, plan, progress)
    return _outcome(fit, plan, shots)


def swinging_shots(microscope: Guarded, book: CalibrationBook, plan: AlphaPlan) -> Shots:
    """What takes the images of stage tilts: repeats of the specimen are told apart by `find_eucentric`, not by odds."""
    return Shots(microscope, book.of(plan.preset), thresholds=_ANY_ODDS)


def find_again(shots: Shots, plan: AlphaPlan, known: AlphaResponse, progress: Progress = silent) -> AlphaFit:
    """Eucentric Z at this place where the response to stage tilt is known: one small swing, then one near it.

    The second is taken a part of the plan's range away, where the image moves: still images show the camera's pattern.
    Nothing is put back. Raises NotMeasuredError, LimitError.
    """
    swinging = _Swinging(shots, plan)
    p, sigma = complex(known.px_per_m[1], known.px_per_m[0]), known.px_per_m_sigma
    z = shots.microscope.stage().z_m
    fit: AlphaFit | None = None
    for tilt in (_FIRST_TILT_RAD, plan.tilt_rad):
        progress("looking for the eucentric Z", 0.3)
        fit = fit_one(swinging.swing(tilt, z, fit), p, sigma, pixel_m=shots.pixel_m)
        z = fit.z_m - math.copysign(0.6 * plan.range_m, fit.z_m)  # towards the middle of the stage's way
    assert fit is not None
    return fit


def find_eucentric(shots: Shots, plan: AlphaPlan, progress: Progress = silent) -> AlphaFit:
    """Swing the stage about where it stands, first little, then at Z about the eucentric one. Nothing is put back.

    Raises NotMeasuredError, LimitError.
    """
    swinging = _Swinging(shots, plan)
    first = _first_look(swinging, progress)
    swings = []
    problem = ""
    for done, offset in enumerate(np.linspace(-plan.range_m, plan.range_m, plan.points)):
        progress(f"stage tilts at Z {offset * _UM:+.0f} µm", 0.3 + 0.7 * done / plan.points)
        try:
            swings.append(swinging.swing(plan.tilt_rad, first.z_m + float(offset), first))
        except NotMeasuredError as error:
            problem = str(error)
    if len(swings) < 3:
        raise NotMeasuredError(
            f"The image was followed through the stage tilts at {len(swings)} of {plan.points} heights only. {problem} "
            "Use a smaller tilt or a lower magnification."
        )
    return fit_swings(tuple(swings), pixel_m=shots.pixel_m)


def _first_look(swinging: _Swinging, progress: Progress) -> AlphaFit:
    """The eucentric Z to within the plan's range, from small tilts at two Z, nearer and with larger tilts each time."""
    shots, plan = swinging.shots, swinging.plan
    limit = shots.microscope.limits.stage_z_max_m
    z, step, tilt = shots.microscope.stage().z_m, 2 * plan.range_m, _FIRST_TILT_RAD
    fit: AlphaFit | None = None
    for turn in range(_ROUNDS):
        progress("looking for the eucentric Z", 0.07 * turn)
        # Towards the middle of the stage's way, so that the second Z is always within the limits.
        other = z - math.copysign(step, z)
        swings = (swinging.swing(tilt, z, fit), swinging.swing(tilt, other, fit))
        fit = fit_swings(swings, pixel_m=shots.pixel_m)
        if abs(fit.z_m) > limit:
            raise NotMeasuredError(
                f"The eucentric Z seems to lie at {show_length(fit.z_m)}, beyond the stage's limit of "
                f"{show_length(limit)}. Check that the specimen is in the beam and the grid is flat."
            )
        far = max(abs(fit.z_m - z), abs(fit.z_m - other))
        if fit.z_sigma_m < 0.2 * plan.range_m and far < 6 * plan.range_m:
            return fit
        z = fit.z_m
        tilt = min(plan.tilt_rad, max(tilt, _FIND_PART * shots.field_m / (2 * (step + 3 * fit.z_sigma_m))))
    assert fit is not None
    return fit


class _Swinging:
    """Swings the stage about where it stands, at the lens offset that served last."""

    def __init__(self, shots: Shots, plan: AlphaPlan) -> None:
        self.shots, self.plan = shots, plan
        self._middle_rad = shots.microscope.stage().alpha_rad
        self._lens_m = shots.microscope.defocus_m()
        self._offsets = list(plan.offsets_m)

    def swing(self, tilt: float, z: float, known: AlphaFit | None) -> Swing:
        """One swing at `z`. Raises NotMeasuredError where at no offset of the lens the image can be followed, or it
        moves otherwise than is `known` already."""
        scope = self.shots.microscope
        if abs(scope.stage().z_m - z) > 1e-9:
            approach_z(scope, z)
        problem: NotMeasuredError | None = None
        for offset in tuple(self._offsets):
            scope.set_defocus(self._lens_m + offset)
            try:
                found = self._swing(tilt, z)
            except NotMeasuredError as error:
                problem = problem or error
                continue
            self._offsets.sort(key=lambda other: other != offset)
            _check(found, known, tilt)
            return found
        assert problem is not None
        raise problem

    def _swing(self, tilt: float, z: float) -> Swing:
        """Images at −t, 0, +t and −t again: the second −t takes a steady drift out."""
        shots = self.shots
        low, mid, high, again = (self._tilted(self._middle_rad + a) for a in (-tilt, 0.0, tilt, -tilt))
        up, down = shots.between(low, high), shots.between(again, high)
        half = shots.try_between(low, mid)
        first, second = _complex(up), _complex(down)
        # The two differ by drift and by how well the stage comes back; their mean has half of it.
        apart = abs(second - first) / 2
        floor = _MOVE_NOISE_M / shots.pixel_m
        noise = math.hypot(_sigma(up), _sigma(down)) / 2
        sigma = math.hypot(noise, max(floor, apart / math.sqrt(2)))
        halves = 0.0 if half is None else abs(_complex(half) - 0.5 * first)
        rise = math.tan(high.stage.alpha_rad) - math.tan(low.stage.alpha_rad)
        return Swing(z, 0.5 * (first + second), sigma, rise, halves)

    def _tilted(self, alpha: float) -> Shot:
        """An image at a stage tilt approached from below."""
        approach_alpha(self.shots.microscope, alpha, self.plan.approach_rad)
        self.shots.microscope.wait(self.plan.settle_s)
        return self.shots.take()


def _check(found: Swing, known: AlphaFit | None, tilt: float) -> None:
    if known is None:
        return
    expected, unsure = known.expects(found.z_m, found.rise)
    if abs(found.moved_px - expected) > _AGREES_SIGMA * math.hypot(unsure, found.sigma_px):
        raise NotMeasuredError(
            f"Tilting the stage by ±{math.degrees(tilt):.2f}° moved the image by {abs(found.moved_px):.1f} pixels, "
            f"where {abs(expected):.1f} were expected from smaller tilts: the specimen repeats itself, or has moved."
        )


def approach_alpha(microscope: Guarded, alpha_rad: float, below_rad: float) -> None:
    """Tilt the stage to `alpha_rad` from `below_rad` below (above where negative): play is taken up the same way."""
    microscope.move_stage(alpha_rad=alpha_rad - below_rad)
    microscope.move_stage(alpha_rad=alpha_rad)


def _complex(moved: Moved) -> complex:
    return complex(moved.shift_px[1], moved.shift_px[0])


def _sigma(moved: Moved) -> float:
    return math.hypot(math.sqrt(float(np.trace(moved.covariance_px2)) / 2), PEAK_FLOOR_PX)


def _outcome(fit: AlphaFit, plan: AlphaPlan, shots: Shots) -> Outcome:
    p = fit.slope_px_per_m
    runout = max(plan.runout_m_per_rad, fit.across_m)
    total = math.hypot(fit.z_sigma_m, runout)
    # sin and tan differ by t²/2, and the mean of the field by as much: what the straight line leaves out.
    slope_sigma = math.hypot(fit.slope_sigma, abs(p) * plan.tilt_rad**2)
    quantity = AlphaResponse(
        px_per_m=(p.imag, p.real),
        px_per_m_sigma=slope_sigma,
        eucentric_z_m=fit.z_m,
        eucentric_z_sigma_m=total,
        axis_rad=cmath.phase(1j * p),
        axis_sigma_rad=slope_sigma / abs(p),
    )
    precise = slope_sigma / abs(p)
    level = Level.GREEN if precise < 0.02 else Level.AMBER if precise < 0.05 else Level.RED
    said = (
        f"Tilting the stage moves nothing at Z = {show_measured(fit.z_m, (fit.z_sigma_m, ''))}; the tilt axis "
        f"lies at {math.degrees(quantity.axis_rad):.1f} ± {math.degrees(quantity.axis_sigma_rad):.1f}° in the image. "
        f"True eucentric height may be off by {show_length(runout)} where the goniometer moves sideways as it tilts "
        f"({fit.across_m * math.pi / 180 * 1e9:.0f} nm per degree seen along the axis)."
    )
    if level is not Level.GREEN:
        said += " For a better one let the stage settle longer, and use a larger tilt or a wider range of Z."
    return Outcome(quantity, level, said, (_evidence(fit),), shots.dose_per_m2, shots.seconds)


def _evidence(fit: AlphaFit) -> Evidence:
    """The motion along p and across it, against Z."""
    unit = fit.slope_px_per_m / abs(fit.slope_px_per_m)
    z = np.array([s.z_m for s in fit.swings]) * _UM
    turned = np.array([s.moved_px / s.rise for s in fit.swings]) / unit / 57.3  # pixels per degree
    sigma = np.array([s.sigma_px / s.rise for s in fit.swings]) / 57.3
    at: Array = np.array([z.min(), z.max()])
    line = abs(fit.slope_px_per_m) * (at / _UM - fit.z_m) / 57.3
    across = np.full(2, float(np.mean(turned.imag)))
    series = (
        Series("across the tilt axis", z, np.asarray(turned.real), sigma, at, np.asarray(line)),
        Series("along it", z, np.asarray(turned.imag), sigma, at, across),
    )
    return Evidence("Image motion by stage tilt", "stage Z (µm)", "motion (px per degree)", series)
