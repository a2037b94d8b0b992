"""Swings of the stage from −t to +t at several Z, and the straight line of vectors that goes through them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from eucentric.calibrate.reading import weighted_fit
from eucentric.errors import NotMeasuredError

_UM = 1e6


@dataclass(frozen=True, slots=True)
class Swing:
    """What one swing from −t to +t says: displacement x + iy in pixels, its 1σ per component, Z, and tan t₂ − tan t₁.

    `halves_px` is by how much the half up to 0 differs from half of it.
    """

    z_m: float
    moved_px: complex
    sigma_px: float
    rise: float
    halves_px: float


@dataclass(frozen=True, slots=True, eq=False)
class AlphaFit:
    """The straight line through the swings: d = (p·(z − z̄) + q)·(tan α₂ − tan α₁), complex x + iy, pixels.

    `z_m` is the eucentric Z, `z_sigma_m` statistical; `across_m` is what moves across p: metres per radian of tilt.
    """

    swings: tuple[Swing, ...]
    slope_px_per_m: complex
    slope_sigma: float
    z_m: float
    z_sigma_m: float
    across_m: float
    across_px: complex

    def expects(self, z_m: float, rise: float) -> tuple[complex, float]:
        """The motion (x + iy, pixels) of a swing at `z_m`, and its 1σ."""
        way = z_m - self.z_m
        sigma = math.hypot(abs(self.slope_px_per_m) * self.z_sigma_m, self.slope_sigma * way) * rise
        return (self.slope_px_per_m * way + self.across_px) * rise, sigma


def fit_swings(swings: tuple[Swing, ...], *, pixel_m: float) -> AlphaFit:
    """The line of vectors by least squares. At least two Z. Raises NotMeasuredError where Z moves nothing.

    All swings weigh alike: how far two arrivals lie apart says little about one swing, and their mean much about all.
    """
    z = np.array([s.z_m for s in swings])
    rise = np.array([s.rise for s in swings])
    moved = np.array([s.moved_px for s in swings]) / rise
    sigma = math.sqrt(float(np.mean([s.sigma_px**2 for s in swings]))) / rise
    middle = float(z.mean())
    one = np.stack([np.ones(z.size), (z - middle) * _UM], axis=-1)
    design = np.asarray(np.kron(np.eye(2), one), dtype=np.float64)  # (2·swings, 4): y and x of q, p
    seen = np.concatenate([moved.imag, moved.real])
    best, covariance = weighted_fit(design, seen, np.concatenate([sigma, sigma]))
    q, p = complex(best[2], best[0]), complex(best[3], best[1]) * _UM
    p_sigma = math.sqrt(float(covariance[1, 1])) * _UM
    if abs(p) < 5 * p_sigma:
        raise NotMeasuredError(
            "The image moves with stage tilt as much at one Z as at another: the tilt's lever is not seen. "
            "Check that stage Z and stage tilt move, and use a wider range of Z."
        )
    rest = -q / p  # complex: its real part is the way to the eucentric Z, its imaginary one no height explains
    z_sigma = math.hypot(math.sqrt(float(covariance[0, 0])) / abs(p), abs(rest.real) * p_sigma / abs(p))
    return AlphaFit(swings, p, p_sigma, middle + rest.real, z_sigma, abs(rest.imag * p) * pixel_m, -1j * rest.imag * p)


def fit_one(swing: Swing, slope_px_per_m: complex, slope_sigma: float, *, pixel_m: float) -> AlphaFit:
    """What one swing says of the eucentric Z where the slope is known already."""
    rest = swing.moved_px / swing.rise / slope_px_per_m
    own = swing.sigma_px / swing.rise / abs(slope_px_per_m)
    sigma = math.hypot(own, rest.real * slope_sigma / abs(slope_px_per_m))
    across = 1j * rest.imag * slope_px_per_m
    return AlphaFit((swing,), slope_px_per_m, slope_sigma, swing.z_m - rest.real, sigma, abs(across) * pixel_m, across)
