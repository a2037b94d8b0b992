"""All candidates of an instrument as rows of arrays, and what they make of an error. Pure."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from eucentric.focus.again import further_m
from eucentric.focus.patterns import PatternName, pattern
from eucentric.focus.predict import OVERLAP_FOR_RANGE, predicted_measurement
from eucentric.focus.settings import CorrectionType
from eucentric.optimize.instrument import Instrument
from eucentric.optimize.planning.candidate import (
    CORRECTIONS,
    EXPOSURES,
    OFFSETS_M,
    PATTERNS,
    Candidate,
    images_of,
    sizes_of,
    tilts_of,
)
from eucentric.optimize.planning.prediction import (
    EFFICIENCY,
    INSIDE,
    SHIFT_FLOOR_PX,
    STANDS_OUT,
    UNSEEN_MAX,
    acts_on_m,
    clear,
    common,
    film_variance_m2,
    lens_max,
    lit,
    looks_of,
    seconds_of,
    settled,
    weights,
    with_further,
    z_most_m,
)
from eucentric.optimize.planning.sight import Array, Sight, Sights, sight

ROOM = 1.1
"""A range holds an error with so much to spare: scales of tilts are not exact."""
EXPOSED_S = 5.0
"""A place at which a step ended has been exposed for about so long."""
_FAR_M = 100e-6  # what grows with C1 is told from here
_NEAR_M = np.outer([-1, 1], np.geomspace(0.5e-6, 60e-6, 11)).ravel()  # between even samples of a far start a film hides
_GAIN = {name: len(pattern(name, 1e-3).links) for name in PATTERNS}  # independent pairs


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """All candidates of an instrument; arrays (n,) say what differs between them. Those of one magnification, binning,
    tilt and exposure see alike: `sight` is their row of `sights`.

    `base_m2` is the variance of C1 beside noise at a place that has been exposed, `fresh_m2` at one that has not;
    `slope` what of it grows with C1².
    """

    instrument: Instrument
    candidates: tuple[Candidate, ...]
    sights: Sights
    sight: NDArray[np.intp]
    size: Array
    pixel_m: Array
    tilt: Array
    magnification: NDArray[np.intp]
    image: NDArray[np.intp]
    offset_m: Array
    further_m: Array
    gain: Array
    base_m2: Array
    fresh_m2: Array
    slope: Array
    stage: NDArray[np.bool_]
    dose: Array
    seconds: Array


@functools.lru_cache(maxsize=8)
def grid_of(instrument: Instrument, tilt_max_rad: float | None, presets: tuple[str, ...]) -> Grid:
    """All candidates that see a film at focus."""
    every: list[Candidate] = []
    rows: list[int] = []
    sights: list[Sight] = []
    for (magnification, binning), tilt in itertools.product(images_of(instrument), tilts_of(instrument, tilt_max_rad)):
        if presets and magnification.name not in presets:
            continue
        looks = sight(instrument, magnification, binning, tilt)
        for exposure in EXPOSURES:
            these = [
                Candidate(magnification, binning, size, tilt, name, offset, by, exposure)
                for size in sizes_of(instrument, binning)
                for offset in _offsets(Candidate(magnification, binning, size, tilt, *_ANY, exposure), instrument)
                for name, by in itertools.product(PATTERNS, CORRECTIONS)
            ]
            if these:
                every += these
                rows += len(these) * [len(sights)]
                sights.append(looks[exposure])
    return _filled(instrument, tuple(every), Sights.of(sights), np.array(rows, dtype=np.intp))


_ANY = (PatternName.PAIR, 0.0, CorrectionType.NONE)


def _offsets(one: Candidate, instrument: Instrument) -> list[float]:
    """The lens offsets at which a film is seen at focus, by the first look or the further one."""
    if not lit(one, instrument):
        return []
    at = np.array(OFFSETS_M)
    (first, _), (further, _) = (common(one, instrument, c) for c in (at, at + further_m(one.tilt_rad, one.pixel_m)))
    seen = np.maximum(first, further) >= STANDS_OUT
    return [o for o, sees in zip(OFFSETS_M, seen, strict=True) if sees and clear(replace(one, offset_m=o), instrument)]


def _filled(instrument: Instrument, these: tuple[Candidate, ...], sights: Sights, rows: NDArray[np.intp]) -> Grid:
    def of(what: Callable[[Candidate], float]) -> Array:
        return np.array([what(one) for one in these], dtype=np.float64)

    names = [m.name for m in instrument.magnifications]
    every = {(c.pattern, c.tilt_rad, c.exposure_s) for c in these}
    known = {one: _apart_from_noise(instrument, *one) for one in every}
    parts = [known[c.pattern, c.tilt_rad, c.exposure_s] for c in these]
    base, fresh, slope = (np.array([getattr(part, what) for part in parts], dtype=np.float64) for what in _PARTS)
    offset = of(lambda c: c.offset_m)
    back = (offset * instrument.lens_sigma) ** 2
    tilts = slope * offset * (offset + 2 * of(lambda c: acts_on_m(c, instrument)))  # beside what base has at no C1
    film = of(lambda c: film_variance_m2(instrument, c.field_m))
    looks = of(lambda c: looks_of(c, instrument))
    return Grid(
        instrument=instrument,
        candidates=these,
        sights=sights,
        sight=rows,
        size=of(lambda c: c.size_px),
        pixel_m=of(lambda c: c.pixel_m),
        tilt=of(lambda c: c.tilt_rad),
        magnification=np.array([names.index(c.magnification.name) for c in these], dtype=np.intp),
        image=np.unique([c.preset for c in these], return_inverse=True)[1],
        offset_m=offset,
        further_m=of(lambda c: further_m(c.tilt_rad, c.pixel_m)),
        gain=of(lambda c: _GAIN[c.pattern]),
        base_m2=base + back + film + tilts,
        fresh_m2=fresh + back + film + tilts,
        slope=slope,
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

    base = variance(0.0, EXPOSED_S)
    far = 0.5 * (variance(_FAR_M, EXPOSED_S) + variance(-_FAR_M, EXPOSED_S))
    slope = max(far - base, 0.0) / _FAR_M**2
    return _Parts(base, variance(0.0, 0.0), slope)


@dataclass(frozen=True, slots=True)
class Looked:
    """What the candidates make of errors of one size: whether they see and may correct it, the share of them that is
    seen by a further look only, and the noise in C1.
    """

    reaches: NDArray[np.bool_]
    unseen: Array
    noise_m2: Array


def rounded_up(error_m: float) -> float:
    """To the next of ten sizes a decade, so that what is seen of an error is computed once."""
    return float(10 ** (math.ceil(10 * math.log10(error_m) - 1e-9) / 10))


@functools.lru_cache(maxsize=64)  # half a megabyte each, and they keep their grids; a plan takes about eight
def seen(grid: Grid, error_m: float, sigmas: float | None = None) -> Looked:
    """Noise is the mean over errors up to that one; `sigmas` as of `weights`."""
    instrument, often = grid.instrument, weights(sigmas)
    most = np.where(grid.stage, z_most_m(instrument), lens_max(instrument))
    reaches = error_m / ROOM <= most
    unseen, mean = np.zeros(reaches.size), np.zeros(reaches.size)
    for f, weight in zip(INSIDE, often, strict=True):
        c1_m = grid.offset_m + f * error_m
        first = _through(grid, c1_m)
        unseen += weight * (first[0] < STANDS_OUT)
        t, sigma = with_further(first, _through(grid, c1_m + grid.further_m))
        reaches &= t >= STANDS_OUT
        mean += sigma**2 / INSIDE.size
    for near_m in _NEAR_M[np.abs(_NEAR_M) < error_m]:
        c1_m = grid.offset_m + near_m
        reaches &= with_further(_through(grid, c1_m), _through(grid, c1_m + grid.further_m))[0] >= STANDS_OUT
    noise = (mean + SHIFT_FLOOR_PX**2) * (grid.pixel_m / (2 * grid.tilt)) ** 2 / grid.gain
    return Looked(reaches & (unseen <= UNSEEN_MAX), unseen, np.asarray(noise))


def _through(grid: Grid, c1_m: Array) -> tuple[Array, Array]:
    """(t, 1σ of a shift in pixels) of each at its C1."""
    c3 = grid.instrument.lens.cs_m
    apart = np.abs(2 * grid.tilt * (c1_m + c3 * grid.tilt**2)) / (grid.pixel_m * grid.size)
    left = np.where(1 - apart >= OVERLAP_FOR_RANGE, 1 - apart, 0.0)
    gamma, told = grid.sights.at(grid.sight, c1_m)
    area = left * grid.size**2
    sigma = EFFICIENCY / np.sqrt(np.maximum(area * told, 1e-30))
    return np.asarray(gamma * np.sqrt(area)), np.minimum(sigma, grid.size)
