"""Stigmator response: the astigmatism A1 = (a, b) that each stigmator makes, and what is there at the present setting.

A pair at ±β moves by 2(C1 β + A β̄ + C3|β|²β): pairs along two directions, a cross, tell A1 from C1. Crosses at the
present stigmator values and a step beside them give the response; crosses on both sides of focus tell an astigmatism
of the lens from a shear of the tilt calibration, which goes with defocus. Drift is fitted beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eucentric.calibrate.focus_here import c1_here, needs_tilt
from eucentric.calibrate.least_squares import Fit, fit, sigma_px
from eucentric.calibrate.outcome import Evidence, Level, Outcome, Progress, Series, silent
from eucentric.calibrate.rough import AXES
from eucentric.calibrate.shots import Moved, Shot, Shots, approach_defocus, step_up
from eucentric.calibration.elsewhere import KEPT_A1_M
from eucentric.calibration.instrument import Calibration, Vector
from eucentric.calibration.quantities import Pair, StigmatorResponse
from eucentric.calibration.tilt_response import true_tilt
from eucentric.errors import NotMeasuredError
from eucentric.microscope.guarded import Guarded
from eucentric.optics.aberrations import Aberrations

Complex = NDArray[np.complex128]

_GREEN = (0.02, 5e-9)  # 1σ of the response (relative) and of A1 (m)
_AMBER = (0.1, 20e-9)
_LOOKS = 2  # registrations: the second with the astigmatism that the first found
_STEPS: tuple[Vector, ...] = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))  # (y, x)


@dataclass(frozen=True, slots=True)
class StigmatorPlan:
    """Instrument tilt of the crosses (rad), distance from focus on both sides (m), step of the stigmator's value."""

    tilt_rad: float = 8e-3
    defocus_m: float = 1.5e-6
    step: float = 0.1
    settle_s: float = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class _Cross:
    """Pairs along x and y, first and second shot of each, at one stigmator value relative to the present (y, x)."""

    value: Vector
    side: int
    pairs: tuple[tuple[Shot, Shot], ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A pair of a cross: its shift, and what Cs alone does to it; `step` is β₂ − β₁, x + iy."""

    cross: _Cross
    moved: Moved
    step: complex
    spherical_px: Vector


def measure_stigmator(
    microscope: Guarded,
    calibration: Calibration,
    plan: StigmatorPlan | None = None,
    *,
    progress: Progress | None = None,
) -> Outcome:
    """The stigmator's response and the present astigmatism; everything is put back.

    Needs the tilt response. Raises CalibrationError without it, NotMeasuredError, InstrumentError.
    """
    plan, tell = plan or StigmatorPlan(), progress or silent
    shots = Shots(microscope, calibration, settle_s=plan.settle_s)
    needs_tilt(shots)
    start = microscope.stigmator()
    with microscope.preserved():
        tell("focus", 0.05)
        focus = microscope.defocus_m() - c1_here(shots)
        approach_defocus(microscope, focus - plan.defocus_m, range_m=2 * plan.defocus_m)
        crosses = []
        for number, step in enumerate(_STEPS):
            tell(f"stigmator {number + 1} of {len(_STEPS)}", 0.1 + 0.6 * number / len(_STEPS))
            crosses.append(_cross(shots, plan, start, step, side=-1, backwards=number % 2 == 1))
        tell("other side of focus", 0.75)
        step_up(microscope, focus + plan.defocus_m)
        crosses += [_cross(shots, plan, start, _STEPS[0], side=1, backwards=b) for b in (True, False)]
    found, seen = _looked(shots, crosses, plan)
    return _outcome(found, seen, shots, start)


def _cross(shots: Shots, plan: StigmatorPlan, start: Vector, step: Vector, *, side: int, backwards: bool) -> _Cross:
    """One cross of tilts about the believed axis; `backwards` takes the + of each pair first, against drift."""
    value = _within(start, (plan.step * step[0], plan.step * step[1]))
    if shots.microscope.stigmator() != value:
        shots.microscope.set_stigmator(value)
    y0, x0 = shots.calibration.coma_free_rad
    pairs = []
    for axis in AXES:
        ends = [(y0 + s * plan.tilt_rad * axis[0], x0 + s * plan.tilt_rad * axis[1]) for s in (-1, 1)]
        first, second = (shots.take(t) for t in (ends[::-1] if backwards else ends))
        pairs.append((first, second))
    return _Cross((value[0] - start[0], value[1] - start[1]), side, tuple(pairs))


def _within(start: Vector, step: Vector) -> Vector:
    """Where to go from `start`; each step turns round where it would leave ±1."""
    y, x = (s if abs(v + s) <= 1 else -s for v, s in zip(start, step, strict=True))
    return (start[0] + y, start[1] + x)


def _looked(shots: Shots, crosses: list[_Cross], plan: StigmatorPlan) -> tuple[Fit, list[_Seen]]:
    values = np.zeros(6)
    for _ in range(_LOOKS):
        seen = []
        for cross in crosses:
            a, b = values[:2] + values[2:6].reshape(2, 2) @ np.array(cross.value)
            lens = Aberrations(a1_m=(float(a), float(b)))
            found = (shots.try_between(one, two, lens=lens) for one, two in cross.pairs)
            seen += [_pair(cross, m, shots) for m in found if m is not None]
        if len(seen) < len(crosses) * 2 - 1:
            raise NotMeasuredError(
                f"Only {len(seen)} of {2 * len(crosses)} pairs could be compared. Move to a place with more contrast, "
                "or expose longer."
            )
        result = _solve(seen, shots, plan)
        values = result.values[:6]
    return result, seen


def _solve(seen: list[_Seen], shots: Shots, plan: StigmatorPlan) -> Fit:
    """a, b; response (a/y, a/x, b/y, b/x); shear (2); C1 of each side; turn, per C1; drift (y, x) and its change."""
    times = np.array([0.5 * (s.moved.first.time_s + s.moved.second.time_s) for s in seen])
    times = (times - times.mean()) / max(float(np.ptp(times)), 1.0)
    rows, observed = [], []
    for s, time in zip(seen, times, strict=True):
        beta, conj = s.step, s.step.conjugate()
        y, x = s.cross.value
        below, above, gap = s.cross.side < 0, s.cross.side > 0, s.moved.seconds
        optical = [conj, 1j * conj, y * conj, x * conj, 1j * y * conj, 1j * x * conj]
        optical += [s.cross.side * plan.defocus_m * conj, s.cross.side * plan.defocus_m * 1j * conj]
        optical += [beta * below, beta * above, 1j * beta * s.cross.side * plan.defocus_m]
        row = np.array([*(np.array(optical) / shots.pixel_m), 1j * gap, gap, 1j * gap * time, gap * time])
        rows.append(np.stack([row.imag, row.real]))
        observed.append(s.moved.vector - np.array(s.spherical_px))
    return fit(np.concatenate(rows), np.concatenate(observed), np.array([s.moved.covariance_px2 for s in seen]))


def _pair(cross: _Cross, moved: Moved, shots: Shots) -> _Seen:
    one, two = (_direction(shot, shots.calibration) for shot in (moved.first, moved.second))
    spherical = shots.calibration.column.c3_m * (abs(two) ** 2 * two - abs(one) ** 2 * one) / shots.pixel_m
    return _Seen(cross, moved, two - one, (spherical.imag, spherical.real))


def _direction(shot: Shot, calibration: Calibration) -> complex:
    y, x = true_tilt(calibration, shot.tilt_rad)
    return complex(x, y)


def _outcome(found: Fit, seen: list[_Seen], shots: Shots, start: Vector) -> Outcome:
    calibration = shots.calibration
    (ay, ax), (by, bx) = found.values[2:6].reshape(2, 2).tolist()
    # Pairs that are symmetric about a wrong axis, off by ω0, see an astigmatism of C3·ω0² there.
    by_axis = abs(calibration.column.c3_m) * 2 * calibration.uncertainty.axis_rad**2
    a1: Pair = (float(found.values[0]), float(found.values[1]))
    quantity = StigmatorResponse(
        matrix_m=((ay, ax), (by, bx)),
        matrix_sigma_m=float(found.sigma[2:6].max()),
        a1_m=a1,
        a1_sigma_m=math.hypot(float(found.sigma[:2].max()), by_axis, KEPT_A1_M),
        value=start,
    )
    level, sentence = _words(quantity)
    return Outcome(quantity, level, sentence, _evidence(found, seen, shots.pixel_m), shots.dose_per_m2, shots.seconds)


def _words(quantity: StigmatorResponse) -> tuple[Level, str]:
    weakest = float(np.linalg.svd(np.array(quantity.matrix_m), compute_uv=False)[-1])
    response = quantity.matrix_sigma_m / weakest if weakest > 0 else math.inf
    size, sigma = math.hypot(*quantity.a1_m) * 1e9, quantity.a1_sigma_m * 1e9
    known = f"Astigmatism is {size:.0f} ± {sigma:.0f} nm, the stigmators' response is known to {response:.1%}"
    if response <= _GREEN[0] and quantity.a1_sigma_m <= _GREEN[1]:
        return Level.GREEN, f"{known}: good enough."
    if response <= _AMBER[0] and quantity.a1_sigma_m <= _AMBER[1]:
        return (
            Level.AMBER,
            f"{known}: usable. Calibrate the coma-free axis first, or measure again with longer exposures.",
        )
    return Level.RED, (
        f"{known}: not good enough. Use a larger step of the stigmators, a place with more contrast, longer exposures."
    )


def _evidence(found: Fit, seen: list[_Seen], pixel_m: float) -> tuple[Evidence, ...]:
    """a and b against each stigmator's value, by the fit, with what is left of each cross added."""
    a0, response = found.values[:2], found.values[2:6].reshape(2, 2)
    left = _left(found, seen, pixel_m)
    series = []
    for k, name in ((0, "y"), (1, "x")):
        mine = [c for c in left if c[0].value[1 - k] == 0 and c[0].side < 0]
        x = np.array([c[0].value[k] for c in mine])
        order = np.argsort(x)
        line = np.array([x.min(), x.max()])
        for part in (0, 1):
            y = np.array([c[1][part] for c in mine]) + a0[part] + response[part, k] * x
            sigma = np.array([c[2] for c in mine])[order] * 1e9
            curve = (a0[part] + response[part, k] * line) * 1e9
            series.append(Series(f"{'ab'[part]} by stigmator {name}", x[order], y[order] * 1e9, sigma, line, curve))
    return (Evidence("Stigmator response", "stigmator, from its setting", "astigmatism (nm)", tuple(series)),)


def _left(found: Fit, seen: list[_Seen], pixel_m: float) -> list[tuple[_Cross, NDArray[np.float64], float]]:
    """Each cross with the astigmatism (a, b) that the fit leaves in it and its 1σ per component, metres."""
    rest = np.array([s.moved.shift_px for s in seen]).ravel() - np.array([s.spherical_px for s in seen]).ravel()
    left = (rest - found.fitted).reshape(-1, 2)
    out = []
    for cross in {id(s.cross): s.cross for s in seen}.values():
        # A pair's step β₂ − β₁ = Δ is moved by A·Δ̄: over both pairs of a cross the mean of d·Δ / |Δ|² is A.
        mine = [(s, complex(x, y)) for s, (y, x) in zip(seen, left, strict=True) if s.cross is cross]
        a1 = np.mean([d * s.step / abs(s.step) ** 2 for s, d in mine]) * pixel_m
        each = [sigma_px(s.moved.covariance_px2) / abs(s.step) for s, _ in mine]
        out.append((cross, np.array([a1.real, a1.imag]), math.hypot(*each) / len(each) * pixel_m))
    return out
