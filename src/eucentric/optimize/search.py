"""The search for cheap chains of steps: every candidate as a row of arrays, and labels that grow step by step. Pure.

A label is an error that is left (1σ) at a magnification and what it took so far. Each is prolonged by all candidates
that reach it; of the longer ones those stay that are neither dearer nor worse than another. A chain ends where k of its
σ are within the accuracy. What rests on averages here is computed exactly for the chains that are found.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from eucentric.focus.patterns import PatternName, pattern
from eucentric.focus.predict import OVERLAP_FOR_RANGE, predicted_measurement
from eucentric.focus.settings import CorrectionType
from eucentric.optimize.candidate import (
    CORRECTIONS,
    EXPOSURES,
    OFFSETS_M,
    PATTERNS,
    Candidate,
    images_of,
    sizes_of,
    tilts_of,
)
from eucentric.optimize.instrument import Instrument
from eucentric.optimize.prediction import (
    EFFICIENCY,
    SHIFT_FLOOR_PX,
    STANDS_OUT,
    Z_APPROACH_M,
    between,
    clear,
    lens_max,
    lit,
    looks_of,
    seconds_of,
    settled,
    told_apart_m,
    z_scale_after,
)
from eucentric.optimize.sight import Array, Sight, sight

ROOM = 1.1
"""A range holds an error with so much to spare: scales of tilts are not exact."""
STEPS_MAX = 4
_EXPOSED_S = 5.0  # a place at which a step ended has been exposed for about so long
_FAR_M = 100e-6  # what grows with C1 is told from here ...
_NEAR_M = 0.1e-6  # ... and what a last look leaves from here
_WORTH = 0.7  # a step leaves at most so much of an error, or it is none
_KEPT = 16  # labels at a magnification
_INSIDE = np.array([-1.0, -1 / math.sqrt(2), 0.0, 1 / math.sqrt(2), 1.0])
_GAIN = {PatternName.PAIR: 1.0, PatternName.QUAD: 2.0, PatternName.CROSS_QUAD: 4.0}  # independent pairs


@dataclass(frozen=True, slots=True)
class Chain:
    """Steps in order, and what they take at most and leave by the search's averages."""

    steps: tuple[Candidate, ...]
    sigma_m: float
    dose_e_per_m2: float
    seconds: float


@dataclass(frozen=True, slots=True)
class _Label:
    """An error, 1σ, at the end of `steps`; at its beginning `bound_m` is the largest there can be."""

    sigma_m: float
    bound_m: float
    z_scale: float
    dose: float = 0.0
    seconds: float = 0.0
    steps: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class _Group:
    """Candidates `first` … `last` − 1: of one magnification, binning, tilt and exposure, so that they see alike."""

    table: Sight
    first: int
    last: int


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """All candidates of an instrument; arrays (n,) say what differs between them.

    `apart_m` is what Cs makes of the tilt, β²; `base_m2` the variance of C1 beside noise at a place that has been
    exposed, `fresh_m2` at one that has not; `slope` what of it grows with C1².
    """

    instrument: Instrument
    candidates: tuple[Candidate, ...]
    groups: tuple[_Group, ...]
    size: Array
    pixel_m: Array
    tilt: Array
    magnification: NDArray[np.intp]
    image: NDArray[np.intp]
    offset_m: Array
    gain: Array
    base_m2: Array
    fresh_m2: Array
    slope: Array
    alike_m: Array
    stage: NDArray[np.bool_]
    dose: Array
    seconds: Array


class Wanted(Protocol):
    """What is asked of the chains: an error up to `start_m` is to be within `accuracy_m`, metres, in so many steps;
    `presets` are the only magnifications that may be used, none: all; with `one_preset` all images are alike.
    """

    @property
    def start_m(self) -> float: ...
    @property
    def accuracy_m(self) -> float: ...
    @property
    def tilt_max_rad(self) -> float | None: ...
    @property
    def steps_max(self) -> int: ...
    @property
    def presets(self) -> tuple[str, ...]: ...
    @property
    def one_preset(self) -> bool: ...


def chains(instrument: Instrument, wanted: Wanted, sigmas: float) -> list[Chain]:
    """Chains that take any error from the start to `sigmas` σ within the accuracy, the cheaper ones of each length."""
    grid = _grid(instrument, wanted.tilt_max_rad, wanted.presets)
    found: list[Chain] = []
    labels = [_Label(wanted.start_m / math.sqrt(3), wanted.start_m, instrument.stage.z_scale)]
    for number in range(wanted.steps_max):
        longer = [one for label in labels for one in _prolonged(label, grid, sigmas, wanted)]
        ends = [x for x in longer if sigmas * x.sigma_m <= wanted.accuracy_m]
        found += [Chain(x.steps, x.sigma_m, x.dose, x.seconds) for x in _best(ends, 4 * _KEPT)]
        if number + 1 < wanted.steps_max:
            labels = _thinned([x for x in longer if sigmas * x.sigma_m > wanted.accuracy_m], wanted)
    return found


def best_of(instrument: Instrument, wanted: Wanted) -> Best:
    """How far anything reaches, and what a look leaves at best, with which candidate."""
    grid = _grid(instrument, wanted.tilt_max_rad, wanted.presets)
    if not grid.candidates:
        return Best(0.0, None)
    reaches = [e for e in np.geomspace(1e-7, 1e-2, 151) if np.any(_seen(grid, float(e)).reaches)]
    near = _seen(grid, _NEAR_M)
    left = np.where(near.reaches, near.noise_m2 + grid.base_m2, np.inf)
    return Best(float(max(reaches, default=0.0)), grid.candidates[int(np.argmin(left))])


@dataclass(frozen=True, slots=True)
class Best:
    """The largest error that anything measures, and the most accurate candidate; None where nothing is seen at all."""

    reach_m: float
    candidate: Candidate | None


def _prolonged(label: _Label, grid: _Grid, sigmas: float, wanted: Wanted) -> list[_Label]:
    """The label after one more step, of each candidate that is worth it."""
    first, instrument = not label.steps, grid.instrument
    z_scale = np.full(len(grid.candidates), label.z_scale if first else instrument.stage.z_scale)
    sigma = np.full(len(grid.candidates), label.sigma_m)
    if not first:
        last = label.steps[-1].magnification
        names = [m.name for m in instrument.magnifications]
        apart = np.array([between(last, m, instrument) for m in instrument.magnifications])
        sigma = np.hypot(sigma, apart[grid.magnification])
        z_scale[grid.magnification == names.index(last.name)] = label.z_scale
    bound = ROOM * (label.bound_m if first else sigmas * float(np.max(sigma)))
    seen = _seen(grid, _rounded_up(bound))
    lens = math.hypot(instrument.errors.focus_scale, instrument.lens.hysteresis / math.sqrt(3))
    measured = seen.noise_m2 + (grid.fresh_m2 if first else grid.base_m2) + grid.slope * sigma**2
    moved = np.where(grid.stage, (z_scale * sigma) ** 2 + instrument.stage.arrival_m**2, (lens * sigma) ** 2)
    left = np.sqrt(measured + moved)
    worthy = seen.reaches & ((left <= _WORTH * sigma) | (sigmas * left <= wanted.accuracy_m))
    if wanted.one_preset and not first:
        worthy &= grid.image == grid.image[grid.candidates.index(label.steps[-1])]
    worth = np.flatnonzero(worthy)
    if worth.size == 0:
        return []
    ends = sigmas * left[worth] <= wanted.accuracy_m
    kept: set[int] = set()
    for these in _alike(worth, grid, apart=wanted.one_preset):
        kept |= set(these[_undominated(left[these], grid.dose[these], grid.seconds[these])].tolist())
    for cost, other in ((grid.dose, grid.seconds), (grid.seconds, grid.dose)):
        kept |= set(worth[ends][np.lexsort((other[worth][ends], cost[worth][ends]))[:_KEPT]].tolist())
    out = []
    for k in sorted(kept):
        error = math.sqrt(float(measured[k]))
        known = z_scale_after(float(z_scale[k]), error, float(sigma[k])) if grid.stage[k] else float(z_scale[k])
        dose, seconds = label.dose + float(grid.dose[k]), label.seconds + float(grid.seconds[k])
        out.append(
            _Label(
                float(left[k]),
                0.0,
                known,
                dose,
                seconds + instrument.times.preset_s,
                (*label.steps, grid.candidates[k]),
            )
        )
    return out


def _alike(these: NDArray[np.intp], grid: _Grid, *, apart: bool) -> list[NDArray[np.intp]]:
    """Candidates that compete: all, or those with the same images where each kind is to go on by itself."""
    if not apart:
        return [these]
    return [these[grid.image[these] == image] for image in np.unique(grid.image[these])]


@dataclass(frozen=True, slots=True)
class _Looked:
    """What the candidates make of errors of one size: whether they see and may correct it, and the noise in C1."""

    reaches: NDArray[np.bool_]
    noise_m2: Array


def _rounded_up(error_m: float) -> float:
    """To the next of ten sizes a decade, so that what is seen of an error is computed once."""
    return float(10 ** (math.ceil(10 * math.log10(error_m) - 1e-9) / 10))


@functools.lru_cache(maxsize=256)
def _seen(grid: _Grid, error_m: float) -> _Looked:
    """Noise is the mean over errors up to that one."""
    looks = [_through(grid, grid.offset_m + f * error_m) for f in _INSIDE]
    instrument = grid.instrument
    most = np.minimum(np.where(grid.stage, instrument.stage.z_max_m - Z_APPROACH_M, lens_max(instrument)), grid.alike_m)
    reaches = np.logical_and.reduce([looks[k][0] >= STANDS_OUT for k in (0, -1)]) & (error_m / ROOM <= most)
    mean = np.mean([sigma**2 for _, sigma in looks], axis=0)
    noise = (mean + SHIFT_FLOOR_PX**2) * (grid.pixel_m / (2 * grid.tilt)) ** 2 / grid.gain
    return _Looked(np.asarray(reaches), np.asarray(noise))


def _through(grid: _Grid, c1_m: Array) -> tuple[Array, Array]:
    """(t, 1σ of a shift in pixels) of each at its C1."""
    c3 = grid.instrument.lens.cs_m
    apart = np.abs(2 * grid.tilt * (c1_m + c3 * grid.tilt**2)) / (grid.pixel_m * grid.size)
    left = np.where(1 - apart >= OVERLAP_FOR_RANGE, 1 - apart, 0.0)
    gamma, told = np.empty(c1_m.size), np.empty(c1_m.size)
    for group in grid.groups:
        part = slice(group.first, group.last)
        gamma[part], told[part] = group.table.at(c1_m[part])
    area = left * grid.size**2
    sigma = EFFICIENCY / np.sqrt(np.maximum(area * told, 1e-30))
    return np.asarray(gamma * np.sqrt(area)), np.minimum(sigma, grid.size)


def _undominated(left: Array, dose: Array, seconds: Array) -> list[int]:
    """Those that leave less than all that take fewer electrons, or less time."""
    kept: set[int] = set()
    for cost, other in ((dose, seconds), (seconds, dose)):
        least = math.inf
        for k in np.lexsort((other, cost, left)):
            if cost[k] < least * (1 - 1e-9):
                least = float(cost[k])
                kept.add(int(k))
    return sorted(kept)


def _thinned(labels: list[_Label], wanted: Wanted) -> list[_Label]:
    """The undominated labels of each magnification, or of each kind of image, evenly thinned."""

    def kind(label: _Label) -> str:
        last = label.steps[-1]
        return last.preset if wanted.one_preset else last.magnification.name

    out: list[_Label] = []
    for name in sorted({kind(x) for x in labels}):
        these = sorted((x for x in labels if kind(x) == name), key=lambda x: x.sigma_m)
        numbers = [np.array([getattr(x, what) for x in these]) for what in ("sigma_m", "dose", "seconds")]
        kept = _undominated(*numbers)
        every = max(1, math.ceil(len(kept) / _KEPT))
        out += [these[k] for k in kept[::every]]
    return out


def _best(ends: list[_Label], count: int) -> list[_Label]:
    """The cheapest by electrons, and those by time."""
    by_dose = sorted(ends, key=lambda x: (x.dose, x.seconds))[:count]
    by_time = sorted(ends, key=lambda x: (x.seconds, x.dose))[:count]
    return list(dict.fromkeys((*by_dose, *by_time)))


@functools.lru_cache(maxsize=8)
def _grid(instrument: Instrument, tilt_max_rad: float | None, presets: tuple[str, ...]) -> _Grid:
    """All candidates that see a film at focus."""
    every: list[Candidate] = []
    groups: list[_Group] = []
    for (magnification, binning), tilt in itertools.product(images_of(instrument), tilts_of(instrument, tilt_max_rad)):
        if presets and magnification.name not in presets:
            continue
        looks = sight(instrument, magnification, binning, tilt)
        for exposure in EXPOSURES:
            these = [
                Candidate(magnification, binning, size, tilt, name, offset, by, exposure)
                for size, offset in itertools.product(sizes_of(instrument, binning), OFFSETS_M)
                if _usable(Candidate(magnification, binning, size, tilt, *_ANY, exposure), offset, instrument)
                and size * float(looks[exposure].at(offset)[0]) >= STANDS_OUT
                for name, by in itertools.product(PATTERNS, CORRECTIONS)
            ]
            if these:
                groups.append(_Group(looks[exposure], len(every), len(every) + len(these)))
                every += these
    return _filled(instrument, tuple(every), tuple(groups))


_ANY = (PatternName.PAIR, 0.0, CorrectionType.NONE)


def _usable(one: Candidate, offset_m: float, instrument: Instrument) -> bool:
    return lit(one, instrument) and clear(replace(one, offset_m=offset_m), instrument)


def _filled(instrument: Instrument, these: tuple[Candidate, ...], groups: tuple[_Group, ...]) -> _Grid:
    def of(what: Callable[[Candidate], float]) -> Array:
        return np.array([what(one) for one in these], dtype=np.float64)

    names = [m.name for m in instrument.magnifications]
    parts = [_apart_from_noise(instrument, c.pattern, c.tilt_rad, c.exposure_s) for c in these]
    base, fresh, slope = (np.array([getattr(part, what) for part in parts], dtype=np.float64) for what in _PARTS)
    offset = of(lambda c: c.offset_m)
    back = (offset * math.hypot(instrument.errors.focus_scale, instrument.lens.hysteresis / math.sqrt(3))) ** 2
    looks = of(lambda c: looks_of(c, instrument))
    return _Grid(
        instrument=instrument,
        candidates=these,
        groups=groups,
        size=of(lambda c: c.size_px),
        pixel_m=of(lambda c: c.pixel_m),
        tilt=of(lambda c: c.tilt_rad),
        magnification=np.array([names.index(c.magnification.name) for c in these], dtype=np.intp),
        image=np.unique([c.preset for c in these], return_inverse=True)[1],
        offset_m=offset,
        gain=of(lambda c: _GAIN[c.pattern]),
        base_m2=base + back + slope * offset**2,
        fresh_m2=fresh + back + slope * offset**2,
        slope=slope,
        alike_m=of(lambda c: told_apart_m(c, instrument)),
        stage=np.array([c.correction is CorrectionType.STAGE_Z for c in these], dtype=bool),
        dose=of(lambda c: c.dose_e_per_m2) * looks,
        seconds=of(lambda c: seconds_of(c, instrument)) * looks,
    )


_PARTS = ("base_m2", "fresh_m2", "slope")


@dataclass(frozen=True, slots=True)
class _Parts:
    base_m2: float
    fresh_m2: float
    slope: float


@functools.lru_cache(maxsize=4096)
def _apart_from_noise(instrument: Instrument, name: PatternName, tilt_rad: float, exposure_s: float) -> _Parts:
    """What a pattern's error is beside the noise of its shifts, by its design matrix."""
    between_s = exposure_s + instrument.times.readout_s + instrument.times.tilt_s

    def variance(c1_m: float, exposed_s: float) -> float:
        measured = predicted_measurement(
            pattern(name, tilt_rad),
            c1_m=c1_m,
            shift_sigma_m=1e-12,
            interval_s=between_s,
            c3_m=instrument.lens.cs_m,
            prior=settled(instrument, exposed_s),
        )
        return measured.total_sigma_m**2

    base = variance(0.0, _EXPOSED_S)
    slope = max(variance(_FAR_M, _EXPOSED_S) - base, 0.0) / _FAR_M**2
    return _Parts(base, variance(0.0, 0.0), slope)
