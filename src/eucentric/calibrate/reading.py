"""C1 read from the beam tilts of one pattern, and the way to focus: what stage and lens are measured with.

A reading counts C1 in the metres of the tilt calibration. Procedures that compare a lens step with a stage step read
both in one run, so that the scale of the tilts cancels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

import numpy as np
from numpy.typing import NDArray

from eucentric.calibrate.shots import Shot, Shots, approach_z, knows_tilt
from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.instrument import Calibration
from eucentric.calibration.tilt_response import instrument_tilt, true_tilt
from eucentric.errors import CalibrationError, NotMeasuredError
from eucentric.microscope.guarded import Guarded
from eucentric.optics.aberrations import direction
from eucentric.units import show_length

Array = NDArray[np.float64]

PEAK_FLOOR_PX = 0.03
"""1σ of a shift that no covariance tells: interpolation and what differs between two tilts beyond the model."""
DRIFT_PRIOR_M_PER_S = 0.5e-9
"""Prior of the drift while a reading is taken, per component: the order of a stage just moved."""
COARSE_OFFSETS_M = (-20e-6, -60e-6)
"""Lens defocus for the coarse reading, tried in turn: near focus a thin specimen shows little in a wide field."""
COARSE_TILTS_RAD = (4e-3, 2e-3, 1e-3)
"""Tried in turn: a smaller tilt reaches farther, and tells lattice repeats apart."""
_ROUNDS = 6
_SINKING_M_PER_MIN = 20e-9  # prior of the drift of height


class Order(StrEnum):
    """The beam tilts of a reading, in the order in which they are taken."""

    PAIR = "pair"  # (−x, +x): to come near
    QUAD = "quad"  # (−x, +x, +x, −x): cancels a steady drift; for differences in one preset, where A1 stays the same
    CROSS = "mirrored cross"  # (−x, +x, −y, +y) and back: cancels drift, and tells C1 from A1


_UNIT: dict[Order, tuple[complex, ...]] = {
    Order.PAIR: (-1, 1),
    Order.QUAD: (-1, 1, 1, -1),
    Order.CROSS: (-1, 1, -1j, 1j, 1j, -1j, 1, -1),
}
_LINKS: dict[Order, tuple[tuple[int, int], ...]] = {
    Order.PAIR: ((0, 1),),
    Order.QUAD: ((0, 1), (3, 2)),
    Order.CROSS: ((0, 1), (2, 3), (5, 4), (7, 6)),
}


@dataclass(frozen=True, slots=True)
class Reading:
    """C1 (metres of the tilt calibration) with its 1σ: noise, drift and, where asked for, the prior of A1.

    `defocus_m` and `z_m` are what lens and stage read meanwhile; `time_s` is its middle.
    """

    c1_m: float
    sigma_m: float
    a1_m: tuple[float, float]
    defocus_m: float
    z_m: float
    time_s: float


@dataclass(frozen=True, slots=True)
class Displaced:
    """What one pair of images says: true tilts ω, times, displacement x + iy and its 1σ, metres."""

    first: complex
    second: complex
    seconds: float
    shift_m: complex
    sigma_m: float


def read_c1(shots: Shots, tilt_rad: float, order: Order = Order.QUAD, *, a1_sigma_m: float = 0.0) -> Reading:
    """Take a pattern of ±`tilt_rad` (true, from the coma-free axis), and C1 from it; the beam tilt is put back.

    `a1_sigma_m` is the prior of each component of A1; 0 where A1 is common to all that is compared.
    Raises NotMeasuredError when a shift is not to be believed, InstrumentError.
    """
    scope, calibration = shots.microscope, shots.calibration
    before = scope.beam_tilt_rad()
    taken: list[Shot] = []
    for unit in _UNIT[order]:
        at = complex(unit) * tilt_rad
        taken.append(shots.take(instrument_tilt(calibration, (at.imag, at.real))))
    scope.set_beam_tilt(before)
    pairs = _believed(shots, taken, order)
    c1, sigma, a1 = solve_c1(pairs, c3_m=calibration.column.c3_m, a1_sigma_m=a1_sigma_m)
    times = [shot.time_s for shot in taken]
    return Reading(c1, sigma, a1, taken[0].defocus_m, taken[0].stage.z_m, float(np.mean(times)))


def _believed(shots: Shots, taken: list[Shot], order: Order) -> tuple[Displaced, ...]:
    """What the linked images say; of two links along one axis one may be refused (drift then has its prior alone)."""
    found: list[Displaced] = []
    axes: dict[complex, NotMeasuredError | None] = {}
    for i, j in _LINKS[order]:
        axis = _UNIT[order][j]
        try:
            found.append(_displaced(shots, taken[i], taken[j]))
        except NotMeasuredError as error:
            axes.setdefault(axis, error)
        else:
            axes[axis] = None
    for problem in axes.values():
        if problem is not None:
            raise problem
    return tuple(found)


def _displaced(shots: Shots, first: Shot, second: Shot) -> Displaced:
    moved = shots.between(first, second)
    pixel = shots.pixel_m
    sigma_px = math.hypot(math.sqrt(float(np.trace(moved.covariance_px2)) / 2), PEAK_FLOOR_PX)
    one, two = (direction(true_tilt(shots.calibration, shot.tilt_rad)) for shot in (first, second))
    shift = complex(moved.shift_px[1], moved.shift_px[0]) * pixel
    return Displaced(one, two, moved.seconds, shift, sigma_px * pixel)


def solve_c1(
    pairs: tuple[Displaced, ...], *, c3_m: float, a1_sigma_m: float
) -> tuple[float, float, tuple[float, float]]:
    """(C1, its 1σ, (a, b)) by weighted least squares: s = C1·Δβ + A1·conj(Δβ) + C3·Δ(|β|²β) + v·Δt, complex x + iy.

    A1 and the drift v have priors of `a1_sigma_m` and `DRIFT_PRIOR_M_PER_S`. Metres, radians.
    """
    scales = np.array([1e-6, a1_sigma_m, a1_sigma_m, DRIFT_PRIOR_M_PER_S, DRIFT_PRIOR_M_PER_S])
    precision = np.diag([0.0, 1.0, 1.0, 1.0, 1.0])
    right = np.zeros(5)
    for pair in pairs:
        step = pair.second - pair.first
        spherical = c3_m * (abs(pair.second) ** 2 * pair.second - abs(pair.first) ** 2 * pair.first)
        seen = pair.shift_m - spherical
        columns = np.array([step, step.conjugate(), 1j * step.conjugate(), 1j * pair.seconds, pair.seconds]) * scales
        design = np.stack([columns.real, columns.imag]) / pair.sigma_m  # (2, 5)
        precision += design.T @ design
        right += design.T @ (np.array([seen.real, seen.imag]) / pair.sigma_m)
    covariance = np.linalg.inv(precision)
    values = covariance @ right * scales
    return float(values[0]), float(np.sqrt(covariance[0, 0]) * scales[0]), (float(values[1]), float(values[2]))


def calibrated(book: CalibrationBook, preset: str) -> Calibration:
    """The calibration of a preset. Raises CalibrationError where its tilt response is not known."""
    found = book.of(preset)
    if not knows_tilt(found):
        raise CalibrationError(
            f"The tilt response of preset '{preset}' is not known (± {found.uncertainty.tilt_scale:.0%}), and C1 is "
            f"measured with it. Run `eucentric calibrate tilt --preset {preset}` first."
        )
    return found


@dataclass(frozen=True, slots=True)
class Near:
    """How to come near focus: the C1 wanted, how near, the tilt, the preset for large errors, the wait after a move."""

    c1_m: float
    tilt_rad: float
    tolerance_m: float = 0.5e-6
    coarse_preset: str | None = "hl"
    settle_s: float = 8.0


def bring_near(shots: Shots, book: CalibrationBook, near: Near, *, by_lens: bool = False) -> None:
    """Move stage Z (or the lens) until C1 is `near.c1_m`; from far off with the help of the coarse preset.

    Z is approached from below. Nothing is put back here. Raises NotMeasuredError where focus is not found, LimitError.
    """
    move = _by_lens if by_lens or not shots.microscope.capabilities.stage_z else _by_z
    coarse_left = 2
    last = "no reading"
    for _ in range(_ROUNDS):
        try:
            c1 = read_c1(shots, near.tilt_rad, Order.PAIR).c1_m
        except NotMeasuredError as error:
            last = str(error)
            if near.coarse_preset in (None, shots.microscope.preset().name) or coarse_left == 0:
                c1 = _read_coarse(shots)
            else:
                coarse_left -= 1
                c1 = _in_coarse_preset(shots, book, str(near.coarse_preset))
        else:
            if abs(c1 - near.c1_m) <= near.tolerance_m:
                return
        move(shots.microscope, shots.calibration, near.c1_m - c1, near.settle_s)
    raise NotMeasuredError(
        f"Focus was not reached in {_ROUNDS} steps from here (wanted {show_length(near.c1_m)}; {last}). "
        "Focus by hand on a piece of carbon film without a grid bar, then calibrate again."
    )


def _by_z(microscope: Guarded, calibration: Calibration, change_m: float, settle_s: float) -> None:
    alpha = microscope.stage().alpha_rad
    approach_z(microscope, microscope.stage().z_m + change_m / calibration.c1_per_z(alpha))
    microscope.wait(settle_s)


def _by_lens(microscope: Guarded, _calibration: Calibration, change_m: float, _settle_s: float) -> None:
    microscope.set_defocus(microscope.defocus_m() + change_m)


def _in_coarse_preset(shots: Shots, book: CalibrationBook, preset: str) -> float:
    """C1 as the coarse preset shows it; back in the preset where it was."""
    scope = shots.microscope
    home = scope.preset().name
    scope.set_preset(preset)
    coarse = Shots(scope, calibrated(book, preset))
    c1 = _read_coarse(coarse)
    shots.dose_per_m2 += coarse.dose_per_m2
    scope.set_preset(home)
    return c1


def _read_coarse(shots: Shots) -> float:
    """C1 at the present preset, measured with the lens away from where a thin specimen shows nothing."""
    scope = shots.microscope
    defocus = scope.defocus_m()
    problem: NotMeasuredError | None = None
    for offset, tilt in product(COARSE_OFFSETS_M, COARSE_TILTS_RAD):
        scope.set_defocus(defocus + offset)
        try:
            reading = read_c1(shots, tilt, Order.PAIR)
        except NotMeasuredError as error:
            problem = error
            continue
        scope.set_defocus(defocus)
        return reading.c1_m - offset
    assert problem is not None
    raise NotMeasuredError(f"The specimen's height is not found at preset '{scope.preset().name}'. {problem}")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 1σ."""

    value: float
    sigma: float


def weighted_fit(design: Array, seen: Array, sigma: Array, *, prior: Array | None = None) -> tuple[Array, Array]:
    """Weighted least squares: (parameters, covariance), `design` (points, parameters).

    `prior` is a precision matrix about zero, added to the normal equations. Where the points scatter by more than their
    `sigma`, the covariance is raised by χ² per degree of freedom.
    """
    scaled, values = design / sigma[:, None], seen / sigma
    covariance = np.linalg.inv(scaled.T @ scaled + (0.0 if prior is None else prior))
    best = covariance @ scaled.T @ values
    dof = seen.size - design.shape[1]
    if dof > 0:
        chi2 = float(np.sum((values - scaled @ best) ** 2)) / dof
        covariance = covariance * max(1.0, chi2)
    return np.asarray(best), np.asarray(covariance)


def between_sides(readings: tuple[Reading, ...], sides: tuple[int, ...]) -> Estimate:
    """C1 reached from above (side +1) minus that from below (−1), with a steady drift of height taken out. Metres."""
    time = np.array([r.time_s for r in readings])
    design = np.stack([np.ones(time.size), (time - time.mean()) / 60, 0.5 * np.array(sides, dtype=float)], axis=-1)
    seen, sigma = np.array([r.c1_m for r in readings]), np.array([r.sigma_m for r in readings])
    best, covariance = weighted_fit(design, seen, sigma, prior=np.diag([0.0, _SINKING_M_PER_MIN**-2, 0.0]))
    return Estimate(float(best[2]), float(np.sqrt(covariance[2, 2])))
