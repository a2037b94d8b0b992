"""Where a feature is, and where the lens focuses it, at stage tilts that were not measured: kriging. Pure.

A feature that stood on the optical axis at α = 0, h₀ above a tilt axis that lies a sideways of it, is at α

    across the tilt axis  y(α) = a (1 − cos α) − h₀ sin α + r_y α + s_y(α)
    along it              x(α) = r_x α + s_x(α)
    high                  h(α) = h₀ cos α − a sin α + w(α)

r and s are the goniometer's runout and wobble sideways, w its wobble in height. The lens focuses it at F(α) = f − h(α),
f the lens setting that focuses the plane of the tilt axis. A focus target beside it, reached by image shift d along the
tilt axis, is as high but for the film's slope (odd in d) and curvature (even) and for the error δ of the axis'
direction in the image: d·δ·tan α. A film that is ΔH higher there is met, on the same line of sight, ΔH·tan α further
across: on the tilted holder that is higher by ΔH·(cos α + sin α·tan α) = ΔH/cos α. Everything is linear in what is not
known, each of it has a prior (`Priors`), s and w are Gaussian processes over α (Matérn 5/2), so the best prediction
from all that was seen and its variance are those of simple kriging. Displacements alone don't tell heights where the
goniometer runs out (r_y α against h₀ sin α); the priors say by how much they do. That lens and geometry suffice for
100 nm on a good goniometer: Zheng, Braunfeld, Sedat & Agard, J. Struct. Biol. 147 (2004) 91-101.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from eucentric.msi.wobble import wobble_correlation

Array = NDArray[np.float64]

_TRUSTED = 4.0
"""The priors' size counts as this many measurements: what is measured beside the prediction must outweigh them."""


@dataclass(frozen=True, slots=True)
class Priors:
    """1σ of what is not known. Metres and radians.

    `lens_m` is the lens setting believed to focus the plane of the tilt axis, `lens_sigma_m` its 1σ. `arrival_m`: what
    of a height does not come back with alpha. `restart_m`: what of focus differs from one run of the session to another
    (hysteresis of the lens, drift), `play_m`: of a place, per component. `film_odd_m`, `film_even_m`: by how much
    the focus targets differ in height from the feature, with the side and whatever it is; `turned_m`: distance of the
    targets × 1σ of the tilt axis' direction.
    """

    lens_m: float
    lens_sigma_m: float
    height_m: float
    axis_m: float = 1e-6
    runout_m_per_rad: float = 2.1e-6
    wobble_m: float = 0.2e-6
    wobble_length_rad: float = math.radians(15)
    arrival_m: float = 20e-9
    restart_m: float = 0.0
    play_m: float = 0.0
    film_odd_m: float = 0.0
    film_even_m: float = 0.0
    turned_m: float = 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One number that was seen at a tilt: the lens setting in focus, or the feature's place across or along the tilt
    axis from where it was at `first_rad`; metres. `visit` numbers the stays at a tilt: within one, heights are the
    same. `side` is that of the focus target, 0 for the feature itself. `sigma_m` is its own, `shared_m` the 1σ of what
    all lens settings that were seen are off by together: it does not average. `run` is that of the session
    in which it was seen."""

    what: str  # "lens", "across", "along"
    alpha_rad: float
    value_m: float
    sigma_m: float
    visit: int
    side: int = 0
    shared_m: float = 0.0
    run: int = 0


@dataclass(frozen=True, slots=True)
class Predicted:
    """A number that was predicted, metres, and its 1σ."""

    value_m: float
    sigma_m: float


@dataclass(frozen=True, slots=True)
class TiltGeometry:
    """What is known of one feature over alpha, for run `run` of the session. `first_rad` is the tilt at which its place
    is called zero, `first_run` the run in which it was."""

    priors: Priors
    first_rad: float = 0.0
    seen: tuple[Seen, ...] = field(default=())
    run: int = 0
    first_run: int = 0

    def with_seen(self, *more: Seen) -> TiltGeometry:
        """The same, knowing more."""
        return replace(self, seen=(*self.seen, *more))

    def lens(self, alpha_rad: float, visit: int, side: int = 0) -> Predicted:
        """The lens setting that focuses the feature at `alpha_rad`, or its focus target on a side."""
        return self._predicted(Seen("lens", alpha_rad, 0.0, 0.0, visit, side, run=self.run), self.surprise)

    def across(self, alpha_rad: float) -> Predicted:
        """The feature's place across the tilt axis."""
        return self._predicted(Seen("across", alpha_rad, 0.0, 0.0, -1, run=self.run))

    def along(self, alpha_rad: float) -> Predicted:
        """The feature's place along the tilt axis."""
        return self._predicted(Seen("along", alpha_rad, 0.0, 0.0, -1, run=self.run))

    @property
    def surprise(self) -> float:
        """By how much focus was found further from its predictions than they stated, rms, at least 1.

        Every found focus is held against all before it and all displacements; the priors count as `_TRUSTED` more.
        """
        ordered = sorted(self.seen, key=lambda one: one.what == "lens")  # a stable sort: lens settings last, in order
        count = sum(one.what == "lens" for one in ordered)
        if count < 2:
            return 1.0
        steps = np.linalg.solve(np.linalg.cholesky(self._joint(ordered)), self._off(ordered))[-count:]
        return max(1.0, math.sqrt((_TRUSTED + float(steps @ steps)) / (_TRUSTED + count)))

    def _predicted(self, wanted: Seen, inflated: float = 1.0) -> Predicted:
        mean, own = self._mean(wanted), self._covariance([wanted], [wanted])[0, 0]
        if not self.seen:
            return Predicted(mean, math.sqrt(own))
        known = list(self.seen)
        between = self._covariance([wanted], known)[0]
        weights = np.linalg.solve(self._joint(known), between)
        variance = max(float(own - weights @ between), 0.0)
        return Predicted(mean + float(weights @ self._off(known)), inflated * math.sqrt(variance))

    def _joint(self, seen: list[Seen]) -> Array:
        return self._covariance(seen, seen) + np.diag([one.sigma_m**2 for one in seen])

    def _mean(self, one: Seen) -> float:
        return self.priors.lens_m if one.what == "lens" else 0.0

    def _off(self, seen: list[Seen]) -> Array:
        """What was seen less what the priors alone expect."""
        return np.array([one.value_m - self._mean(one) for one in seen])

    def _covariance(self, rows: list[Seen], columns: list[Seen]) -> Array:
        """Prior covariance (rows, columns)."""
        left = np.array([self._features(one) for one in rows])
        right = np.array([self._features(one) for one in columns])
        return np.asarray(left @ right.T + self._waves(rows, columns), dtype=np.float64)

    def _features(self, one: Seen) -> Array:
        """By how much each thing not known, at 1σ, moves a number: f, h₀, a, r_y, r_x, the film beside it, the
        axis' direction; and what all measurements share."""
        p, alpha, first = self.priors, one.alpha_rad, self.first_rad
        cos, sin = math.cos(alpha), math.sin(alpha)
        if one.what == "lens":
            film = (one.side / cos * p.film_odd_m, abs(one.side) / cos * p.film_even_m)
            turned = one.side * math.tan(alpha) * p.turned_m
            return np.array([p.lens_sigma_m, -cos * p.height_m, sin * p.axis_m, 0.0, 0.0, *film, turned, one.shared_m])
        runout = (alpha - first) * p.runout_m_per_rad
        if one.what == "along":
            return np.array([0.0, 0.0, 0.0, 0.0, runout, 0.0, 0.0, 0.0, 0.0])
        height, axis = (math.sin(first) - sin) * p.height_m, (math.cos(first) - cos) * p.axis_m
        return np.array([0.0, height, axis, runout, 0.0, 0.0, 0.0, 0.0, 0.0])

    def _waves(self, rows: list[Seen], columns: list[Seen]) -> Array:
        """Covariance by wobble, and by what differs from stay to stay and from run to run: of heights, and of places
        from the first."""
        p, first = self.priors, np.array([[self.first_rad]])
        what, other = (np.array([one.what for one in some]) for some in (rows, columns))
        visit, again = (np.array([one.visit for one in some]) for some in (rows, columns))
        run, other_run = np.array([[one.run] for one in rows]), np.array([one.run for one in columns])
        same, ours, theirs = run == other_run, run == self.first_run, other_run == self.first_run
        a, b = np.array([[one.alpha_rad] for one in rows]), np.array([[one.alpha_rad for one in columns]])
        both = self._wobble(a, b)
        height = both + p.arrival_m**2 * (visit[:, None] == again[None]) + p.restart_m**2 * same
        place = both - self._wobble(a, first) - self._wobble(first, b) + p.wobble_m**2
        place = place + p.play_m**2 * (1.0 * same - ours - theirs + 1)
        waves = np.where((what == "lens")[:, None], height, place)
        return np.asarray(np.where(what[:, None] == other[None], waves, 0.0), dtype=np.float64)

    def _wobble(self, alpha_rad: Array, other_rad: Array) -> Array:
        """Covariance of the wobble."""
        alike = wobble_correlation(alpha_rad - other_rad, self.priors.wobble_length_rad)
        return np.asarray(self.priors.wobble_m**2 * alike, dtype=np.float64)
