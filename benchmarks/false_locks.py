"""Claim 3: what has nothing in common is not accepted; what is called certain is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks import micrographs, scenes
from benchmarks.claims import Claim, judged, not_run, shown
from benchmarks.estimators import Found, measure, product
from benchmarks.seeds import Seed, stream
from benchmarks.weak_phase import Case, Pair, make_pair

CERTAIN = 1e-6
ODDS = 1000.0
RIGHT_MIN = 0.99

PLAN: tuple[tuple[str, scenes.Scene, tuple[tuple[int, int], ...]], ...] = (
    ("blank", scenes.blank, ((256, 90), (512, 40), (1024, 10))),
    ("uneven light", scenes.gradient, ((256, 40), (512, 20))),
    ("x-ray spikes", scenes.spikes, ((256, 40), (512, 20))),
    ("camera pattern", scenes.pattern_only, ((256, 90), (512, 60), (1024, 20))),
    ("beam edge", scenes.beam_edge, ((256, 90), (512, 60), (1024, 10))),
    ("grid bar", scenes.bar_and_empty, ((256, 40), (512, 20))),
    ("unrelated texture", scenes.unrelated_texture, ((256, 90), (512, 50), (1024, 10))),
    ("other cells of a lattice", scenes.other_cells, ((256, 60), (512, 80), (1024, 20))),
    ("empty micrographs", scenes.empty_micrographs, ((128, 20), (240, 60), (480, 20))),
    ("unrelated micrographs", scenes.unrelated_micrographs, ((256, 60), (512, 50))),
    ("few, disordered holes", scenes.few_holes, ((384, 150), (512, 150))),
)
"""Scene, and how many pairs of each size."""

OPTICS = Case(tilt_rad=5e-3, pixel_m=0.2e-9)
"""What the product is told of pairs that no optics made."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one pair with nothing in common."""

    scene: str
    size: int
    number: int
    accepted: bool
    false_lock_probability: float
    odds: float
    reason: str
    shift_px: tuple[float, float]


def trials(fraction: float = 1.0) -> Iterator[Trial]:
    """All pairs of the plan, or a fraction of each (at least one)."""
    for kind, (name, _scene, sizes) in enumerate(PLAN):
        if "micrographs" in name and micrographs.folder() is None:
            continue
        for size, planned in sizes:
            for number in range(max(1, round(planned * fraction))):
                yield trial(kind, size, number)


def trial(kind: int, size: int, number: int) -> Trial:
    """Pair `number` of one size of scene `kind` of the plan."""
    name, scene, _ = PLAN[kind]
    first, second = scene(stream(Seed.FALSE_LOCKS, kind, size, number), size)
    result = product(first, second, replace(OPTICS, size=first.shape))
    shift, reason = result.shift, str(result.verdict.reason or "")
    odds = shift.runner_up.odds if shift.runner_up else np.inf
    return Trial(name, size, number, result.accepted, shift.false_lock_probability, odds, reason, shift.shift_px)


def signal_pairs(count: int) -> Iterator[Pair]:
    """Pairs with a true shift, from plenty to hardly anything in common; half of them seen by a faulty camera."""
    for number in range(count):
        rng = stream(Seed.SIGNAL, number)
        size = int(rng.choice([256, 384, 512]))
        case = scenes.texture_case(rng, size)
        if case.overlap < 0.3:
            case = replace(case, c1_m=case.c1_m / 5)
        case = replace(case, electrons_per_px=float(np.exp(rng.uniform(np.log(0.2), np.log(30)))))
        pair = make_pair(case, rng)
        if number % 2:
            camera = scenes.camera_pattern(rng, size, case.electrons_per_px)
            pair = Pair(camera.seen(pair.first), camera.seen(pair.second), case)
        yield pair


def film_pairs(count: int) -> Iterator[Pair]:
    """Regular films with a true shift of up to 0.6 of the side (whole pixels), along the tilt as a tilt makes it."""
    for number in range(count):
        rng = stream(Seed.SIGNAL, 1, number)
        size = int(rng.choice([256, 512]))
        film = scenes.draw_film(rng, size)
        y, x = (int(s) for s in rng.integers(-int(0.6 * size), int(0.6 * size) + 1, 2))
        first, second = scenes.film_pair(film, rng, size, (y, x))
        yield Pair(first, second, _tilted(film.pixel_m, (y, x), size))


NEAR_PX = 16


def near_zero_pairs(count: int) -> Iterator[Pair]:
    """True shifts of up to 16 px, or 4, under a camera's pattern: by turns amorphous films and low magnification."""
    for number in range(count):
        rng = stream(Seed.SIGNAL, 2, number)
        size = int(rng.choice([256, 512]))
        reach = NEAR_PX if number % 4 < 2 else NEAR_PX // 4
        if number % 2:
            y, x = (int(s) for s in rng.integers(-reach, reach + 1, 2))
            first, second = scenes.rough_pair(rng, size, (y, x))
            yield Pair(first, second, _tilted(5e-9, (y, x), size))
            continue
        case = scenes.texture_case(rng, size)
        wanted = rng.uniform(-reach, reach) * case.pixel_m / (2 * case.tilt_rad)
        dose = float(np.exp(rng.uniform(np.log(5), np.log(100))))
        case = replace(case, c1_m=wanted - case.c3_m * case.tilt_rad**2, electrons_per_px=dose)
        pair, camera = make_pair(case, rng), scenes.camera_pattern(rng, size, dose)
        yield Pair(camera.seen(pair.first), camera.seen(pair.second), case)


def _tilted(pixel_m: float, shift: tuple[int, int], size: int) -> Case:
    """The case in which a tilt makes this shift (y, x): along the tilt, no Cs."""
    (y, x), tilt = shift, 5e-3
    return replace(
        OPTICS,
        c3_m=0.0,
        tilt_rad=tilt,
        tilt_angle_rad=float(np.arctan2(y, x)),
        c1_m=float(np.hypot(y, x)) * pixel_m / (2 * tilt),
        pixel_m=pixel_m,
        size=(size, size),
    )


def near_zero_claims(count: int) -> Iterator[Claim]:
    """Next to a fixed pattern: right or refused."""
    found = [measure(pair) for pair in near_zero_pairs(count)]
    accepted = [f for f in found if f.accepted]
    wrong = sum(f.gross for f in accepted)
    pattern = sum("fixed pattern" in f.reason for f in found)
    yield judged(
        "3 false locks",
        f"wrong answers accepted at shifts of up to {NEAR_PX} px under a camera's pattern, {count} pairs",
        "none",
        f"{wrong} ({len(accepted) - wrong} right, {len(found) - len(accepted)} refused; fixed pattern {pattern})",
        wrong == 0,
    )
    pulls = np.abs([(f.along_error_px / f.along_sigma_px, f.across_error_px / f.across_sigma_px) for f in accepted])
    if pulls.size:
        text = f"{(pulls < 2).mean():.1%}, {(pulls < 3).mean():.1%}, largest {pulls.max():.1f}σ"
        yield shown("3 false locks", "of these, true shift within 2 and 3 stated σ", text)


def nothing_claims(found: list[Trial]) -> Iterator[Claim]:
    """None accepted."""
    accepted = [t for t in found if t.accepted]
    kinds = Counter(t.scene for t in accepted)
    text = f"{len(accepted)} of {len(found)}" + (
        ": " + ", ".join(f"{k} {n}" for k, n in kinds.items()) if kinds else ""
    )
    yield judged("3 false locks", "accepted, of pairs with nothing in common", "none of ≥ 1000", text, not accepted)
    certain = [t for t in found if t.false_lock_probability < CERTAIN and not t.accepted]
    yield shown("3 false locks", "of these with chance < 1e-6, refused for another reason", _by_scene(certain))
    told = [t for t in certain if t.odds >= ODDS]
    yield shown("3 false locks", f"… and odds ≥ {ODDS:g}: refused by χ² or the camera's pattern alone", _by_scene(told))


def _by_scene(trials: list[Trial]) -> str:
    return ", ".join(f"{k} {n}" for k, n in Counter(t.scene for t in trials).items()) or "none"


def signal_claims(count: int) -> Iterator[Claim]:
    """Right among those called certain."""
    found: list[Found] = [measure(pair) for pair in signal_pairs(count)]
    certain = [f for f in found if f.false_lock_probability < CERTAIN]
    right = [f for f in certain if not f.gross]
    accepted = [f for f in found if f.accepted]
    wrong = sum(f.gross for f in accepted)
    share = len(right) / max(len(certain), 1)
    yield judged(
        "3 false locks",
        f"right, of {len(found)} pairs with signal at chance < 1e-6",
        "≥ 99 %",
        f"{share:.1%} of {len(certain)}",
        share >= RIGHT_MIN and bool(certain),
        f"{len(accepted)} accepted, {wrong} of them wrong",
    )


def film_claims(count: int) -> Iterator[Claim]:
    """On a regular film: right or refused."""
    right = wrong = refused = named = 0
    for pair in film_pairs(count):
        shift = pair.case.shift_px
        result = product(pair.first, pair.second, pair.case)
        off = np.hypot(result.shift.shift_px[0] - shift[0], result.shift.shift_px[1] - shift[1])
        rival = result.shift.runner_up
        if result.accepted:
            right, wrong = right + bool(off < 3), wrong + bool(off >= 3)
        else:
            refused += 1
            near = rival is not None and np.hypot(rival.shift_px[0] - shift[0], rival.shift_px[1] - shift[1]) < 3
            named += bool(off < 3 or near)
    yield judged(
        "3 false locks",
        f"wrong answers accepted on regular films with a true shift, {count} pairs",
        "none",
        f"{wrong} ({right} right, {refused} refused, in {named} of these the truth is one of the two answers)",
        wrong == 0,
    )


def run(*, quick: bool, log: bool = False) -> Iterator[Claim]:
    """Claim 3."""
    found = []
    for trial in trials(0.15 if quick else 1.0):
        found.append(trial)
        if log and trial.accepted:
            print(trial, flush=True)
    yield from nothing_claims(found)
    if micrographs.folder() is None:
        yield not_run(
            "3 false locks", "accepted, of real micrographs", "none", "no real micrographs: set EUCENTRIC_DATA"
        )
    yield from signal_claims(60 if quick else 400)
    yield from film_claims(20 if quick else 120)
    yield from near_zero_claims(20 if quick else 120)
