"""Why each step of a plan is there: what the next one could not do without it. Pure."""

from __future__ import annotations

import math

from eucentric.optimize.instrument import Instrument
from eucentric.optimize.planning.plan import Plan
from eucentric.optimize.planning.prediction import left_after, range_of
from eucentric.optimize.planning.sequence import names_of
from eucentric.units import show_bound


def reasons(plan: Plan, instrument: Instrument) -> tuple[str, ...]:
    """A sentence for each step but the last: what the next one would reach or leave of the error that comes to it."""
    names = names_of(plan)
    return tuple(
        f"{name} is there because {_without(plan, instrument, number, names[number + 1])}."
        for number, name in enumerate(names[:-1])
    )


def _without(plan: Plan, instrument: Instrument, number: int, later: str) -> str:
    """What the step after `number` is short of where it starts from what comes to that one."""
    start_m, following = plan.steps[number].start_m, plan.steps[number + 1]
    reach_m = range_of(following.candidate, instrument)
    if reach_m < start_m:
        return f"{later} reaches no farther than {show_bound(reach_m)}"
    # The first error lies anywhere within the start, a later one is normal.
    sigma_m = start_m / (plan.asked.sigmas if number else math.sqrt(3))
    left = left_after(following.candidate, instrument, sigma_m)
    worst = max(left.budget, key=lambda part: part.sigma_m)
    return (
        f"without it {later} would leave {show_bound(plan.asked.sigmas * left.sigma_m)}, mostly of '{worst.source}' "
        f"({show_bound(worst.sigma_m)}, 1 σ)"
    )
