"""What running a chain of steps comes to, over many instruments drawn from its errors: numbers only, no images. Pure.

Each draw starts anywhere within ± the start error. A look measures what is there with the errors of its budget: those
that grow with C1 are alike in all looks at a magnification, as its calibration is; the lens' scale, which acts on an
offset as on a correction, in all looks; the others are new each time. Where it does not see, the further look measures;
where that does not see either, the run is refused; so is the share of good looks that the χ² limit refuses. Corrections
move Z or the lens with their errors; Z's scale is learned from one move to the next, as focusing does. What is left at
the end is the error of that draw.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from eucentric.focus.again import further_m
from eucentric.focus.outcome import COVERAGE
from eucentric.focus.response import DISAGREE_SIGMAS
from eucentric.focus.settings import CorrectionType, Thresholds
from eucentric.optimize.instrument import Instrument, Magnification
from eucentric.optimize.planning.apart import between
from eucentric.optimize.planning.candidate import Candidate, magnification_at
from eucentric.optimize.planning.prediction import (
    HALF_FOUND,
    OFF_FOCUS,
    Before,
    acts_on_m,
    common,
    looked_at,
    seconds_of,
)
from eucentric.optimize.planning.sight import Array

DRAWS = 20_000
_SEED = 20_261_130
CHI2_MAX = float(Thresholds.model_fields["chi2_per_dof_max"].default)
"""The limit of χ² for each degree of freedom that planned steps have."""
_WITH_C1 = frozenset({"tilt scale", "tilt rotation", "tilt shear", "tilt cubic", "tilt settling", OFF_FOCUS})
"""The parts of a budget that grow with C1. What the film's being tilted or wavy puts on it does not."""


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """Errors at the end of the draws, metres: sorted absolute values; infinite where the run is refused. `unsure` is
    the share of runs that look once more at the end, because they could not call themselves focused otherwise.
    """

    errors_m: Array
    unsure: float = 0.0

    @property
    def median_m(self) -> float:
        """Half of the runs end nearer."""
        return self.bound_m(0.5)

    def within(self, accuracy_m: float) -> float:
        """The share of runs that end within an accuracy."""
        return float(np.searchsorted(self.errors_m, accuracy_m, side="right") / self.errors_m.size)

    def holds(self, accuracy_m: float, probability: float) -> bool:
        """Whether the share within an accuracy is that probability, beyond what so many draws scatter (2 σ)."""
        scatter = math.sqrt(probability * (1 - probability) / self.errors_m.size)
        return self.within(accuracy_m) >= probability + 2 * scatter

    def bound_m(self, probability: float) -> float:
        """What so many of the runs end within."""
        return float(np.quantile(self.errors_m, probability, method="higher"))


@dataclass(slots=True)
class _Draws:
    """Instruments of which each has its own tilts, Z and lens, and the errors that they are at."""

    instrument: Instrument
    rng: np.random.Generator
    chances: np.random.Generator
    error: Array
    tilt_errors: dict[str, Array]
    z_ratio: Array
    lens_ratio: Array
    z_known: Array
    z_sigma: Array
    refused: NDArray[np.bool_]

    def look(self, one: Candidate, before: Before) -> tuple[Array, Array]:
        """(what is measured of these errors, its 1σ)."""
        measured, sigma = self._looked(one, before)
        self.refused = self.refused | (self.chances.random(DRAWS) < misfit_chance())
        blind = self._blind(one)
        if blind.any():
            further = replace(one, offset_m=one.offset_m + further_m(one.tilt_rad, one.pixel_m))
            again, its_sigma = self._looked(further, before)
            measured, sigma = np.where(blind, again, measured), np.where(blind, its_sigma, sigma)
            self.refused = self.refused | (blind & self._blind(further))
        return measured, sigma

    def _blind(self, one: Candidate) -> NDArray[np.bool_]:
        return np.asarray(common(one, self.instrument, one.offset_m + self.error)[0] < HALF_FOUND)

    def _looked(self, one: Candidate, before: Before) -> tuple[Array, Array]:
        size = float(np.sqrt(np.mean(self.error**2)))
        left = looked_at(one, self.instrument, size, before)
        growing = math.sqrt(sum(p.sigma_m**2 for p in left.budget if p.source in _WITH_C1))
        away = one.offset_m + acts_on_m(one, self.instrument)
        scale = growing / math.hypot(size, away) * (self.error + away)
        own, own_m = one.offset_m * (self.lens_ratio - 1), one.offset_m * self.instrument.errors.focus_scale
        rest = sum(p.sigma_m**2 for p in left.budget if p.source not in _WITH_C1) - own_m**2
        fixed = math.sqrt(max(rest, 0.0))
        measured = self.error + scale * self.tilt_errors[one.magnification.name] + own + fixed * self._normal()
        return measured, np.hypot(scale, math.hypot(fixed, own_m))

    def learn(self, before: Array, measured: Array, sigma: Array) -> None:
        """What a look tells of the move of Z by −`before`, as focusing takes it (focus/response.py)."""
        seen = (before - measured) / before
        sigma = np.hypot(sigma, self.instrument.stage.arrival_m) / np.abs(before)
        weight = (self.z_sigma / sigma) ** 2
        agrees = np.abs(seen - 1) <= DISAGREE_SIGMAS * np.hypot(self.z_sigma, sigma)
        factor = np.where(agrees, (1 + weight * seen) / (1 + weight), 1.0)
        self.z_known = self.z_known * factor
        self.z_sigma = np.where(agrees, self.z_sigma / np.sqrt(1 + weight), self.z_sigma)

    def move(self, one: Candidate, wanted: Array) -> None:
        """C1 is to change so far."""
        if one.correction is CorrectionType.STAGE_Z:
            arrival = self.instrument.stage.arrival_m * self._normal()
            self.error = self.error + wanted * self.z_ratio / self.z_known + arrival
            return
        behind = self.instrument.lens.hysteresis * self.rng.uniform(-1, 1, DRAWS)  # beside its mean, reckoned with
        self.error = self.error + wanted * (self.lens_ratio + behind)

    def unsure(self, one: Candidate, measured: Array, sigma: Array, sure_m: float) -> NDArray[np.bool_]:
        """Where a run, after its last correction, can't say that it is within `sure_m` (focus/loop.py)."""
        if one.correction is CorrectionType.STAGE_Z:
            moved = np.hypot(self.z_sigma * np.abs(measured), self.instrument.stage.arrival_m)
        else:
            moved = self.instrument.lens_sigma * np.abs(measured)
        return np.asarray(COVERAGE * np.hypot(sigma, moved) > sure_m)

    def once_more(self, one: Candidate, before: Before, where: NDArray[np.bool_]) -> None:
        """A further look and its correction, of these draws."""
        error, refused = self.error, self.refused
        measured, _ = self.look(one, before)
        self.move(one, -measured)
        self.error = np.where(where, self.error, error)
        self.refused = np.where(where, self.refused, refused)

    def change(self, one: Magnification, other: Magnification) -> None:
        """From one magnification to another."""
        apart = between(one, other, self.instrument)
        self.error = self.error + apart * self._normal()

    def _normal(self) -> Array:
        return self.rng.normal(size=DRAWS)


@functools.cache
def misfit_chance() -> float:
    """How often a good look is refused for shifts that fit no defocus: χ² beyond its limit, by chance alone, as often
    with any pattern. Another look does not help: what does not fit is mostly calibration.
    """
    return float(stats.chi2.sf(CHI2_MAX, 1))


@functools.lru_cache(maxsize=128)  # 160 kB each
def outlook(
    steps: tuple[Candidate, ...],
    instrument: Instrument,
    start_m: float,
    *,
    at: str | None = None,
    sure_m: float = math.inf,
    seed: int = 0,
) -> Outlook:
    """The errors at the end of each of `DRAWS` runs, the same ones each time for a seed, at the magnification `at`, or
    at that of the last step. Runs that can't say that they are within `sure_m` look once more.
    """
    rng = np.random.default_rng((_SEED, seed))
    draws = _Draws(
        instrument,
        rng,
        np.random.default_rng((_SEED, seed, 1)),
        error=rng.uniform(-start_m, start_m, DRAWS),
        tilt_errors={m.name: rng.normal(size=DRAWS) for m in instrument.magnifications},
        z_ratio=1 + instrument.stage.z_scale * rng.normal(size=DRAWS),
        lens_ratio=1 + instrument.errors.focus_scale * rng.normal(size=DRAWS),
        z_known=np.ones(DRAWS),
        z_sigma=np.full(DRAWS, instrument.stage.z_scale),
        refused=np.zeros(DRAWS, dtype=bool),
    )
    exposed_s = 0.0
    last: Candidate | None = None
    measured, sigma = np.zeros(DRAWS), np.zeros(DRAWS)
    for one in steps:
        before = measured
        if last is not None:
            draws.change(last.magnification, one.magnification)
        sigma_before = sigma
        measured, sigma = draws.look(one, Before(exposed_s))
        if last is not None and last.correction is CorrectionType.STAGE_Z and last.magnification == one.magnification:
            draws.learn(before, measured, np.hypot(sigma, sigma_before))
        draws.move(one, -measured)
        exposed_s += seconds_of(one, instrument)
        last = one
    unsure = draws.unsure(steps[-1], measured, sigma, sure_m) & ~draws.refused
    if unsure.any():
        draws.once_more(steps[-1], Before(exposed_s), unsure)
    if (there := magnification_at(instrument, at)) is not None:
        draws.change(steps[-1].magnification, there)
    errors_m = np.sort(np.where(draws.refused, np.inf, np.abs(draws.error)))
    return Outlook(errors_m, float(np.mean(unsure)))
