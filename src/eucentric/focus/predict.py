"""What a step can reach, before an electron is spent: its capture range and the error of its answer."""

from __future__ import annotations

import numpy as np

from eucentric.calibration.instrument import Uncertainty
from eucentric.focus.measurement import Measurement
from eucentric.focus.patterns import Pattern
from eucentric.focus.solve import Exposures, LinkShift, predicted_shifts, solve
from eucentric.optics.aberrations import Aberrations, Tilt, direction

OVERLAP_FOR_RANGE = 0.2  # common area down to which ≥ 99 % of pairs are found; the capture range is stated for it


def capture_range_m(
    size: tuple[int, int],
    pixel_m: float,
    tilt_rad: float,
    *,
    direction_rad: float = 0.0,
    overlap: float = OVERLAP_FOR_RANGE,
) -> float:
    """The largest |C1| in metres whose pair shift still leaves `overlap` of the area in common.

    A shift s·(sin φ, cos φ) leaves (1 − s|sin φ|/Ly)(1 − s|cos φ|/Lx); C1 = s / 2β. C3β² is left out: it is small
    against any range; so is a slope of the specimen, tan α, which stretches one image against the other by 2β·tan α
    (3 % at 10 mrad and 60°) and changes the range at the image's centre by no more than that.
    """
    u, v = abs(np.sin(direction_rad)) / (size[0] * pixel_m), abs(np.cos(direction_rad)) / (size[1] * pixel_m)
    # (1 − u s)(1 − v s) = overlap: the smaller root of u v s² − (u + v) s + 1 − overlap, written without cancellation
    root = np.sqrt((u + v) ** 2 - 4 * u * v * (1 - overlap))
    return float(2 * (1 - overlap) / (u + v + root) / (2 * tilt_rad))


def separation_range_m(size: tuple[int, int], pixel_m: float, first: Tilt, second: Tilt) -> float:
    """The capture range of two given tilts: that of a pair with the same separation."""
    apart = direction(second) - direction(first)
    return capture_range_m(size, pixel_m, abs(apart) / 2, direction_rad=float(np.angle(apart)))


def predicted_measurement(
    plan: Pattern, *, c1_m: float, shift_sigma_m: float, interval_s: float, c3_m: float, prior: Uncertainty
) -> Measurement:
    """What a pattern would measure at `c1_m` with shifts known to `shift_sigma_m` and one image each `interval_s`."""
    exposures = Exposures(plan.tilts, tuple(i * interval_s for i in range(plan.images)))
    lens = Aberrations(c1_m=c1_m, c3_m=c3_m)
    covariance = np.eye(2) * shift_sigma_m**2
    shifts = tuple(
        LinkShift(link, (float(row[0]), float(row[1])), covariance)
        for link, row in zip(plan.links, predicted_shifts(exposures, plan.links, lens), strict=True)
    )
    return solve(exposures, shifts, c3_m=c3_m, prior=prior)
