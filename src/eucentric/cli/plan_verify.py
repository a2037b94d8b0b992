"""A plan run on simulated microscopes that are drawn from its instrument."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import Pool
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eucentric.optimize.instrument import Instrument
    from eucentric.optimize.planning import Plan
    from eucentric.optimize.trials import Trial


@dataclass(frozen=True, slots=True)
class Job:
    """One trial: all that a worker needs."""

    plan: Plan
    instrument: Instrument
    seed: int


def run_trials(
    plan: Plan, instrument: Instrument, count: int, *, workers: int, tell: Callable[[Trial], None]
) -> list[Trial]:
    """So many trials, in the order of their seeds 0, 1 …; each is told when it ends. The same for any workers.

    Ctrl-C keeps those that have ended; raises KeyboardInterrupt where none has.
    """
    jobs = [Job(plan, instrument, seed) for seed in range(count)]
    done: list[Trial] = []
    # Leaving the pool ends what still runs in it; its workers leave Ctrl-C to this process.
    with Pool(workers, initializer=_as_worker) as pool:
        try:
            for one in pool.imap_unordered(trial, jobs):
                done.append(one)
                tell(one)
        except KeyboardInterrupt:
            if not done:
                raise
    return sorted(done, key=lambda one: one.seed)


def _as_worker() -> None:
    """A worker leaves Ctrl-C to the command, and ends at once when it is told to."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def trial(job: Job) -> Trial:
    """Open the microscope of a seed, run the planned sequence, and ask for the truth.

    It is a run within a session: that Z and the lens move focus the right way was seen before.
    """
    from eucentric.calibration.handed_over import book_from
    from eucentric.cli.report import true_place
    from eucentric.errors import EucentricError
    from eucentric.focus.focus import Focus
    from eucentric.focus.settings import CorrectionType
    from eucentric.microscope.registry import handed_out, open_microscope
    from eucentric.optimize.sequence import settings_of
    from eucentric.optimize.simulated import height_of, magnitudes_of
    from eucentric.optimize.trials import Trial

    start_m, size = height_of(job.plan.asked.start_m, job.seed), job.instrument.camera.size
    magnitudes = magnitudes_of(job.instrument, start_m)
    scope = open_microscope("simulated", seed=job.seed, size=size, magnitudes=magnitudes)
    book = book_from(handed_out(scope))
    settings = settings_of(job.plan, job.instrument)
    scope.set_preset(job.plan.steps[-1].candidate.magnification.name)  # where the accuracy holds at the end
    channels = frozenset({CorrectionType.STAGE_Z, CorrectionType.DEFOCUS})
    begun_s = scope.now_s()
    try:
        result = Focus(scope, book, settings, confirmed=channels, workers=1).run()
    except EucentricError as error:
        return Trial(job.seed, start_m, None, 0.0, scope.now_s() - begun_s, str(error))
    place = true_place(scope)
    assert place is not None
    end_m = place[0] if result.focused else None
    seconds = scope.now_s() - begun_s
    return Trial(job.seed, start_m, end_m, result.dose_e_per_m2, seconds, "" if result.focused else result.statement)
