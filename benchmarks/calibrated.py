"""Issue claims of the calibrations: random microscopes with default errors are calibrated by `calibrate all`, every
quantity is held against the truth, and the shipped Focus sequence is run on what was found.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.calibrated_truth import Pull, astigmatism_left_m, pulls_of
from benchmarks.claims import Claim, judged, shown
from benchmarks.seeds import Seed, stream
from eucentric.calibrate.all import Calibrator, Did, Setup, State
from eucentric.calibrate.plan import ESSENTIAL, Presets
from eucentric.calibration.believed import book_from_store
from eucentric.calibration.handed_over import columns_of
from eucentric.calibration.record import optics_of
from eucentric.calibration.store import CalibrationStore
from eucentric.errors import EucentricError
from eucentric.focus import events
from eucentric.focus.focus import Focus
from eucentric.focus.shipped import shipped
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.protocol import Microscope
from eucentric.microscope.registry import handed_out, open_microscope
from eucentric.microscope.simulated.truth import truth

MICROSCOPES, RUNS_EACH = 100, 2
ALL_EACH = 5
"""Every so many microscopes are calibrated whole; the others in what focusing can't do without (plan.ESSENTIAL)."""
SIZE = 512  # of the images that calibrate: the field of the sequence's images does not matter to what is calibrated
START_M = 20e-6
WITHIN_SIGMAS, IDENTIFIED = 3.0, 0.97
SCALE, ROTATION_RAD, AXIS_RAD, ASTIGMATISM_M = 0.005, math.radians(0.3), 0.1e-3, 10e-9
FOCUS_M, FOCUSED = 50e-9, 0.99
ONE_SIGMA = (0.60, 0.80)


@dataclass(frozen=True, slots=True)
class End:
    """How a run of the shipped Focus ended: the truth, and what it stated (None: nothing)."""

    start_m: float
    true_m: float
    residual_m: float | None
    total_sigma_m: float | None
    stated_m: float | None
    focused: bool
    said: str

    @property
    def honest(self) -> bool:
        """What was stated holds."""
        return self.stated_m is None or not self.focused or abs(self.true_m) <= self.stated_m

    @property
    def pull(self) -> float | None:
        """(stated − true) / its total 1σ."""
        if self.residual_m is None or not self.total_sigma_m:
            return None
        return (self.residual_m - self.true_m) / self.total_sigma_m


@dataclass(frozen=True, slots=True)
class Case:
    """One microscope: every quantity against the truth, what failed, and the runs."""

    seed: int
    pulls: tuple[Pull, ...]
    failed: tuple[str, ...]
    astigmatism_m: float | None
    ends: tuple[End, ...]


def one(seed: int, *, runs: int) -> Case:
    """Calibrate a microscope, compare, and focus it."""
    with TemporaryDirectory() as folder:
        store = CalibrationStore(Path(folder))
        inner = open_microscope("simulated", seed=seed, size=SIZE)
        did = _calibrated(inner, store, whole=seed % ALL_EACH == 0)
        pulls = tuple(p for d in did if d.record is not None for p in pulls_of(inner, d.record))
        failed = tuple(f"{d.task}: {d.why}" for d in did if d.state in (State.FAILED, State.BLOCKED))
        try:
            astigmatism = astigmatism_left_m(inner, store)
        except EucentricError as error:
            astigmatism, failed = None, (*failed, f"astigmatism: {error}")
        ends = tuple(_focused(seed, number, store) for number in range(runs))
    return Case(seed, pulls, failed, astigmatism, ends)


def _calibrated(inner: Microscope, store: CalibrationStore, *, whole: bool) -> tuple[Did, ...]:
    columns = columns_of(handed_out(inner))
    setup = Setup(Guarded(inner), store, columns, "simulated", Presets(), z_along_normal=True)
    return Calibrator(setup).all(only=None if whole else ESSENTIAL)


def _focused(seed: int, number: int, store: CalibrationStore) -> End:
    start = float(stream(Seed.CALIBRATED, seed, number).uniform(-START_M, START_M))
    inner = open_microscope("simulated", seed=seed, magnitudes={"specimen": {"height_m": start}})
    columns = columns_of(handed_out(inner))
    states = [optics_of(inner, p.name) for p in inner.presets()]
    book = book_from_store(store, "simulated", states, columns, z_along_normal=True)
    true = [math.nan]

    def watch(event: events.Event) -> None:
        if isinstance(event, events.StepEnded):
            true.append(truth(inner).c1_m)

    try:
        result = Focus(inner, book, shipped("focus"), observers=(watch,), workers=1).run()
    except EucentricError as error:
        return End(start, true[-1], None, None, None, False, str(error))
    left = result.residual
    return End(
        start_m=start,
        true_m=true[-1],
        residual_m=None if left is None else left.c1_m,
        total_sigma_m=None if left is None else left.total_sigma_m,
        stated_m=result.stated_error_m,
        focused=result.focused,
        said=result.statement,
    )


def claims_of(cases: list[Case]) -> Iterator[Claim]:
    """The lines of the table."""
    yield from _identified(cases)
    yield from _bars(cases)
    ends = [e for c in cases for e in c.ends]
    if ends:
        yield from _runs(ends)


def _identified(cases: list[Case]) -> Iterator[Claim]:
    pulls = [p for c in cases for p in c.pulls]
    inside = [abs(p.pull) <= WITHIN_SIGMAS for p in pulls]
    share = float(np.mean(inside)) if inside else 0.0
    yield judged(
        "calibrations",
        f"{len(cases)} microscopes, {len(pulls)} calibrated numbers: within 3 of their stated σ",
        f"≥ {IDENTIFIED:.0%}",
        f"{share:.1%}",
        share >= IDENTIFIED,
    )
    for name in dict.fromkeys(p.name for p in pulls):
        mine = np.abs([p.pull for p in pulls if p.name == name])
        words = (
            f"{(mine <= 3).mean():.0%} in 3σ, {(mine <= 1).mean():.0%} in 1σ, largest {mine.max():.1f}σ ({mine.size})"
        )
        yield shown("calibrations", f"{name} ({mine.size})", words)
    failed = [f"seed {c.seed}: {f}" for c in cases for f in c.failed]
    yield shown("calibrations", "not measured", f"{len(failed)}", "; ".join(failed[:5]))


def _bars(cases: list[Case]) -> Iterator[Claim]:
    bars = (
        ("tilt response fa, scale", SCALE, 100, "%"),
        ("tilt response fa, rotation", ROTATION_RAD, math.degrees(1), "°"),
        ("coma-free axis", AXIS_RAD, 1e3, "mrad"),
    )
    for name, bar, factor, unit in bars:
        errors = np.abs([p.error for c in cases for p in c.pulls if p.name == name])
        worst = float(errors.max()) if errors.size else math.inf
        measured = f"largest {worst * factor:.3g} {unit} of {errors.size}, median {np.median(errors) * factor:.2g}"
        yield judged("calibrations", name, f"≤ {bar * factor:.3g} {unit}", measured, worst <= bar)
    left = np.array([c.astigmatism_m for c in cases if c.astigmatism_m is not None])
    worst = float(left.max()) if left.size else math.inf
    measured = f"largest {worst * 1e9:.1f} nm of {left.size}, {(left <= ASTIGMATISM_M).mean():.0%} within"
    yield judged("calibrations", "astigmatism after correction", "≤ 10 nm", measured, worst <= ASTIGMATISM_M)


def _runs(ends: list[End]) -> Iterator[Claim]:
    near = sum(abs(e.true_m) <= FOCUS_M for e in ends)
    yield judged(
        "after calibrate all",
        f"shipped Focus from ±20 µm, {len(ends)} runs: within 50 nm of focus",
        f"≥ {FOCUSED:.0%}",
        f"{near / len(ends):.1%}",
        near >= FOCUSED * len(ends),
        "; ".join(f"{e.true_m * 1e9:+.0f} nm ({e.said[:80]})" for e in ends if abs(e.true_m) > FOCUS_M)[:400],
    )
    lies = [e for e in ends if not e.honest]
    yield judged("after calibrate all", "runs outside what they state", "0", f"{len(lies)}", not lies)
    pulls = np.abs([e.pull for e in ends if e.pull is not None])
    one = float((pulls <= 1).mean()) if pulls.size else 0.0
    words = f"{one:.0%} (2σ: {(pulls <= 2).mean():.0%}, largest {pulls.max():.1f}σ)" if pulls.size else "—"
    yield judged("after calibrate all", "truth within 1σ of the stated total", "60 to 80 %", words, 0.6 <= one <= 0.8)


def run(*, quick: bool, log: bool = False) -> Iterator[Claim]:
    """Claims 1 and 2, two microscopes at a time."""
    cases = []
    count = 4 if quick else MICROSCOPES
    with ProcessPoolExecutor(2) as pool:
        for case in pool.map(partial(one, runs=RUNS_EACH), range(int(Seed.CALIBRATED), int(Seed.CALIBRATED) + count)):
            cases.append(case)
            if log:
                print(case, flush=True)
    yield from claims_of(cases)
