"""The specimen: a holey carbon film with vitreous ice, contamination and grid bars, in metres of its own plane.

Everything is a function of the place (y, x), so the same place looks the same on every visit.
The exit wave is exp((i − κ)φ), φ = σ·V_proj: κ is the amplitude contrast that absorption makes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eucentric.microscope.simulated.dose import Dosed
from eucentric.microscope.simulated.magnitudes import SpecimenMagnitudes
from eucentric.microscope.simulated.texture import OCTAVES_M, hashed, rough, value_noise
from eucentric.optics.electron import interaction_rad_per_vm

Float = NDArray[np.float32]
Places = NDArray[np.float64]
_PARTICLE_CELL_M = 3e-6
_BAR_TRANSMISSION = 0.02  # of the amplitude
_KEEP_CLEAR_M = 0.9e-6  # no particle on the place where a session starts


@dataclass(frozen=True, slots=True)
class Layer:
    """What the beam meets in all, (ny, nx): mean phase, density of the atoms' phase noise, factor of the amplitude."""

    phase_rad: Float
    texture_rad_m: Float
    transmission: Float


@dataclass(frozen=True, slots=True)
class Motion:
    """Displacement of a place in the specimen's plane, and its velocity; x + iy, SI."""

    moved_m: complex
    velocity_m_per_s: complex


class Specimen:
    """One grid, drawn from a seed."""

    def __init__(self, magnitudes: SpecimenMagnitudes, voltage_v: float, seed: int) -> None:
        self._m = magnitudes
        self._seed = seed
        self._sigma = interaction_rad_per_vm(voltage_v)
        rng = np.random.default_rng((seed, 1))
        bound = magnitudes.height_range_m
        drawn = float(rng.uniform(-bound, bound))
        self._height_m = drawn if magnitudes.height_m is None else magnitudes.height_m
        self._slope = rng.uniform(-0.7, 0.7, 2) * magnitudes.film_slope_rad
        self._bend_phase = rng.uniform(0, 2 * np.pi, 2)
        self._turn = complex(np.exp(1j * rng.uniform(0, 2 * np.pi)))
        # The session starts on film, midway between four holes, give or take.
        self._first_hole = 0.5 * self.pitch_m * (1 + 1j) + complex(*rng.uniform(-0.2e-6, 0.2e-6, 2))

    @property
    def slices(self) -> int:
        """Layers that the beam goes through one after the other."""
        return self._m.slices

    @property
    def thickness_m(self) -> float:
        """Of film and ice together."""
        return self._m.film_thickness_m + self._m.ice_thickness_m

    @property
    def pitch_m(self) -> float:
        """Lattice constant of the holes."""
        return self._m.hole_diameter_m + self._m.hole_gap_m

    def height_m(self, y_m: Places, x_m: Places) -> Places:
        """Height of the film's mid-plane against the stage plane; positive towards the gun. Slope and waves."""
        flat = self._height_m + self._slope[0] * y_m + self._slope[1] * x_m
        wave_y, wave_x = (2 * np.pi * c / self._m.grid_pitch_m for c in (y_m, x_m))
        start = np.sin(self._bend_phase[0]) + np.sin(self._bend_phase[1])
        waves = np.sin(wave_y + self._bend_phase[0]) + np.sin(wave_x + self._bend_phase[1]) - start
        return np.asarray(flat + 0.5 * self._m.bend_m * waves)

    def first_motion(self, y_m: float, x_m: float, dosed: Dosed) -> Motion:
        """Beam-induced motion of a place that has been exposed so; its direction depends on the place.

        s = s∞·(1 − e^(−x)), x the dose over its constant, or the time over its own where that is given; with the time
        it moves during an exposure, too.
        """
        place_y, place_x = np.array([y_m / 1e-6]), np.array([x_m / 1e-6])
        angle = 3 * float(value_noise(self._seed + 11, place_y, place_x)[0])
        film, _, _ = self._film_and_ice(np.array([[y_m]]), np.array([[x_m]]), 1e-9)
        freely = 1 - (1 - self._m.first_motion_on_film) * float(film[0, 0])
        whole = self._m.first_motion_m * freely * np.exp(1j * angle)
        time_s = self._m.first_motion_s
        if time_s is None:
            done = 1 - np.exp(-dosed.dose_per_m2 / self._m.first_motion_dose_per_m2)
            return Motion(complex(whole * done), 0j)
        left = np.exp(-dosed.seconds / time_s)
        return Motion(complex(whole * (1 - left)), complex(whole * left / time_s))

    def hole_m(self, row: int, column: int) -> tuple[float, float]:
        """Centre (y, x) of a hole."""
        centre = (self._first_hole + self.pitch_m * complex(column, row)) * self._turn
        return (centre.imag, centre.real)

    def empty_hole_m(self) -> tuple[float, float]:
        """Centre (y, x) of the hole without ice that is nearest to the origin: a place where nothing can be focused."""
        rows, columns = (a.ravel() for a in np.mgrid[-8:9, -8:9])
        empty = self._is_empty(rows, columns)
        found = [self.hole_m(int(r), int(c)) for r, c, e in zip(rows, columns, empty, strict=True) if e]
        return min(found, key=lambda p: float(np.hypot(*p)), default=self.hole_m(0, 0))

    def grid_bar_m(self) -> tuple[float, float]:
        """A place (y, x) in the middle of a grid bar."""
        return (0.0, self._m.grid_pitch_m / 2)

    def _is_empty(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.bool_]:
        # One hole near the origin is always empty, so that every specimen has one within reach.
        drawn = hashed(self._seed + 5, rows, columns) < self._m.empty_holes
        return np.asarray(drawn | ((rows == 1) & (columns == -2)))

    def layer(self, y_m: Places, x_m: Places, spacing_m: float) -> Layer:
        """The specimen at a grid of places of that spacing; y_m and x_m (ny, nx)."""
        m = self._m
        film, ice, empty = self._film_and_ice(y_m, x_m, spacing_m)
        octaves = (max(1.5 * spacing_m, OCTAVES_M[0]), OCTAVES_M[-1] * 1.5)
        variation = m.roughness * np.sqrt(2) * _rough(self._seed, y_m, x_m, octaves, spacing_m)
        film_m = m.film_thickness_m * film * (1 + variation)
        ice_m = m.ice_thickness_m * ice * (1 + variation) * ~empty
        ice_m += self._particles(y_m, x_m)
        phase = self._sigma * (m.film_potential_v * film_m + m.ice_potential_v * ice_m)
        texture2 = np.maximum(m.film_texture_v2m3 * film_m + m.ice_texture_v2m3 * ice_m, 0)
        texture = self._sigma * np.sqrt(texture2)
        return Layer(phase.astype(np.float32), texture.astype(np.float32), self._bars(y_m, x_m, spacing_m))

    def _film_and_ice(self, y_m: Places, x_m: Places, spacing_m: float) -> tuple[Float, Float, NDArray[np.bool_]]:
        """How much film (0 or 1, soft at the edge), ice relative to its full thickness, and where a hole has none."""
        m, edge = self._m, max(8e-9, 0.7 * spacing_m)
        middle_y, middle_x = (np.array([[0.5 * (c[0, 0] + c[-1, -1])]]) for c in (y_m, x_m))
        reach = 0.5 * float(np.hypot(y_m[0, 0] - y_m[-1, -1], x_m[0, 0] - x_m[-1, -1]))
        if float(self._nearest_hole(middle_y, middle_x)[0][0, 0]) - reach > m.hole_diameter_m / 2 + edge:
            full = np.ones(y_m.shape, dtype=np.float32)
            return full, full, np.zeros(y_m.shape, dtype=np.bool_)
        radius, row, column = self._nearest_hole(y_m, x_m)
        film = _step((radius - m.hole_diameter_m / 2) / edge)
        inside = 2 * radius / m.hole_diameter_m
        meniscus = np.where(inside < 1, 0.6 + 0.4 * inside**2, 1.0)
        first_row, first_column = int(row.min()), int(column.min())
        rows, columns = np.arange(first_row, int(row.max()) + 1), np.arange(first_column, int(column.max()) + 1)
        empty = self._is_empty(rows[:, None], columns[None])
        if not empty.any():
            return film, meniscus.astype(np.float32), np.zeros(y_m.shape, dtype=np.bool_)
        here = empty[row.astype(np.int64) - first_row, column.astype(np.int64) - first_column]
        return film, meniscus.astype(np.float32), here & (inside < 1)

    def _nearest_hole(self, y_m: Places, x_m: Places) -> tuple[Places, Places, Places]:
        """Distance to the centre of the nearest hole, and its row and column."""
        back, start = np.conj(self._turn) / self.pitch_m, self._first_hole / self.pitch_m
        u = x_m * back.real - y_m * back.imag - start.real
        v = x_m * back.imag + y_m * back.real - start.imag
        column, row = np.rint(u), np.rint(v)
        u -= column
        v -= row
        return np.sqrt(u * u + v * v) * self.pitch_m, row, column

    def _particles(self, y_m: Places, x_m: Places) -> Float:
        """Thickness of the ice crystals and dirt lying on the film: uneven caps, at most one per cell."""
        thickness = np.zeros(y_m.shape, dtype=np.float32)
        cell = _PARTICLE_CELL_M
        low_y, high_y, low_x, high_x = (float(v) for v in (y_m.min(), y_m.max(), x_m.min(), x_m.max()))
        rows = np.arange(np.floor(low_y / cell) - 1, np.floor(high_y / cell) + 2).astype(np.int64)
        columns = np.arange(np.floor(low_x / cell) - 1, np.floor(high_x / cell) + 2).astype(np.int64)
        grid_r, grid_c = (a.ravel() for a in np.meshgrid(rows, columns, indexing="ij"))
        chance, a, b, size = (hashed(self._seed + 20 + k, grid_r, grid_c) for k in range(4))
        radius = 50e-9 * (1 + 5 * size**3)
        cy, cx = (grid_r + a) * cell, (grid_c + b) * cell
        there = (chance < self._m.contamination) & (np.hypot(cy, cx) > _KEEP_CLEAR_M)
        for y0, x0, r in zip(cy[there], cx[there], radius[there], strict=True):
            if abs(y0 - 0.5 * (low_y + high_y)) > 0.5 * (high_y - low_y) + 2 * r:
                continue
            if abs(x0 - 0.5 * (low_x + high_x)) > 0.5 * (high_x - low_x) + 2 * r:
                continue
            away = np.hypot(y_m - y0, x_m - x0) / r
            wobble = 1 + 0.25 * value_noise(self._seed + 31, y_m / r, x_m / r)
            thickness += (r * np.sqrt(np.clip(1 - (away * wobble) ** 2, 0, None))).astype(np.float32)
        return thickness

    def _bars(self, y_m: Places, x_m: Places, spacing_m: float) -> Float:
        pitch, half, edge = self._m.grid_pitch_m, self._m.grid_bar_m / 2, max(50e-9, spacing_m)
        reach = float(np.hypot(np.ptp(y_m), np.ptp(x_m))) + edge
        if all(abs((c[0, 0] / pitch) % 1 - 0.5) * pitch > half + reach for c in (y_m, x_m)):
            return np.ones(y_m.shape, dtype=np.float32)
        away = np.minimum(*(np.abs((c / pitch) % 1 - 0.5) * pitch for c in (y_m, x_m)))
        open_part = _step((away - half) / edge)
        return np.asarray(_BAR_TRANSMISSION + (1 - _BAR_TRANSMISSION) * open_part, dtype=np.float32)


def _step(t: Places) -> Float:
    """0 below −1, 1 above 1, smooth between."""
    u = np.clip(0.5 * (t + 1), 0, 1).astype(np.float32)
    return np.asarray(u * u * (3 - 2 * u), dtype=np.float32)


def _rough(seed: int, y_m: Places, x_m: Places, octaves_m: tuple[float, float], spacing_m: float) -> Float:
    """`rough`, the coarse octaves taken at every 4th or 8th point and interpolated: they are smooth there."""
    step = 8 if 16 * spacing_m <= octaves_m[0] else 4
    coarse_from = 2 * step * spacing_m
    fine = rough(seed, y_m, x_m, (octaves_m[0], min(coarse_from, octaves_m[1])))
    if coarse_from >= octaves_m[1]:
        return fine
    y, x = (_every(step, c) for c in (y_m, x_m))
    nodes = rough(seed, y, x, (max(coarse_from, octaves_m[0]), octaves_m[1]))
    between = _between(step, _between(step, nodes).T).T
    return np.asarray(fine + between[: y_m.shape[0], : y_m.shape[1]], dtype=np.float32)


def _every(step: int, even: Places) -> Places:
    """Every `step`-th point and at least one beyond the end, continued linearly (the grid is even)."""
    step_y, step_x = even[1, 0] - even[0, 0], even[0, 1] - even[0, 0]
    rows, columns = (np.arange(0, n + step, step) for n in even.shape)
    return np.asarray(even[0, 0] + step_y * rows[:, None] + step_x * columns[None])


def _between(step: int, nodes: Float) -> Float:
    """Linear interpolation along rows: `step` points from each node to the next."""
    t = (np.arange(step, dtype=np.float32) / step)[None, :, None]
    steps = nodes[:-1, None] * (1 - t) + nodes[1:, None] * t
    return np.asarray(steps.reshape(-1, nodes.shape[1]))
