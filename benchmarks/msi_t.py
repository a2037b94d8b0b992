"""Issue claim 1: MSI-T as it is shipped, on random microscopes with default errors; every target against the truth."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np

from benchmarks.calls import Recorded, left_changed, state_of
from benchmarks.claims import Claim
from benchmarks.msi_t_rows import FOCUS, Case, Exposed, Focused, claims_of, nm
from benchmarks.seeds import Seed
from eucentric.calibration.handed_over import book_from
from eucentric.errors import EucentricError
from eucentric.focus import events as focus_events
from eucentric.microscope.protocol import Microscope
from eucentric.microscope.registry import handed_out, open_microscope
from eucentric.microscope.simulated.truth import truth
from eucentric.msi import events
from eucentric.msi.application import Kind
from eucentric.msi.journal import Journal
from eucentric.msi.noted import About
from eucentric.msi.outcome import UnitOutcome
from eucentric.msi.ready import ready
from eucentric.msi.session import Session
from eucentric.msi.shipped import shipped_application
from eucentric.msi.units import Unit, units

APPLICATION = "msi-t"
SEEDS, QUICK = 20, 1


@dataclass
class Watch:
    """Asks for the truth when something ends; knows nothing that the session did not tell."""

    microscope: Microscope
    unit: Unit | None = None
    true_m: dict[str, tuple[float, float]] = field(default_factory=dict)  # C1 and height at the end of a unit's steps
    exposed: list[Exposed] = field(default_factory=list)
    beyond: list[str] = field(default_factory=list)
    range_m: float = np.inf

    def __call__(self, event: events.SessionEvent | focus_events.Event) -> None:
        """One event."""
        if isinstance(event, events.UnitBegan):
            self.unit = event.unit
        elif isinstance(event, focus_events.StepStarted):
            self.range_m = event.range_m
        elif isinstance(event, focus_events.Corrected):
            if abs(event.correction.change_c1_m) > self.range_m:
                self.beyond.append(f"{event.step}: corrected by {event.correction.change_c1_m * 1e6:+.2f} µm")
        elif isinstance(event, focus_events.StepEnded) and self.unit is not None:
            true = truth(self.microscope)
            self.true_m[self.unit.key] = (true.c1_m, true.height_m)
        elif isinstance(event, events.Exposed) and event.exposure.intended_m is not None:
            error = truth(self.microscope).c1_m - event.exposure.intended_m
            kept = event.exposure
            self.exposed.append(Exposed(event.unit.key, error, kept.error_sigma_m, kept.flagged))


def one(seed: int, *, size: int = 1024) -> Case:
    """One session on one microscope."""
    inner = open_microscope("simulated", seed=seed, size=size)
    recorded = Recorded(inner)
    scope = cast(Microscope, recorded)
    application = shipped_application(APPLICATION)
    watch, before, begun = Watch(inner), state_of(inner), time.perf_counter()
    result, broke = None, ""
    with TemporaryDirectory() as folder:
        try:
            with Journal.create(Path(folder) / "session", application, About(inner.name, seed=seed)) as journal:
                prepared = ready(scope, application, book_from(handed_out(inner)))
                session = Session(
                    prepared.microscope, prepared.book, application, journal, observers=(watch,), workers=1
                )
                result = session.run()
        except EucentricError as error:
            broke = f"{type(error).__name__}: {error}"
    outcomes = () if result is None else result.outcomes
    exposures = {u.key for u in outcomes if application.node(u.node).within_m is not None}
    kinds, every = {node.name: node.kind for node in application.nodes}, units(application)
    return Case(
        seed=seed,
        focused=tuple(_focused(u, watch) for u in outcomes if kinds[u.node] is Kind.FOCUS),
        exposed=tuple(watch.exposed),
        unexposed=tuple(
            f"{u.key}: {u.status.value}: {u.why}" for u in outcomes if u.key in exposures and not u.exposures
        ),
        expected=sum(application.node(u.node).within_m is not None for u in every),
        units=len(every),
        ended=len(outcomes),
        doses=tuple(u.focus_dose_e_per_m2 for u in outcomes if kinds[u.node] is Kind.FOCUS),
        clock_s=0.0 if result is None else result.ended_s - result.begun_s,
        wall_s=time.perf_counter() - begun,
        beyond=(*watch.beyond, *(f"{c.name}: {c.beyond}" for c in recorded.calls if c.beyond)),
        left=left_changed(before, state_of(inner)),
        broke=broke or ("" if result is None else result.stopped or ""),
    )


def _focused(outcome: UnitOutcome, watch: Watch) -> Focused:
    c1_m, height_m = watch.true_m.get(outcome.key, (None, None))
    found, lens = outcome.found, outcome.node == FOCUS
    return Focused(
        key=outcome.key,
        node=outcome.node,
        status=outcome.status,
        true_m=c1_m if lens else height_m,
        found_m=found.c1_m if lens and found is not None else None,
        sigma_m=found.total_sigma_m if lens and found is not None else None,
        why=outcome.why,
    )


def run(*, quick: bool, log: bool = False) -> Iterator[Claim]:
    """All sessions, two at a time."""
    cases: list[Case] = []
    first, count = int(Seed.MSI_T), QUICK if quick else SEEDS
    with ProcessPoolExecutor(2) as pool:
        for case in pool.map(one, range(first, first + count)):
            cases.append(case)
            if log:
                print(_words(case), flush=True)
    yield from claims_of(cases)


def _words(case: Case) -> str:
    """A session in some lines."""
    lines: list[Any] = [f"seed {case.seed}: {case.ended}/{case.units} units, {case.wall_s:.0f} s {case.broke}"]
    lines += [
        f"  {f.key}: true {nm(f.true_m)}, said {nm(f.found_m)} ± {nm(f.sigma_m)} nm, {f.status.value} {f.why}"
        for f in case.focused
    ]
    lines += [f"  {e.key}: {nm(e.error_m)} nm, 1σ {nm(e.sigma_m)} {e.flagged}" for e in case.exposed]
    return "\n".join([*lines, *(f"  {u}" for u in (*case.unexposed, *case.beyond, *case.left))])
