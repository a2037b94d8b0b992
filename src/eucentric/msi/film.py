"""Where the film is in focus between the places at which focus was found: kriging. Pure.

The height of the film, told as C1 (metres), at a place p of the stage is taken to be

    h(p) = a + s·p + w(p) + e

`a` anything, s its slope (prior 1σ `slope_rad` per direction), w waves (Gaussian process with covariance
bend²·exp(−r²/2·length²)), e each found point's own error. The best linear prediction of it and its variance are those
of universal kriging with a prior on the slope: Cressie, Statistics for Spatial Data (Wiley 1993), section 3.4.
With C1 = lens + h + (dC1/dz)·z a found focus tells h = c1 − lens − (dC1/dz)·z; a place at stage height z is in focus
with the lens at −h − (dC1/dz)·z. What all found points share (calibration) does not average, and comes on top.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eucentric.errors import InputError
from eucentric.msi.application import GridSettings
from eucentric.msi.outcome import FocusFound

Array = NDArray[np.float64]
Vector = tuple[float, float]

PLACE_M = 50e-9
"""1σ, per component, of where a stage arrives sideways when it comes from different sides: half of a play of 0.1 µm."""
SAME_ALPHA_RAD = 2e-3
"""Stage tilts that differ by less are the same: read-backs, play."""
_LEAST_M = 1e-12  # an own error of a picometre: without any, weights would be infinite


@dataclass(frozen=True, slots=True)
class Stage:
    """The stage at which the film is looked at: its tilt, dC1/dz there and the relative 1σ of that."""

    alpha_rad: float = 0.0
    c1_per_z: float = 1.0
    z_scale_sigma: float = 0.0


LEVEL = Stage()
"""A stage that is not tilted and whose z is exact."""


@dataclass(frozen=True, slots=True)
class FilmFocus:
    """The lens setting (absolute, metres) at which a place is in focus, and its 1σ in parts: of the film between the
    found points with their own errors, and what they share. `parfocal_sigma_m`: of the difference between presets.
    """

    lens_m: float
    film_sigma_m: float
    shared_sigma_m: float
    parfocal_sigma_m: float = 0.0

    @property
    def sigma_m(self) -> float:
        """The whole 1σ."""
        return math.hypot(self.film_sigma_m, self.shared_sigma_m, self.parfocal_sigma_m)


class Film:
    """The film about the places where focus was found: all of one target of the grid, at one stage tilt and optics.

    Raises InputError where no focus was found, or at another stage tilt.
    """

    def __init__(self, grid: GridSettings, found: Sequence[FocusFound], stage: Stage = LEVEL) -> None:
        if not found:
            raise InputError("No focus was found on this film, so nothing is known of its height. Focus first.")
        elsewhere = [f for f in found if abs(f.alpha_rad - stage.alpha_rad) > SAME_ALPHA_RAD]
        if elsewhere:
            raise InputError(
                f"Focus was found at a stage tilt of {math.degrees(elsewhere[0].alpha_rad):.1f}° and is asked for at "
                f"{math.degrees(stage.alpha_rad):.1f}°. Give only what was found at the same tilt."
            )
        steeper = 1 / math.cos(stage.alpha_rad)  # on the optical axis a film on a tilted stage rises by 1/cos α
        self._bend_m, self._length_m = grid.bend_m * steeper, grid.bend_length_m
        self._slope = grid.slope_rad * steeper
        self._arrival_m = math.sqrt(2) * PLACE_M * math.hypot(self._slope, self._bend_m / self._length_m)
        self._stage = stage
        self._places = np.array([f.place_m for f in found], dtype=np.float64)  # (found, 2)
        self._z_m = np.array([f.z_m for f in found])
        self._heights_m = np.array([f.c1_m - f.lens_m - stage.c1_per_z * f.z_m for f in found])
        own = np.array([f.own_sigma_m for f in found])
        self._own_m = np.sqrt(own**2 + self._arrival_m**2 + _LEAST_M**2)
        self._shared_m = np.sqrt(np.maximum([f.total_sigma_m**2 for f in found] - own**2, 0.0))
        self._middle = self._places.mean(axis=0)
        self._solve()

    def at(self, place_m: Vector, *, z_m: float) -> FilmFocus:
        """Where a place (y, x) is in focus with the stage at height `z_m`."""
        weight, film_m = self._weights(np.array(place_m, dtype=np.float64))
        lens = -float(weight @ self._heights_m) - self._stage.c1_per_z * z_m
        by_z = self._stage.z_scale_sigma * self._stage.c1_per_z * float(weight @ (self._z_m - z_m))
        return FilmFocus(lens, math.hypot(film_m, self._arrival_m), math.hypot(float(weight @ self._shared_m), by_z))

    def _solve(self) -> None:
        """What all predictions share: V⁻¹, V⁻¹F and (FᵀV⁻¹F + prior)⁻¹, F of the plane, its slope in units of 1σ."""
        apart = self._places[:, None] - self._places[None]
        self._inverse = np.linalg.inv(self._waves(apart) + np.diag(self._own_m**2))
        plane = self._plane(self._places)
        self._pulled = self._inverse @ plane
        self._plane_m2 = np.linalg.inv(plane.T @ self._pulled + np.diag([0.0, 1.0, 1.0]))

    def _weights(self, place: Array) -> tuple[Array, float]:
        """The weights (found,) of the found heights, which add up to 1, and the film's 1σ there."""
        near = self._waves(self._places - place)
        missing = self._plane(place[None])[0] - near @ self._pulled
        weight = self._inverse @ near + self._pulled @ self._plane_m2 @ missing
        variance = self._bend_m**2 - near @ self._inverse @ near + missing @ self._plane_m2 @ missing
        return weight, math.sqrt(max(float(variance), 0.0))

    def _waves(self, apart: Array) -> Array:
        """Covariance of the waves over distances (…, 2)."""
        return np.asarray(self._bend_m**2 * np.exp(-np.sum(apart**2, axis=-1) / (2 * self._length_m**2)))

    def _plane(self, places: Array) -> Array:
        """(…, 3): the constant, and the slopes in units of their 1σ."""
        return np.concatenate([np.ones((len(places), 1)), self._slope * (places - self._middle)], axis=1)
