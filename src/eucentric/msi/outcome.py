"""How the units of a session ended, and the session: plain frozen values, kept in the journal as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from eucentric.msi.known import Check

Vector = tuple[float, float]


class Status(StrEnum):
    """How a unit ended."""

    DONE = "done"
    REFUSED = "refused"  # focus: needs not met, not believed, or not reached; see `why`
    SKIPPED = "skipped"  # an acquisition whose focusing failed
    FAILED = "failed"  # an error of the instrument or of the settings at this target alone; see `why`
    INTERRUPTED = "interrupted"  # an exposure that had begun when the process ended: never exposed twice


@dataclass(frozen=True, slots=True)
class FocusFound:
    """What a focus node left behind, metres: where the lens is in focus (`lens_m`, absolute where the instrument has an
    absolute focus), the stage then, and what is left: C1, its total 1σ, and of that what is this place's alone.
    """

    place_m: Vector
    z_m: float
    alpha_rad: float
    preset: str
    lens_m: float  # the lens setting at the end; C1 there was `c1_m`
    c1_m: float
    total_sigma_m: float
    own_sigma_m: float
    stated_m: float  # |c1| + 3 σ
    offset_m: float = 0.0  # the lens defocus at which it was measured, taken off `c1_m`
    time_s: float | None = None  # when, on the microscope's clock; None: on paper


@dataclass(frozen=True, slots=True)
class Exposure:
    """One image that was kept. `intended_m` the defocus asked for, `error_sigma_m` the expected 1σ of its error, both
    None where defocus does not matter; `file` below the session's folder; `field_m` its height and width on the
    specimen, metres, None where nobody noted it.
    """

    preset: str
    file: str
    place_m: Vector
    alpha_rad: float
    time_s: float
    dose_e_per_m2: float
    intended_m: float | None = None
    error_sigma_m: float | None = None
    flagged: str = ""  # why its focus is not to be relied on; empty where it is
    field_m: Vector | None = None


@dataclass(frozen=True, slots=True)
class UnitOutcome:
    """How a unit ended. Times on the microscope's clock; electrons/m² spent on its target.

    `activities` are seconds by activity ("moving", "exposing", …); `corrected_m` all changes of height and defocus.
    """

    key: str
    node: str
    status: Status
    why: str = ""
    begun_s: float = 0.0
    ended_s: float = 0.0
    focus_dose_e_per_m2: float = 0.0
    needs: tuple[Check, ...] = ()
    promises: tuple[Check, ...] = ()
    found: FocusFound | None = None
    exposures: tuple[Exposure, ...] = ()
    focus_exposures: int = 0
    activities: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class SessionResult:
    """A whole session. `stopped` says why it ended before its last unit, None where it did not; `not_ended` the
    electrons/m² that focusing spent on units beyond what their outcomes say, by key: work that was cut off.
    """

    application: str
    instrument: str
    outcomes: tuple[UnitOutcome, ...]
    units: int
    begun_s: float
    ended_s: float
    resumed: int = 0  # how often it was taken up again
    stopped: str | None = None
    not_ended: tuple[tuple[str, float], ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every unit came to an end."""
        return self.stopped is None and len(self.outcomes) == self.units


def not_ended(spent: Mapping[str, float], outcomes: Mapping[str, UnitOutcome]) -> tuple[tuple[str, float], ...]:
    """What focusing spent on units (`spent`, electrons/m² by key) beyond what their outcomes say, where it is more."""
    told = {key: outcomes[key].focus_dose_e_per_m2 if key in outcomes else 0.0 for key in spent}
    return tuple((key, dose - told[key]) for key, dose in spent.items() if dose > told[key])
