"""What running a chain of steps comes to, over many instruments drawn from its errors: numbers only, no images. Pure.

Each draw starts anywhere within ± the start error. A look measures what is there with the errors of its budget: those
that grow with C1 as they do, the others once. Its correction moves Z or the lens with their errors; Z's scale is
learned from one move to the next, as focusing does. What is left at the end is the error of that draw.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eucentric.focus.settings import CorrectionType
from eucentric.optimize.candidate import Candidate
from eucentric.optimize.instrument import Instrument
from eucentric.optimize.prediction import Before, between, looked_at, seconds_of, z_scale_after

DRAWS = 20_000
_SEED = 20_261_130
_WITH_C1 = frozenset({"tilt scale", "tilt rotation", "tilt shear", "tilt settling", "film tilt"})
"""The parts of a budget that grow with C1."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """Errors at the end of the draws, metres: sorted absolute values."""

    errors_m: NDArray[np.float64]

    @property
    def median_m(self) -> float:
        """Half of the runs end nearer."""
        return float(np.median(self.errors_m))

    def within(self, accuracy_m: float) -> float:
        """The share of runs that end within an accuracy."""
        return float(np.searchsorted(self.errors_m, accuracy_m, side="right") / self.errors_m.size)

    def bound_m(self, probability: float) -> float:
        """What so many of the runs end within."""
        return float(np.quantile(self.errors_m, probability))


def outlook(steps: tuple[Candidate, ...], instrument: Instrument, start_m: float) -> Outlook:
    """The errors at the end of each of `DRAWS` runs, the same ones each time."""
    rng = np.random.default_rng(_SEED)
    error = rng.uniform(-start_m, start_m, DRAWS)
    z_ratio = 1 + instrument.stage.z_scale * rng.normal(size=DRAWS)
    lens_ratio = 1 + instrument.errors.focus_scale * rng.normal(size=DRAWS)
    z_known, z_sigma = np.ones(DRAWS), instrument.stage.z_scale
    exposed_s = 0.0
    last: Candidate | None = None
    moved, before = np.zeros(DRAWS), np.zeros(DRAWS)
    for one in steps:
        if last is not None:
            error = error + between(last.magnification, one.magnification, instrument) * rng.normal(size=DRAWS)
        measured, sigma = _look(one, instrument, error, Before(exposed_s), rng)
        if last is not None and last.correction is CorrectionType.STAGE_Z and last.magnification == one.magnification:
            shown = (measured - before) / np.where(moved == 0, 1, moved)
            weight = (z_sigma * float(np.sqrt(np.mean(moved**2))) / max(sigma, 1e-12)) ** 2
            z_known = np.where(moved == 0, z_known, z_known * (1 + weight * shown) / (1 + weight))
            z_sigma = z_scale_after(z_sigma, sigma, float(np.sqrt(np.mean(moved**2))))
        before, moved = measured, -measured
        error = error + _move(one, instrument, moved, z_ratio / z_known, lens_ratio, rng)
        exposed_s += seconds_of(one, instrument)
        last = one
    return Outlook(np.sort(np.abs(error)))


def _look(
    one: Candidate, instrument: Instrument, error: NDArray[np.float64], before: Before, rng: np.random.Generator
) -> tuple[NDArray[np.float64], float]:
    """(what is measured of these errors, 1σ of it at their size)."""
    size = float(np.sqrt(np.mean(error**2)))
    left = looked_at(one, instrument, size, before)
    growing = math.sqrt(sum(p.sigma_m**2 for p in left.budget if p.source in _WITH_C1))
    fixed = math.sqrt(sum(p.sigma_m**2 for p in left.budget if p.source not in _WITH_C1))
    seen = error + abs(one.offset_m)
    scale = growing / (size + abs(one.offset_m))
    return error + scale * seen * rng.normal(size=DRAWS) + fixed * rng.normal(size=DRAWS), left.sigma_m


def _move(
    one: Candidate,
    instrument: Instrument,
    wanted: NDArray[np.float64],
    z_ratio: NDArray[np.float64],
    lens_ratio: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """How far C1 goes where it is to change so far."""
    if one.correction is CorrectionType.STAGE_Z:
        return wanted * z_ratio + instrument.stage.arrival_m * rng.normal(size=DRAWS)
    behind = instrument.lens.hysteresis * rng.uniform(-1, 1, DRAWS)  # beside its mean, which is reckoned with
    return wanted * (lens_ratio + behind)
