"""From the image's motion when the stage tilts to the specimen's height. Pure.

Between stage tilts α₁ and α₂ the image moves by d = g·h·sin(α₂ − α₁) pixels, h the height above the eucentric plane at
the optical axis at α₁ and g what the alpha calibration found per metre (at α₁ ≈ 0 that is its h·(tan α₂ − tan α₁)).
Three images at α₀ − t, α₀ and α₀ + t give two halves, d₋ and d₊, both relative to the middle one:

    h = ĝ·(d₊ − d₋) / (2 |g| sin t),   e = d₊ + d₋

e is zero whatever the height, the goniometer's sideways motion per tilt and a steady drift are: what is left of it is
the halves' disagreement.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eucentric.focus.measurement import Contribution, Measurement
from eucentric.optics.aberrations import Tilt

Array = NDArray[np.float64]

ARRIVAL_M = 5e-9
"""1σ, per component, by which the stage arrives elsewhere than it should: settling, play."""
RUNOUT_M_PER_RAD = 2.1e-6
"""1σ, along one direction, of what a goniometer moves sideways per tilt (37 nm per degree): it looks like a height
of as many metres."""
TILT_SIGMA_RAD = 0.1e-3
"""1σ of each stage tilt against its read-back, approached from one side."""


@dataclass(frozen=True, slots=True, eq=False)
class Halves:
    """Both halves' shifts (y, x) in pixels relative to the middle image, with covariances, and the stage's tilts.

    `steps_rad` are α − α₀ of the first and the last image; `times_s` of all three.
    """

    minus_px: Array
    plus_px: Array
    minus_px2: Array
    plus_px2: Array
    steps_rad: tuple[float, float]
    times_s: tuple[float, float, float]
    pixel_m: float


@dataclass(frozen=True, slots=True)
class Known:
    """What is believed: g (y, x) in pixels per metre with its relative 1σ, dC1/dh, drift's 1σ (m/s), the eucentric
    focus' 1σ in metres, the lens' C1 beyond eucentric focus and its relative 1σ, and the prior of astigmatism, of
    which stage tilts say nothing."""

    px_per_m: tuple[float, float]
    relative_sigma: float
    c1_per_height: float
    drift_m_per_s: float
    eucentric_sigma_m: float = 0.0
    lens_m: float = 0.0
    lens_sigma: float = 0.0
    a1_sigma_m: float = 0.0


def height_of(shift_px: Array, step_rad: float, known: Known) -> float:
    """h in metres from one half."""
    g = np.array(known.px_per_m)
    return float(g @ shift_px / (g @ g) / math.sin(step_rad))


def equivalent_tilts(steps_rad: tuple[float, ...], known: Known, pixel_m: float) -> tuple[Tilt, ...]:
    """The beam tilts (y, x) that would move the image by as much for the same C1."""
    g = np.array(known.px_per_m) * pixel_m / known.c1_per_height
    return tuple((float(g[0] * math.sin(s)), float(g[1] * math.sin(s))) for s in steps_rad)


def measured(halves: Halves, known: Known) -> Measurement:
    """C1 = h·dC1/dh + the lens' part, with its errors; χ² is that of the halves' disagreement (two components)."""
    g = np.array(known.px_per_m)
    size = float(np.hypot(*g))
    along = g / size
    first, last = (math.sin(s) for s in halves.steps_rad)
    span = size * (last - first)  # pixels per metre of height, from the first image to the last
    height = float(along @ (halves.plus_px - halves.minus_px)) / span
    noise = math.sqrt(float(along @ (halves.plus_px2 + halves.minus_px2) @ along)) / span
    disagree, chi2 = _disagreement(halves, known, height)
    arrival = math.hypot(
        ARRIVAL_M / halves.pixel_m * math.sqrt(2) / span, height * TILT_SIGMA_RAD * math.sqrt(2) / (last - first)
    )
    drift = known.drift_m_per_s * abs(halves.times_s[2] - halves.times_s[0]) / halves.pixel_m / span
    k = known.c1_per_height
    budget = (
        Contribution("noise", abs(k) * noise),
        Contribution("halves", abs(k) * disagree),
        Contribution("stage arrival", abs(k) * arrival),
        Contribution("drift", abs(k) * drift),
        Contribution("stage tilt scale", abs(k * height) * known.relative_sigma),
        Contribution("eucentric height", abs(k) * known.eucentric_sigma_m),
        Contribution("focus offset", abs(known.lens_m) * known.lens_sigma),
    )
    return Measurement(
        c1_m=k * height + known.lens_m,
        sigma_m=abs(k) * noise,
        total_sigma_m=math.sqrt(sum(part.sigma_m**2 for part in budget)),
        a1_m=(0.0, 0.0),
        a1_sigma_m=(known.a1_sigma_m, known.a1_sigma_m),
        drift_m_per_s=(0.0, 0.0),
        chi2=chi2,
        dof=2,
        tilts=equivalent_tilts((halves.steps_rad[0], 0.0, halves.steps_rad[1]), known, halves.pixel_m),
        budget=budget,
    )


def _disagreement(halves: Halves, known: Known, height_m: float) -> tuple[float, float]:
    """Half of what the halves' heights differ by, metres, and χ² of e against its errors.

    With steps that are not quite opposite (read-back) the height's own part of e is taken off.
    """
    g = np.array(known.px_per_m)
    uneven = math.sin(halves.steps_rad[0]) + math.sin(halves.steps_rad[1])
    e = halves.plus_px + halves.minus_px - g * height_m * uneven
    arrival = (ARRIVAL_M / halves.pixel_m) ** 2 * 6.0 * np.eye(2)  # variance of first + last − 2·middle
    wrong = 6.0 * (TILT_SIGMA_RAD * height_m) ** 2 * np.outer(g, g)
    early, late = halves.times_s[1] - halves.times_s[0], halves.times_s[2] - halves.times_s[1]
    uneven_drift = (known.drift_m_per_s * (late - early) / halves.pixel_m) ** 2 * np.eye(2)
    # The middle image is in both: its noise adds up instead of averaging, 2× in variance at most.
    covariance = 2 * (halves.plus_px2 + halves.minus_px2) + arrival + wrong + uneven_drift
    chi2 = float(e @ np.linalg.solve(covariance, e))
    heights = (
        height_of(halves.minus_px, halves.steps_rad[0], known),
        height_of(halves.plus_px, halves.steps_rad[1], known),
    )
    return abs(heights[1] - heights[0]) / 2, chi2
