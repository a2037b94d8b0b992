"""The cheapest sequence that takes an error of one size to a wanted accuracy on an instrument. Pure.

A step measures and corrects until what it measures is within its tolerance. The last one ends at |C1| ≤ tolerance,
known to k·σ; both together are the accuracy, k for the asked probability. One before it only has to bring the error
into the last one's range. So from all candidates: every last step that can hold the accuracy, alone where its range
holds the start, else after the cheapest first step whose range does and whose rest the last one's range holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from scipy import stats

from eucentric.errors import SettingsError
from eucentric.focus.measurement import Contribution
from eucentric.focus.outcome import COVERAGE
from eucentric.optimize.candidate import Candidate, candidates
from eucentric.optimize.instrument import Instrument
from eucentric.optimize.prediction import Left, left_after, looked_at, range_of, seconds_of
from eucentric.units import show_bound

_FEWEST_LOOKS, _MOST_LOOKS = 2, 6  # the first exposures move the specimen: the first look can't be the last
_SHARE = 0.5  # of the accuracy at most is the last step's tolerance, and at least a tenth
_ROOM = 1.1  # a range holds an error with so much to spare: scales of tilts are not exact


class Cheapest(StrEnum):
    """What a plan saves."""

    ELECTRONS = "electrons"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a plan, metres; `probability` is that of ending within the accuracy."""

    start_m: float
    accuracy_m: float
    probability: float = 0.99
    tilt_max_rad: float | None = None
    cheapest: Cheapest = Cheapest.ELECTRONS

    @property
    def sigmas(self) -> float:
        """How many σ hold with that probability, on both sides."""
        return float(stats.norm.ppf(0.5 + 0.5 * self.probability))

    @property
    def stated_sigmas(self) -> float:
        """How many σ the last look is stated with: a run calls itself focused at |C1| + 3 σ, whatever is asked."""
        return max(self.sigmas, COVERAGE)


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of a plan: what it starts from at most, what it leaves at most, its tolerance and looks, metres."""

    candidate: Candidate
    start_m: float
    range_m: float
    leaves_m: float
    tolerance_m: float
    looks: int
    budget: tuple[Contribution, ...]
    dose_e_per_m2: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Ends:
    """From where to where a step goes, with how many looks, and the error of the last one."""

    start_m: float
    leaves_m: float
    tolerance_m: float
    looks: int
    last: Left


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps in order."""

    asked: Asked
    steps: tuple[PlannedStep, ...]

    @property
    def dose_e_per_m2(self) -> float:
        """Electrons on the specimen, of all steps."""
        return sum(one.dose_e_per_m2 for one in self.steps)

    @property
    def seconds(self) -> float:
        """Time of all steps, changes of magnification included."""
        return sum(one.seconds for one in self.steps)


def plan(instrument: Instrument, asked: Asked) -> Plan:
    """The cheapest plan. Raises SettingsError, which names what stands in the way, where there is none."""
    _check(asked)
    every = [c for c in candidates(instrument, tilt_max_rad=asked.tilt_max_rad) if range_of(c, instrument) > 0]
    lasts = [(c, floor) for c in every if (floor := _tolerance(c, instrument, asked)) is not None]
    if not lasts:
        raise SettingsError(_why_not_accurate(every, instrument, asked))
    found: list[Plan] = []
    firsts = sorted(_firsts(every, instrument, asked), key=lambda one: _cost(asked, (one,)))
    for candidate, tolerance in lasts:
        reach = range_of(candidate, instrument) / _ROOM
        if reach >= asked.start_m:
            alone = _step(candidate, instrument, asked, asked.start_m, tolerance, before=0)
            found += [Plan(asked, (alone,))] if alone is not None else []
        unsure_m = asked.sigmas * instrument.errors.parfocal_m
        first = next((one for one in firsts if one.leaves_m + unsure_m <= reach), None)
        if first is None:
            continue
        same = first.candidate.magnification == candidate.magnification
        arrives_m = first.leaves_m + (0.0 if same else asked.sigmas * instrument.errors.parfocal_m)
        last = _step(candidate, instrument, asked, arrives_m, tolerance, before=first.looks if same else 0)
        found += [Plan(asked, (first, last))] if last is not None else []
    if not found:
        raise SettingsError(_why_not_so_far(every, lasts, instrument, asked))
    return min(found, key=lambda one: _cost(asked, one.steps))


def _cost(asked: Asked, steps: tuple[PlannedStep, ...]) -> tuple[float, ...]:
    """What is saved first; of as cheap ones the quicker, or with fewer electrons; of those what leaves most room."""
    dose, seconds = sum(one.dose_e_per_m2 for one in steps), sum(one.seconds for one in steps)
    room = sum(one.leaves_m / one.range_m + one.start_m / one.range_m for one in steps)
    first = (dose, seconds) if asked.cheapest is Cheapest.ELECTRONS else (seconds, dose)
    return (*first, steps[-1].leaves_m + room * asked.accuracy_m)


def _firsts(every: list[Candidate], instrument: Instrument, asked: Asked) -> list[PlannedStep]:
    """Every first step that reaches the start: it looks again once, and leaves what one correction leaves."""
    out = []
    for candidate in every:
        if range_of(candidate, instrument) < _ROOM * asked.start_m:
            continue
        left = left_after(candidate, instrument, asked.start_m)
        tolerance = asked.sigmas * left.sigma_m
        again = looked_at(candidate, instrument, 1)
        leaves = tolerance + asked.sigmas * again.sigma_m
        if leaves < asked.start_m:
            out.append(_planned(candidate, instrument, Ends(asked.start_m, leaves, tolerance, 2, again)))
    return out


def _tolerance(candidate: Candidate, instrument: Instrument, asked: Asked) -> float | None:
    """What of the accuracy a last step has for its tolerance; None where its own error leaves too little."""
    error = asked.stated_sigmas * looked_at(candidate, instrument, 1).sigma_m
    room = asked.accuracy_m - error
    return min(room, _SHARE * asked.accuracy_m) if room >= 0.1 * asked.accuracy_m else None


def _step(
    candidate: Candidate, instrument: Instrument, asked: Asked, start_m: float, tolerance_m: float, *, before: int
) -> PlannedStep | None:
    """A last step from an error: looks and corrections until it measures within its tolerance; None where never."""
    error, looks = start_m, 1
    while error > tolerance_m or looks < _FEWEST_LOOKS:
        left = asked.sigmas * left_after(candidate, instrument, error, before + looks - 1).sigma_m
        if (error > tolerance_m and left > 0.7 * error) or looks == _MOST_LOOKS:
            return None
        error, looks = min(left, error), looks + 1
    last = looked_at(candidate, instrument, before + looks - 1)
    leaves = tolerance_m + asked.stated_sigmas * last.sigma_m
    return _planned(candidate, instrument, Ends(start_m, leaves, tolerance_m, looks, last))


def _planned(candidate: Candidate, instrument: Instrument, ends: Ends) -> PlannedStep:
    return PlannedStep(
        candidate=candidate,
        start_m=ends.start_m,
        range_m=range_of(candidate, instrument),
        leaves_m=ends.leaves_m,
        tolerance_m=ends.tolerance_m,
        looks=ends.looks,
        budget=ends.last.budget,
        dose_e_per_m2=ends.looks * candidate.dose_e_per_m2,
        seconds=instrument.times.preset_s + ends.looks * seconds_of(candidate, instrument),
    )


def _why_not_accurate(every: list[Candidate], instrument: Instrument, asked: Asked) -> str:
    """The sentence for an accuracy that nothing holds: how near one comes, and the term that limits it."""
    if not every:
        return (
            "At no magnification of this instrument is the film seen: more dose, a thicker or rougher film, or smaller "
            "pixels are needed."
        )
    best = min(every, key=lambda c: looked_at(c, instrument, 1).sigma_m)
    last = looked_at(best, instrument, 1)
    worst = max(last.budget, key=lambda part: part.sigma_m)
    reachable = asked.sigmas * last.sigma_m / 0.9
    return (
        f"An accuracy of {show_bound(asked.accuracy_m)} with {asked.probability:.1%} can't be held on "
        f"{instrument.name}: {show_bound(reachable)} can. What limits it is '{worst.source}' "
        f"({show_bound(worst.sigma_m)}, 1 σ, at preset '{best.magnification.name}'): make that smaller, or ask for "
        "less."
    )


def _why_not_so_far(
    every: list[Candidate], lasts: list[tuple[Candidate, float]], instrument: Instrument, asked: Asked
) -> str:
    reach = max(range_of(c, instrument) for c in every) / _ROOM
    if reach < asked.start_m:
        return (
            f"From {show_bound(asked.start_m)} nothing is found on {instrument.name}: its magnifications reach "
            f"{show_bound(reach)}. A lower magnification or a smaller tilt reaches further; or bring it nearer by hand."
        )
    last = max(range_of(c, instrument) for c, _ in lasts) / _ROOM
    return (
        f"Between the range of {show_bound(reach)} and an accuracy of {show_bound(asked.accuracy_m)} two steps do not "
        f"meet on {instrument.name}: what is accurate enough reaches {show_bound(last)} only. A magnification in "
        "between, or a better calibration of the tilt (errors: tilt scale) and of Z, would do."
    )


def _check(asked: Asked) -> None:
    for what, value in (("start", asked.start_m), ("accuracy", asked.accuracy_m)):
        if not 1e-9 <= value <= 10e-3:
            raise SettingsError(
                f"A {what} of {value * 1e6:g} µm is not between 0.001 µm and 10 mm. Give it in µm: 500."
            )
    if asked.accuracy_m >= asked.start_m:
        raise SettingsError("The accuracy is not below the error to start from: there is nothing to do.")
    if asked.tilt_max_rad is not None and not 1e-4 <= asked.tilt_max_rad <= 0.1:
        raise SettingsError(
            f"A tilt of {asked.tilt_max_rad * 1e3:g} mrad is not between 0.1 and 100. Give it in mrad: 10."
        )
    if not 0.5 <= asked.probability < 1:
        raise SettingsError(f"A probability of {asked.probability:g} is not between 0.5 and 1. Give for example 0.99.")
