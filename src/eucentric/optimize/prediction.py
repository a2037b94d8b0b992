"""What a candidate reaches, leaves and costs on an instrument, before an electron is spent. Pure.

Range: the largest |C1| whose images share a fifth of their area, and in which the correlation still stands out:
t = Σ γ/√modes, of a whitened product's mean over the overlap, γ the coherence that optics (damped by convergence as
defocus and tilt grow), dose, camera and thickness leave. Error: the Cramér–Rao bound of the shift times what ours loses
to it, through the design matrix of the pattern with what calibration, astigmatism, motion and drift leave unknown.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace

import numpy as np

from eucentric.calibration.elsewhere import away_from
from eucentric.errors import InputError
from eucentric.focus.measurement import Contribution, without_offset
from eucentric.focus.motion import after_exposure
from eucentric.focus.patterns import PatternName
from eucentric.focus.predict import predicted_measurement, separation_range_m
from eucentric.focus.settings import CorrectionType
from eucentric.optics.aberrations import Aberrations, Tilt, direction
from eucentric.optics.information import PairExposure, frequency_plane, predicted_coherence, shift_information
from eucentric.optics.tilt_shift import shift_between
from eucentric.optics.transfer import TiltedPair
from eucentric.optimize.candidate import Candidate
from eucentric.optimize.instrument import Instrument

EFFICIENCY = 1.25
"""1σ of a measured shift over its Cramér–Rao bound, as benchmarks measure it."""
SHIFT_FLOOR_PX = 0.02
"""Nothing is registered better: what images at different tilts do not share."""
STANDS_OUT = 12.0
"""t of a correlation that is found: 8 are one false lock in 10⁶ among a million places; films vary, and of two places
that both stand out one must do so clearly."""
Z_APPROACH_M = 2e-6
"""Z arrives from below, from so far."""
ARRIVAL_M = 20e-9
"""1σ of where Z arrives again."""
LENS_MAX_M = 20e-6
"""A lens further from eucentric focus changes the optics and shifts the beam by more than 0.1 µm, where they change as
fast as in most columns: larger errors are corrected by height."""
_SAMPLES = 64  # frequencies a side: sums over many Thon rings
_HALVINGS = 8  # of a range: to half a per cent


@dataclass(frozen=True, slots=True)
class Left:
    """What is left after one look and its correction, from an error of `start_m`: 1σ, and its parts by name."""

    sigma_m: float
    budget: tuple[Contribution, ...]


@dataclass(frozen=True, slots=True)
class LinkSigma:
    """1σ of a shift along the separation of two tilts, and across it; in pixels or metres as it is told."""

    along: float
    across: float


def range_of(candidate: Candidate, instrument: Instrument) -> float:
    """The largest |C1| that is measured and may be corrected so, metres; 0 where nothing is seen even near focus."""
    images = _images_range(replace(candidate, pattern=PatternName.PAIR, correction=CorrectionType.NONE), instrument)
    by_stage = candidate.correction is CorrectionType.STAGE_Z
    most = instrument.stage.z_max_m - Z_APPROACH_M if by_stage else lens_max(instrument)
    return min(images, most)


def lens_max(instrument: Instrument) -> float:
    """How far the lens may be from eucentric focus, metres."""
    return LENS_MAX_M / instrument.lens.far if instrument.lens.far > 0 else math.inf


@functools.lru_cache(maxsize=4096)
def _images_range(candidate: Candidate, instrument: Instrument) -> float:
    """The range of its images: what a pair of these tilts tells."""
    first, second = candidate.plan.tilts
    size = (candidate.size_px, candidate.size_px)
    shared = separation_range_m(size, candidate.pixel_m, first, second) - abs(candidate.offset_m)
    if shared <= 0 or not _lit(candidate, instrument) or not _seen(candidate, instrument, candidate.offset_m):
        return 0.0
    if _both(candidate, instrument, shared):
        return shared
    low, high = 0.0, shared
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _both(candidate, instrument, middle) else (low, middle)
    return low


def left_after(candidate: Candidate, instrument: Instrument, start_m: float, looks_before: int = 0) -> Left:
    """What one look and its correction leave of an error of `start_m`; `looks_before` were taken at the place."""
    measured = _measured(candidate, instrument, start_m, looks_before)
    of = [*measured, *_corrected(candidate, instrument, start_m)]
    return Left(math.sqrt(sum(one.sigma_m**2 for one in of)), tuple(of))


def looked_at(candidate: Candidate, instrument: Instrument, looks_before: int) -> Left:
    """The error of a last look near focus, which nothing is corrected after."""
    budget = tuple(_measured(candidate, instrument, 0.0, looks_before))
    return Left(math.sqrt(sum(one.sigma_m**2 for one in budget)), budget)


def interval_s(candidate: Candidate, instrument: Instrument) -> float:
    """Time from one image of a pattern to the next."""
    times = instrument.times
    return candidate.magnification.exposure_s + times.readout_s + times.tilt_s


def seconds_of(candidate: Candidate, instrument: Instrument) -> float:
    """Time of one look and its correction."""
    times = instrument.times
    look = candidate.plan.images * interval_s(candidate, instrument)
    by_stage = candidate.correction is CorrectionType.STAGE_Z
    return look + (2 * times.stage_s + instrument.stage.settle_s if by_stage else 4 * times.defocus_s)


def _measured(candidate: Candidate, instrument: Instrument, c1_m: float, looks_before: int) -> list[Contribution]:
    """The parts of a measurement's error at C1 (beside the offset)."""
    sure = away_from(instrument.uncertainty, instrument.lens.far * candidate.offset_m)
    interval = interval_s(candidate, instrument)
    sure = after_exposure(sure, looks_before * candidate.plan.images * interval)
    sigma_px = math.hypot(_shift_sigma_px(candidate, instrument, c1_m + candidate.offset_m), SHIFT_FLOOR_PX)
    raw = predicted_measurement(
        candidate.plan,
        c1_m=c1_m + candidate.offset_m,
        shift_sigma_m=sigma_px * candidate.pixel_m,
        interval_s=interval,
        c3_m=instrument.lens.cs_m,
        prior=sure,
    )
    return list(without_offset(raw, candidate.offset_m, sure.focus_scale, left_behind=sure.focus_hysteresis).budget)


def _corrected(candidate: Candidate, instrument: Instrument, change_m: float) -> list[Contribution]:
    """What the correction itself adds."""
    if candidate.correction is CorrectionType.STAGE_Z:
        return [
            Contribution("stage Z scale", instrument.stage.z_scale * abs(change_m)),
            Contribution("stage Z arrival", ARRIVAL_M),
        ]
    return [
        Contribution("lens scale", instrument.errors.focus_scale * abs(change_m)),
        Contribution("lens hysteresis", instrument.lens.hysteresis * abs(change_m) / math.sqrt(3)),
    ]


def _lit(candidate: Candidate, instrument: Instrument) -> bool:
    """Whether the light fills the image at both tilts: its edge would be the same in both, at no shift."""
    moved_m = 2 * candidate.tilt_rad * 1e3 * instrument.lens.pivot_m
    return math.sqrt(2) * candidate.field_m + moved_m <= candidate.magnification.beam_m


def _both(candidate: Candidate, instrument: Instrument, c1_m: float) -> bool:
    """Whether it is seen at C1 on both sides of focus: with the offset one is nearer, the other farther."""
    return all(_seen(candidate, instrument, side * c1_m + candidate.offset_m) for side in (-1, 1))


def _seen(candidate: Candidate, instrument: Instrument, c1_m: float) -> bool:
    try:
        gamma, modes = _coherence(candidate, instrument, c1_m)
    except InputError:
        return False
    return math.sqrt(modes / gamma.size) * float(np.sum(gamma)) >= STANDS_OUT


def _shift_sigma_px(candidate: Candidate, instrument: Instrument, c1_m: float) -> float:
    """1σ of a shift along the tilt, pixels."""
    gamma, modes = _coherence(candidate, instrument, c1_m)
    return _sigma_px(modes * _information(gamma)[1, 1], candidate)  # the pair of a pattern tilts along x first


def link_sigma_px(candidate: Candidate, instrument: Instrument, c1_m: float, pair: tuple[Tilt, Tilt]) -> LinkSigma:
    """1σ of the shift between images at two given tilts of the same size, along their separation and across it.

    It is the same for the pair turned about the axis: told for one whose separation is along x, where by symmetry the
    two components' errors are independent.
    """
    one, two = direction(pair[0]), direction(pair[1])
    turn = (two - one) / abs(two - one)
    level = _as_tilt(one / turn), _as_tilt(two / turn)
    try:
        gamma, modes = _seen_by(candidate, instrument, c1_m, level)
    except InputError:
        return LinkSigma(float(candidate.size_px), float(candidate.size_px))
    told = modes * _information(gamma)
    along, across = (math.hypot(_sigma_px(told[k, k], candidate), SHIFT_FLOOR_PX) for k in (1, 0))
    return LinkSigma(along, across)


def _as_tilt(omega: complex) -> Tilt:
    return (omega.imag, omega.real)


def _information(gamma: np.ndarray) -> np.ndarray:
    return shift_information(gamma, *frequency_plane((_SAMPLES, _SAMPLES)))


def _sigma_px(information: float, candidate: Candidate) -> float:
    return EFFICIENCY / math.sqrt(information) if information > 0 else float(candidate.size_px)


def _coherence(candidate: Candidate, instrument: Instrument, c1_m: float) -> tuple[np.ndarray, float]:
    """γ (64, 64) over the plane at C1, and how many modes of the overlap each stands for. Raises InputError."""
    plan = candidate.plan
    first, second = (plan.tilts[k] for k in plan.links[0])
    return _seen_by(candidate, instrument, c1_m, (first, second))


@functools.lru_cache(maxsize=8192)
def _seen_by(
    candidate: Candidate, instrument: Instrument, c1_m: float, tilts: tuple[Tilt, Tilt]
) -> tuple[np.ndarray, float]:
    """γ and modes of two images at given tilts."""
    lens = Aberrations(c1_m=c1_m, c3_m=instrument.lens.cs_m)
    pair = TiltedPair(*tilts, lens, instrument.column(candidate.magnification))
    spectrum = instrument.specimen.spectrum(instrument.lens.voltage)
    exposure = PairExposure(
        pair,
        candidate.pixel_m,
        candidate.magnification.dose_per_m2,
        spectrum,
        instrument.detector(candidate.binning),
    )
    moved = np.abs(shift_between(*tilts, lens)) / candidate.pixel_m
    common = np.maximum(candidate.size_px - moved, 0.0)
    if not np.all(common > 0):
        raise InputError("The images have nothing in common.")
    qy, qx = frequency_plane((_SAMPLES, _SAMPLES))
    gamma = np.asarray(predicted_coherence(qy, qx, exposure))
    return gamma, float(common[0] * common[1]) / _SAMPLES**2
