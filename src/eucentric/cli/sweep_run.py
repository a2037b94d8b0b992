"""The points of a map, and their trials, spread over workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console

from eucentric.cli.plan_verify import Job, jobs_of, trial, trial_of
from eucentric.cli.progress import counting
from eucentric.cli.stopped import raise_if_stopped
from eucentric.errors import SettingsError
from eucentric.optimize.sweeping.axes import Axis
from eucentric.optimize.sweeping.sweep import Base, Cell, Map, Point, Spot, map_of, points_of, spot_of, with_trials
from eucentric.optimize.trials.cluster import Cluster, cluster
from eucentric.optimize.trials.spread import Ended, Spread, spread
from eucentric.optimize.trials.trial import Trial, is_within


@dataclass(frozen=True, slots=True)
class Swept:
    """A map, and how many points or trials (`what`) of those asked are in it; `stopped` says why it is not all."""

    map: Map
    what: str
    done: int
    asked: int
    stopped: str = ""
    by_user: bool = False


def swept(base: Base, axes: Sequence[Axis], trials: int, scheduler: str | None, console: Console) -> Swept:
    """The map, as far as it was not stopped. Raises SettingsError, InputError, Stopped; also where it is empty."""
    x, y = axes
    points = points_of(base, x, y)
    with cluster(scheduler) as on:
        console.print(f"{len(points)} points on {on.name} …", soft_wrap=True)
        came = _points(points, on, console)
        spots = {one.place: one.result for one in came.ended if one.result is not None}
        if not spots:
            raise_if_stopped(came.stopped, len(came.ended), came.asked, "points", by_user=came.by_user)
            raise SettingsError(f"No point of the map has anything to show. At its first: {came.ended[0].why}")
        found = map_of(base, x, y, {one.place: _cell(one) for one in came.ended})
        if came.stopped or not trials:
            return Swept(found, "points", len(came.ended), came.asked, came.stopped, came.by_user)
        try:
            tried = _trials(spots, trials, on, console)
        except KeyboardInterrupt:  # before any trial had ended: the points are there
            return Swept(found, "trials", 0, trials * len(spots), "Stopped", by_user=True)
    found = with_trials(found, spots, _by_place(list(spots), tried))
    return Swept(found, "trials", len(tried.ended), tried.asked, tried.stopped, tried.by_user)


def _points(points: Sequence[Point], on: Cluster, console: Console) -> Spread[Point, Spot]:
    failed = 0

    def tell(one: Ended[Point, Spot]) -> None:
        nonlocal failed
        failed += one.result is None
        count_one(f"{failed} without anything" if failed else "")

    with counting(console, "points", len(points)) as count_one:
        return spread(spot_of, points, on, tell=tell)


def _cell(one: Ended[Point, Spot]) -> Cell:
    return Cell(why=one.why) if one.result is None else Cell(one.result.quantities)


def _trials(spots: Mapping[int, Spot], trials: int, on: Cluster, console: Console) -> Spread[Job, Trial]:
    """Every point's first trial, then every point's second …: stopped in between, all points have about as many."""
    of_points = [jobs_of(spot.plan, spot.instrument, trials) for spot in spots.values()]
    plans = [spot.plan for spot in spots.values()]
    jobs = [job for of_a_seed in zip(*of_points, strict=True) for job in of_a_seed]
    within = 0

    def tell(one: Ended[Job, Trial]) -> None:
        nonlocal within
        within += is_within(trial_of(one), plans[one.place % len(plans)].asked.accuracy_m)
        count_one(f"{within} within the accuracy")

    console.print(f"{len(jobs)} trials, {trials} of each point …", soft_wrap=True)
    with counting(console, "trials", len(jobs)) as count_one:
        return spread(trial, jobs, on, tell=tell)


def _by_place(places: Sequence[int], tried: Spread[Job, Trial]) -> dict[int, list[Trial]]:
    """The trials of each point; `_trials` has their order."""
    of: dict[int, list[Trial]] = {}
    for one in tried.ended:
        of.setdefault(places[one.place % len(places)], []).append(trial_of(one))
    return of
