"""What trials of sequences on simulated microscopes came to. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Trial:
    """One run on one simulated microscope: where it started and ended in truth, metres, and what it took."""

    seed: int
    start_m: float
    end_m: float | None  # None: refused, `why` says it
    dose_e_per_m2: float
    seconds: float
    looks: int = 0
    said: bool = False  # whether the run called itself focused: |C1| + 3 σ within the accuracy
    why: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """Trials together: the share that ended within the accuracy, its 95 % interval, and means of those that ended.

    `refused` did not come to their end; `silent` called themselves focused and were not.
    """

    trials: int
    within: int
    low: float
    high: float
    refused: int
    silent: int
    said: int
    median_m: float | None
    looks: float
    dose_e_per_m2: float
    seconds: float

    @property
    def rate(self) -> float:
        """The share that ended within the accuracy."""
        return self.within / self.trials


def is_within(trial: Trial, accuracy_m: float) -> bool:
    """Whether it ended within an accuracy."""
    return trial.end_m is not None and abs(trial.end_m) <= accuracy_m


def verified(trials: Sequence[Trial], accuracy_m: float) -> Verified:
    """Trials against an accuracy, refused ones counted as missed.

    The interval of the share is that of Clopper & Pearson, Biometrika 26 (1934) 404-413.
    """
    done = [t for t in trials if t.end_m is not None]
    ended = [abs(t.end_m) for t in trials if t.end_m is not None]
    within = sum(is_within(one, accuracy_m) for one in trials)
    interval = stats.binomtest(within, len(trials)).proportion_ci(CONFIDENCE, method="exact")
    return Verified(
        trials=len(trials),
        within=within,
        low=float(interval.low),
        high=float(interval.high),
        refused=len(trials) - len(ended),
        silent=sum(t.said and t.end_m is not None and abs(t.end_m) > accuracy_m for t in trials),
        said=sum(t.said for t in trials),
        looks=_mean([t.looks for t in done]),
        median_m=float(np.median(ended)) if ended else None,
        dose_e_per_m2=_mean([t.dose_e_per_m2 for t in done]),
        seconds=_mean([t.seconds for t in done]),
    )


def _mean(values: Sequence[float]) -> float:
    """Of those that ended; 0 where none did."""
    return float(np.mean(values)) if values else 0.0
