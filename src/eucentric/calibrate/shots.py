"""Images at given tilts and defoci, and the shifts between them, as every calibration procedure takes them.

Tilts here are the instrument's own (y, x), in radians; defoci are what the lens is commanded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from eucentric.calibrate.contrast import same_contrast
from eucentric.calibration.instrument import Calibration, Uncertainty, Vector
from eucentric.calibration.tilt_response import true_tilt
from eucentric.correlation.register import register
from eucentric.correlation.shift import FixedPattern, Shift
from eucentric.errors import NotMeasuredError
from eucentric.focus.settings import Thresholds
from eucentric.images.frame import Frame
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.protocol import StagePosition
from eucentric.optics.aberrations import Aberrations
from eucentric.optics.column import Column
from eucentric.optics.pair import PairOptics
from eucentric.units import show_chance, show_length, show_odds

Array = NDArray[np.float64]

MELT_DOSE_PER_M2 = 20e20
"""20 e/Å²: five times the 4 e/Å² over which the first motion decays (Brilot et al. 2012, J Struct Biol 177)."""
MELT_EXPOSURES = 4
"""No more than so many: at low magnification the first motion is less than a pixel, and the dose is never reached."""
APPROACH_M = 100e-6
"""The lens comes from so far below. A loop that saturates over r leaves exp(−100 µm/r) of itself: 0.7 % for 20 µm."""
APPROACH_RANGES = 3.0
"""… and from at least so many times the range of defoci used, whatever the loop's own range is."""
_TILT_KNOWN = (
    0.2  # relative error of the tilt, and of its direction in rad, beyond which a model of the pair only harms
)
_SAME_TILT_RAD = 2e-4  # images nearer than this differ by less than their defocus' own error shows


def untouched(instrument: str, column: Column) -> Calibration:
    """What is believed of an instrument that nobody measured: its column, and 1σ so wide that no model is used."""
    wide = Uncertainty(tilt_scale=1.0, tilt_rotation_rad=math.pi, axis_rad=2e-3, focus_scale=0.05, a1_m=0.2e-6)
    return Calibration(instrument=instrument, column=column, uncertainty=wide)


def knows_tilt(calibration: Calibration) -> bool:
    """Whether the tilt response is known well enough for the model of a tilted pair."""
    sure = calibration.uncertainty
    return sure.tilt_scale < _TILT_KNOWN and sure.tilt_rotation_rad < _TILT_KNOWN


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One image and where the instrument stood: beam tilt (y, x) rad and defocus (m) as read back, and the stage."""

    frame: Frame
    tilt_rad: Vector
    defocus_m: float
    stage: StagePosition

    @property
    def time_s(self) -> float:
        """Middle of the exposure."""
        return self.frame.time_s


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """By how much `second` is displaced relative to `first`, (y, x) in pixels, with its statistical covariance."""

    shift_px: Vector
    covariance_px2: Array  # (2, 2)
    first: Shot
    second: Shot
    shift: Shift

    @property
    def vector(self) -> Array:
        """The shift as an array (y, x)."""
        return np.array(self.shift_px)

    @property
    def seconds(self) -> float:
        """Time from the first to the second."""
        return self.second.time_s - self.first.time_s


class Shots:
    """Takes the images of one procedure, and keeps count of what they cost.

    `calibration` is what is believed so far; `settle_s` a wait after each beam tilt beyond the instrument's own.
    """

    def __init__(
        self,
        microscope: Guarded,
        calibration: Calibration,
        *,
        thresholds: Thresholds | None = None,
        settle_s: float = 0.0,
        workers: int = 2,
    ) -> None:
        self.microscope = microscope
        self.calibration = calibration
        self.dose_per_m2 = 0.0
        self.images = 0
        self._thresholds = thresholds or Thresholds()
        self._settle_s = settle_s
        self._workers = workers
        self._began_s = microscope.now_s()

    @property
    def seconds(self) -> float:
        """The microscope's time since the beginning."""
        return self.microscope.now_s() - self._began_s

    @property
    def pixel_m(self) -> float:
        """Nominal pixel of the present preset."""
        return self.microscope.preset().pixel_m

    @property
    def field_m(self) -> float:
        """Shorter side of the present view."""
        return min(self.microscope.preset().size) * self.pixel_m

    def melt(self, dose_per_m2: float = MELT_DOSE_PER_M2, at_most: int = MELT_EXPOSURES) -> None:
        """Expose the place until its first motion is over, before anything counts."""
        spent = 0.0
        for _ in range(at_most):
            spent += self._dose_of(self.take().frame)
            if spent >= dose_per_m2:
                return

    def take(self, tilt_rad: Vector | None = None, defocus_m: float | None = None) -> Shot:
        """One image, at this instrument tilt and defocus where given. Raises LimitError, InstrumentError."""
        scope = self.microscope
        if defocus_m is not None and defocus_m != scope.defocus_m():
            scope.set_defocus(defocus_m)
        if tilt_rad is not None and tilt_rad != scope.beam_tilt_rad():
            scope.set_beam_tilt(tilt_rad)
            if self._settle_s:
                scope.wait(self._settle_s)
        frame = scope.acquire()
        self.images += 1
        self.dose_per_m2 += self._dose_of(frame)
        return Shot(frame, scope.beam_tilt_rad(), scope.defocus_m(), scope.stage())

    def _dose_of(self, frame: Frame) -> float:
        """What an image took, e/m²: what it says, else what the preset says that one takes."""
        told = frame.dose_e_per_m2
        return self.microscope.preset().dose_e_per_m2 if told is None else told

    def between(
        self,
        first: Shot,
        second: Shot,
        *,
        lens: Aberrations | None = None,
        slope: Vector = (0.0, 0.0),
        modelled: bool = True,
    ) -> Moved:
        """The shift of `second` relative to `first`, by the matched estimator with what is believed of the pair.

        `lens` adds A1 and B2 to the model (its C1 is found from the shift); `slope` (y, x) is how C1 grows across the
        image. Images at different defoci have the reversals of contrast between them taken out. Without a model
        (`modelled` False: tilts that are not what they read) the images are taken to differ by a shift alone.
        Raises NotMeasuredError when the shift is not to be believed, InputError for unusable images.
        """
        pair = self._pair(first, second, lens or Aberrations(), slope) if modelled else None
        one, two = first.frame.pixels, second.frame.pixels
        step = second.defocus_m - first.defocus_m
        if step:
            two = same_contrast(two, step, wavelength_m=self.calibration.column.wavelength_m, pixel_m=self.pixel_m)
        shift = register(one, two, pair=pair, workers=self._workers, with_map=False)
        why = refusal(shift, self._thresholds)
        if why is not None:
            raise NotMeasuredError(f"{_between(first, second)}: {why}")
        assert shift.covariance_px2 is not None  # refusal() says so
        return Moved(shift.shift_px, shift.covariance_px2, first, second, shift)

    def try_between(
        self, first: Shot, second: Shot, *, lens: Aberrations | None = None, modelled: bool = True
    ) -> Moved | None:
        """`between`, None where it is not to be believed: for series that can spare a point."""
        try:
            return self.between(first, second, lens=lens, modelled=modelled)
        except NotMeasuredError:
            return None

    def _pair(self, first: Shot, second: Shot, lens: Aberrations, slope: Vector) -> PairOptics | None:
        """The model of the pair, None where nothing is believed yet or nothing is to be modelled."""
        if not knows_tilt(self.calibration) or first.defocus_m != second.defocus_m:
            return None
        one, two = (true_tilt(self.calibration, shot.tilt_rad) for shot in (first, second))
        if math.dist(one, two) < _SAME_TILT_RAD:
            return None
        sure = self.calibration.uncertainty
        return PairOptics(
            self.pixel_m,
            self.calibration.column,
            one,
            two,
            lens,
            defocus_sigma_m=max(25e-9, sure.a1_m),
            slope=slope,
        )


def refusal(shift: Shift, limit: Thresholds) -> str | None:
    """Why a shift is not to be believed, and what to do, as the verdict of focusing would say it; None when it is."""
    chance, rival = shift.false_lock_probability, shift.runner_up
    why = None
    if min(shift.lit) < limit.lit_min:
        why = (
            f"only {min(shift.lit):.0%} of an image is lit, {limit.lit_min:.0%} are needed. Centre, spread the beam "
            "or align the beam tilt pivot points."
        )
    elif shift.fixed_pattern is FixedPattern.INDISTINGUISHABLE:
        why = (
            "the match at zero shift may be the camera's own pattern. Use another defocus or renew the gain reference."
        )
    elif chance > limit.false_lock_max or shift.covariance_px2 is None:
        why = f"too little in common (chance {show_chance(chance)}). Move to carbon, or expose longer."
    elif shift.contrast_sign < 0:
        why = "one image is the negative of the other. Centre the objective aperture, or use a smaller tilt."
    elif shift.overlap < limit.overlap_min:
        why = f"they share only {shift.overlap:.0%} of their area. Go nearer to focus, or to a lower magnification."
    elif rival is not None and rival.odds < limit.odds_min:
        why = (
            f"two shifts fit (odds {show_odds(rival.odds)} to 1, {limit.odds_min:g} needed): the specimen repeats "
            "itself. Move to a place without a lattice."
        )
    return why


def _between(first: Shot, second: Shot) -> str:
    def told(shot: Shot) -> str:
        y, x = (1e3 * t for t in shot.tilt_rad)
        return f"({y:+.1f}, {x:+.1f}) mrad, {show_length(shot.defocus_m)}"

    return f"The images at beam tilt {told(first)} and {told(second)} can't be compared"


def approach_defocus(microscope: Guarded, defocus_m: float, *, range_m: float = 0.0) -> None:
    """Set the lens so that it always arrives the same way: normalised where the instrument can, else from underfocus.

    `range_m` is the range of defoci that the procedure uses: the lens comes from `APPROACH_M`, and from at least three
    times that range, below (or as far as the limit lets it). Go on from here with `step_up`, upwards alone.
    Raises LimitError when `defocus_m` itself is beyond the limit.
    """
    if not microscope.capabilities.normalize:
        lowest = -microscope.limits.defocus_max_m
        if microscope.capabilities.defocus_zero:
            lowest -= microscope.focus_m() - microscope.defocus_m()
        low = max(defocus_m - max(APPROACH_M, APPROACH_RANGES * range_m), lowest)
        if low < defocus_m:
            microscope.set_defocus(low)
    step_up(microscope, defocus_m)


def step_up(microscope: Guarded, defocus_m: float) -> None:
    """The next, higher defocus after `approach_defocus`: hysteresis leaves the same as before, or nothing."""
    microscope.set_defocus(defocus_m)
    if microscope.capabilities.normalize:
        microscope.normalize()


def approach_z(microscope: Guarded, z_m: float, *, below_m: float = 5e-6) -> None:
    """Move the stage to `z_m` from below: play is taken up the same way each time. Raises LimitError."""
    microscope.move_stage(z_m=max(z_m - below_m, -microscope.limits.stage_z_max_m))
    microscope.move_stage(z_m=z_m)


def believing(
    calibration: Calibration,
    *,
    sure: Mapping[str, float] | None = None,
    **found: Vector | tuple[Vector, Vector] | float,
) -> Calibration:
    """The calibration with what was `found` in place of what was believed; `sure`: fields of its uncertainty."""
    uncertainty = replace(calibration.uncertainty, **(sure or {}))
    return replace(calibration, uncertainty=uncertainty, **found)  # type: ignore[arg-type]
