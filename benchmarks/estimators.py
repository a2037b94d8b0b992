"""What is measured against: the product's public calls, and plain correlators written here.

Optics given to the product are those of the case: axis, tilt, Cs, high tension and envelopes known.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from scipy import fft

from benchmarks.physics import Array
from benchmarks.weak_phase import Case, Pair
from eucentric.correlation.shift import FixedPattern
from eucentric.focus.measure import measure_defocus
from eucentric.focus.result import DefocusResult
from eucentric.optics.column import Column

Vector = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Found:
    """One answer. Errors and shifts in pixels (y, x), along and across the tilt where said."""

    shift_px: Vector
    error_m: float
    sigma_m: float
    total_sigma_m: float
    along_error_px: float
    across_error_px: float
    along_sigma_px: float
    across_sigma_px: float
    false_lock_probability: float
    accepted: bool
    reason: str
    odds: float
    seconds: float

    @property
    def gross(self) -> bool:
        """Whether the answer is another peak than the true one: more than 3 px and 6σ away."""
        limit = 3 + 6 * max(self.along_sigma_px, self.across_sigma_px)
        return bool(np.hypot(self.along_error_px, self.across_error_px) > limit)


def column_of(case: Case) -> Column:
    """The case's lens as the product is told of it."""
    lens = case.lens
    return Column(
        voltage_v=lens.voltage_v,
        c3_m=lens.c3_m,
        convergence_rad=lens.convergence_rad,
        focal_spread_m=lens.focal_spread_m,
        amplitude_contrast=float(case.absorption / np.hypot(1, case.absorption)),
    )


def product(first: Array, second: Array, case: Case, method: str = "matched") -> DefocusResult:
    """The public call."""
    one, two = case.tilts
    return measure_defocus(
        first,
        second,
        pixel_m=case.pixel_m,
        voltage_v=case.voltage_v,
        c3_m=case.c3_m,
        first_tilt=one,
        second_tilt=two,
        method=method,
        column=column_of(case),
    )


def measure(pair: Pair, method: str = "matched") -> Found:
    """The product's answer to a pair with a known truth."""
    case = pair.case
    result = product(pair.first, pair.second, case, method)
    shift = result.shift
    along, across = turned(difference(shift.shift_px, case.shift_px), case)
    sigma = (0.0, 0.0)
    if shift.covariance_px2 is not None:
        (uy, ux), c = case.direction, shift.covariance_px2
        axes = np.array([[uy, ux], [-ux, uy]])
        sigma = tuple(float(s) for s in np.sqrt(np.diag(axes @ c @ axes.T)))  # type: ignore[assignment]
    return Found(
        shift_px=shift.shift_px,
        error_m=result.defocus_m - case.c1_m,
        sigma_m=result.measurement.sigma_m,
        total_sigma_m=result.measurement.total_sigma_m,
        along_error_px=along,
        across_error_px=across,
        along_sigma_px=sigma[0],
        across_sigma_px=sigma[1],
        false_lock_probability=shift.false_lock_probability,
        accepted=result.accepted,
        reason=(result.verdict.reason or "")
        + (" (fixed pattern?)" if shift.fixed_pattern is FixedPattern.INDISTINGUISHABLE else ""),
        odds=shift.runner_up.odds if shift.runner_up else np.inf,
        seconds=result.seconds,
    )


def difference(a: Vector, b: Vector) -> Vector:
    """a − b."""
    return (a[0] - b[0], a[1] - b[1])


def turned(vector: Vector, case: Case) -> Vector:
    """(along, across) the tilt of a vector (y, x); across is along turned by +90° from +x to +y … (−x·, +y)."""
    uy, ux = case.direction
    return (vector[0] * uy + vector[1] * ux, -vector[0] * ux + vector[1] * uy)


def plain(pair: Pair, method: str) -> tuple[float, float]:
    """(error of C1 in metres, seconds) of a correlator as they are written today: mean off, no window, parabola peak.

    `phase` whitens every frequency; `cross` none. The wrapped map's peak is refined by a parabola per axis.
    """
    begin = time.perf_counter()
    first, second = (image - image.mean() for image in (pair.first, pair.second))
    product_ = np.conj(fft.rfft2(first, workers=2)) * fft.rfft2(second, workers=2)
    if method == "phase":
        product_ /= np.maximum(np.abs(product_), 1e-12)
    correlation = fft.irfft2(product_, s=first.shape, workers=2)
    peak = np.unravel_index(int(correlation.argmax()), correlation.shape)
    shift = []
    for axis, (place, n) in enumerate(zip(peak, correlation.shape, strict=True)):
        around = [correlation[_step(peak, axis, k, n)] for k in (-1, 0, 1)]
        bend = around[0] - 2 * around[1] + around[2]
        fine = float(place) + (0.5 * float(around[0] - around[2]) / float(bend) if bend else 0.0)
        shift.append(fine - n if fine > n / 2 else fine)
    found = pair.case.defocus_of((shift[0], shift[1])) - pair.case.c1_m
    return found, time.perf_counter() - begin


def _step(peak: tuple[np.intp, ...], axis: int, by: int, n: int) -> tuple[int, ...]:
    place = [int(p) for p in peak]
    place[axis] = (place[axis] + by) % n
    return tuple(place)
