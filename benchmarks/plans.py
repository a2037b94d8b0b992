"""Plans against trials: two pairs at one preset, and planned sequences beside those that are shipped.

Trials are runs of `Focus` on simulated microscopes drawn from the instrument's errors; the plans know no more of them
than the instrument's file. The classic plan's electrons are those of its two pairs, at the instrument's presets.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.claims import Claim, judged, shown
from benchmarks.classic_plan import classic_jobs
from eucentric.cli.plan_verify import Job, jobs_of, run_trials, trial_of
from eucentric.cli.stopped import raise_if_stopped
from eucentric.correlation.shift import Method
from eucentric.focus.preset_settings import NamedPreset
from eucentric.focus.settings import FocusSettings
from eucentric.focus.shipped import shipped
from eucentric.optimize.instrument import SHIPPED, Instrument, instrument_of
from eucentric.optimize.planning.asked import Asked, Cheapest, exposed_at
from eucentric.optimize.planning.plan import Plan, plan
from eucentric.optimize.planning.rules import Needs
from eucentric.optimize.planning.rules import plan as classic
from eucentric.optimize.planning.rules_on import classic_on
from eucentric.optimize.trials.cluster import cluster
from eucentric.optimize.trials.trial import Verified, verified
from eucentric.units import E_PER_A2

GROUP = "5 plans"
START_M, ACCURACY_M = 500e-6, 0.1e-6
ONE_PRESET = "300kv-autoloader"
TRIALS, BESIDE, SHIPPED_TRIALS, CLASSIC_TRIALS = 1000, 200, 40, 30
MEDIAN_WITHIN, COST_WITHIN = 0.25, 0.1
CLASSIC_EXPOSURES = (1.0, 0.4, 0.1)
EQUAL = 0.02
"""Success rates that differ by no more are called equal; their intervals are told."""


def run(*, quick: bool = False, log: bool = False) -> Iterator[Claim]:
    """All rows."""
    share = 20 if quick else 1
    yield from _two_pairs(TRIALS // share, log=log)
    yield from _classic_run(CLASSIC_TRIALS // share, log=log)
    for name in SHIPPED:
        yield from _beside_shipped(name, max(BESIDE // share, 4), max(SHIPPED_TRIALS // share, 2), log=log)


def _two_pairs(trials: int, *, log: bool) -> Iterator[Claim]:
    there = instrument_of(ONE_PRESET)
    asked = Asked(START_M, ACCURACY_M, steps_max=2, one_preset=True, presets=("fc",))
    made, took_s = _timed(there, asked)
    old = sum(step.dose_e_per_m2 for step in classic_on(there, classic(Needs(START_M, ACCURACY_M, 10e-3))))
    came = _tried(jobs_of(made, there, trials), log=log)
    pairs = sum(one.candidate.images for one in made.steps) / 2
    what = f"500 µm to 0.1 µm at one preset, {pairs:g} pairs planned, {trials} trials ({there.name})"
    yield judged(
        GROUP,
        what,
        "lower 95 % bound of the success rate ≥ 98 %",
        f"{came.within} of {came.trials}: {came.rate:.1%}, from {came.low:.1%} to {came.high:.1%}; {came.refused} "
        f"refused, {came.silent} called focused and not",
        came.low >= 0.98 and pairs == 2,
        f"{made.presets[0]}, ±{made.steps[0].candidate.tilt_rad * 1e3:g} and "
        f"±{made.steps[-1].candidate.tilt_rad * 1e3:g} mrad",
    )
    yield judged(
        GROUP,
        "its electrons beside the classic plan's",
        "≤ half",
        f"{came.dose_e_per_m2 / E_PER_A2:.2f} of {old / E_PER_A2:.2f} e/Å² ({came.looks:.2f} looks on average)",
        came.dose_e_per_m2 <= 0.5 * old,
        "the classic plan takes the presets as they are; the plan exposes so long as it needs: "
        f"{made.steps[0].candidate.exposure:g} of the preset's time",
    )
    yield from _as_predicted(made, came, took_s, there.name)


def _classic_run(trials: int, *, log: bool) -> Iterator[Claim]:
    """What the classic plan needs, if it exposes less than its presets do: it is no straw man."""
    there = instrument_of(ONE_PRESET)
    for method, exposure in itertools.product((Method.PHASE, Method.MATCHED), CLASSIC_EXPOSURES):
        jobs = classic_jobs(there, START_M, ACCURACY_M, exposure=exposure, method=method, trials=trials)
        came = _tried(jobs, log=log)
        what = f"the classic plan run, {method} correlation, {exposure:g} of its presets' exposure, {trials} trials"
        yield shown(GROUP, what, f"{_told(came)}; median {(came.median_m or 0.0) * 1e9:.0f} nm")


def _beside_shipped(name: str, trials: int, others: int, *, log: bool) -> Iterator[Claim]:
    there = instrument_of(name)
    made, took_s = _timed(there, Asked(START_M, ACCURACY_M, cheapest=Cheapest.BOTH, at=exposed_at(there)))
    came = _tried(jobs_of(made, there, trials), log=log)
    old = _tried(_shipped_jobs(there, others), log=log)
    yield judged(
        GROUP,
        f"planned beside shipped Z Focus and Focus, {there.name}",
        "less time or fewer electrons at equal success",
        f"{_told(came)}; shipped, from 200 µm: {_told(old)}",
        came.rate >= old.rate - EQUAL and (came.dose_e_per_m2 < old.dose_e_per_m2 or came.seconds < old.seconds),
        f"{came.trials} and {old.trials} trials",
    )
    yield from _as_predicted(made, came, took_s, there.name)


def _told(came: Verified) -> str:
    took = f"{came.dose_e_per_m2 / E_PER_A2:.3g} e/Å², {came.seconds:.0f} s"
    return f"{came.rate:.1%} ({came.low:.1%} to {came.high:.1%}), {took}"


def _as_predicted(made: Plan, came: Verified, took_s: float, name: str) -> Iterator[Claim]:
    predicted, rate = made.outlook.median_m, made.outlook.within(ACCURACY_M)
    found = came.median_m or 0.0
    yield judged(
        GROUP,
        f"predicted and found, {name}",
        "median error within 25 %, success rate within the interval, electrons and time within 10 %",
        f"median {predicted * 1e9:.1f} and {found * 1e9:.1f} nm; rate {rate:.1%} in {came.low:.1%} to {came.high:.1%}; "
        f"{made.dose_e_per_m2 / E_PER_A2:.2f} and {came.dose_e_per_m2 / E_PER_A2:.2f} e/Å²; {made.seconds:.0f} and "
        f"{came.seconds:.0f} s",
        abs(found / predicted - 1) <= MEDIAN_WITHIN
        and came.low <= rate <= came.high
        and abs(came.dose_e_per_m2 / made.dose_e_per_m2 - 1) <= COST_WITHIN
        and abs(came.seconds / made.seconds - 1) <= COST_WITHIN,
    )
    yield shown(GROUP, f"time of that plan, {name}", f"{took_s:.1f} s of one core")


def _timed(there: Instrument, asked: Asked) -> tuple[Plan, float]:
    begun = time.process_time()
    made = plan(there, asked)
    return made, time.process_time() - begun


@dataclass(frozen=True, slots=True)
class _Renamed:
    """A shipped sequence whose presets are binned to 1024² as they usually are."""

    settings: FocusSettings
    instrument: Instrument

    def binned(self) -> FocusSettings:
        """The settings with such presets."""
        binning = max(self.instrument.camera.size // 1024, 1)
        size = self.instrument.camera.size // binning
        sequence = self.settings.sequence
        names = dict.fromkeys(step.preset for step in sequence.steps if step.switch)
        presets = tuple(
            NamedPreset(name=f"{name} bin {binning}", like=name, binning=binning, size=(size, size)) for name in names
        )
        steps = tuple(
            step.model_copy(update={"preset": f"{step.preset} bin {binning}"}) if step.switch else step
            for step in sequence.steps
        )
        limits = sequence.limits.model_copy(update={"stage_z_absolute_m": 1e-3, "cumulative_m": 2e-3})
        sequence = sequence.model_copy(update={"steps": steps, "limits": limits})
        return self.settings.model_copy(update={"sequence": sequence, "presets": presets})


def _shipped_jobs(there: Instrument, trials: int) -> list[Job]:
    """Z Focus, then Focus. From ±200 µm, which is as far as Z Focus reaches."""
    both = tuple(_Renamed(shipped(name), there).binned() for name in ("z focus beam tilt", "focus"))
    return [Job(both, "fa", there, 200e-6, seed) for seed in range(trials)]


def _tried(jobs: Sequence[Job], *, log: bool) -> Verified:
    """What they came to. Raises Stopped, InputError where they are not all done: no row is made of some of them."""
    with cluster(None) as on:
        came = run_trials(jobs, on=on, tell=lambda one: print(one, flush=True) if log else None)
    raise_if_stopped(came.stopped, len(came.ended), came.asked, "trials", by_user=came.by_user)
    return verified([trial_of(one) for one in came.ended], ACCURACY_M)
