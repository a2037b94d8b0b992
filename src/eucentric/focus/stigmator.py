"""From measured astigmatism to a change of the stigmator, and whether it may be made. Pure; nothing moves here.

With the calibrated response A1(v) = A1(v0) + M·(v − v0), the change Δv = −M⁻¹·A1 takes the measured A1 = (a, b) away.
What is left is the error of the measurement, and that of M times the change: it shrinks when that is repeated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from eucentric.calibration.instrument import Uncertainty
from eucentric.calibration.quantities import Pair, StigmatorResponse
from eucentric.errors import CalibrationError, InputError
from eucentric.focus.measurement import Measurement
from eucentric.focus.settings import FocusStep
from eucentric.focus.verdict import Finding, Reason
from eucentric.optics.aberrations import direction
from eucentric.units import show_length

UNKNOWN_A1_M = 1e-6
"""Prior of each component of A1 where it is what is asked for: any that a stigmator can reach."""
STIGMATOR_MAX = 1.0
"""Largest |value| of each stigmator coil."""
ENOUGH_M = 10e-9
"""|A1| below this does no harm: 50 nm in focus means more."""
_CHANCE = 2.7e-3  # of an A1 as large by its errors alone: 3 σ
_ONE_AXIS = 0.99  # |Σω²|/Σ|ω|² above this: all tilts along one line
_SHRINKS = 0.3  # the part of A1 that a change must take away: a wrong sign takes −1, coils turned by 60° none
_SINGULAR = 1e-3  # smallest over largest singular value of a usable response: two coils do two different things


@dataclass(frozen=True, slots=True)
class StigmatorCorrection:
    """A change of the stigmator (y, x) to `target`, to take `measured_a1_m` (a, b) away. Metres.

    `sigma_m` (a, b) is the 1σ of what is expected to be left, whose mean is zero.
    """

    change: Pair
    target: Pair
    measured_a1_m: Pair
    sigma_m: Pair


def for_stigmator(sure: Uncertainty) -> Uncertainty:
    """What is believed before astigmatism is measured: nothing of A1.

    With the usual prior of A1 (what a tuned microscope leaves) a large one would be refused as a bad fit, and a
    smaller one taken for less than it is.
    """
    return replace(sure, a1_m=max(sure.a1_m, UNKNOWN_A1_M))


def stigmator_correction(
    measured: Measurement, present: Pair, response: StigmatorResponse, step: FocusStep, *, offset_m: float = 0.0
) -> StigmatorCorrection | Finding:
    """The stigmator's change that takes the measured astigmatism away; a Finding where none is to be made.

    `present` is the stigmator's value (y, x), `offset_m` the lens defocus added for the exposures: the images were
    taken at C1 + offset, which must be within the step's stig defocus range.
    Raises CalibrationError for a response that can't be inverted, InputError for a measurement without covariance.
    """
    refusal = _not_to_be_made(measured, measured.c1_m + offset_m, step)
    if refusal is not None:
        return refusal
    matrix = np.array(response.matrix_m)
    singular = np.linalg.svd(matrix, compute_uv=False)
    if not singular[1] > _SINGULAR * singular[0]:
        raise CalibrationError(
            f"The stigmator calibration is singular ({response.matrix_m} m per value): its two coils do the same. "
            "Calibrate the stigmator again: eucentric calibrate stigmator."
        )
    a1 = np.array(measured.a1_m)
    change = -np.linalg.solve(matrix, a1)
    target = np.array(present) + change
    if np.abs(target).max() > STIGMATOR_MAX:
        return _beyond(measured, present, target)
    # The errors of M are independent of each other: each row's error times Δv.
    left = [math.hypot(s, response.matrix_sigma_m * float(np.hypot(*change))) for s in measured.a1_sigma_m]
    return StigmatorCorrection(
        change=(float(change[0]), float(change[1])),
        target=(float(target[0]), float(target[1])),
        measured_a1_m=measured.a1_m,
        sigma_m=(left[0], left[1]),
    )


def enough(measured: Measurement) -> bool:
    """Whether the astigmatism is small enough to leave it, and known well enough to say so."""
    size = math.hypot(*measured.a1_m)
    return size <= ENOUGH_M and max(measured.a1_sigma_m) <= ENOUGH_M


def check_stigmated(before: Measurement, after: Measurement) -> Finding | None:
    """Why the stigmator must not stay where it was moved to; None where |A1| was seen to shrink as it must.

    A right response leaves no more than an error: it is believed when it takes a good part of A1 away, or leaves less
    than there was and nothing that stands out from its error. A wrong sign doubles A1.
    """
    was, left = math.hypot(*before.a1_m), math.hypot(*after.a1_m)
    if left <= max((1 - _SHRINKS) * was, ENOUGH_M) or (left < was and not _significant(after)):
        return None
    return Finding(
        Reason.WRONG_SIGN,
        f"The stigmator was moved to take an astigmatism of {show_length(was)} away, and {show_length(left)} was "
        "measured then",
        f"it must shrink by at least {_SHRINKS:.0%}; it was put back",
        "The stigmator's calibration is wrong in sign or scale: calibrate it again (eucentric calibrate stigmator).",
    )


def significance(measured: Measurement) -> float:
    """χ² of A1 = 0 with two degrees of freedom, against the total covariance of (a, b)."""
    if measured.covariance_m2 is None:
        raise InputError("The measurement has no covariance of its astigmatism. Measure again with a cross or a star.")
    covariance = np.array(measured.covariance_m2)[1:, 1:]
    a1 = np.array(measured.a1_m)
    return float(a1 @ np.linalg.solve(covariance, a1))


def _not_to_be_made(measured: Measurement, defocus_m: float, step: FocusStep) -> Finding | None:
    if _one_axis(measured):
        return Finding(
            Reason.STIG_PATTERN,
            "All images were tilted along one line, which can't tell astigmatism from focus",
            "at least two directions",
            "Use the pattern star or cross quad.",
        )
    low, high = step.stig_defocus_min_m, step.stig_defocus_max_m
    if not low <= abs(defocus_m) <= high:
        return Finding(
            Reason.STIG_DEFOCUS,
            f"The images for astigmatism were taken at a defocus of {show_length(defocus_m)}",
            f"{show_length(low)} to {show_length(high)} is set",
            "Correct focus first, or change the step's offset or its stig defocus min and max.",
        )
    if not _significant(measured):
        return Finding(
            Reason.STIG_NOT_SIGNIFICANT,
            f"The astigmatism of {show_length(math.hypot(*measured.a1_m))} is within its error of "
            f"{show_length(math.hypot(*measured.a1_sigma_m))}",
            "3 σ is needed",
            "Nothing needs to be corrected, or measure again with a longer exposure or a larger beam tilt.",
        )
    return None


def _significant(measured: Measurement) -> bool:
    return significance(measured) >= float(special.chdtri(2, _CHANCE))


def _one_axis(measured: Measurement) -> bool:
    omega = np.array([direction(t) for t in measured.tilts])
    return bool(abs(np.sum(omega**2)) > _ONE_AXIS * np.sum(np.abs(omega) ** 2))


def _beyond(measured: Measurement, present: Pair, target: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Finding:
    return Finding(
        Reason.STIG_LIMIT,
        f"The astigmatism of {show_length(math.hypot(*measured.a1_m))} needs the stigmator at "
        f"({target[0]:.2f}, {target[1]:.2f}) (y, x) from ({present[0]:.2f}, {present[1]:.2f})",
        f"at most ±{STIGMATOR_MAX:g}",
        "Align the column by hand: the stigmator can't reach it. Check the aperture for charging.",
    )
