"""What repeated measurements say of instrument and specimen: noise, contrast, drift, first-exposure motion. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eucentric.optimize.tuning.curve import Curve, curve_through, scatter_of
from eucentric.optimize.tuning.rates import FEWEST, scale_interval
from eucentric.optimize.tuning.repeats import Repeat, Vector, stretches_of

_VISIBLE = 5.0  # σ from which a first motion is told


@dataclass(frozen=True, slots=True)
class Noise:
    """The scatter of C1 about its drift: metres, and in units of the stated statistical σ with its 95 % interval."""

    scatter_m: float
    ratio: float
    low: float
    high: float
    jumps: int


@dataclass(frozen=True, slots=True)
class Contrast:
    """What the images have in common: peak coherence γ, the finest detail above noise (m), and what it cost."""

    coherence: float
    finest_m: float | None
    electrons_per_px: float | None
    dose_e_per_m2: float | None
    lit: float  # the smallest lit fraction of any image


@dataclass(frozen=True, slots=True)
class Motion:
    """How the specimen moved in one stretch: C1 through time; speed in the image (m/s, with 1σ); what the first
    exposures moved it beyond that (m, with 1σ); None where the images do not tell."""

    place: int
    stretch: int
    c1: Curve
    first_s: float
    last_s: float
    image_m_per_s: float | None = None
    image_sigma: float | None = None
    first_m: float | None = None
    first_sigma_m: float | None = None

    @property
    def first_motion(self) -> bool:
        """Whether the first exposures are seen to move the specimen."""
        return self.first_m is not None and self.first_m > _VISIBLE * (self.first_sigma_m or 0.0)


@dataclass(frozen=True, slots=True)
class Learned:
    """All that was learned from good repeats; what they are too few for is None or missing."""

    noise: Noise | None
    contrast: Contrast
    motions: tuple[Motion, ...]


def learned(good: Sequence[Repeat]) -> Learned:
    """What the good repeats say. Needs one."""
    stretches = list(stretches_of(good).values())
    motions = tuple(_motion(there) for there in stretches if len(there) >= FEWEST)
    return Learned(_noise(stretches), _contrast(good), motions)


def _noise(stretches: Sequence[Sequence[Repeat]]) -> Noise | None:
    """The scatter of all stretches together."""
    found = []
    for there in stretches:
        states = [one for one in there if one.result.states_sigma]
        sigmas = [one.result.measurement.sigma_m for one in states]
        scatter = scatter_of([one.time_s for one in states], [one.c1_m for one in states], sigmas)
        if scatter is not None:
            found.append((scatter, float(np.median(sigmas))))
    if not found:
        return None
    dof = sum(one.dof for one, _ in found)
    total = sum(one.dof * one.ratio**2 for one, _ in found)
    scatter_m = math.sqrt(sum(one.dof * (one.ratio * sigma) ** 2 for one, sigma in found) / dof)
    low, high = (math.sqrt(v) for v in scale_interval(total, max(round(dof), 1)))
    return Noise(scatter_m, math.sqrt(total / dof), low, high, sum(one.jumps for one, _ in found))


def _contrast(good: Sequence[Repeat]) -> Contrast:
    shifts = [shift for one in good for shift in one.result.shifts]
    rings = [shift.coherence for shift in shifts if shift.coherence is not None and bool(np.any(shift.coherence.used))]
    peaks = [float(np.max(ring.gamma[ring.used])) for ring in rings]
    finest = [float(ring.frequency[ring.used].max()) for ring in rings]
    pixel_m = good[0].result.pixel_m
    electrons = [one.electrons_per_px for one in good if one.electrons_per_px is not None]
    doses = [one.dose_e_per_m2 for one in good if one.dose_e_per_m2 is not None]
    return Contrast(
        coherence=float(np.median(peaks)) if peaks else 0.0,
        finest_m=pixel_m / float(np.median(finest)) if finest else None,
        electrons_per_px=float(np.median(electrons)) if electrons else None,
        dose_e_per_m2=float(np.median(doses)) if doses else None,
        lit=min(min(shift.lit) for shift in shifts),
    )


def _motion(there: Sequence[Repeat]) -> Motion:
    times = [one.time_s for one in there]
    c1 = curve_through(times, [one.c1_m for one in there])
    if any(one.moved_m is None for one in there[1:]):
        return Motion(there[0].place, there[0].stretch, c1, times[0], times[-1])
    at: list[Vector] = [(0.0, 0.0)]
    for one in there[1:]:
        assert one.moved_m is not None
        at.append((at[-1][0] + one.moved_m[0], at[-1][1] + one.moved_m[1]))
    later = slice(1, None) if len(there) > FEWEST else slice(0, None)
    y, x = (curve_through(times[later], [p[axis] for p in at[later]]) for axis in (0, 1))
    first = None if later.start == 0 else math.hypot(at[0][0] - y.at(times[0]), at[0][1] - x.at(times[0]))
    spread = math.hypot(y.scatter_m, x.scatter_m)
    middle = 0.5 * (times[0] + times[-1])
    return Motion(
        there[0].place,
        there[0].stretch,
        c1,
        times[0],
        times[-1],
        image_m_per_s=math.hypot(y.speed(middle), x.speed(middle)),
        image_sigma=math.hypot(y.slope_sigma, x.slope_sigma),
        first_m=first,
        first_sigma_m=None if first is None else _EXTRAPOLATED * spread,
    )


_EXTRAPOLATED = 2.0  # a curve's end, carried one interval further, is this much worse known than one value
