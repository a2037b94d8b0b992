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
from eucentric.optimize.instrument import Instrument
from eucentric.optimize.patterns.design import Aim, Conditions, Told
from eucentric.optimize.patterns.link import link_sigma
from eucentric.optimize.patterns.search import IMAGES, Found, optimal, usual
from eucentric.optimize.planning.candidate import OFFSETS_M, Candidate, tilt_most, tilts_of
from eucentric.optimize.planning.plan import Plan
from eucentric.optimize.planning.prediction import Before, interval_s, looked_at, range_of

_SIDE_PX = 1024  # images of a preset that no plan has chosen are binned to this, or below


@dataclass(frozen=True, slots=True)
class Measured:
    """With which images it is to be told: preset, binning, exposure and lens offset of the candidate (its tilt and
    pattern play no part); 1σ of C1 before, and the largest |C1| that must be found, metres; how long the place has been
    exposed before the first.
    """

    candidate: Candidate
    c1_sigma_m: float
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


def of_plan(made: Plan) -> Measured:
    """As the plan's last step measures."""
    *earlier, last = made.steps
    return Measured(
        candidate=last.candidate,
        c1_sigma_m=last.start_m / (made.asked.sigmas if earlier else math.sqrt(3)),
        start_m=last.start_m,
        exposed_s=sum(one.seconds for one in earlier),
    )


def of_preset(name: str, instrument: Instrument, tilt_max_rad: float | None = None) -> Measured:
    """Near focus at a magnification, binned to 1024 pixels a side or below, with the lens offset at which a pair tells
    most, after one look of a pair.

    Raises SettingsError where the instrument has no magnification of that name, or nothing is found with it.
    """
    magnification = next((m for m in instrument.magnifications if m.name == name), None)
    if magnification is None:
        names = ", ".join(m.name for m in instrument.magnifications)
        raise SettingsError(f"{instrument.name} has no preset '{name}'. There are: {names}.")
    camera = instrument.camera
    binning = next((b for b in sorted(camera.binnings) if camera.size // b <= _SIDE_PX), max(camera.binnings))
    pairs = [
        Candidate(
            magnification=magnification,
            binning=binning,
            size_px=camera.size // binning,
            tilt_rad=tilt,
            pattern=PatternName.PAIR,
            offset_m=offset,
            correction=CorrectionType.DEFOCUS,
        )
        for offset in OFFSETS_M
        for tilt in tilts_of(instrument, tilt_max_rad)
    ]
    found = [one for one in pairs if range_of(one, instrument) > 0]
    if not found:
        raise SettingsError(_nothing(name, instrument))
    exposed = Before(2 * interval_s(pairs[0], instrument))
    best = min(found, key=lambda one: looked_at(one, instrument, 0.0, exposed).sigma_m)
    return Measured(best, 0.0, 0.0, exposed.exposed_s)


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
    dose = measured.candidate.image_dose_per_m2
    patterns = tuple(Compared(name, one.plan, one.told, one.plan.images * dose) for name, one in found)
    return Comparison(measured, conditions, sizes, patterns)


def _sizes(instrument: Instrument, measured: Measured, tilt_max_rad: float | None) -> tuple[float, ...]:
    """The tilts that are tried: as far as they are allowed, and find what the step starts from."""
    most = tilt_most(instrument, tilt_max_rad)
    allowed = sorted({t for t in tilts_of(instrument, most) if t < most * (1 - 1e-9)} | {most})
    reach = {t: range_of(replace(measured.candidate, tilt_rad=t), instrument) for t in allowed}
    sizes = tuple(t for t in allowed if reach[t] > 0 and reach[t] >= measured.start_m)
    if not sizes:
        raise SettingsError(_nothing(measured.candidate.magnification.name, instrument))
    return sizes


def _nothing(preset: str, instrument: Instrument) -> str:
    return (
        f"With preset '{preset}' no tilt finds anything on {instrument.name}: light that fills the images, more dose, "
        "or another preset is needed."
    )


def _conditions(instrument: Instrument, measured: Measured, aim: Aim, largest_rad: float) -> Conditions:
    candidate, spread = measured.candidate, measured.c1_sigma_m
    sure = after_exposure(instrument.uncertainty, measured.exposed_s)
    sure = away_from(sure, instrument.lens.far * candidate.offset_m)
    # A scale is known at one tilt. At others it is off as coils bend: by as much again at the largest.
    bent = max(sure.tilt_cubic_per_rad2, instrument.errors.tilt_scale / largest_rad**2)
    return Conditions(
        aim=aim,
        c1_m=(candidate.offset_m - spread, candidate.offset_m + spread) if spread else (candidate.offset_m,),
        c3_m=instrument.lens.cs_m,
        interval_s=interval_s(candidate, instrument),
        prior=replace(sure, tilt_cubic_per_rad2=bent),
        noise=functools.lru_cache(maxsize=4096)(functools.partial(link_sigma, candidate, instrument)),
        angle_rad=largest_rad,
        offset_sigma_m=offset_sigma_m(candidate.offset_m, sure.focus_scale, left_behind=sure.focus_hysteresis),
    )
