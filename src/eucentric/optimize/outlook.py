"""What running a chain of steps comes to, over many instruments drawn from its errors: numbers only, no images. Pure.

Each draw starts anywhere within ± the start error. A look measures what is there with the errors of its budget: those
that grow with C1 as they do, the others once. Its correction moves Z or the lens with their errors; Z's scale is
learned from one move to the next, as focusing does. What is left at the end is the error of that draw.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from eucentric.focus.settings import CorrectionType
from eucentric.optimize.candidate import Candidate
from eucentric.optimize.instrument import Instrument
from eucentric.optimize.prediction import OFF_FOCUS, Before, between, looked_at, seconds_of, z_scale_after
from eucentric.optimize.sight import Array

DRAWS = 20_000
_SEED = 20_261_130
_WITH_C1 = frozenset({"tilt scale", "tilt rotation", "tilt shear", "tilt cubic", "tilt settling", OFF_FOCUS})
"""The parts of a budget that grow with C1. What the film's being tilted or wavy puts on it does not."""


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """Errors at the end of the draws, metres: sorted absolute values."""

    errors_m: Array

    @property
    def median_m(self) -> float:
        """Half of the runs end nearer."""
        return float(np.median(self.errors_m))

    def within(self, accuracy_m: float) -> float:
        """The share of runs that end within an accuracy."""
        return float(np.searchsorted(self.errors_m, accuracy_m, side="right") / self.errors_m.size)

    def holds(self, accuracy_m: float, probability: float) -> bool:
        """Whether the share within an accuracy is that probability, beyond what so many draws scatter (2 σ)."""
        scatter = math.sqrt(probability * (1 - probability) / self.errors_m.size)
        return self.within(accuracy_m) >= probability + 2 * scatter

    def bound_m(self, probability: float) -> float:
        """What so many of the runs end within."""
        return float(np.quantile(self.errors_m, probability))


@dataclass(slots=True)
class _Draws:
    """Instruments of which each has its own Z and lens, and the errors that they are at."""

    instrument: Instrument
    rng: np.random.Generator
    error: Array
    z_ratio: Array
    lens_ratio: Array
    z_known: Array
    z_sigma: float

    def look(self, one: Candidate, before: Before) -> tuple[Array, float]:
        """(what is measured of these errors, 1σ of it at their size)."""
        size = float(np.sqrt(np.mean(self.error**2)))
        left = looked_at(one, self.instrument, size, before)
        growing = math.sqrt(sum(p.sigma_m**2 for p in left.budget if p.source in _WITH_C1))
        fixed = math.sqrt(sum(p.sigma_m**2 for p in left.budget if p.source not in _WITH_C1))
        offset = abs(one.offset_m)
        scale = growing / (size + offset) * (self.error + offset)
        return self.error + scale * self._normal() + fixed * self._normal(), left.sigma_m

    def learn(self, moved: Array, before: Array, measured: Array, sigma_m: float) -> None:
        """What a look tells of the move of Z before it, as focusing takes it (focus/response.py)."""
        size = float(np.sqrt(np.mean(moved**2)))
        weight = (self.z_sigma * size / max(sigma_m, 1e-12)) ** 2
        shown = (measured - before) / moved
        self.z_known = self.z_known * (1 + weight * shown) / (1 + weight)
        self.z_sigma = z_scale_after(self.z_sigma, sigma_m, size)

    def move(self, one: Candidate, wanted: Array) -> None:
        """C1 is to change so far."""
        if one.correction is CorrectionType.STAGE_Z:
            arrival = self.instrument.stage.arrival_m * self._normal()
            self.error = self.error + wanted * self.z_ratio / self.z_known + arrival
            return
        behind = self.instrument.lens.hysteresis * self.rng.uniform(-1, 1, DRAWS)  # beside its mean, reckoned with
        self.error = self.error + wanted * (self.lens_ratio + behind)

    def change(self, one: Candidate, other: Candidate) -> None:
        """From one magnification to another."""
        apart = between(one.magnification, other.magnification, self.instrument)
        self.error = self.error + apart * self._normal()

    def _normal(self) -> Array:
        return self.rng.normal(size=DRAWS)


@functools.lru_cache(maxsize=512)
def outlook(steps: tuple[Candidate, ...], instrument: Instrument, start_m: float, seed: int = 0) -> Outlook:
    """The errors at the end of each of `DRAWS` runs, the same ones each time for a seed."""
    rng = np.random.default_rng((_SEED, seed))
    draws = _Draws(
        instrument,
        rng,
        error=rng.uniform(-start_m, start_m, DRAWS),
        z_ratio=1 + instrument.stage.z_scale * rng.normal(size=DRAWS),
        lens_ratio=1 + instrument.errors.focus_scale * rng.normal(size=DRAWS),
        z_known=np.ones(DRAWS),
        z_sigma=instrument.stage.z_scale,
    )
    exposed_s = 0.0
    last: Candidate | None = None
    measured, sigma_m = np.zeros(DRAWS), 0.0
    for one in steps:
        before = measured
        if last is not None:
            draws.change(last, one)
        sigma_before_m = sigma_m
        measured, sigma_m = draws.look(one, Before(exposed_s))
        if last is not None and last.correction is CorrectionType.STAGE_Z and last.magnification == one.magnification:
            draws.learn(-before, before, measured, math.hypot(sigma_m, sigma_before_m))
        draws.move(one, -measured)
        exposed_s += seconds_of(one, instrument)
        last = one
    return Outlook(np.sort(np.abs(draws.error)))
