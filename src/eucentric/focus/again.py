"""What to do differently when a measurement was refused for a reason that another look can settle. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from eucentric.focus.measurement import Contribution, Measurement
from eucentric.focus.result import DefocusResult
from eucentric.focus.settings import FocusStep
from eucentric.focus.verdict import Reason, Verdict

VERNIER = 0.7
"""A second tilt, as a fraction of the first: wrong lattice peaks mean another defocus there, the right one the same."""
OFFSET_M = -1e-6
"""Lens defocus that moves the specimen's peak away from the camera's pattern at zero shift (underfocus)."""
OFFSET_PX = 6.0
"""… but at least so many pixels of shift, more than a fixed pattern's peak is wide."""
_AGREE_SIGMAS = 4.0
_AGREE_FRACTION = 0.005  # of the defocus: what the tilt's cubic term may do between two tilts (0.5 % at 10 mrad)


@dataclass(frozen=True, slots=True)
class Look:
    """How to look: the tilt as a fraction of the step's, and a known defocus set for the measurement alone."""

    tilt_fraction: float = 1.0
    offset_m: float = 0.0


def another_look(step: FocusStep, verdict: Verdict, looked: Look, pixel_m: float) -> Look | None:
    """Another look that may settle what the verdict found, None when there is none.

    Motion of the first exposures (χ²) is over the next time; a lattice (ambiguous) is told by a second tilt;
    a fixed pattern by a known defocus.
    """
    reasons = {finding.reason for finding in verdict.findings}
    if reasons == {Reason.CHI_SQUARE}:
        return looked
    if reasons == {Reason.AMBIGUOUS} and looked.tilt_fraction == 1.0:
        return replace(looked, tilt_fraction=VERNIER)
    if Reason.FIXED_PATTERN in reasons and looked.offset_m == 0.0:
        return Look(offset_m=min(OFFSET_M, -OFFSET_PX * pixel_m / (2 * step.tilt_rad)))
    return None


def without_offset(measured: Measurement, offset_m: float, relative_error: float) -> Measurement:
    """A measurement made at a known extra defocus, told as if without it; the offset's own error is added."""
    if offset_m == 0.0:
        return measured
    error = abs(offset_m) * relative_error
    return replace(
        measured,
        c1_m=measured.c1_m - offset_m,
        total_sigma_m=float((measured.total_sigma_m**2 + error**2) ** 0.5),
        budget=(*measured.budget, Contribution("focus offset", error)),
    )


def settled_by_vernier(first: DefocusResult, second: DefocusResult) -> DefocusResult:
    """The second result without its ambiguity, when both tilts' best answers agree and no other two do."""
    if second.accepted or {f.reason for f in second.verdict.findings} != {Reason.AMBIGUOUS}:
        return second
    mine, other = _answers(first), _answers(second)
    agreeing = [(i, j) for i, a in enumerate(mine) for j, b in enumerate(other) if _agree(a, b, first, second)]
    return replace(second, verdict=Verdict()) if agreeing == [(0, 0)] else second


def _answers(result: DefocusResult) -> list[float]:
    return [result.measurement.c1_m, *(r for r in result.rivals_m if r is not None)]


def _agree(a: float, b: float, first: DefocusResult, second: DefocusResult) -> bool:
    # The calibration's error is common to both tilts; noise, drift and a little of the scale are not.
    noise = sum(_own_error(r.measurement) ** 2 for r in (first, second)) ** 0.5
    pixel = first.pixel_m / abs(complex(*second.exposures.tilts[0]))  # half a pixel of a runner-up, as defocus
    return bool(abs(a - b) < _AGREE_SIGMAS * noise + _AGREE_FRACTION * max(abs(a), abs(b)) + pixel)


def _own_error(measured: Measurement) -> float:
    parts = {c.source: c.sigma_m for c in measured.budget}
    return float((parts.get("noise", 0.0) ** 2 + parts.get("drift", 0.0) ** 2) ** 0.5)
