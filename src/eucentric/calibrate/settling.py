"""Tilt settling: how long the beam follows its coils after a large step of tilt, beyond the wait of the set call.

Away from focus the part x of a step that is still missing displaces the image by x times the step's displacement S,
which the tilt response tells. Images are taken at once after the set call and after further waits w; each is compared
with one at a slightly different, settled tilt (at the same tilt the camera's own pattern would be found). Then
p(w) = p∞ + A·e^{−w/τ}·S + drift: A is what is left at the return of the call, as an exposure sees it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from eucentric.calibrate.focus_here import c1_here, needs_tilt
from eucentric.calibrate.least_squares import Array, Fit, fit, sigma_px
from eucentric.calibrate.outcome import Evidence, Level, Outcome, Progress, Series, silent
from eucentric.calibrate.shots import Moved, Shots, approach_defocus
from eucentric.calibration.instrument import Calibration
from eucentric.calibration.quantities import TiltSettling
from eucentric.calibration.tilt_response import true_tilt
from eucentric.errors import NotMeasuredError
from eucentric.microscope.guarded import Guarded
from eucentric.optics.aberrations import Aberrations, image_shift

_SEEN = 25.0  # by so much must a decay make χ² smaller to be one: 5 σ
_TIMES_S = np.geomspace(0.01, 3.0, 120)
_FEWEST = 5  # of eight images
_GREEN_LEFT, _AMBER_LEFT = 0.003, 0.02  # of a step: what a defocus is wrong by, in relative terms


@dataclass(frozen=True, slots=True)
class SettlingPlan:
    """Instrument tilt on both sides of the axis (rad), distance below focus (m), waits after the call (s)."""

    tilt_rad: float = 10e-3
    aside_rad: float = 1.5e-3  # the settled image that all are compared with
    defocus_m: float = 6e-6
    waits_s: tuple[float, ...] = (
        0.2,
        0.0,
        1.5,
        0.05,
    )  # there and back; in this order a curved drift looks least like A
    rest_s: float = 2.0  # at the far side, and before the settled image


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    wait_s: float
    moved: Moved


def measure_settling(
    microscope: Guarded,
    calibration: Calibration,
    plan: SettlingPlan | None = None,
    *,
    progress: Progress | None = None,
) -> Outcome:
    """What is left of a tilt step when the set call returns, and the time constant; everything is put back.

    Needs the tilt response. Raises CalibrationError without it, NotMeasuredError, InstrumentError.
    """
    plan, tell = plan or SettlingPlan(), progress or silent
    shots = Shots(microscope, calibration, settle_s=plan.rest_s)  # for focus: the series waits as it means to
    needs_tilt(shots)
    with microscope.preserved():
        tell("focus", 0.1)
        focus = microscope.defocus_m() - c1_here(shots)
        approach_defocus(microscope, focus - plan.defocus_m)
        seen, call_s = _series(shots, plan, tell)
    return _outcome(_solve(seen, _whole_step(shots, plan)), seen, shots, plan, call_s)


def _series(shots: Shots, plan: SettlingPlan, tell: Progress) -> tuple[list[_Point], float]:
    """Images after each wait, forwards and backwards through the waits, and how long the set call took (s)."""
    scope = shots.microscope
    y0, x0 = shots.calibration.coma_free_rad
    far, goal, aside = (y0, x0 - plan.tilt_rad), (y0, x0 + plan.tilt_rad), (y0 + plan.aside_rad, x0 + plan.tilt_rad)
    scope.set_beam_tilt(aside)
    scope.wait(plan.rest_s)
    settled = shots.take()
    seen, calls = [], []
    waits = (*plan.waits_s, *plan.waits_s[::-1])
    for number, wait in enumerate(waits):
        tell(f"after {wait:g} s", 0.2 + 0.8 * number / len(waits))
        scope.set_beam_tilt(far)
        scope.wait(plan.rest_s)
        before = scope.now_s()
        scope.set_beam_tilt(goal)
        calls.append(scope.now_s() - before)
        if wait:
            scope.wait(wait)
        moved = shots.try_between(settled, shots.take(), modelled=False)
        if moved is not None:
            seen.append(_Point(wait, moved))
    if len(seen) < _FEWEST:
        raise NotMeasuredError(
            f"Only {len(seen)} of {len(waits)} images could be compared. Move to a place with more contrast, or expose "
            "longer."
        )
    return seen, float(np.median(calls))


def _whole_step(shots: Shots, plan: SettlingPlan) -> Array:
    """Displacement (y, x) in px from the goal back to the far tilt, as believed."""
    y0, x0 = shots.calibration.coma_free_rad
    lens = Aberrations(c1_m=-plan.defocus_m, c3_m=shots.calibration.column.c3_m)
    far, goal = (true_tilt(shots.calibration, (y0, x0 + s * plan.tilt_rad)) for s in (-1, 1))
    back = complex(image_shift(complex(far[1], far[0]), lens) - image_shift(complex(goal[1], goal[0]), lens))
    return np.array([back.imag, back.real]) / shots.pixel_m


@dataclass(frozen=True, slots=True, eq=False)
class _Decay:
    """The best decay: time constant, amplitude as a part of the step, the fit, and χ² at each time constant tried."""

    time_s: float
    fit: Fit
    chi2: Array
    chi2_without: float
    lefts: Array  # amplitude at each time constant tried

    @property
    def left(self) -> float:
        """Part of the step that is missing at the return of the call."""
        return float(self.fit.values[0])

    @property
    def near(self) -> NDArray[np.bool_]:
        """The time constants that fit as well, within 1σ."""
        return np.asarray(self.chi2 <= self.chi2.min() + max(1.0, self.fit.chi2_per_dof))

    @property
    def left_sigma(self) -> float:
        """1σ of `left`: by noise at this time constant, and by those that fit as well or lie beside it."""
        best = int(np.argmin(self.chi2))
        beside = self.lefts[max(best - 1, 0) : best + 2]
        fits = 0.5 * max(float(np.ptp(beside)), float(np.ptp(self.lefts[self.near])))
        return math.hypot(float(self.fit.sigma[0]), fits if self.seen else 0.0)

    @property
    def seen(self) -> bool:
        """Whether there is a decay at all."""
        return self.left > 0 and self.chi2_without - float(self.chi2.min()) > _SEEN * self.fit.chi2_per_dof


def _solve(seen: list[_Point], step: Array) -> _Decay:
    tried = [_fitted(seen, step, float(t)) for t in _TIMES_S]
    chi2 = np.array([f.chi2 for f in tried])
    best = int(np.argmin(chi2))
    lefts = np.array([f.values[0] for f in tried])
    return _Decay(float(_TIMES_S[best]), tried[best], chi2, _fitted(seen, step, None).chi2, lefts)


def _fitted(seen: list[_Point], step: Array, time_s: float | None) -> Fit:
    """A (of the step), p∞ (y, x), drift (y, x); without A where `time_s` is None."""
    times = np.array([p.moved.second.time_s for p in seen])
    times -= times.mean()
    design = np.zeros((len(seen), 2, 5))
    for k, point in enumerate(seen):
        design[k, :, 0] = step * math.exp(-point.wait_s / time_s) if time_s is not None else 0.0
        design[k, :, 1:3] = np.eye(2)
        design[k, :, 3:5] = np.eye(2) * times[k]
    observed = np.array([p.moved.shift_px for p in seen]).ravel()
    columns = design.reshape(-1, 5)[:, 0 if time_s is not None else 1 :]
    return fit(columns, observed, np.array([p.moved.covariance_px2 for p in seen]))


def _mimicked(seen: list[_Point], step: Array, time_s: float, shots: Shots) -> float:
    """1σ of the amplitude that a drift which changes would look like: ½·a·t² along the step, a its prior.

    The waits run there and back, so that a steady drift cancels, and in an order in which a curved one nearly does.
    """
    times = np.array([p.moved.second.time_s for p in seen])
    times -= times.mean()
    bend_px = 0.5 * shots.calibration.uncertainty.drift_change_m_per_s2 * times**2 / shots.pixel_m
    along = step / float(np.linalg.norm(step))
    pretended = [
        _Point(p.wait_s, replace(p.moved, shift_px=tuple(b * along))) for p, b in zip(seen, bend_px, strict=True)
    ]
    return abs(float(_fitted(pretended, step, time_s).values[0]))


def _missing(apparent: float, shots: Shots, plan: SettlingPlan) -> float:
    """Part x of the step that is missing, of the apparent part of its displacement.

    From the goal g back to −g the displacement C1·β + C3·β³ is not in proportion: at β = g(1 − 2x) the image is
    2x + k(6x − 12x² + 8x³) of C1·g away, k = C3·g²/C1, and 2 + 2k at the far side.
    """
    y0, x0 = shots.calibration.coma_free_rad
    goal = math.dist(true_tilt(shots.calibration, (y0, x0 + plan.tilt_rad)), (0.0, 0.0))
    k = -shots.calibration.column.c3_m * goal**2 / plan.defocus_m
    x = np.linspace(-0.1, 1.0, 11001)
    return float(np.interp(apparent, (2 * x + k * (6 * x - 12 * x**2 + 8 * x**3)) / (2 + 2 * k), x))


def _outcome(decay: _Decay, seen: list[_Point], shots: Shots, plan: SettlingPlan, call_s: float) -> Outcome:
    left = _missing(decay.left, shots, plan)
    # The displacement of the whole step is told by the tilt response and the commanded defocus.
    sure = shots.calibration.uncertainty
    bent = _mimicked(seen, _whole_step(shots, plan), decay.time_s, shots)
    sigma = math.hypot(decay.left_sigma, left * math.hypot(sure.tilt_scale, sure.focus_scale), bent)
    if decay.seen:
        near = _TIMES_S[decay.near]
        grid = decay.time_s * float(np.log(_TIMES_S[1] / _TIMES_S[0]))
        time, time_sigma = decay.time_s, max(0.5 * float(np.ptp(near)), grid)
    else:
        # A decay from the beginning of the call that left more than this would have been seen.
        most = min(max(2 * sigma, 1e-6), 0.5)
        time = time_sigma = 0.5 * call_s / math.log(1 / most)
    quantity = TiltSettling(time_s=time, time_sigma_s=time_sigma, left_at_return=max(left, 0.0), left_sigma=sigma)
    level, sentence = _words(quantity, sigma, decay.seen)
    return Outcome(
        quantity, level, sentence, _evidence(decay, seen, _whole_step(shots, plan)), shots.dose_per_m2, shots.seconds
    )


def _words(quantity: TiltSettling, sigma: float, seen: bool) -> tuple[Level, str]:
    left = quantity.left_at_return
    if not seen:
        return Level.GREEN, (
            f"Less than {left + 2 * sigma:.2%} of a tilt step is missing when the set call returns: no need to wait."
        )
    wait = quantity.time_s * math.log(max(left / _GREEN_LEFT, 1.0))
    known = f"{left:.2%} ± {sigma:.2%} of a tilt step is missing when the set call returns, and decays in "
    known += f"{quantity.time_s:.3g} ± {quantity.time_sigma_s:.2g} s"
    if left + 2 * sigma <= _GREEN_LEFT:
        return Level.GREEN, f"{known}: no need to wait longer."
    level = Level.AMBER if left <= _AMBER_LEFT else Level.RED
    return level, f"{known}. Set the beam tilt settle time to {max(wait, quantity.time_s):.2g} s or more."


def _evidence(decay: _Decay, seen: list[_Point], step: Array) -> tuple[Evidence, ...]:
    """The missing part of the step against the wait, drift taken off."""
    size = float(step @ step)
    fitted = decay.fit.fitted.reshape(-1, 2)
    waits = np.array([p.wait_s for p in seen])
    model = decay.left * np.exp(-waits / decay.time_s)
    rest = np.array([(p.moved.vector - f) @ step / size for p, f in zip(seen, fitted, strict=True)])
    sigmas = np.array([sigma_px(p.moved.covariance_px2) for p in seen]) / math.sqrt(size)
    order = np.argsort(waits, kind="stable")
    x = np.linspace(0, float(waits.max()), 100)
    curve = decay.left * np.exp(-x / decay.time_s) * 100
    series = Series("after the set call", waits[order], (model + rest)[order] * 100, sigmas[order] * 100, x, curve)
    return (Evidence("Tilt settling", "wait after the set call (s)", "missing of the step (%)", (series,)),)
