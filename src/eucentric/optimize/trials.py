"""What trials of a plan came to, held against what it predicted. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from eucentric.optimize.outlook import Outlook
from eucentric.optimize.planning import Plan

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Trial:
    """One run on one simulated microscope: where it started and ended in truth, metres, and what it took."""

    seed: int
    start_m: float
    end_m: float | None  # None: refused, `why` says it
    dose_e_per_m2: float
    seconds: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """Trials together: the share that ended within the accuracy, its 95 % interval, and the rest beside the plan's."""

    trials: int
    within: int
    low: float
    high: float
    median_m: float | None
    dose_e_per_m2: float
    seconds: float

    @property
    def rate(self) -> float:
        """The share that ended within the accuracy."""
        return self.within / self.trials


def for_trials(plan: Plan) -> Plan:
    """The plan without the draws of its outlook: a worker gets it a thousand times, and needs the steps alone."""
    return replace(plan, outlook=Outlook(plan.outlook.errors_m[:1]))


def is_within(trial: Trial, plan: Plan) -> bool:
    """Whether it ended within the accuracy."""
    return trial.end_m is not None and abs(trial.end_m) <= plan.asked.accuracy_m


def verified(trials: Sequence[Trial], plan: Plan) -> Verified:
    """The trials of a plan, refused ones counted as missed.

    The interval of the share is that of Clopper & Pearson, Biometrika 26 (1934) 404-413.
    """
    ended = [abs(t.end_m) for t in trials if t.end_m is not None]
    within = sum(is_within(one, plan) for one in trials)
    interval = stats.binomtest(within, len(trials)).proportion_ci(CONFIDENCE, method="exact")
    return Verified(
        trials=len(trials),
        within=within,
        low=float(interval.low),
        high=float(interval.high),
        median_m=float(np.median(ended)) if ended else None,
        dose_e_per_m2=float(np.mean([t.dose_e_per_m2 for t in trials])),
        seconds=float(np.mean([t.seconds for t in trials])),
    )
