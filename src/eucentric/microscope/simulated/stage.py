"""The stage: where it was sent, and where it really is: backlash, runout, wobble, settling, drift.

Positions x + iy in the stage's own axes; z along the holder's own (tilted) axis, positive towards the gun. The tilt
axis lies along x, `Place.axis_m` sideways of the optical axis; as the stage tilts, the goniometer moves the whole
holder sideways (`sideways_m`) and up (`rise_m`), in the column's frame: that motion is not tilted with the holder.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eucentric.microscope.protocol import StagePosition
from eucentric.microscope.simulated.clock import Clock
from eucentric.microscope.simulated.magnitudes import StageMagnitudes

_AXES = ("x_m", "y_m", "z_m", "alpha_rad")
_WAVES_PER_TURN = (3.0, 7.2)
"""Wobble is made of waves of 120 and 50 degrees of tilt."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the stage truly is: x + iy and z in metres, alpha in radians, and the drift velocity (m/s, x + iy).

    `axis_m` is how far the tilt axis lies from the optical axis, along y; `sideways_m` (x + iy) and `rise_m` are by how
    much the goniometer has moved the tilt axis and the holder with it.
    """

    xy_m: complex
    z_m: float
    alpha_rad: float
    velocity_m_per_s: complex
    axis_m: float = 0.0
    sideways_m: complex = 0j
    rise_m: float = 0.0

    @property
    def eucentric_flat_m(self) -> float:
        """The height above the tilt axis, along the holder's normal, that puts the film on the optical axis at true
        height 0: f/cos α − (axis + sideways)·tan α + rise = 0."""
        aside = self.axis_m + self.sideways_m.imag
        return float(aside * np.sin(self.alpha_rad) - self.rise_m * np.cos(self.alpha_rad))


class _Wobble:
    """What the goniometer adds as it tilts: waves of alpha with drawn phases, none at alpha 0. Metres.

    Each wave has the amplitude `wobble_m`: two of them have that rms about their mean.
    """

    def __init__(self, magnitudes: StageMagnitudes, seed: int) -> None:
        rng = np.random.default_rng((seed, 10))
        self._m = magnitudes
        self._phases = rng.uniform(0, 2 * np.pi, (3, len(_WAVES_PER_TURN)))  # of x, y, height
        self.axis_m = float(rng.choice([-1.0, 1.0])) * magnitudes.axis_offset_m
        self._rng = rng
        self._arrived_m = 0.0

    def arrive(self, size: float) -> None:
        """Alpha was changed: the height does not come back exactly."""
        self._arrived_m += size * (float(self._rng.normal()) * self._m.alpha_height_m - self._arrived_m)

    def at(self, alpha_rad: float) -> tuple[complex, float]:
        """Sideways x + iy, and up."""
        waves = np.array(_WAVES_PER_TURN)
        x, y, up = self._m.wobble_m * (np.sin(waves * alpha_rad + self._phases) - np.sin(self._phases)).sum(axis=1)
        return complex(x, y), float(up) + self._arrived_m


class Stage:
    """A goniometer on a simulated clock."""

    def __init__(self, magnitudes: StageMagnitudes, clock: Clock, seed: int) -> None:
        self._m = magnitudes
        self._clock = clock
        rng = np.random.default_rng((seed, 3))
        self._rng = rng
        self._set = StagePosition(0.0, 0.0, 0.0, 0.0)
        self._side = dict.fromkeys(_AXES, 0.0)  # ±1: the side from which each axis was last reached
        self.z_scale = 1 + float(rng.normal()) * magnitudes.z_scale
        self._runout = [complex(np.exp(1j * rng.uniform(0, 2 * np.pi))) for _ in range(2)]
        self._rest = magnitudes.drift_rest_m_per_s * complex(np.exp(1j * rng.uniform(0, 2 * np.pi)))
        self._drifted = 0j  # displacement gathered before the last move
        self._moved_s = 0.0
        self._start = 0j  # drift velocity just after the last move
        self._ring = 0j  # settling amplitude
        self._wobble = _Wobble(magnitudes, seed)
        self._z_rng = np.random.default_rng((seed, 11))
        self._rising_m_per_s = float(self._z_rng.choice([-1.0, 1.0])) * magnitudes.drift_height_m_per_s
        self._z_off_m = 0.0

    def read(self) -> StagePosition:
        """What the encoders say: the position asked for."""
        return self._set

    def move(self, target: dict[str, float]) -> None:
        """Go there, and wait as adapters do. The side of approach is remembered, drift begins anew."""
        now = {axis: getattr(self._set, axis) for axis in _AXES}
        moved = {axis: value - now[axis] for axis, value in target.items() if value != now[axis]}
        if not moved:
            return
        self._drifted = self._drift_m()
        self._side.update({axis: float(np.sign(change)) for axis, change in moved.items()})
        self._set = StagePosition(**{**now, **target})
        self._moved_s = self._clock.now_s()
        directions = np.exp(1j * self._rng.uniform(0, 2 * np.pi, 2))
        # A move of a nanometre shakes less than one across the grid.
        size = min(1.0, max(abs(c) / (1e-6 if axis != "alpha_rad" else 1e-3) for axis, c in moved.items()))
        self._start = complex(directions[0]) * self._m.drift_m_per_s * size
        self._ring = complex(directions[1]) * self._m.settle_m * size
        if "z_m" in moved:
            self._z_off_m = float(self._z_rng.normal()) * self._m.z_scatter_m
        if "alpha_rad" in moved:
            self._wobble.arrive(min(1.0, abs(moved["alpha_rad"]) / 1e-3))
        self._clock.wait(self._m.wait_s)

    def place(self, before_s: float = 0.0) -> Place:
        """Where it is now (or will be, `before_s` seconds from now)."""
        m, side = self._m, self._side
        alpha = self._set.alpha_rad + 0.5 * m.backlash_alpha_rad * side["alpha_rad"]
        z = self.z_scale * self._set.z_m - 0.5 * m.backlash_z_m * side["z_m"] + self._z_off_m
        z += self._rising_m_per_s * (self._clock.now_s() + before_s)
        play = 0.5 * m.backlash_xy_m * complex(side["x_m"], side["y_m"])
        xy = complex(self._set.x_m, self._set.y_m) - play + self._runout[0] * m.runout_per_z * self._set.z_m
        wobble, rise = self._wobble.at(alpha)
        sideways = wobble - self._runout[1] * m.runout_m_per_rad * alpha
        since = self._clock.now_s() + before_s - self._moved_s
        ring = self._ring * np.exp(-since / m.settle_s)
        decayed = self._start * np.exp(-since / m.drift_decay_s)
        velocity = self._rest + decayed - ring / m.settle_s
        return Place(
            xy_m=complex(xy + self._drift_m(before_s) + ring),
            z_m=z,
            alpha_rad=alpha,
            velocity_m_per_s=complex(velocity),
            axis_m=self._wobble.axis_m,
            sideways_m=complex(sideways),
            rise_m=rise,
        )

    def _drift_m(self, before_s: float = 0.0) -> complex:
        since = self._clock.now_s() + before_s - self._moved_s
        decay = self._m.drift_decay_s
        return complex(self._drifted + self._rest * since + self._start * decay * (1 - np.exp(-since / decay)))
