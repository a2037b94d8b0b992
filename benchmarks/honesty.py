"""Claim 2: the scatter against the Cramér–Rao bound, and whether the stated errors are true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np

from benchmarks.claims import Claim, judged
from benchmarks.estimators import Found, measure
from benchmarks.seeds import Seed, stream
from benchmarks.texture import Texture
from benchmarks.weak_phase import Bound, Case, bound, make_pair

SCATTER_MAX = 1.3
ONE_SIGMA = (0.60, 0.76)
TWO_SIGMA = 0.92

SCATTER_CASES = (
    Case(c1_m=-0.5e-6, tilt_rad=5e-3, pixel_m=0.15e-9, electrons_per_px=20, size=(512, 512)),
    Case(c1_m=-1.2e-6, tilt_rad=5e-3, pixel_m=0.2e-9, electrons_per_px=40, size=(512, 512), tilt_angle_rad=0.5),
    Case(voltage_v=200e3, c1_m=1e-6, tilt_rad=4e-3, pixel_m=0.3e-9, electrons_per_px=60, size=(384, 512)),
    Case(voltage_v=200e3, c1_m=-2e-6, c3_m=1.2e-3, pixel_m=0.25e-9, electrons_per_px=30, size=(512, 384)),
    Case(c1_m=-0.4e-6, c3_m=0.0, tilt_rad=8e-3, pixel_m=0.2e-9, electrons_per_px=30, size=(384, 384)),
    Case(texture=Texture.STAIN, c1_m=-1.5e-6, tilt_rad=3e-3, pixel_m=0.4e-9, electrons_per_px=40, size=(512, 512)),
    Case(texture=Texture.STAIN, c1_m=3e-6, tilt_rad=6e-3, pixel_m=0.5e-9, electrons_per_px=15, size=(512, 512)),
)
"""Weak-phase cases whose coherence stands well above its noise: γ of 0.2 and more where the information is."""

COVERAGE_CASES = (
    Case(c1_m=-0.5e-6, tilt_rad=5e-3, pixel_m=0.2e-9, electrons_per_px=30, size=(256, 256), tilt_angle_rad=0.3),
    Case(texture=Texture.STAIN, c1_m=-1.5e-6, tilt_rad=4e-3, pixel_m=0.4e-9, electrons_per_px=20, size=(256, 256)),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """Repeats of one case."""

    case: Case
    bound: Bound
    found: tuple[Found, ...]

    def scaled(self) -> list[float]:
        """Errors along the tilt over the bound."""
        return [f.along_error_px / self.bound.along_px for f in self.found]

    def pulls(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        """Errors along and across the tilt over their stated σ, (2, n)."""
        along = [f.along_error_px / f.along_sigma_px for f in self.found if f.along_sigma_px > 0]
        across = [f.across_error_px / f.across_sigma_px for f in self.found if f.across_sigma_px > 0]
        return np.array([along, across])


def sample(case: Case, seed: Seed, number: int, repeats: int) -> Sample:
    """`repeats` new films with new noise."""
    found = tuple(measure(make_pair(case, stream(seed, number, repeat))) for repeat in range(repeats))
    return Sample(case, bound(case), found)


def coverage_allowed(repeats: int) -> tuple[float, float, float]:
    """The bars of ±1σ and 2σ; for less than the claimed 1000 repeats widened by three binomial errors."""
    if repeats >= 1000:
        return (*ONE_SIGMA, TWO_SIGMA)
    one, two = 3 * sqrt(0.683 * 0.317 / repeats), 3 * sqrt(0.954 * 0.046 / repeats)
    return (ONE_SIGMA[0] - one, ONE_SIGMA[1] + one, TWO_SIGMA - two)


def scatter_claim(repeats: int) -> Claim:
    """Pooled scatter over the bound."""
    samples = [sample(case, Seed.SCATTER, n, repeats) for n, case in enumerate(SCATTER_CASES)]
    pooled = float(np.sqrt(np.mean(np.square([e for s in samples for e in s.scaled()]))))
    each = ", ".join(f"{np.sqrt(np.mean(np.square(s.scaled()))):.2f}" for s in samples)
    return judged(
        "2 honesty",
        f"error over Cramér–Rao bound, {len(samples)} cases × {repeats}",
        f"≤ {SCATTER_MAX} pooled",
        f"{pooled:.2f} (each: {each})",
        pooled <= SCATTER_MAX,
    )


def coverage_claims(repeats: int) -> Iterator[Claim]:
    """How often the truth lies within 1 and 2 stated σ, along and across the tilt."""
    low, high, two_low = coverage_allowed(repeats)
    for number, case in enumerate(COVERAGE_CASES):
        pulls = np.abs(sample(case, Seed.COVERAGE, number, repeats).pulls())
        one, two = (pulls < 1).mean(axis=1), (pulls < 2).mean(axis=1)
        ok = bool(np.all((one >= low) & (one <= high) & (two >= two_low)))
        yield judged(
            "2 honesty",
            f"truth within stated 1σ and 2σ (along; across), {case.texture}, {pulls.shape[1]} repeats",
            f"{low:.0%}–{high:.0%} and ≥ {two_low:.0%}",
            f"{one[0]:.1%}, {two[0]:.1%}; {one[1]:.1%}, {two[1]:.1%}",
            ok,
        )


def run(*, quick: bool, log: bool = False) -> Iterator[Claim]:
    """Scatter and coverage."""
    del log
    yield scatter_claim(6 if quick else 40)
    yield from coverage_claims(100 if quick else 1000)
