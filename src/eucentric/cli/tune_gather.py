"""Stored measurements measured again, the blank pairs that are made of them, and their pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from eucentric.correlation.register import register
from eucentric.correlation.shift import FixedPattern, Vector
from eucentric.errors import InputError
from eucentric.figures.measure import measure_figure
from eucentric.figures.saved import save
from eucentric.figures.tune_tiles import Tile, tile_of
from eucentric.focus.measure import measure_frames
from eucentric.focus.settings import FocusStep
from eucentric.images.frame import Frame
from eucentric.optimize.tuning.blanks import Peak, measure_blank, random_peaks, without_maps
from eucentric.optimize.tuning.repeats import Repeat
from eucentric.records.stored import Stored, StoredRun

PEAKS = 300
"""Measurements with peaks anywhere: each takes a millisecond or two."""
SEED = 0
_SURE = 1e-6  # a shift between repeats that noise makes more often than this is not told

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """Repeats in the order in which they were made, with the files that they are from, and what is known to be bad."""

    repeats: tuple[Repeat, ...]
    sources: tuple[Stored, ...]
    tiles: tuple[Tile, ...]
    blanks: tuple[Repeat, ...]
    peaks: tuple[Peak, ...]

    def picture(self, number: int, path: Path) -> None:
        """The first pair of a repeat (from 1) with its correlation, as `eucentric measure --figure` draws it.

        Raises InputError where it can't be written.
        """
        source, how = self.sources[number - 1], self.repeats[number - 1].how
        first, second = source.links[0]
        frames = source.frames()
        pair = (frames[first], frames[second])
        result = measure_frames(pair, (source.tilts[first], source.tilts[second]), ((0, 1),), how)
        save(measure_figure(pair, result, c3_m=how.column.c3_m, title=f"Repeat {number}"), path)


def stored_of(runs: Sequence[StoredRun], step: FocusStep) -> tuple[Stored, ...]:
    """The measurements of one step. Raises InputError where there are none, or of several patterns."""
    found = tuple(one for run in runs for one in run.measurements if one.step == step.name)
    if not found:
        names = sorted({one.step for run in runs for one in run.measurements})
        known = f"They have measurements of: {', '.join(names)}." if names else "They have none by beam tilt."
        where = ", ".join(run.source for run in runs)
        raise InputError(f"Step '{step.name}' was not measured in {where}. {known}")
    patterns = {one.links for one in found}
    if len(patterns) > 1:
        raise InputError(
            f"Step '{step.name}' was measured with patterns of {' and '.join(str(len(p)) for p in patterns)} pairs: "
            "their limits differ. Tune from runs with one pattern."
        )
    return found


def gather(stored: Sequence[Stored], step: FocusStep, pairs: int, progress: Progress) -> Gathered:
    """Measure all again with the step's thresholds, and make about so many blank pairs. Raises InputError."""
    places, stretches = _numbered([one[:2] for one in map(_stretch, stored)]), _numbered([*map(_stretch, stored)])
    blanks = math.ceil(pairs / len(stored[0].links))
    work, repeats, tiles = _Work(step, len(stored) + blanks, progress), [], []
    before: tuple[int, Frame] | None = None
    for number, one in enumerate(stored, start=1):
        frames, stretch = one.frames(), stretches[_stretch(one)]
        made = work.measured(one, frames, f"repeat {number} of {len(stored)}")
        tiles.append(tile_of(number, frames, made.result, one.links[0]))
        moved = None if before is None or before[0] != stretch else moved_m(before[1], frames[0])
        before = (stretch, frames[0])
        made = replace(made, number=number, place=places[_stretch(one)[:2]], stretch=stretch, moved_m=moved)
        repeats.append(replace(made, result=without_maps(made.result)))
    rng = np.random.default_rng(SEED)
    blank = [work.blank(stored, repeats, rng, f"blank pairs, {n + 1} of {blanks}") for n in range(blanks)]
    middle = repeats[len(repeats) // 2]
    peaks = random_peaks(middle, stored[0].frames()[0].shape, PEAKS, rng)
    return Gathered(tuple(repeats), tuple(stored), tuple(tiles), tuple(blank), peaks)


def _stretch(one: Stored) -> tuple[str, str, int]:
    """Where it was measured, and between which corrections."""
    return one.source, one.target, one.stretch


def _numbered(keys: Sequence[tuple[object, ...]]) -> dict[tuple[object, ...], int]:
    return {key: n for n, key in enumerate(dict.fromkeys(keys))}


class _Work:
    """Measures, and tells how far it is."""

    def __init__(self, step: FocusStep, steps: int, progress: Progress) -> None:
        self._step, self._steps, self._progress = step, steps, progress
        self._done = 0

    def _now(self, what: str) -> None:
        self._progress(what, self._done / self._steps)
        self._done += 1

    def measured(self, one: Stored, frames: tuple[Frame, ...], what: str) -> Repeat:
        """A stored measurement, judged by the step's thresholds."""
        self._now(what)
        how = replace(one.how, thresholds=self._step.thresholds, fit_limit_px2=self._step.fit_limit_px2)
        result = measure_frames(frames, one.tilts, one.links, how)
        doses = [frame.dose_e_per_m2 for frame in frames]
        known = [dose for dose in doses if dose is not None]
        told = len(known) == len(doses)
        return Repeat(
            number=0,
            place=0,
            stretch=0,
            time_s=one.time_s,
            result=result,
            how=how,
            links=one.links,
            dose_e_per_m2=sum(known) if told else None,
            electrons_per_px=known[0] * result.pixel_m**2 if told else None,
        )

    def blank(self, stored: Sequence[Stored], repeats: Sequence[Repeat], rng: np.random.Generator, what: str) -> Repeat:
        """The measurement of one of the repeats with nothing in common."""
        self._now(what)
        at = int(rng.integers(len(stored)))
        return measure_blank(stored[at].frames(), repeats[at], rng)


def moved_m(before: Frame, now: Frame) -> Vector | None:
    """How far the specimen moved (y, x) between two images at one beam tilt, metres; None where they do not tell."""
    if before.pixel_m is None or before.shape != now.shape:
        return None
    shift = register(before.pixels, now.pixels, with_map=False)
    hidden = shift.fixed_pattern is FixedPattern.INDISTINGUISHABLE
    if hidden or shift.contrast_sign < 0 or shift.false_lock_probability > _SURE:
        return None
    return (shift.shift_px[0] * before.pixel_m, shift.shift_px[1] * before.pixel_m)
