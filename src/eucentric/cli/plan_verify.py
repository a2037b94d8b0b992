"""A plan run on simulated microscopes that are drawn from its instrument."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from eucentric.focus.settings import FocusSettings
    from eucentric.optimize.instrument import Instrument
    from eucentric.optimize.planning.plan import Plan
    from eucentric.optimize.trials.cluster import Cluster
    from eucentric.optimize.trials.spread import Ended, Spread
    from eucentric.optimize.trials.trial import Trial


@dataclass(frozen=True, slots=True)
class Job:
    """One trial: sequences that are run one after the other, from anywhere within ±`start_m`, on the instrument of a
    seed. `preset` is where the session stands, and where the end holds.
    """

    sequences: tuple[FocusSettings, ...]
    preset: str
    instrument: Instrument
    start_m: float
    seed: int


def jobs_of(plan: Plan, instrument: Instrument, count: int) -> list[Job]:
    """Trials of a plan, of the seeds 0, 1 …"""
    from eucentric.optimize.planning.sequence import settings_of

    sequences = (settings_of(plan, instrument),)
    preset = plan.asked.at or plan.steps[-1].candidate.magnification.name
    return [Job(sequences, preset, instrument, plan.asked.start_m, seed) for seed in range(count)]


def run_trials(jobs: Sequence[Job], *, on: Cluster, tell: Callable[[Trial], None]) -> Spread[Job, Trial]:
    """Each is told when it ends. The same for any workers; see `spread`."""
    from eucentric.optimize.trials.spread import spread

    return spread(trial, jobs, on, tell=lambda one: tell(trial_of(one)))


def trial_of(one: Ended[Job, Trial]) -> Trial:
    """What a job came to; one that failed has missed the accuracy, for what is known."""
    from eucentric.optimize.trials.simulated import height_of
    from eucentric.optimize.trials.trial import Trial

    if one.result is not None:
        return one.result
    return Trial(one.job.seed, height_of(one.job.start_m, one.job.seed), None, 0.0, 0.0, why=one.why)


def verify(
    made: Plan, instrument: Instrument, count: int, *, scheduler: str | None, console: Console
) -> Spread[Job, Trial]:
    """Run the plan so often, with a bar on a terminal, and tell each that missed (not on a terminal: each).

    Raises InputError where the cluster goes away before any has ended, Stopped where the user ends it before.
    """
    from eucentric.cli.progress import counting
    from eucentric.cli.stopped import Stopped, raise_if_stopped
    from eucentric.optimize.trials.cluster import cluster
    from eucentric.optimize.trials.trial import is_within
    from eucentric.units import show_bound

    within = 0

    def tell(one: Trial) -> None:
        nonlocal within
        good = is_within(one, made.asked.accuracy_m)
        within += good
        if not (good and console.is_terminal):
            end = f"ended {show_bound(abs(one.end_m))} off" if one.end_m is not None else f"refused: {one.why}"
            console.print(f"  seed {one.seed}: from {show_bound(one.start_m)}, {end}", markup=False, soft_wrap=True)
        count_one(f"{within} within {show_bound(made.asked.accuracy_m)}")

    with cluster(scheduler) as on:
        console.print(f"Verifying on {count} simulated microscopes of this instrument, on {on.name} …", soft_wrap=True)
        with counting(console, "trials", count) as count_one:
            try:
                came = run_trials(jobs_of(made, instrument, count), on=on, tell=tell)
            except KeyboardInterrupt:  # before any had ended
                raise Stopped(f"Stopped: 0 of {count} trials were done.") from None
    if not came.ended:
        raise_if_stopped(came.stopped, 0, count, "trials", by_user=came.by_user)
    return came


def check_trials(instrument: Instrument, scheduler: str | None) -> None:
    """Raise, before anything is planned, SettingsError for an instrument that can't be simulated, InputError for a
    cluster that can't be used.
    """
    from eucentric.optimize.trials.simulated import magnitudes_of

    magnitudes_of(instrument, 0.0)
    check_cluster(scheduler)


def check_cluster(scheduler: str | None) -> None:
    """Raise InputError for an address where no cluster can be used."""
    from eucentric.optimize.trials.cluster import cluster

    if scheduler is not None:
        with cluster(scheduler):
            pass


def trial(job: Job) -> Trial:
    """Open the microscope of a seed, run the sequences, and ask for the truth.

    It is a run within a session: that Z and the lens move focus the right way was seen before.
    """
    from eucentric.calibration.handed_over import book_from
    from eucentric.cli.report import true_place
    from eucentric.errors import EucentricError
    from eucentric.focus.focus import Focus
    from eucentric.focus.settings import CorrectionType
    from eucentric.microscope.registry import handed_out, open_microscope
    from eucentric.optimize.trials.simulated import believed, height_of, magnitudes_of
    from eucentric.optimize.trials.trial import Trial

    start_m = height_of(job.start_m, job.seed)
    magnitudes = magnitudes_of(job.instrument, start_m)
    scope = open_microscope("simulated", seed=job.seed, size=job.instrument.camera.size, magnitudes=magnitudes)
    book = believed(book_from(handed_out(scope)), job.instrument)
    scope.set_preset(job.preset)
    channels = frozenset({CorrectionType.STAGE_Z, CorrectionType.DEFOCUS})
    begun_s, dose, looks = scope.now_s(), 0.0, 0

    def ended(end_m: float | None, *, said: bool = False, why: str = "") -> Trial:
        return Trial(job.seed, start_m, end_m, dose, scope.now_s() - begun_s, looks=looks, said=said, why=why)

    for settings in job.sequences:
        try:
            result = Focus(scope, book, settings, confirmed=channels, workers=1).run()
        except EucentricError as error:
            return ended(None, why=str(error))
        dose += result.dose_e_per_m2
        looks += sum(len(step.rounds) for step in result.steps)
        if result.refusal is not None:
            return ended(None, why=result.statement)
    place = true_place(scope)
    assert place is not None
    return ended(place[0], said=result.focused, why="" if result.focused else result.statement)
