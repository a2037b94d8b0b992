"""The usual tilt patterns and the best ones of as many images, side by side for one preset of an instrument. Pure."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace

from eucentric.calibration.elsewhere import away_from
from eucentric.errors import SettingsError
from eucentric.focus.measurement import offset_sigma_m
from eucentric.focus.motion import after_exposure
from eucentric.focus.outcome import COVERAGE
from eucentric.focus.patterns import Pattern, PatternName
from eucentric.focus.settings import CorrectionType
from eucentric.optics.aberrations import Tilt
from eucentric.optimize.candidate import TILTS_RAD, Candidate, offset_for
from eucentric.optimize.instrument import Instrument
from eucentric.optimize.pattern_search import IMAGES, Found, optimal, usual
from eucentric.optimize.patterns import Aim, Conditions, Noise, Told
from eucentric.optimize.planning import PlannedStep
from eucentric.optimize.prediction import LinkSigma, interval_s, link_sigma_px, range_of

_SIDE_PX = 1024  # images of a preset that no plan has chosen are binned to this, or below


@dataclass(frozen=True, slots=True)
class Measured:
    """With which images it is to be told: preset, binning and lens offset of the candidate (its tilt and pattern play
    no part); the largest |C1| that must be found, metres; how long the place has been exposed before the first.
    """

    candidate: Candidate
    start_m: float
    exposed_s: float


@dataclass(frozen=True, slots=True)
class Compared:
    """One pattern of the comparison; `name` is None for the best of its number of images."""

    name: PatternName | None
    plan: Pattern
    told: Told
    dose_e_per_m2: float

    @property
    def title(self) -> str:
        """As tables and figures call it."""
        return f"best of {self.plan.images}" if self.name is None else str(self.name)

    @property
    def sizes_rad(self) -> tuple[float, ...]:
        """The sizes of its tilts, smallest first."""
        return tuple(sorted({float(f"{math.hypot(*tilt):.6g}") for tilt in self.plan.tilts}))

    @property
    def worth(self) -> float:
        """1/(mean square error · electrons): how much an electron tells."""
        return 1 / (self.told.error_m**2 * self.dose_e_per_m2)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All patterns, the usual ones first, and what they were compared under; `sizes_rad` are the tilts tried."""

    measured: Measured
    conditions: Conditions
    sizes_rad: tuple[float, ...]
    patterns: tuple[Compared, ...]

    def efficiency(self, one: Compared) -> float:
        """What an electron tells with this pattern, against the one with which it tells most."""
        return one.worth / max(other.worth for other in self.patterns)

    def rival(self, one: Compared) -> Compared:
        """The best of the usual patterns with no more images; there is always the pair."""
        rivals = [r for r in self.patterns if r.name is not None and r.plan.images <= one.plan.images]
        return min(rivals, key=lambda r: r.told.error_m)

    def gain(self, one: Compared) -> float:
        """By which part its error is below that of its rival."""
        return 1 - one.told.error_m / self.rival(one).told.error_m

    def holding(self, accuracy_m: float) -> Compared | None:
        """The cheapest pattern whose C1 holds an accuracy with `COVERAGE` σ: fewest images, then a usual one, then the
        smallest error.
        """
        holding = [one for one in self.patterns if COVERAGE * one.told.c1_total_m <= accuracy_m]
        cost = [(one.plan.images, one.name is None, one.told.c1_total_m) for one in holding]
        return holding[cost.index(min(cost))] if holding else None


def of_step(step: PlannedStep, instrument: Instrument) -> Measured:
    """As a planned step measures at its last look."""
    candidate = step.candidate
    exposed = (step.looks - 1) * candidate.plan.images * interval_s(candidate, instrument)
    return Measured(candidate, step.start_m, exposed)


def of_preset(name: str, instrument: Instrument) -> Measured:
    """At a magnification, binned to 1024 pixels a side or below, after one look of a pair.

    Raises SettingsError where the instrument has no magnification of that name.
    """
    magnification = next((m for m in instrument.magnifications if m.name == name), None)
    if magnification is None:
        names = ", ".join(m.name for m in instrument.magnifications)
        raise SettingsError(f"{instrument.name} has no preset '{name}'. There are: {names}.")
    camera = instrument.camera
    binning = next((b for b in sorted(camera.binnings) if camera.size // b <= _SIDE_PX), max(camera.binnings))
    candidate = Candidate(
        magnification=magnification,
        binning=binning,
        size_px=camera.size // binning,
        tilt_rad=TILTS_RAD[0],
        pattern=PatternName.PAIR,
        offset_m=offset_for(magnification.pixel_m * binning),
        correction=CorrectionType.DEFOCUS,
    )
    return Measured(candidate, 0.0, 2 * interval_s(candidate, instrument))


def compare(
    instrument: Instrument,
    measured: Measured,
    aim: Aim,
    *,
    images: tuple[int, ...] = IMAGES,
    tilt_max_rad: float | None = None,
) -> Comparison:
    """The usual patterns, each with the tilt that suits it, and the best of so many images.

    Raises SettingsError where no tilt finds what it has to, InputError for a number of images that can't be.
    """
    sizes = _sizes(instrument, measured, tilt_max_rad)
    conditions = _conditions(instrument, measured, aim, sizes[-1])
    found: list[tuple[PatternName | None, Found]] = [(name, usual(name, sizes, conditions)) for name in PatternName]
    found += [(None, optimal(count, sizes, conditions)) for count in images]
    dose = measured.candidate.magnification.dose_per_m2
    patterns = tuple(Compared(name, one.plan, one.told, one.plan.images * dose) for name, one in found)
    return Comparison(measured, conditions, sizes, patterns)


def _sizes(instrument: Instrument, measured: Measured, tilt_max_rad: float | None) -> tuple[float, ...]:
    """The tilts that are tried: as far as they are allowed, and find what the step starts from."""
    most = min(instrument.lens.tilt_max_rad, math.inf if tilt_max_rad is None else tilt_max_rad)
    allowed = sorted({t for t in TILTS_RAD if t < most * (1 - 1e-9)} | {most})
    reach = {t: range_of(replace(measured.candidate, tilt_rad=t), instrument) for t in allowed}
    sizes = tuple(t for t in allowed if reach[t] > 0 and reach[t] >= measured.start_m)
    if not sizes:
        raise SettingsError(
            f"With preset '{measured.candidate.magnification.name}' no tilt up to {most * 1e3:g} mrad finds anything "
            f"on {instrument.name}: light that fills the images, more dose or another preset is needed."
        )
    return sizes


def _conditions(instrument: Instrument, measured: Measured, aim: Aim, largest_rad: float) -> Conditions:
    candidate = measured.candidate
    sure = away_from(instrument.uncertainty, instrument.lens.far * candidate.offset_m)
    sure = after_exposure(sure, measured.exposed_s)
    # A scale is known at one tilt. At others it is off as coils bend: by as much again at the largest.
    bent = max(sure.tilt_cubic_per_rad2, instrument.errors.tilt_scale / largest_rad**2)
    return Conditions(
        aim=aim,
        c1_m=candidate.offset_m,
        c3_m=instrument.lens.cs_m,
        interval_s=interval_s(candidate, instrument),
        prior=replace(sure, tilt_cubic_per_rad2=bent),
        noise=_noise(candidate, instrument),
        angle_rad=largest_rad,
        offset_sigma_m=offset_sigma_m(candidate.offset_m, sure.focus_scale, left_behind=sure.focus_hysteresis),
    )


def _noise(candidate: Candidate, instrument: Instrument) -> Noise:
    """What the images of a candidate tell of their shift, at its offset from focus."""

    @functools.lru_cache(maxsize=1024)
    def noise(tilt_rad: float, apart_rad: float) -> LinkSigma:
        y, x = tilt_rad * math.cos(0.5 * apart_rad), tilt_rad * math.sin(0.5 * apart_rad)
        pair: tuple[Tilt, Tilt] = ((y, -x), (y, x))
        sigma = link_sigma_px(candidate, instrument, candidate.offset_m, pair)
        return LinkSigma(sigma.along * candidate.pixel_m, sigma.across * candidate.pixel_m)

    return noise
