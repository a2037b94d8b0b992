"""A Measurement: defocus with both its errors, and all that the fit knows beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from eucentric import units
from eucentric.optics.aberrations import Tilt


def decimals(sigma_m: float) -> int:
    """How many decimals of a micrometre show an error of `sigma_m`."""
    return units.decimals(sigma_m * 1e6, units.FINEST["µm"])


def error_um(sigma_m: float) -> str:
    """An error in micrometres, for a table of lengths."""
    return f"{sigma_m * 1e6:.{decimals(sigma_m)}f}"


def micrometres(value_m: float, sigma_m: float | None = None) -> str:
    """A length in micrometres for a table, ending where its error does; to the nanometre where none is given."""
    return units.minus(f"{value_m * 1e6:.{3 if sigma_m is None else decimals(sigma_m)}f}")


@dataclass(frozen=True, slots=True)
class Contribution:
    """One source of error and the 1σ that it puts on C1, metres."""

    source: str
    sigma_m: float


@dataclass(frozen=True, slots=True, repr=False)
class Measurement:
    """C1 from a pattern of tilts. Metres; C1 > 0 is overfocus; vectors (y, x), astigmatism (a, b).

    `sigma_m` is statistical, `total_sigma_m` includes the priors of calibration, astigmatism and drift. `chi2` is taken
    against the total covariance. `budget` splits the total: the squares of its parts add up to the total's square.
    `covariance_m2` (3, 3) is the total one of (C1, a, b). `misfits` are those of the shifts' components (y, x of each
    pair), freed of each other and in units of the total error: their squares add up to χ². None where not known.
    """

    c1_m: float
    sigma_m: float
    total_sigma_m: float
    a1_m: tuple[float, float]
    a1_sigma_m: tuple[float, float]
    drift_m_per_s: tuple[float, float]
    chi2: float
    dof: int
    tilts: tuple[Tilt, ...]
    budget: tuple[Contribution, ...]
    covariance_m2: tuple[tuple[float, ...], ...] | None = None
    misfits: tuple[float, ...] | None = None

    @property
    def chi2_per_dof(self) -> float:
        """χ² per degree of freedom, against the total covariance."""
        return self.chi2 / self.dof

    @property
    def side(self) -> str:
        """ "underfocus", "overfocus" or, within the total error, "in focus"."""
        if abs(self.c1_m) <= self.total_sigma_m:
            return "in focus"
        return "overfocus" if self.c1_m > 0 else "underfocus"

    def __str__(self) -> str:
        """As read by people: −0.300 ± 0.002 (statistical) ± 0.015 (total) µm (underfocus)."""
        return self.words()

    def words(self, *, statistical: bool = True) -> str:
        """As read by people, in nm below 0.1 µm; without the statistical error where none is known."""
        total = (self.total_sigma_m, "total")
        errors = ((self.sigma_m, "statistical"), total) if statistical else (total,)
        return f"{units.show_measured(self.c1_m, *errors)} ({self.side})"

    def __repr__(self) -> str:
        return f"Measurement({self})"


def without_offset(
    measured: Measurement, offset_m: float, relative_error: float, *, left_behind: float = 0.0
) -> Measurement:
    """A measurement made at a known extra lens defocus, told for when it has been taken back.

    Of an excursion of a lens the part `left_behind` (between none and twice that) stays when it is taken back: the lens
    lags, so C1 ends at c1 − offset·(1 − left_behind). The spread of that part, √⅓ of it, and the relative error of the
    offset itself are added to the error.
    """
    if offset_m == 0.0:
        return measured
    told = replace(measured, c1_m=measured.c1_m - offset_m * (1 - left_behind))
    return with_error(told, "focus offset", offset_sigma_m(offset_m, relative_error, left_behind=left_behind))


def offset_sigma_m(offset_m: float, relative_error: float, *, left_behind: float = 0.0) -> float:
    """1σ of C1 from an extra lens defocus that is taken back: what `without_offset` adds."""
    return abs(offset_m) * math.hypot(relative_error, left_behind / math.sqrt(3))


def with_unit_error(measured: Measurement, c1_scale: float) -> Measurement:
    """A measurement whose metre of C1 is only known to `c1_scale` (relative): commanded ones of the lens.

    The error is proportional to C1: none in focus, where a run ends.
    """
    if c1_scale == 0.0:
        return measured
    return with_error(measured, "unit of defocus", abs(measured.c1_m) * c1_scale)


def with_error(measured: Measurement, source: str, sigma_m: float) -> Measurement:
    """A measurement with a further, independent error of C1: in the total, the budget and the covariance."""
    covariance = measured.covariance_m2
    if covariance is not None:
        (c1, *rest), *others = covariance
        covariance = ((c1 + sigma_m**2, *rest), *others)
    return replace(
        measured,
        total_sigma_m=math.hypot(measured.total_sigma_m, sigma_m),
        budget=(*measured.budget, Contribution(source, sigma_m)),
        covariance_m2=covariance,
    )
