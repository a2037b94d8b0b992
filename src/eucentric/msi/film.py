"""Where the film is in focus between the places at which focus was found: kriging. Pure.

The height of the film, told as C1 (metres), at a place p of the stage is taken to be

    h(p) = a + s·p + w(p) + r(p) + e

`a` anything, s its slope (prior 1σ `slope_rad` per direction), w waves (Gaussian process with covariance
bend²·exp(−r²/2·length²)), r roughness that no two places share, e each found point's own error. The best linear
prediction of it and its variance are those of universal kriging with a prior on the slope: Cressie, Statistics for
Spatial Data (Wiley 1993), section 3.4. Where the found heights scatter more than this film's would, its 1σ grows.
With C1 = lens + h + (dC1/dz)·z a found focus tells h = c1 − lens − (dC1/dz)·z; a place at stage height z is in focus
with the lens at −h − (dC1/dz)·z. What all found points share (calibration, drift since, where the stage arrives)
does not average, and comes on top.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eucentric.errors import InputError
from eucentric.focus.again import SURPRISE_SIGMAS
from eucentric.msi.application import GridSettings
from eucentric.msi.outcome import FocusFound
from eucentric.units import show_length

Array = NDArray[np.float64]
Vector = tuple[float, float]

PLACE_M = 50e-9
"""1σ, per component, of where a stage arrives sideways when it comes from different sides: half of a play of 0.1 µm."""
SAME_ALPHA_RAD = 2e-3
"""Stage tilts that differ by less are the same: read-backs, play."""
_PRIOR_DEGREES = 2
"""So many found points' worth the grid's settings are trusted against the scatter of what was found."""
_LEAST_M = 1e-12  # an own error of a picometre: without any, weights would be infinite


@dataclass(frozen=True, slots=True)
class Scales:
    """How the film is looked at: the stage's tilt, dC1/dz there, and relative 1σ of that, of steps of the lens, and of
    the metre that both are told in; 1σ of the z at which a stage arrives.
    """

    alpha_rad: float = 0.0
    c1_per_z: float = 1.0
    z_sigma: float = 0.0
    lens_sigma: float = 0.0
    metre_sigma: float = 0.0
    arrival_m: float = 0.0


LEVEL = Scales()
"""A stage that is not tilted; z and lens are exact."""


@dataclass(frozen=True, slots=True)
class Now:
    """The microscope's clock: the time, and since when the stage stands at its height and tilt (infinity: it will be
    sent there from elsewhere); `play_m`: 1σ of z where it may arrive from either side.
    """

    time_s: float
    since_s: float
    play_m: float = 0.0


@dataclass(frozen=True, slots=True)
class FilmFocus:
    """The lens setting (absolute, metres) at which a place is in focus, and its 1σ in parts: of the film between the
    found points with their own errors, what they share, the step of the lens from where it was measured to the defocus
    that is intended, and the difference between presets.
    """

    lens_m: float
    film_sigma_m: float
    shared_sigma_m: float
    step_sigma_m: float = 0.0
    parfocal_sigma_m: float = 0.0
    doubt: str = ""
    """Why it is not to be relied on: found points that no such film has; empty where they agree."""

    @property
    def sigma_m(self) -> float:
        """The whole 1σ."""
        return math.hypot(self.film_sigma_m, self.shared_sigma_m, self.step_sigma_m, self.parfocal_sigma_m)


class Film:
    """The film about the places where focus was found: all of one target of the grid, at one stage tilt and optics.

    Raises InputError where no focus was found, or at another stage tilt.
    """

    def __init__(self, grid: GridSettings, found: Sequence[FocusFound], scales: Scales = LEVEL) -> None:
        if not found:
            raise InputError("No focus was found on this film, so nothing is known of its height. Focus first.")
        elsewhere = [f for f in found if abs(f.alpha_rad - scales.alpha_rad) > SAME_ALPHA_RAD]
        if elsewhere:
            raise InputError(
                f"Focus was found at a stage tilt of {math.degrees(elsewhere[0].alpha_rad):.1f}° and is asked for at "
                f"{math.degrees(scales.alpha_rad):.1f}°. Give only what was found at the same tilt."
            )
        steeper = 1 / math.cos(scales.alpha_rad)  # on the optical axis a film on a tilted stage rises by 1/cos α
        self._bend_m, self._length_m = grid.bend_m * steeper, grid.bend_length_m
        self._slope = grid.slope_rad * steeper
        self._arrival_m = math.sqrt(2) * PLACE_M * math.hypot(self._slope, self._bend_m / self._length_m)
        self._scales = scales
        self._places = np.array([f.place_m for f in found], dtype=np.float64)  # (found, 2)
        self._z_m = np.array([f.z_m for f in found])
        self._heights_m = np.array([f.c1_m - f.lens_m - scales.c1_per_z * f.z_m for f in found])
        self._rough_m = math.hypot(self._arrival_m, grid.roughness_m * steeper)
        own = np.array([f.own_sigma_m for f in found])
        self._own_m = np.sqrt(own**2 + self._rough_m**2 + _LEAST_M**2)
        # What lens steps put on a focus measured at an offset is taken out: it counts from there to the wanted defocus.
        self._offset_m = np.array([f.offset_m for f in found])
        total2 = np.array([f.total_sigma_m**2 for f in found])
        self._shared_m = np.sqrt(np.maximum(total2 - own**2 - (scales.lens_sigma * self._offset_m) ** 2, 0.0))
        self._middle = self._places.mean(axis=0)
        self._found, self._drift_m_per_s = tuple(found), grid.drift_m_per_s
        self._solve()

    def at(self, place_m: Vector, *, z_m: float, defocus_m: float = 0.0, now: Now | None = None) -> FilmFocus:
        """Where a place (y, x) is in focus with the stage at height `z_m`; the errors are those of C1 when the lens is
        then stepped by the intended `defocus_m`. Without `now`, as on paper, nothing has drifted or moved since.

        Focus measured with the lens stepped by o, and steps that are wrong by s: C1 at a step d is wrong by s·(d − o).
        """
        scales, (weight, film_m) = self._scales, self._weights(np.array(place_m, dtype=np.float64))
        by_z = scales.z_sigma * scales.c1_per_z * float(weight @ (self._z_m - z_m))
        step = scales.lens_sigma * (defocus_m - float(weight @ self._offset_m))
        return FilmFocus(
            lens_m=-float(weight @ self._heights_m) - scales.c1_per_z * z_m,
            film_sigma_m=self._rougher * math.hypot(film_m, self._rough_m),
            shared_sigma_m=math.hypot(float(weight @ self._shared_m), by_z, *self._since(weight, now)),
            step_sigma_m=math.hypot(step, scales.metre_sigma * defocus_m),
            doubt=self._doubt,
        )

    def _since(self, weight: Array, now: Now | None) -> tuple[float, float]:
        """1σ of what came since focus was found: drift, and another arrival of the stage at its z and tilt."""
        if now is None:
            return 0.0, 0.0
        times = np.array([now.time_s if f.time_s is None else f.time_s for f in self._found])
        drifted = self._drift_m_per_s * float(weight @ np.maximum(now.time_s - times, 0.0))
        elsewhere = float(weight @ (times < now.since_s))
        arrival = math.hypot(math.sqrt(2) * self._scales.arrival_m, now.play_m)
        return drifted, arrival * abs(self._scales.c1_per_z * elsewhere)

    def _solve(self) -> None:
        """What all predictions share: V⁻¹, V⁻¹F and (FᵀV⁻¹F + prior)⁻¹, F of the plane, its slope in units of 1σ."""
        apart = self._places[:, None] - self._places[None]
        self._inverse = np.linalg.inv(self._waves(apart) + np.diag(self._own_m**2))
        plane = self._plane(self._places)
        self._pulled = self._inverse @ plane
        self._plane_m2 = np.linalg.inv(plane.T @ self._pulled + np.diag([0.0, 1.0, 1.0]))
        alone = self._inverse - self._pulled @ self._plane_m2 @ self._pulled.T  # Q
        heights = self._heights_m - self._heights_m.mean()
        self._rougher = _rougher(float(heights @ alone @ heights), len(heights) - 1)
        self._doubt = self._doubted(alone, heights) if len(heights) > 1 else ""

    def _doubted(self, alone: Array, heights: Array) -> str:
        """A sentence where a found point is far from what the others say of its place.

        With Q = V⁻¹ − V⁻¹F(FᵀV⁻¹F + prior)⁻¹FᵀV⁻¹ that distance is (Qh)ᵢ/Qᵢᵢ and its variance 1/Qᵢᵢ (leave one out).
        """
        off = alone @ heights / np.diag(alone)
        sigmas = np.abs(off) * np.sqrt(np.diag(alone))
        worst = int(np.argmax(sigmas))
        if sigmas[worst] <= SURPRISE_SIGMAS:
            return ""
        y, x = (show_length(float(v)) for v in self._places[worst])
        return (
            f"Focus found at ({y}, {x}) (y, x) is {show_length(float(off[worst]))} ({sigmas[worst]:.1f} σ) from what "
            f"the other {len(self._places) - 1} about it say: one of them is wrong, or the film bends more than "
            "the grid's settings (slope, bend) say."
        )

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


def _rougher(scatter: float, free: int) -> float:
    """By how much the film's 1σ grows where the found heights scatter more than they should, never less than 1.

    `scatter` = hᵀQh is χ² of `free` degrees where the settings are true; the prior counts as two degrees more.
    """
    return max(1.0, math.sqrt((_PRIOR_DEGREES + scatter) / (_PRIOR_DEGREES + free)))
