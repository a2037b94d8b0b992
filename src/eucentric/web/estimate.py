"""The present estimate of defocus: what was measured last, carried to where lens and stage are read back now. Pure.

What is moved, taken back or restored meanwhile need not be followed: only the read-backs of the two moments count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from eucentric.calibration.instrument import Calibration
from eucentric.focus.measurement import Measurement
from eucentric.focus.result import DefocusResult
from eucentric.images.frame import OpticalState
from eucentric.units import show_length

ELSEWHERE_M = 2e-6
"""A stage or an image shift that is further off in the plane looks at another place, of another height."""
_TILTED_RAD = 2e-3  # so much further tilted the height of the place is another one


@dataclass(frozen=True, slots=True)
class Estimate:
    """C1 and its 1σ (total, with that of what was moved since), metres; positive is overfocus."""

    c1_m: float
    sigma_m: float

    @property
    def words(self) -> str:
        """ "−0.300 µm (underfocus)"; within the total error "in focus", as of a measurement."""
        side = "overfocus" if self.c1_m > 0 else "underfocus"
        return f"{show_length(self.c1_m)} ({'in focus' if abs(self.c1_m) <= self.sigma_m else side})"


@dataclass(frozen=True, slots=True)
class Anchor:
    """A believed measurement, how the microscope stood when its first image was taken, and the calibration there."""

    measured: Measurement
    offset_m: float
    at: OpticalState
    calibration: Calibration | None

    @classmethod
    def of(cls, result: DefocusResult, at: OpticalState, calibration: Calibration | None) -> Anchor | None:
        """Of a measurement whose first image was taken at `at`; None where it is told for another place than seen."""
        if result.height_m:
            return None
        return cls(result.measurement, result.offset_m, at, calibration)

    def carried_to(self, now: OpticalState) -> Estimate | None:
        """What C1 is where the microscope stands `now`; None where that can't be told: at another preset or place, or
        where lens or stage can't be read.
        """
        before = self.at
        lens = _apart(before.focus_m, now.focus_m)
        if lens is None and before.focus_m is None and now.focus_m is None:
            lens = _apart(before.defocus_m, now.defocus_m)
        height = _apart(before.stage_z_m, now.stage_z_m)
        same = (before.preset, before.magnification) == (now.preset, now.magnification) and not self._elsewhere(now)
        if not same or lens is None or height is None:
            return None
        per_z = 1.0 if self.calibration is None else self.calibration.c1_per_z(now.stage_alpha_rad or 0.0)
        c1_m = self.measured.c1_m + self.offset_m + lens + per_z * height
        scales = (0.0, 0.0)
        if self.calibration is not None:
            scales = (self.calibration.uncertainty.focus_scale, self.calibration.uncertainty.height_scale)
        return Estimate(c1_m, math.hypot(self.measured.total_sigma_m, scales[0] * lens, scales[1] * height))

    def _elsewhere(self, now: OpticalState) -> bool:
        before = self.at
        stage = (_apart(before.stage_x_m, now.stage_x_m), _apart(before.stage_y_m, now.stage_y_m))
        shift = (
            None
            if before.image_shift_m is None or now.image_shift_m is None
            else [b - a for a, b in zip(before.image_shift_m, now.image_shift_m, strict=True)]
        )
        moved = (math.hypot(*(way or 0.0 for way in stage)), math.hypot(*shift) if shift else 0.0)
        return max(moved) > ELSEWHERE_M or abs(_apart(before.stage_alpha_rad, now.stage_alpha_rad) or 0.0) > _TILTED_RAD


def _apart(before_m: float | None, now_m: float | None) -> float | None:
    return None if before_m is None or now_m is None else now_m - before_m
