"""A plan's steps as people read them: each number with its unit, for tables, pages and pictures. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from eucentric.optimize.planning.plan import Plan, PlannedStep
from eucentric.optimize.planning.sequence import names_of
from eucentric.units import E_PER_A2, show_bound


@dataclass(frozen=True, slots=True)
class ShownStep:
    """A step in words. `tilt` is that of one image, `leaves` and `range` are bounds on either side of focus."""

    name: str
    magnification: str
    binning: str
    exposure: str
    size: str
    pixel: str
    tilt: str
    pattern: str
    correction: str
    start: str
    leaves: str
    range: str
    looks: str
    dose: str
    time: str


def shown_steps(plan: Plan) -> tuple[ShownStep, ...]:
    """The steps of a plan, in order."""
    return tuple(_shown(one, name) for one, name in zip(plan.steps, names_of(plan), strict=True))


def show_dose(dose_e_per_m2: float) -> str:
    """Electrons on the specimen: "12.3 e/Å²"."""
    return f"{dose_e_per_m2 / E_PER_A2:.3g} e/Å²"


def show_time(seconds: float) -> str:
    """A time to the second: "41 s"."""
    return f"{seconds:.0f} s"


def _shown(one: PlannedStep, name: str) -> ShownStep:
    c = one.candidate
    return ShownStep(
        name=name,
        magnification=c.magnification.name,
        binning=str(c.binning),
        exposure=f"{c.exposure_s:g} s",
        size=str(c.size_px),
        pixel=f"{c.pixel_m * 1e9:.3g} nm",
        tilt=f"±{c.tilt_rad * 1e3:g} mrad",
        pattern=str(c.pattern),
        correction=str(c.correction),
        start=show_bound(one.start_m),
        leaves=show_bound(one.leaves_m),
        range=show_bound(one.range_m),
        looks=f"{one.looks:.3g}",
        dose=show_dose(one.dose_e_per_m2),
        time=show_time(one.seconds),
    )
