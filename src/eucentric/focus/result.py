"""A DefocusResult: the measurement, whether it is believed and why, and the shifts that it was made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eucentric.correlation.shift import Shift
from eucentric.focus.measurement import Measurement, decimals
from eucentric.focus.solve import Exposures
from eucentric.focus.verdict import Verdict
from eucentric.units import minus


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DefocusResult:
    """What a pattern of images said about focus. `rivals_m`: the defocus that each shift's runner-up would mean."""

    measurement: Measurement
    verdict: Verdict
    shifts: tuple[Shift, ...]
    rivals_m: tuple[float | None, ...]
    exposures: Exposures
    pixel_m: float

    @property
    def accepted(self) -> bool:
        """Whether the measurement is believed."""
        return self.verdict.accepted

    @property
    def shift(self) -> Shift:
        """The first shift: of a pair, the only one."""
        return self.shifts[0]

    @property
    def defocus_m(self) -> float:
        """C1 in metres, positive overfocus. Given also when refused: ask `accepted` first."""
        return self.measurement.c1_m

    @property
    def seconds(self) -> float:
        """Time that the registrations took."""
        return sum(s.seconds for s in self.shifts)

    def __repr__(self) -> str:
        m = self.measurement
        digits = decimals(m.sigma_m)
        value = minus(f"{m.c1_m * 1e6:.{digits}f} ± {m.sigma_m * 1e6:.{digits}f} µm ({m.side})")
        return f"{value}, {'accepted' if self.accepted else f'refused: {self.verdict.reason}'}"

    def summary(self) -> dict[str, Any]:
        """The result as plain values, ready for JSON: SI, vectors [y, x], what is not known is None."""
        shift, measured = self.shift, self.measurement
        known = all(s.covariance_px2 is not None for s in self.shifts)
        return {
            "defocus_m": measured.c1_m,
            "defocus_sigma_m": measured.sigma_m if known else None,
            "defocus_total_sigma_m": measured.total_sigma_m,
            "shift_px": list(shift.shift_px),
            "shift_sigma_px": None if shift.sigma_px is None else list(shift.sigma_px),
            "accepted": self.accepted,
            "reason_code": None if self.verdict.reason is None else self.verdict.reason.name,
            "reason": self.verdict.sentence,
            "false_lock_probability": shift.false_lock_probability,
            "runner_up": self._runner_up(),
            "overlap": shift.overlap,
            "seconds": self.seconds,
        }

    def _runner_up(self) -> dict[str, Any] | None:
        rival = self.shift.runner_up
        if rival is None:
            return None
        return {"shift_px": list(rival.shift_px), "odds": rival.odds, "defocus_m": self.rivals_m[0]}
