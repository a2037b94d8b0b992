"""A map over two settings: what a step of a plan can do, or what a whole plan costs, at every pair of values. Pure.

Over settings of a step, alone or with the instrument's, the step's quantities are predicted with all else as the plan
has it. Over what is asked and the instrument's, a plan is made anew at every point.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from eucentric.errors import SettingsError
from eucentric.optimize.instrument import Instrument
from eucentric.optimize.planning.candidate import Candidate, magnification_named
from eucentric.optimize.planning.outlook import Outlook, outlook
from eucentric.optimize.planning.plan import Plan, plan
from eucentric.optimize.planning.prediction import clear, left_after, lit, looked_at, range_of
from eucentric.optimize.planning.sequence import names_of
from eucentric.optimize.sweeping.axes import Axis, Of, Value
from eucentric.optimize.sweeping.changes import (
    Change,
    asked_with,
    candidate_with_all,
    check_bounds,
    check_fits,
    instrument_with,
    value_now,
)
from eucentric.optimize.trials.trial import Trial, is_within
from eucentric.units import show_bound


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a map shows; `unit` is SI, None for a number."""

    name: str
    title: str
    unit: str | None = None


RANGE = Quantity("range_m", "range", "m")
ERROR = Quantity("error_m", "error of a look near focus, 1 σ", "m")
LEFT = Quantity("left_m", "error after a correction, 1 σ", "m")
ELECTRONS = Quantity("dose_e_per_m2", "electrons", "1/m2")
SECONDS = Quantity("seconds", "time", "s")
STEPS = Quantity("steps", "steps")
SUCCESS = Quantity("success", "success rate predicted")
RATE = Quantity("rate", "success rate in trials")
TRIALS = Quantity("trials", "trials of each point")
OF_STEPS: Final = (RANGE, ERROR, LEFT, SUCCESS, ELECTRONS)
OF_PLANS: Final = (ELECTRONS, SECONDS, STEPS)


@dataclass(frozen=True, slots=True)
class Base:
    """What a map starts from: the chosen plan, its instrument, and which of its steps (None: whole plans)."""

    plan: Plan
    instrument: Instrument
    step: int | None = None

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What its map shows, without trials."""
        return OF_PLANS if self.step is None else OF_STEPS


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a map: all that a worker needs."""

    base: Base
    changes: tuple[Change, Change]


@dataclass(frozen=True, slots=True)
class Spot:
    """What was found at a point, in SI by the names of quantities, and the plan there."""

    quantities: Mapping[str, float]
    plan: Plan
    instrument: Instrument


@dataclass(frozen=True, slots=True)
class Cell:
    """A point as the map has it: its quantities; none, and why, where it failed; none at all where it was not done.

    `refused` is why most of the trials that refused did so.
    """

    quantities: Mapping[str, float] = field(default_factory=dict)
    why: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Map:
    """The cells row by row: y values from the first, in each the x values."""

    base: Base
    x: Axis
    y: Axis
    cells: tuple[Cell, ...]

    def cell(self, ix: int, iy: int) -> Cell:
        """That of the values with these numbers."""
        return self.cells[iy * len(self.x.values) + ix]

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """Those that any cell has."""
        there = {name for cell in self.cells for name in cell.quantities}
        return tuple(q for q in (*self.base.quantities, RATE, TRIALS) if q.name in there)

    def chosen(self, axis: Axis) -> Value | None:
        """The value of an axis' setting in the chosen plan; None where it leaves it open."""
        return value_now(axis.setting, self.base.plan, self.base.instrument, self.base.step)

    @property
    def changing(self) -> tuple[Quantity, ...]:
        """Those that change over the map; where none does, the first."""
        return tuple(q for q in self.quantities if self.same_everywhere(q) is None) or self.quantities[:1]

    def same_everywhere(self, quantity: Quantity) -> float | None:
        """The value of a quantity that does not change over the map; None where it does."""
        values = [c.quantities[quantity.name] for c in self.cells if quantity.name in c.quantities]
        return values[0] if all(math.isclose(v, values[0], rel_tol=1e-9) for v in values) else None


def check_axes(axes: Sequence[Axis], instrument: Instrument, step: str | None) -> None:
    """Raise SettingsError for settings that make no map together, for a step that has no part in it, and for a value
    that the instrument can't have.
    """
    of = {axis.setting.of: axis.setting.name for axis in axes}
    if len(axes) != 2 or axes[0].setting == axes[1].setting:
        raise SettingsError("A map goes over two settings: --over tilt=1..20mrad --over binning")
    if Of.STEP in of and Of.ASKED in of:
        raise SettingsError(
            f"{of[Of.STEP]} is of one step, and {of[Of.ASKED]} is asked of a whole plan, which chooses its steps by "
            "itself. Go over two settings of a step, or two of a plan; the instrument's go with both."
        )
    if {axis.setting.name for axis in axes} == {"dose", "exposure"}:
        raise SettingsError("dose and exposure are one setting: the electrons go along with the time. Leave one out.")
    if Of.STEP not in of and step is not None:
        raise SettingsError(f"--step {step} does nothing: a map over {axes[0].setting.name} is one of whole plans.")
    for axis in axes:
        if axis.setting.of is Of.INSTRUMENT:
            for value in axis.values:
                check_bounds(instrument, Change(axis.setting, value))


def base_of(made: Plan, instrument: Instrument, axes: Sequence[Axis], step: str | None) -> Base:
    """What a map over these axes starts from; `step` names one of the plan (default: the last).

    Raises SettingsError for a step that there is not.
    """
    if all(axis.setting.of is not Of.STEP for axis in axes):
        return Base(_lean(made), instrument)
    names = names_of(made)
    if step is None:
        return Base(_lean(made), instrument, len(names) - 1)
    at = next((k for k, name in enumerate(names) if name.lower() == step.lower()), None)
    if at is None:
        raise SettingsError(f"The plan has no step '{step}'. It has: {', '.join(names)}.")
    return Base(_lean(made), instrument, at)


def points_of(base: Base, x: Axis, y: Axis) -> list[Point]:
    """All points, row by row."""
    return [Point(base, (Change(x.setting, vx), Change(y.setting, vy))) for vy in y.values for vx in x.values]


def map_of(base: Base, x: Axis, y: Axis, cells: Mapping[int, Cell]) -> Map:
    """The map of the cells that are done, by their point's number."""
    count = len(x.values) * len(y.values)
    return Map(base, x, y, tuple(cells.get(place, Cell()) for place in range(count)))


def with_trials(found: Map, spots: Mapping[int, Spot], trials: Mapping[int, Sequence[Trial]]) -> Map:
    """The map with what trials of the plans came to, by their point's number."""
    cells = [_tried(cell, spots[k].plan, trials[k]) if k in trials else cell for k, cell in enumerate(found.cells)]
    return replace(found, cells=tuple(cells))


def _tried(cell: Cell, made: Plan, trials: Sequence[Trial]) -> Cell:
    rate = sum(is_within(one, made.asked.accuracy_m) for one in trials) / len(trials)
    quantities = {**cell.quantities, RATE.name: rate, TRIALS.name: float(len(trials))}
    refused = Counter(one.why for one in trials if one.end_m is None).most_common(1)
    return replace(cell, quantities=quantities, refused=refused[0][0] if refused else "")


def spot_of(point: Point) -> Spot:
    """What is at a point. Raises SettingsError where there is nothing, and why."""
    instrument, asked = point.base.instrument, point.base.plan.asked
    for change in point.changes:
        if change.setting.of is Of.INSTRUMENT:
            instrument = instrument_with(instrument, change)
        elif change.setting.of is Of.ASKED:
            asked = asked_with(asked, change)
    if point.base.step is not None:
        return _step_spot(point.base.plan, instrument, point.base.step, point.changes)
    made = plan(instrument, asked)
    costs = {ELECTRONS.name: made.dose_e_per_m2, SECONDS.name: made.seconds, STEPS.name: float(len(made.steps))}
    return Spot(costs, _lean(made), instrument)


def _step_spot(made: Plan, instrument: Instrument, step: int, changes: Sequence[Change]) -> Spot:
    """The plan with one step changed, and what that step can do then."""
    of_step = [change for change in changes if change.setting.of is Of.STEP]
    candidate = candidate_with_all(_on(instrument, made.steps[step].candidate), instrument, of_step)
    shot = candidate.magnification
    shots = tuple(shot if one.name == shot.name else one for one in instrument.magnifications)
    instrument = instrument.model_copy(update={"magnifications": shots})
    steps = [replace(one, candidate=_on(instrument, one.candidate)) for one in made.steps]
    steps[step] = replace(steps[step], candidate=candidate)
    for one in steps:
        check_fits(one.candidate, instrument)
    changed = _lean(replace(made, steps=tuple(steps)))
    return Spot(predicted(changed, instrument, step), changed, instrument)


def _lean(made: Plan) -> Plan:
    """The plan without the draws of its outlook, a tenth of a megabyte: a worker gets one with each point."""
    return replace(made, outlook=Outlook(made.outlook.errors_m[:1]))


def _on(instrument: Instrument, candidate: Candidate) -> Candidate:
    """The candidate with its magnification as the instrument has it."""
    return replace(candidate, magnification=magnification_named(instrument, candidate.magnification.name))


def predicted(made: Plan, instrument: Instrument, step: int) -> dict[str, float]:
    """What a step of a plan can do on an instrument, in SI. Raises SettingsError where its images show nothing."""
    one = made.steps[step]
    candidate, reach = one.candidate, range_of(one.candidate, instrument)
    if reach <= 0 or candidate.tilt_rad > instrument.tilt_most_rad * (1 + 1e-9):
        raise SettingsError(_why_unseen(candidate, instrument))
    found = {
        RANGE.name: reach,
        ERROR.name: looked_at(candidate, instrument, 0.0).sigma_m,
        ELECTRONS.name: one.looks * candidate.dose_e_per_m2,
    }
    if one.start_m <= reach:
        # The first step starts anywhere within, those after it from what is left of a normal error.
        sigma_m = one.start_m / (made.asked.sigmas if step else math.sqrt(3))
        found[LEFT.name] = left_after(candidate, instrument, sigma_m).sigma_m
        chain = tuple(each.candidate for each in made.steps)
        asked = made.asked
        found[SUCCESS.name] = outlook(chain, instrument, asked.start_m, at=asked.at, sure_m=asked.sure_m).within(
            asked.accuracy_m
        )
    return found


def _why_unseen(candidate: Candidate, instrument: Instrument) -> str:
    aperture = instrument.lens.aperture_rad
    if aperture is not None and candidate.tilt_rad >= aperture:
        return f"The aperture ({aperture * 1e3:g} mrad) stops a beam tilted by {candidate.tilt_rad * 1e3:g} mrad."
    if candidate.tilt_rad > instrument.tilt_most_rad * (1 + 1e-9):
        return (
            f"A tilt of {candidate.tilt_rad * 1e3:g} mrad is beyond what the instrument's limit leaves beside the room "
            f"for the coma-free axis: {instrument.tilt_most_rad * 1e3:g} mrad (lens.tilt_max in its file)."
        )
    if not lit(candidate, instrument):
        return (
            f"The light ({show_bound(candidate.magnification.beam_m)} wide) does not fill the corners of an image of "
            f"{show_bound(candidate.field_m)}."
        )
    if not clear(candidate, instrument):
        return (
            "The camera's own pattern, which lies at no shift, would be taken for the film: another offset, a larger "
            "tilt or fewer electrons in an image are needed."
        )
    return "Near focus the images show too little of the film to be compared: more dose is needed, or a larger pixel."
