"""Repeated measurements without images: shifts drawn from the errors that are stated, and solved as images' are."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from eucentric.calibration.instrument import Uncertainty
from eucentric.correlation.shift import FixedPattern, Method, Rival, Shift
from eucentric.focus.forward import Forward, prior_sigmas
from eucentric.focus.how import How
from eucentric.focus.measure import in_metres
from eucentric.focus.patterns import PatternName, pattern
from eucentric.focus.result import DefocusResult
from eucentric.focus.solve import Exposures, solve
from eucentric.focus.verdict import Evidence, judge
from eucentric.optics.column import Column
from eucentric.optimize.tuning.repeats import Repeat

PIXEL_M, BINNING = 0.4e-9, 4
COLUMN = Column(voltage_v=200e3, c3_m=2.7e-3)
SIGMA_PX = 0.02
KNOWN = Uncertainty(  # nothing is uncertain but noise
    tilt_scale=0.0, tilt_rotation_rad=0.0, axis_rad=0.0, focus_scale=0.0, a1_m=0.0, drift_m_per_s=0.0,
    focus_hysteresis=0.0, first_motion_m=0.0, tilt_shear=0.0, c3_relative=0.0, tilt_settling=0.0,
    drift_change_m_per_s2=0.0,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bench:
    """A pattern, what is believed, and how much larger than stated the true errors are."""

    name: PatternName = PatternName.PAIR
    tilt_rad: float = 5e-3
    prior: Uncertainty = field(default_factory=Uncertainty)
    larger: float = 1.0
    interval_s: float = 1.0

    def errors(self, rng: np.random.Generator) -> np.ndarray:
        """True values of all that the fit has a prior for: one draw is one place."""
        size = prior_sigmas(self.prior).size
        return self.larger * rng.standard_normal(size) * prior_sigmas(self.prior)

    def repeat(self, number: int, place: int, errors: np.ndarray, rng: np.random.Generator, **changes: float) -> Repeat:
        """One measurement there, with its own noise. `changes`: c1_m, p (false lock), odds, lit."""
        plan = pattern(self.name, self.tilt_rad)
        times = tuple(self.interval_s * k for k in range(plan.images))
        exposures = Exposures(plan.tilts, times)
        values = errors.copy()
        values[0] = changes.get("c1_m", -0.5e-6)
        forward = Forward(
            omega=np.array([complex(x, y) for y, x in plan.tilts]),
            times=np.array(times),
            first=np.array([i for i, _ in plan.links]),
            second=np.array([j for _, j in plan.links]),
            c3_m=COLUMN.c3_m,
            decay_s=self.prior.first_motion_s,
        )
        # The registration's own error, 0.01 pixel, is no noise of the images, but is stated; so it is there.
        sigma_px = self.larger * math.hypot(SIGMA_PX, 0.01)
        shifts_px = forward.shifts(values).reshape(-1, 2) / PIXEL_M + rng.normal(0, sigma_px, (len(plan.links), 2))
        shifts = tuple(_shift((float(y), float(x)), changes) for y, x in shifts_px)
        linked = tuple(in_metres(s, link, PIXEL_M) for s, link in zip(shifts, plan.links, strict=True))
        measured = solve(exposures, linked, c3_m=COLUMN.c3_m, prior=self.prior)
        how = How(column=COLUMN, uncertainty=self.prior, binning=BINNING)
        verdict = judge(Evidence(measured, shifts, (None,) * len(shifts)), how.thresholds)
        across = max(y**2 for y, _ in shifts_px) * BINNING**2
        result = DefocusResult(
            measured, verdict, shifts, (None,) * len(shifts), exposures, PIXEL_M, misfit_px2=float(across)
        )
        return Repeat(
            number, place, place, 3.0 * number, result, how, plan.links, dose_e_per_m2=1e21, electrons_per_px=50.0
        )

    def series(self, count: int, place: int, rng: np.random.Generator, first: int = 1) -> list[Repeat]:
        """So many repeats at one place."""
        errors = self.errors(rng)
        return [self.repeat(first + k, place, errors, rng) for k in range(count)]


def _shift(at: tuple[float, float], changes: dict[str, float]) -> Shift:
    lit = changes.get("lit", 1.0)
    return Shift(
        shift_px=at,
        covariance_px2=np.eye(2) * SIGMA_PX**2,
        method=Method.MATCHED,
        overlap=0.9,
        false_lock_probability=changes.get("p", 1e-60),
        runner_up=Rival((40.0, 0.0), changes.get("odds", 1e20)),
        coherence=None,
        fixed_pattern=FixedPattern.NONE,
        contrast_sign=1,
        lit=(lit, lit),
        map=None,
        seconds=0.0,
    )


def renumbered(*series: list[Repeat]) -> list[Repeat]:
    """Series of several places as one list, each a place of its own."""
    both = [replace(one, place=place, stretch=place) for place, some in enumerate(series) for one in some]
    return [replace(one, number=n) for n, one in enumerate(both, start=1)]
