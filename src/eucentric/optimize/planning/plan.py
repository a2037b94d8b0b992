"""The cheapest sequence that takes an error of one size to a wanted accuracy on an instrument. Pure.

Each step measures and corrects once, and its correction is trusted: the next step looks at what it left. So a step has
to see what arrives and to leave what the next one sees; the last one has to leave what is asked for. The search finds
chains by averages; of these the cheapest is taken whose outlook, over many instruments drawn from the errors, holds the
accuracy with the asked probability.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from eucentric.errors import SettingsError
from eucentric.focus.measurement import Contribution
from eucentric.focus.settings import CorrectionType
from eucentric.optimize.instrument import Instrument
from eucentric.optimize.planning.apart import between, changed
from eucentric.optimize.planning.asked import Asked, Cheapest, check
from eucentric.optimize.planning.candidate import Candidate, magnification_at
from eucentric.optimize.planning.grid import EXPOSED_S
from eucentric.optimize.planning.outlook import Outlook, outlook
from eucentric.optimize.planning.prediction import (
    Before,
    Left,
    left_after,
    looked_at,
    looks_of,
    range_of,
    seconds_of,
    unseen,
    z_scale_after,
)
from eucentric.optimize.planning.search import Chain, best_of, chains
from eucentric.units import show_bound

_WORTH = 1.2  # a further step has to save so much: it is one more look that may be refused, one more change of the lens
_STRICT = (1.15, 1.0)  # of the σ that are asked: what the search tells by averages is rather too small


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of a plan: what it starts from at most, sees at most and leaves (with the asked probability), metres,
    and the parts of the 1σ that it leaves. Electrons and time are those of `looks` looks: more than one on average
    where one can be in doubt.
    """

    candidate: Candidate
    start_m: float
    range_m: float
    leaves_m: float
    looks: float
    budget: tuple[Contribution, ...]
    dose_e_per_m2: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps in order, and the outlook for them."""

    asked: Asked
    steps: tuple[PlannedStep, ...]
    outlook: Outlook

    @property
    def dose_e_per_m2(self) -> float:
        """Electrons on the specimen, of all steps."""
        return sum(one.dose_e_per_m2 for one in self.steps)

    @property
    def seconds(self) -> float:
        """Time of all steps, changes of magnification included."""
        return sum(one.seconds for one in self.steps)

    @property
    def presets(self) -> tuple[str, ...]:
        """What the presets of the steps are called."""
        return tuple(one.candidate.preset for one in self.steps)


def plan(instrument: Instrument, asked: Asked) -> Plan:
    """The cheapest plan. Raises SettingsError, which names what stands in the way, where there is none."""
    plans = front(instrument, asked)
    return {Cheapest.ELECTRONS: plans[0], Cheapest.TIME: plans[-1], Cheapest.BOTH: knee(plans)}[asked.cheapest]


def front(instrument: Instrument, asked: Asked) -> tuple[Plan, ...]:
    """The plans of which none is dearer in both electrons and time than another: fewest electrons first.

    Raises SettingsError where there is none.
    """
    found: list[Chain] = []
    for found in _found(instrument, asked):
        plans = tuple(_holding_ones(found, instrument, asked))
        if plans:
            cheap = sorted(plans, key=lambda one: (one.dose_e_per_m2, one.seconds))
            return tuple(p for p, before in zip(cheap, _quickest(cheap), strict=True) if p.seconds < before)
    raise SettingsError(_why_not_accurate(instrument, asked, found))


def _quickest(plans: list[Plan]) -> Iterator[float]:
    """The shortest time among those before each."""
    return itertools.accumulate((one.seconds for one in plans[:-1]), min, initial=math.inf)


def _holding_ones(found: list[Chain], instrument: Instrument, asked: Asked) -> Iterator[Plan]:
    """Of chains that hold what is asked the one with fewest electrons, and each that is then 2 % quicker than those
    before it. A last look of the unsure comes on top.
    """
    quickest = math.inf
    for chain in sorted(found, key=lambda one: (one.dose_e_per_m2, one.seconds, one.sigma_m)):
        if chain.seconds < 0.98 * quickest and (made := _holding(chain, instrument, asked)) is not None:
            yield made
            quickest = chain.seconds


def steps_of(
    chain: tuple[Candidate, ...], instrument: Instrument, asked: Asked, *, unsure: float
) -> tuple[PlannedStep, ...]:
    """The steps of a chain, each with what it starts from and leaves; so many of the runs look once more at the end."""
    steps: list[PlannedStep] = []
    start, exposed_s, z_scale = asked.start_m, 0.0, instrument.stage.z_scale
    for number, one in enumerate(chain):
        last = chain[number - 1] if number else None
        if last is not None:
            apart = asked.sigmas * between(last.magnification, one.magnification, instrument)
            start = float((steps[-1].leaves_m ** 2 + apart**2) ** 0.5)
            z_scale = z_scale if last.magnification == one.magnification else instrument.stage.z_scale
        sigma = start / (3**0.5 if last is None else asked.sigmas)
        before = Before(exposed_s, z_scale)
        left = left_after(one, instrument, sigma, before)
        if number == len(chain) - 1 and (at := magnification_at(instrument, asked.at)) is not None:
            left = left.beside(changed(one.magnification, at, instrument))
        more = unseen(one, instrument, start, None if last is None else asked.sigmas)
        if number == len(chain) - 1:
            more += 1 if asked.look_again else unsure
        steps.append(_step(one, instrument, _Ends(start, asked.sigmas * left.sigma_m, left, more)))
        if one.correction is CorrectionType.STAGE_Z:
            z_scale = z_scale_after(z_scale, looked_at(one, instrument, sigma, before).sigma_m, sigma)
        exposed_s += steps[-1].seconds
    return tuple(steps)


@dataclass(frozen=True, slots=True)
class _Ends:
    start_m: float
    leaves_m: float
    left: Left
    more_looks: float


def _step(one: Candidate, instrument: Instrument, ends: _Ends) -> PlannedStep:
    looks = looks_of(one, instrument) + ends.more_looks
    return PlannedStep(
        candidate=one,
        start_m=ends.start_m,
        range_m=range_of(one, instrument),
        leaves_m=ends.leaves_m,
        looks=looks,
        budget=ends.left.budget,
        dose_e_per_m2=looks * one.dose_e_per_m2,
        seconds=instrument.times.preset_s + looks * seconds_of(one, instrument),
    )


def _found(instrument: Instrument, asked: Asked) -> Iterator[list[Chain]]:
    """Chains that may hold what is asked, first those with room for what averages hide. Raises SettingsError: none."""
    check(asked, instrument)
    found: list[Chain] = []
    for strict in _STRICT:
        found = chains(instrument, asked, strict * asked.sigmas)
        if found:
            yield found
    if not found:
        raise SettingsError(_why_none(instrument, asked))


def _holding(chain: Chain, instrument: Instrument, asked: Asked) -> Plan | None:
    """The plan of a chain, where its outlook holds what is asked without a further look of those that are unsure."""
    if not outlook(chain.steps, instrument, asked.start_m, at=asked.at).holds(asked.accuracy_m, asked.probability):
        return None
    # What is told comes from draws that the choice has not seen: the best of many is also a lucky one.
    told = outlook(chain.steps, instrument, asked.start_m, at=asked.at, sure_m=asked.sure_m, seed=1)
    return Plan(asked, steps_of(chain.steps, instrument, asked, unsure=told.unsure), told)


def knee(plans: tuple[Plan, ...]) -> Plan:
    """Of a front the plan whose electrons times time is least, or one of fewer steps that takes not much more."""
    cost = {one: one.dose_e_per_m2 * one.seconds for one in plans}
    near = [one for one in plans if cost[one] <= _WORTH * min(cost.values())]
    return min(near, key=lambda one: (len(one.steps), cost[one]))


def _why_none(instrument: Instrument, asked: Asked) -> str:
    best = best_of(instrument, asked)
    if best.candidate is None:
        return (
            f"At no magnification of {instrument.name} is the film seen: more dose, a thicker or rougher film, or "
            "smaller pixels are needed."
        )
    if best.first is None:
        return (
            f"From {show_bound(asked.start_m)} nothing is found on {instrument.name}: its magnifications reach "
            f"{show_bound(best.reach_m)}, and it is to be in reach with room to spare. A lower magnification or a "
            "smaller tilt reaches further; or bring it nearer by hand."
        )
    left = left_after(best.candidate, instrument, asked.accuracy_m, Before(EXPOSED_S))
    if (at := magnification_at(instrument, asked.at)) is not None:
        left = left.beside(changed(best.candidate.magnification, at, instrument))
    if asked.sigmas * left.sigma_m > asked.accuracy_m:
        return _sentence(instrument, asked, asked.sigmas * left.sigma_m, _largest(left.budget), best.candidate)
    return _too_few(best.first, instrument, asked)


def _why_not_accurate(instrument: Instrument, asked: Asked, found: list[Chain]) -> str:
    """The sentence for an accuracy that no chain holds often enough: how near the best comes, and what limits it."""
    best = min(found, key=lambda one: one.sigma_m)
    step = steps_of(best.steps, instrument, asked, unsure=0.0)[-1]
    reached = outlook(best.steps, instrument, asked.start_m, at=asked.at).bound_m(asked.probability)
    return _sentence(instrument, asked, reached, _largest(step.budget), step.candidate)


def _too_few(first: Candidate, instrument: Instrument, asked: Asked) -> str:
    """The sentence for an accuracy that is possible near focus, but not from the start in so many steps."""
    left = left_after(first, instrument, asked.start_m / math.sqrt(3))
    worst = _largest(left.budget)
    steps = f"{asked.steps_max} step{'s' if asked.steps_max > 1 else ''}"
    alike = " with all images alike" if asked.one_preset else ""
    return (
        f"From {show_bound(asked.start_m)} to {show_bound(asked.accuracy_m)} with {asked.probability:.1%} takes "
        f"more than {steps}{alike} on {instrument.name}: the first leaves {show_bound(asked.sigmas * left.sigma_m)} at "
        f"best, for '{worst.source}' ({show_bound(worst.sigma_m)}, 1 σ, at preset '{first.magnification.name}'). Allow "
        "more steps or presets, make that smaller, or ask for less."
    )


def _largest(budget: tuple[Contribution, ...]) -> Contribution:
    return max(budget, key=lambda part: part.sigma_m)


def _sentence(instrument: Instrument, asked: Asked, reached_m: float, worst: Contribution, one: Candidate) -> str:
    return (
        f"An accuracy of {show_bound(asked.accuracy_m)} with {asked.probability:.1%} can't be held on "
        f"{instrument.name}: {show_bound(reached_m)} can. What limits it is '{worst.source}' "
        f"({show_bound(worst.sigma_m)}, 1 σ, at preset '{one.magnification.name}'): make that smaller, or ask for less."
    )
