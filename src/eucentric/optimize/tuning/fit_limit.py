"""Leginon's fit limit (squared misfit of a pair's shift across its tilt, unbinned px²) and what it is in χ². Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from eucentric.focus.measure import in_metres
from eucentric.focus.solve import LinkShift, predicted_shifts, solve
from eucentric.optics.aberrations import Aberrations
from eucentric.optimize.tuning.chi_square import limit_from, refused_as_stated
from eucentric.optimize.tuning.repeats import Repeat

_PROBE_M = 1e-9  # a misfit that is small beside all that is not linear


@dataclass(frozen=True, slots=True)
class OldLimit:
    """Leginon's fit limit, squared misfit across the tilt of one pair, and what it is otherwise.

    `across_m` is the misfit at the specimen; `defocus_m` the defocus of which a shift as long would be taken; `chi2`
    what it makes of χ² in all, and `limit` that at one degree of freedom.
    """

    px2: float
    across_m: float
    defocus_m: float
    chi2: float
    limit: float
    refuses: float  # of good measurements, with errors as stated
    dof: int


@dataclass(frozen=True, slots=True)
class Translation:
    """Between px² and χ² at one pixel size, binning, tilt and stated error: χ² = κ·px²·(pixel/binning)²."""

    chi2_per_m2: float
    unbinned_m: float
    separation_rad: float
    dof: int

    def of_px2(self, px2: float) -> OldLimit:
        """What a fit limit means."""
        across = math.sqrt(px2) * self.unbinned_m
        chi2 = self.chi2_per_m2 * across**2
        refuses = refused_as_stated(chi2, self.dof)
        return OldLimit(px2, across, across / self.separation_rad, chi2, limit_from(chi2, self.dof), refuses, self.dof)

    def of_chi2(self, chi2: float) -> OldLimit:
        """The fit limit that refuses the same misfit of one pair as χ² in all does."""
        return self.of_px2(chi2 / (self.chi2_per_m2 * self.unbinned_m**2))


def translation(good: Sequence[Repeat]) -> Translation:
    """What of these repeats, in the middle, a misfit across the tilt of their first pair makes of χ²."""
    each = [_chi2_per_m2(one) for one in good]
    one = good[int(np.argsort(each)[len(each) // 2])]
    how, (i, j) = one.how, one.links[0]
    tilts = one.result.exposures.tilts
    separation = math.hypot(tilts[j][0] - tilts[i][0], tilts[j][1] - tilts[i][1])
    return Translation(
        float(np.sort(each)[len(each) // 2]),
        one.result.pixel_m / how.binning,
        separation,
        one.result.measurement.dof,
    )


def _chi2_per_m2(one: Repeat) -> float:
    """χ² of shifts that fit, but for a nanometre across the tilt in the first pair; per m²."""
    result, how = one.result, one.how
    exposures, tilts = result.exposures, result.exposures.tilts
    lens = Aberrations(c1_m=result.measurement.c1_m + how.offset_m, c3_m=how.column.c3_m)
    fitting = predicted_shifts(exposures, one.links, lens)
    (i, j) = one.links[0]
    y, x = tilts[j][0] - tilts[i][0], tilts[j][1] - tilts[i][1]
    fitting[0] += _PROBE_M * np.array([x, -y]) / math.hypot(y, x)
    links: list[LinkShift] = []
    for link, shift, at in zip(one.links, result.shifts, fitting, strict=True):
        links.append(replace(in_metres(shift, link, result.pixel_m), shift_m=(float(at[0]), float(at[1]))))
    solved = solve(exposures, tuple(links), c3_m=how.column.c3_m, prior=how.uncertainty)
    return solved.chi2 / _PROBE_M**2
