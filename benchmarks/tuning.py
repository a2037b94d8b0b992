"""What `eucentric tune` predicts against what further repeats do: refusals of good ones, and blank pairs that pass.

Simulated microscopes, each focused first, then measured 40 times at one place without correcting. Every other repeat is
learned from; those between are what is predicted. Blank pairs likewise: learned from 100, found among others.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.claims import Claim, judged, shown
from benchmarks.seeds import Seed, stream
from eucentric.calibration.handed_over import book_from
from eucentric.focus import events
from eucentric.focus.focus import Focus
from eucentric.focus.patterns import PatternName
from eucentric.focus.settings import FocusSettings, default_sequence
from eucentric.microscope.registry import handed_out, open_microscope
from eucentric.optimize.tuning.blanks import measure_blank
from eucentric.optimize.tuning.curve import scatter_of
from eucentric.optimize.tuning.misfits import Level, Series, settled
from eucentric.optimize.tuning.rates import Found, tail_of
from eucentric.optimize.tuning.repeats import Repeat
from eucentric.optimize.tuning.scores import TAIL_FROM

GROUP = "5 tune"
SIDE, REPEATS = 512, 40
PLACES = {PatternName.PAIR: (12, 3), PatternName.CROSS_QUAD: (6, 1)}
"""Simulated microscopes for each pattern, and for a quick look."""
SHARES = (0.5, 0.2, 0.05)
"""Shares of good repeats whose limits are tried: where 20 repeats of a dozen places can tell."""
BLANKS, LEARNED, STATED = 500, 100, 1e-2
"""Blank pairs in all; those that are learned from; the stated chance below which the others are counted."""


@dataclass(frozen=True, slots=True)
class Place:
    """The good repeats of one microscope: times, misfits, χ²; C1 and its statistical σ; and some of them stored."""

    seed: int
    times_s: np.ndarray
    misfits: np.ndarray
    chi2: np.ndarray
    c1_m: np.ndarray
    sigma_m: np.ndarray
    accepted: int
    blank: tuple[float, ...] = ()


def _settings(name: PatternName) -> FocusSettings:
    coarse, fine = default_sequence().steps
    step = fine.model_copy(update={"pattern": name, "check_drift": False})
    sequence = default_sequence().model_copy(update={"steps": (coarse, step)})
    return FocusSettings(sequence=sequence, accuracy_limit_m=None)


def place_of(name: PatternName, seed: int, blanks: int = 0) -> Place | None:
    """Focus a microscope and repeat its fine step; None where it could not be focused."""
    scope = open_microscope("simulated", seed=seed, size=SIDE)
    book, settings = book_from(handed_out(scope)), _settings(name)
    assert book is not None
    if Focus(scope, book, settings).run().residual is None:
        return None
    told: list[events.Event] = []
    result = Focus(scope, book, settings, observers=(told.append,)).repeat("fine", REPEATS)
    all_of_them = [one.result for one in result.steps[0].rounds]
    accepted = [one for one in all_of_them if one.accepted]
    if len(accepted) < REPEATS // 2:
        return None
    alike = settled([one.measurement for one in accepted])
    good = [one for one, keep in zip(accepted, alike, strict=True) if keep]
    at = [one.measurement for one in good]
    return Place(
        seed,
        np.array([one.exposures.times_s[0] for one in good]),
        np.array([one.misfits for one in at]),
        np.array([one.chi2 for one in at]),
        np.array([one.c1_m for one in at]),
        np.array([one.sigma_m for one in at]),
        len(good),
        _blanks(told, blanks, seed),
    )


def _blanks(told: list[events.Event], count: int, seed: int) -> tuple[float, ...]:
    """The stated chances of so many blank pairs that are made of the first measurement."""
    if count == 0:
        return ()
    rng = stream(Seed.TUNING, seed)
    how = next(e.how for e in told if isinstance(e, events.Assumed))
    result = next(e.result for e in told if isinstance(e, events.Measured))
    frames = tuple(e.frame for e in told if isinstance(e, events.FrameTaken) and e.measurement == 0)
    links = tuple(e.link for e in told if isinstance(e, events.ShiftFound) and e.measurement == 0)
    assert how is not None
    first = Repeat(1, 0, 0, result.exposures.times_s[0], result, how, links)
    made = [measure_blank(frames, first, rng).result for _ in range(count)]
    return tuple(shift.false_lock_probability for blank in made for shift in blank.shifts)


def limit_of(level: Level, share: float) -> float:
    """The χ² that this share is predicted to exceed."""
    low, high = 0.0, 1e6
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if level.above(middle) > share else (low, middle)
    return high


def _refusals(name: PatternName, places: list[Place]) -> Iterator[Claim]:
    for share in SHARES:
        count = of = 0
        ends = []
        for one in places:
            learned = Series(one.times_s[::2], one.misfits[::2])
            limit = limit_of(learned.level(), share)
            ends.append(learned.ends(limit))
            count, of = count + int((one.chi2[1::2] > limit).sum()), of + one.chi2[1::2].size
        low, high = Found(count, of).interval
        lowest, highest = np.mean(ends, axis=0)
        yield judged(
            GROUP,
            f"good repeats refused, {name}, {len(places)} microscopes, {share:.0%} predicted from every other repeat",
            "the predicted range and that of what is found overlap",
            f"{count} of {of}: {count / of:.1%} ({low:.1%} to {high:.1%})",
            low <= highest and lowest <= high,
            f"20 repeats of one place leave {lowest:.1%} to {highest:.1%} open",
        )


def _noise(name: PatternName, places: list[Place]) -> Claim:
    found = [scatter_of(one.times_s.tolist(), one.c1_m.tolist(), one.sigma_m.tolist()) for one in places]
    ratios = [one.ratio for one in found if one is not None]
    return shown(
        GROUP,
        f"scatter of C1 beside its drift, of the stated statistical σ, {name}",
        f"median {np.median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f}",
    )


def _others(name: PatternName, places: list[Place]) -> Claim:
    means = sorted(float(one.chi2.mean()) / (one.misfits.shape[1] - 1) for one in places)
    return shown(
        GROUP,
        f"mean χ² per degree of freedom at a place, {name} (1 is as stated)",
        f"mean {np.mean(means):.2f}, {means[0]:.2f} to {means[-1]:.2f}",
    )


def _blank_claim(chances: tuple[float, ...]) -> Claim:
    nats = [-math.log(max(p, 1e-300)) for p in chances]
    tail = tail_of(nats[:LEARNED], TAIL_FROM)
    others = chances[LEARNED:]
    count = sum(p < STATED for p in others)
    low, high = Found(count, len(others)).interval
    assert tail is not None
    told = tail.above(-math.log(STATED))
    return judged(
        GROUP,
        f"blank pairs whose stated chance is below {STATED:g}, predicted from {LEARNED} others",
        "the predicted range and that of what is found overlap",
        f"{count} of {len(others)}: {count / len(others):.1%} ({low:.1%} to {high:.1%})",
        low <= told.high and told.low <= high,
        f"predicted {told.rate:.1%}, {told.low:.1%} to {told.high:.1%}",
    )


def run(*, quick: bool, log: bool) -> Iterator[Claim]:
    """The claims of `eucentric tune`."""
    blank: tuple[float, ...] = ()
    for name, (many, few) in PLACES.items():
        places = []
        for n in range(few if quick else many):
            wanted = BLANKS if name is PatternName.PAIR and n == 0 else 0
            one = place_of(name, int(Seed.TUNING) + n, wanted)
            if one is None:
                continue
            blank = blank or one.blank
            places.append(one)
            if log:
                print(f"  {name}, seed {one.seed}: {one.accepted} accepted, χ² {one.chi2.mean():.3g}", flush=True)
        yield from _refusals(name, places)
        yield _others(name, places)
        yield _noise(name, places)
    if blank:
        yield _blank_claim(blank)
