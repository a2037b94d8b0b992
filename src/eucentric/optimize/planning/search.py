"""The search for cheap chains of steps: every candidate as a row of arrays, and labels that grow step by step. Pure.

A label is an error that is left (1σ) at a magnification and what it took so far. Each is prolonged by all candidates
that reach it; of the longer ones those stay that are neither dearer nor worse than another. A chain ends where k of its
σ are within the accuracy. What rests on averages here is computed exactly for the chains that are found.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from eucentric.optimize.instrument import Instrument
from eucentric.optimize.planning.apart import between
from eucentric.optimize.planning.candidate import Candidate, magnification_at
from eucentric.optimize.planning.grid import ROOM, Grid, grid_of, rounded_up, seen
from eucentric.optimize.planning.prediction import z_scale_after
from eucentric.optimize.planning.sight import Array

STEPS_MAX = 4
_NEAR_M = 0.1e-6  # what a last look leaves is told from here
_WORTH = 0.7  # a step leaves at most so much of an error, or it is none
_KEPT = 16  # ends of a label
_SIZES = 8  # of errors, a decade, that labels are kept for


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


class Wanted(Protocol):
    """What is asked of the chains: an error up to `start_m` is to be within `accuracy_m`, metres, in so many steps;
    `presets` are the only magnifications that may be used, none: all; with `one_preset` all images are alike; `at` is
    the magnification where it is to hold, None: that of the last step.
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
    @property
    def at(self) -> str | None: ...


_WAYS: tuple[Callable[[_Label], tuple[float, float]], ...] = (
    lambda x: (x.dose, x.seconds),
    lambda x: (x.seconds, x.dose),
    lambda x: (x.dose * x.seconds, x.dose),
)
"""By electrons, by time, by both: what comes first is cheaper."""


def chains(instrument: Instrument, wanted: Wanted, sigmas: float) -> list[Chain]:
    """Chains that take any error from the start to `sigmas` σ within the accuracy, the cheaper ones of each length."""
    grid = grid_of(instrument, wanted.tilt_max_rad, wanted.presets)
    found: list[Chain] = []
    apart = _apart(grid, wanted)

    def left(label: _Label) -> float:
        return math.hypot(label.sigma_m, apart[label.steps[-1].magnification.name])

    labels = [_beginning(instrument, wanted)]
    for number in range(wanted.steps_max):
        longer = [one for label in labels for one in _prolonged(label, grid, sigmas, wanted)]
        ends = [x for x in longer if sigmas * left(x) <= wanted.accuracy_m]
        found += [Chain(x.steps, left(x), x.dose, x.seconds) for x in _best(ends, 4 * _KEPT)]
        if number + 1 < wanted.steps_max:
            labels = _thinned([x for x in longer if sigmas * left(x) > wanted.accuracy_m], wanted)
    return found


def _beginning(instrument: Instrument, wanted: Wanted) -> _Label:
    """Anywhere within the start."""
    return _Label(wanted.start_m / math.sqrt(3), wanted.start_m, instrument.stage.z_scale)


def best_of(instrument: Instrument, wanted: Wanted) -> Best:
    """How far anything reaches, what a look leaves at best, and what a first step from the start does."""
    grid = grid_of(instrument, wanted.tilt_max_rad, wanted.presets)
    if not grid.candidates:
        return Best(0.0, None, None)
    sizes = np.geomspace(1e-2, 1e-7, 101)  # the largest that is reached is the first
    reach = next((float(e) for e in sizes if np.any(seen(grid, float(e)).reaches)), 0.0)
    near = seen(grid, _NEAR_M)
    arrival_m2 = np.where(grid.stage, instrument.stage.arrival_m**2, 0.0)
    apart_m2 = np.array(list(_apart(grid, wanted).values()))[grid.magnification] ** 2
    left = np.where(near.reaches, near.noise_m2 + grid.base_m2 + arrival_m2 + apart_m2, np.inf)
    first = _stepped(_beginning(instrument, wanted), grid, 1.0)  # σ play no part in a first step
    far = np.where(first.reaches, first.left, np.inf)
    start = grid.candidates[int(np.argmin(far))] if first.reaches.any() else None
    return Best(reach, grid.candidates[int(np.argmin(left))], start)


@dataclass(frozen=True, slots=True)
class Best:
    """The largest error that anything measures; the most accurate candidate, None where nothing is seen at all; and the
    one that leaves least of the start, None where none reaches so far.
    """

    reach_m: float
    candidate: Candidate | None
    first: Candidate | None


def _apart(grid: Grid, wanted: Wanted) -> dict[str, float]:
    """1σ of how far each magnification, in the instrument's order, focuses from that where it is to hold, metres."""
    there = magnification_at(grid.instrument, wanted.at)
    return {
        m.name: 0.0 if there is None else between(m, there, grid.instrument) for m in grid.instrument.magnifications
    }


def _prolonged(label: _Label, grid: Grid, sigmas: float, wanted: Wanted) -> list[_Label]:
    """The label after one more step, of each candidate that is worth it."""
    step = _stepped(label, grid, sigmas)
    apart = np.array(list(_apart(grid, wanted).values()))
    holds = sigmas * np.hypot(step.left, apart[grid.magnification]) <= wanted.accuracy_m
    worthy = step.reaches & ((step.left <= _WORTH * step.sigma) | holds)
    if wanted.one_preset and label.steps:
        worthy &= grid.image == grid.image[grid.candidates.index(label.steps[-1])]
    worth = np.flatnonzero(worthy)
    if worth.size == 0:
        return []
    kept: set[int] = set()
    for these in _alike(worth, grid, apart=wanted.one_preset):
        kept |= set(these[_undominated(step.left[these], step.dose[these], step.seconds[these])].tolist())
    ends = worth[holds[worth]]
    both = step.dose * step.seconds
    for cost, other in ((step.dose, step.seconds), (step.seconds, step.dose), (both, step.dose)):
        kept |= set(ends[np.lexsort((other[ends], cost[ends]))[:_KEPT]].tolist())
    return [_longer(label, grid, step, k) for k in sorted(kept)]


@dataclass(frozen=True, slots=True)
class _Stepped:
    """One more step by each candidate: the error that arrives (1σ, metres) and what of it is told before (`z_scale`),
    the look's own error (variance), what is left, and electrons and time with the further looks of a blind one.
    """

    sigma: Array
    z_scale: Array
    measured_m2: Array
    left: Array
    reaches: NDArray[np.bool_]
    dose: Array
    seconds: Array


def _stepped(label: _Label, grid: Grid, sigmas: float) -> _Stepped:
    """What a step by each candidate makes of a label."""
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
    look = seen(grid, rounded_up(bound), None if first else ROOM * sigmas)
    lens = instrument.lens_sigma
    measured = look.noise_m2 + (grid.fresh_m2 if first else grid.base_m2) + grid.slope * sigma**2
    moved = np.where(grid.stage, (z_scale * sigma) ** 2 + instrument.stage.arrival_m**2, (lens * sigma) ** 2)
    looks = 1 + look.unseen
    return _Stepped(
        sigma, z_scale, measured, np.sqrt(measured + moved), look.reaches, grid.dose * looks, grid.seconds * looks
    )


def _longer(label: _Label, grid: Grid, step: _Stepped, k: int) -> _Label:
    """The label after a step by candidate `k`."""
    error, z_scale = math.sqrt(float(step.measured_m2[k])), float(step.z_scale[k])
    return _Label(
        sigma_m=float(step.left[k]),
        bound_m=0.0,
        z_scale=z_scale_after(z_scale, error, float(step.sigma[k])) if grid.stage[k] else z_scale,
        dose=label.dose + float(step.dose[k]),
        seconds=label.seconds + float(step.seconds[k]) + grid.instrument.times.preset_s,
        steps=(*label.steps, grid.candidates[k]),
    )


def _alike(these: NDArray[np.intp], grid: Grid, *, apart: bool) -> list[NDArray[np.intp]]:
    """Candidates that compete: all, or those with the same images where each kind is to go on by itself."""
    if not apart:
        return [these]
    return [these[grid.image[these] == image] for image in np.unique(grid.image[these])]


def _undominated(left: Array, dose: Array, seconds: Array) -> list[int]:
    """Those that leave less than all that take fewer electrons, less time, or less of both."""
    kept: set[int] = set()
    for cost, other in ((dose, seconds), (seconds, dose), (dose * seconds, dose)):
        order = np.lexsort((other, cost, left))
        least = np.minimum.accumulate(np.concatenate([[np.inf], cost[order][:-1]]))
        kept |= set(order[cost[order] < least * (1 - 1e-9)].tolist())
    return sorted(kept)


def _thinned(labels: list[_Label], wanted: Wanted) -> list[_Label]:
    """Of each size of error, at each magnification or kind of image: the cheapest by electrons, by time, by both."""

    def kind(label: _Label) -> str:
        last = label.steps[-1]
        return last.preset if wanted.one_preset else last.magnification.name

    kept: dict[tuple[str, int, int], _Label] = {}
    for label in labels:
        size = math.floor(_SIZES * math.log10(label.sigma_m))
        for number, way in enumerate(_WAYS):
            key = (kind(label), size, number)
            if key not in kept or way(label) < way(kept[key]):
                kept[key] = label
    return list(dict.fromkeys(kept.values()))


def _best(ends: list[_Label], count: int) -> list[_Label]:
    """The cheapest by electrons, those by time, and those by both."""
    return list(dict.fromkeys(one for way in _WAYS for one in sorted(ends, key=way)[:count]))
