"""A DefocusResult: the measurement, whether it is believed and why, and the shifts that it was made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eucentric.correlation.shift import Shift
from eucentric.focus.measurement import Measurement
from eucentric.focus.solve import Exposures
from eucentric.focus.verdict import Verdict
from eucentric.units import show_length


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DefocusResult:
    """What a pattern of images said about focus. `rivals_m`: the defocus that each shift's runner-up would mean.

    `offset_m` is the lens defocus at which the images were taken on purpose; `measurement` is told without it.
    `misfit_px2` is what Leginon calls the residual: the squared misfit of the shift across the tilt, unbinned px²; of
    several shifts the largest. `height_m` is how much higher than the preset's centre an image-shifted target lies on a
    tilted specimen; `measurement` is told for the centre.
    """

    measurement: Measurement
    verdict: Verdict
    shifts: tuple[Shift, ...]
    rivals_m: tuple[float | None, ...]
    exposures: Exposures
    pixel_m: float
    offset_m: float = 0.0
    misfit_px2: float | None = None
    height_m: float = 0.0

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
        return f"{self.words}, {'accepted' if self.accepted else f'refused: {self.verdict.reason}'}"

    @property
    def words(self) -> str:
        """The defocus for people: with errors when it is believed, without when not."""
        if self.nothing_found:
            return "not known"
        if not self.accepted:
            return f"{show_length(self.defocus_m)} (not believed)"
        return self.measurement.words(statistical=self.states_sigma)

    @property
    def states_sigma(self) -> bool:
        """Whether every shift came with a statistical error: phase and cross correlation state none."""
        return all(s.covariance_px2 is not None for s in self.shifts)

    @property
    def nothing_found(self) -> bool:
        """Whether some shift had no candidate at all: its (0, 0) is not a measurement."""
        return any(
            s.covariance_px2 is None and s.shift_px == (0.0, 0.0) and s.false_lock_probability >= 1 for s in self.shifts
        )

    def summary(self) -> dict[str, Any]:
        """The result as plain values, ready for JSON: SI, vectors [y, x], what is not known is None."""
        shift, measured = self.shift, self.measurement
        nothing = self.nothing_found
        return {
            "defocus_m": None if nothing else measured.c1_m,
            "defocus_sigma_m": measured.sigma_m if self.states_sigma else None,
            "defocus_total_sigma_m": None if nothing else measured.total_sigma_m,
            "offset_m": self.offset_m,
            "shift_px": None if nothing else list(shift.shift_px),
            "shift_sigma_px": None if shift.sigma_px is None else list(shift.sigma_px),
            "accepted": self.accepted,
            "reason_code": None if self.verdict.reason is None else self.verdict.reason.name,
            "reason": self.verdict.sentence,
            "false_lock_probability": shift.false_lock_probability,
            "runner_up": self._runner_up(),
            "overlap": shift.overlap,
            "misfit_px2": None if nothing else self.misfit_px2,
            "seconds": self.seconds,
        }

    def _runner_up(self) -> dict[str, Any] | None:
        rival = self.shift.runner_up
        if rival is None:
            return None
        return {"shift_px": list(rival.shift_px), "odds": rival.odds, "defocus_m": self.rivals_m[0]}
