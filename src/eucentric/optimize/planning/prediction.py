"""What a candidate reaches, leaves and costs on an instrument, before an electron is spent. Pure.

Range: the largest |C1| whose images share a fifth of their area, and in which the correlation still stands out:
t = rms γ · √(common pixels), γ the coherence of `sight`. Error: the Cramér–Rao bound of the shift times what ours
loses to it, through the design matrix of the pattern with what calibration, astigmatism, motion and drift leave
unknown; and what the correction itself adds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from eucentric.calibration.elsewhere import away_from
from eucentric.calibration.instrument import Uncertainty
from eucentric.focus.again import further_m
from eucentric.focus.measurement import Contribution, without_offset
from eucentric.focus.motion import after_exposure
from eucentric.focus.predict import OVERLAP_FOR_RANGE, predicted_measurement
from eucentric.focus.settings import CorrectionType
from eucentric.optimize.instrument import Instrument
from eucentric.optimize.planning.candidate import Candidate
from eucentric.optimize.planning.sight import Array, sight_at

EFFICIENCY = 1.25
"""1σ of a measured shift over its Cramér–Rao bound, as benchmarks measure it."""
SHIFT_FLOOR_PX = 0.02
"""Nothing is registered better: what images at different tilts do not share."""
STANDS_OUT = 30.0
"""t of a correlation that is found, each frequency weighted by its γ. By trials on simulated films: from 30 on nearly
all are, at 24 nine of ten, at 20 few; in white noise 8 would be one false lock in 10⁶ among a million places."""
HALF_FOUND = 22.0
"""t at which every second is."""
DOUBTS = 0.08
"""How many more looks it takes on average where images show more than one hole of a regular film: of 160 first looks at
such images, each with enough texture to be found, 12 had to be settled by another tilt."""
PATTERN_MAX = 4.0
"""t of the camera's own pattern up to which it is not found …"""
PATTERN_SHARE = 0.1
"""… or is outdone by a film that stands out so much more."""
CLEAR_PX = 3.0
"""At focus the images are at least so far apart: at no shift lies the camera's own pattern."""
Z_APPROACH_M = 2e-6
"""Z arrives from below, from so far; from twice its backlash where that is farther."""
OFF_FOCUS = "optics off eucentric focus"
"""What a budget calls the change of the tilts and their axis with the lens."""
LENS_MAX_M = 20e-6
"""A lens further from eucentric focus changes the optics and shifts the beam by more than 0.1 µm, where they change as
fast as in most columns: larger errors are corrected by height."""
COMPUTE_S_PER_PX = 1e-7
"""What a look computes for each pixel of its images, all that Focus does with them: 0.1 s for an image of 1024²."""
INSIDE = np.linspace(-1.0, 1.0, 25)
"""Of the largest error: where a film is looked for. Each is to be seen, by the further look if not by the first."""
UNSEEN_MAX = 0.3
"""So many of the runs may need the further look: after it there is no other."""
_SHARES = np.geomspace(1e-4, 1.0, 2000)  # of a range: to half a per cent


@dataclass(frozen=True, slots=True)
class Left:
    """What is left after one look and its correction, from an error of `start_m`: 1σ, and its parts by name."""

    sigma_m: float
    budget: tuple[Contribution, ...]

    def beside(self, more: tuple[Contribution, ...]) -> Left:
        """The same with further parts."""
        return Left(math.hypot(self.sigma_m, *(part.sigma_m for part in more)), (*self.budget, *more))


@dataclass(frozen=True, slots=True)
class Before:
    """What a step finds: a place that has been exposed for so long, and Z's scale as it is known by then."""

    exposed_s: float = 0.0
    z_scale: float | None = None


FRESH = Before()


def range_of(candidate: Candidate, instrument: Instrument) -> float:
    """The largest |C1| that a look, the first or the further, measures and that may be corrected so, metres; or 0."""
    by_stage = candidate.correction is CorrectionType.STAGE_Z
    most = z_most_m(instrument) if by_stage else lens_max(instrument)
    if most <= 0 or not lit(candidate, instrument) or not clear(candidate, instrument):
        return 0.0
    tried = min(most, candidate.field_m / candidate.tilt_rad) * _SHARES
    at = candidate.offset_m + np.array([[-1.0], [1.0]]) * tried  # with the offset one side is nearer, the other farther
    more = at + further_m(candidate.tilt_rad, candidate.pixel_m)
    t, _ = with_further(common(candidate, instrument, at), common(candidate, instrument, more))
    seen = np.all(t >= STANDS_OUT, axis=0)
    return float(np.max(tried, where=seen, initial=0.0))


def z_approach_m(instrument: Instrument) -> float:
    """From how far below Z arrives. It takes all play away: what remains is how well it comes back from one side."""
    return max(Z_APPROACH_M, 2 * instrument.stage.backlash_m)


def z_most_m(instrument: Instrument) -> float:
    """How far Z may be from the middle and still be approached from below, metres."""
    return max(instrument.stage.z_max_m - z_approach_m(instrument), 0.0)


def lens_max(instrument: Instrument) -> float:
    """How far the lens may be from eucentric focus, metres."""
    return LENS_MAX_M / instrument.lens.far if instrument.lens.far > 0 else math.inf


def lit(candidate: Candidate, instrument: Instrument) -> bool:
    """Whether the light fills the image at both tilts: its edge would be the same in both, at no shift."""
    moved_m = 2 * candidate.tilt_rad * 1e3 * instrument.lens.pivot_m
    return math.sqrt(2) * candidate.field_m + moved_m <= candidate.magnification.beam_m


def clear(candidate: Candidate, instrument: Instrument) -> bool:
    """Whether the camera's own pattern does not stand out, and at focus the images are apart, away from it."""
    seen = sight_at(instrument, candidate.magnification, candidate.binning, candidate.tilt_rad, candidate.exposure)
    film = stands_out(candidate, instrument, candidate.offset_m)
    if seen.pattern * candidate.size_px > max(PATTERN_MAX, PATTERN_SHARE * film):
        return False
    return bool(abs(_apart_m(candidate, instrument, candidate.offset_m)) >= CLEAR_PX * candidate.pixel_m)


def acts_on_m(candidate: Candidate, instrument: Instrument) -> float:
    """3·C3·β²: an error of the tilts' size acts on C1 and this, as d(C1·β + C3·β³)/dβ has it. (One of their direction
    acts on C1 + C3·β², across the tilt alone.)"""
    return 3 * instrument.lens.cs_m * candidate.tilt_rad**2


def _apart_m(candidate: Candidate, instrument: Instrument, c1_m: ArrayLike) -> Array:
    """How far the images of a pair are apart: 2(C1·β + C3·β³)."""
    tilt = candidate.tilt_rad
    return np.asarray(2 * tilt * (np.asarray(c1_m) + instrument.lens.cs_m * tilt**2))


def stands_out(candidate: Candidate, instrument: Instrument, c1_m: float) -> float:
    """t of the correlation at C1; 0 where the images share less than a fifth."""
    return float(common(candidate, instrument, c1_m)[0])


def common(candidate: Candidate, instrument: Instrument, c1_m: ArrayLike) -> tuple[Array, Array]:
    """(t, 1σ of a shift along the tilt in pixels) at C1, any shape."""
    at, one, size = np.asarray(c1_m, dtype=np.float64), candidate, candidate.size_px
    gamma, told = sight_at(instrument, one.magnification, one.binning, one.tilt_rad, one.exposure).at(at)
    left = 1 - np.abs(_apart_m(one, instrument, at)) / one.field_m
    area = np.where(left >= OVERLAP_FOR_RANGE, left, 0.0) * size**2
    return np.asarray(gamma * np.sqrt(area)), np.minimum(EFFICIENCY / np.sqrt(np.maximum(area * told, 1e-30)), size)


def with_further(first: tuple[Array, Array], further: tuple[Array, Array]) -> tuple[Array, Array]:
    """(t, 1σ) as a run ends up with: of its further look where the first does not see."""
    seen = first[0] >= STANDS_OUT
    return np.where(seen, first[0], further[0]), np.where(seen, first[1], further[1])


def weights(sigmas: float | None) -> Array:
    """How often an error is at each of `INSIDE`: anywhere alike (None), or the largest error is so many of its σ."""
    often = np.ones(INSIDE.size) if sigmas is None else np.exp(-0.5 * (sigmas * INSIDE) ** 2)
    return np.asarray(often / often.sum())


def unseen(candidate: Candidate, instrument: Instrument, error_m: float, sigmas: float | None) -> float:
    """The share of errors up to `error_m` that take a further look to be seen; `sigmas` as of `weights`."""
    t, _ = common(candidate, instrument, candidate.offset_m + error_m * INSIDE)
    return float(weights(sigmas) @ (t < STANDS_OUT))


def left_after(candidate: Candidate, instrument: Instrument, c1_m: float, before: Before = FRESH) -> Left:
    """What one look and its correction leave of an error of `c1_m`."""
    of = [*looked_at(candidate, instrument, c1_m, before).budget, *_corrected(candidate, instrument, c1_m, before)]
    return Left(math.sqrt(sum(one.sigma_m**2 for one in of)), tuple(of))


def looked_at(candidate: Candidate, instrument: Instrument, c1_m: float, before: Before = FRESH) -> Left:
    """The error of a look at `c1_m`, of either sign: with the offset one side is nearer, the other farther. Its
    noise is the mean of what images show between the two, its other parts that of both.
    """
    scale = math.sqrt(2.0)  # of a uniform sample of five: what is seen at ±C1, ±C1/√2 and 0 counts alike
    at = candidate.offset_m + c1_m * np.array([-1.0, -1 / scale, 0.0, 1 / scale, 1.0])
    more = at + further_m(candidate.tilt_rad, candidate.pixel_m)
    _, every_px = with_further(common(candidate, instrument, at), common(candidate, instrument, more))
    noise_px = math.sqrt(float(np.mean(every_px**2)))
    sure = settled(instrument, before.exposed_s)
    away = away_from(sure, instrument.lens.far * candidate.offset_m)
    shift_sigma_m = math.hypot(noise_px, SHIFT_FLOOR_PX) * candidate.pixel_m
    sides = [
        predicted_measurement(
            candidate.plan,
            c1_m=candidate.offset_m + side * c1_m,
            shift_sigma_m=shift_sigma_m,
            interval_s=interval_s(candidate, instrument),
            c3_m=instrument.lens.cs_m,
            prior=away,
        )
        for side in (-1, 1)
    ]
    parts = [
        without_offset(raw, candidate.offset_m, sure.focus_scale, left_behind=sure.focus_hysteresis).budget
        for raw in sides
    ]
    both = tuple(
        Contribution(one.source, math.hypot(one.sigma_m, other.sigma_m) / math.sqrt(2))
        for one, other in zip(*parts, strict=True)
    )
    budget = (*_told_apart(both, sure, away), *_of_film(instrument, candidate.field_m))
    return Left(math.sqrt(sum(part.sigma_m**2 for part in budget)), budget)


def _told_apart(budget: tuple[Contribution, ...], sure: Uncertainty, away: Uncertainty) -> tuple[Contribution, ...]:
    """The same with what is due to the lens' being away from eucentric focus as a part of its own."""
    of_away = {
        "tilt scale": _share(sure.tilt_scale, away.tilt_scale),
        "tilt rotation": _share(sure.tilt_rotation_rad, away.tilt_rotation_rad),
        "coma-free axis": _share(sure.axis_rad, away.axis_rad),
    }
    shares = [of_away.get(part.source, 0.0) for part in budget]
    kept = [Contribution(p.source, p.sigma_m * math.sqrt(1 - share)) for p, share in zip(budget, shares, strict=True)]
    far_m = math.sqrt(sum(share * p.sigma_m**2 for p, share in zip(budget, shares, strict=True)))
    return (*kept, Contribution(OFF_FOCUS, far_m))


def _share(here: float, away: float) -> float:
    """What part of a variance is due to being away."""
    return 1 - (here / away) ** 2 if away > 0 else 0.0


def _of_film(instrument: Instrument, field_m: float) -> tuple[Contribution, ...]:
    film = instrument.specimen
    tilt, bend = film.tilt_sigma_m(field_m), film.bend_sigma_m(field_m)
    return Contribution("specimen tilt", tilt), Contribution("specimen bend", bend)


def film_variance_m2(instrument: Instrument, field_m: float) -> float:
    """Of C1, from a film that is neither level nor flat."""
    return sum(part.sigma_m**2 for part in _of_film(instrument, field_m))


def settled(instrument: Instrument, exposed_s: float) -> Uncertainty:
    """What is believed where a place has been exposed for so long."""
    return after_exposure(instrument.uncertainty, exposed_s)


def looks_of(candidate: Candidate, instrument: Instrument) -> float:
    """How many looks one takes, on average."""
    return 1 + DOUBTS * (candidate.field_m > instrument.specimen.pitch_m)


def interval_s(candidate: Candidate, instrument: Instrument) -> float:
    """From one image of a pattern to the next."""
    return candidate.exposure_s + instrument.times.readout_s + instrument.times.tilt_s


def seconds_of(candidate: Candidate, instrument: Instrument) -> float:
    """Time of one look and its correction."""
    times, images = instrument.times, candidate.images
    look = images * (interval_s(candidate, instrument) + COMPUTE_S_PER_PX * candidate.size_px**2)
    offset = 2 * times.defocus_s if candidate.offset_m else 0.0
    by_stage = candidate.correction is CorrectionType.STAGE_Z
    z_s = 1.5 * times.stage_s + instrument.stage.settle_s  # from below: every second move is two
    return look + offset + (z_s if by_stage else times.defocus_s + LENS_SETTLE_S)


LENS_SETTLE_S = 1.0
"""Wait after a correction by the lens."""


def z_scale_after(known: float, measured_m: float, moved_m: float) -> float:
    """What Z's scale is known to once a move of `moved_m` was looked at with an error of `measured_m`."""
    if known == 0 or measured_m == 0:
        return 0.0
    return 1 / math.hypot(1 / known, moved_m / measured_m)


def _corrected(candidate: Candidate, instrument: Instrument, change_m: float, before: Before) -> list[Contribution]:
    stage = instrument.stage
    if candidate.correction is CorrectionType.STAGE_Z:
        scale = stage.z_scale if before.z_scale is None else before.z_scale
        return [Contribution("stage Z scale", scale * abs(change_m)), Contribution("stage Z arrival", stage.arrival_m)]
    return [
        Contribution("lens scale", instrument.errors.focus_scale * abs(change_m)),
        Contribution("lens hysteresis", instrument.lens.hysteresis * abs(change_m) / math.sqrt(3)),
    ]
