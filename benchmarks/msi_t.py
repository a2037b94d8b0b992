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
from benchmarks.claims import Claim, judged, shown
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
from eucentric.msi.outcome import Status, UnitOutcome
from eucentric.msi.ready import ready
from eucentric.msi.session import Session
from eucentric.msi.shipped import shipped_application
from eucentric.msi.units import Unit

APPLICATION = "msi-t"
SEEDS, QUICK = 20, 1
WITHIN_M, SHARE = 50e-9, 0.99
FOCUS, HEIGHT = "Focus", "Z Focus"
_GROUP = "session"


@dataclass(frozen=True, slots=True)
class Focused:
    """A focus target: the truth when its last step ended, and what was stated."""

    key: str
    node: str
    status: Status
    true_m: float | None  # C1 for Focus, height for Z Focus; None: no step came to an end
    found_m: float | None
    sigma_m: float | None
    why: str

    @property
    def pull(self) -> float | None:
        """(stated − true) / its total 1σ."""
        if self.true_m is None or self.found_m is None or not self.sigma_m:
            return None
        return (self.found_m - self.true_m) / self.sigma_m


@dataclass(frozen=True, slots=True)
class Exposed:
    """An exposure where defocus matters: its true error, and what was expected of it."""

    key: str
    error_m: float
    sigma_m: float | None
    flagged: str


@dataclass(frozen=True, slots=True)
class Case:
    """One session. `doses` are electrons/m² spent on focusing, focus target by focus target."""

    seed: int
    focused: tuple[Focused, ...]
    exposed: tuple[Exposed, ...]
    unexposed: tuple[str, ...]
    units: int
    ended: int
    doses: tuple[float, ...]
    clock_s: float
    wall_s: float
    beyond: tuple[str, ...]
    left: tuple[str, ...]
    broke: str = ""


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
    kinds = {node.name: node.kind for node in application.nodes}
    return Case(
        seed=seed,
        focused=tuple(_focused(u, watch) for u in outcomes if kinds[u.node] is Kind.FOCUS),
        exposed=tuple(watch.exposed),
        unexposed=tuple(
            f"{u.key}: {u.status.value}: {u.why}" for u in outcomes if u.key in exposures and not u.exposures
        ),
        units=0 if result is None else result.units,
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


def claims_of(cases: list[Case]) -> Iterator[Claim]:
    """The lines of the table."""
    broke = [
        f"seed {c.seed}: {c.broke or f'{c.ended} of {c.units} units'}" for c in cases if c.broke or c.ended < c.units
    ]
    measured = f"{len(cases) - len(broke)} of {len(cases)}"
    yield judged(_GROUP, "MSI-T sessions that came to their end", "all", measured, not broke, "; ".join(broke)[:400])
    yield from _at_targets([f for c in cases for f in c.focused if f.node == FOCUS])
    yield from _at_exposures(cases)
    beyond = [f"seed {c.seed}: {b}" for c in cases for b in c.beyond]
    yield judged(_GROUP, "corrections above a limit", "0", f"{len(beyond)}", not beyond, "; ".join(beyond)[:400])
    left = [f"seed {c.seed}: {', '.join(c.left)}" for c in cases if c.left]
    yield judged(_GROUP, "sessions that left a state changed", "0", f"{len(left)}", not left, "; ".join(left)[:400])
    yield from _spent(cases)


def _at_targets(focused: list[Focused]) -> Iterator[Claim]:
    near = [f for f in focused if f.true_m is not None and abs(f.true_m) <= WITHIN_M]
    share = len(near) / len(focused) if focused else 0.0
    far = "; ".join(f"{f.key}: {_nm(f.true_m)} nm, {f.status.value} {f.why}" for f in focused if f not in near)
    yield judged(
        _GROUP,
        f"{len(focused)} focus targets, refused ones included: |true C1| within {WITHIN_M * 1e9:.0f} nm",
        f"≥ {SHARE:.0%}",
        f"{share:.1%}",
        share >= SHARE,
        far[:400],
    )
    lies = [f for f in focused if f.status is Status.DONE and f not in near]
    yield shown(_GROUP, "focus targets called done and outside", f"{len(lies)}")
    yield from _pulls("focus targets", [f.pull for f in focused if f.pull is not None])


def _at_exposures(cases: list[Case]) -> Iterator[Claim]:
    exposed = [e for c in cases for e in c.exposed]
    unexposed = [f"seed {c.seed}, {u}" for c in cases for u in c.unexposed]
    outside = [e for e in exposed if abs(e.error_m) > WITHIN_M]
    silent = [e for e in outside if not e.flagged]
    flagged = [e for e in exposed if e.flagged]
    yield judged(
        _GROUP,
        f"{len(exposed)} exposures: |true defocus − intended| above {WITHIN_M * 1e9:.0f} nm and not flagged",
        "0",
        f"{len(silent)} (outside in all: {len(outside)})",
        bool(exposed) and not silent,
        "; ".join(f"{e.key}: {_nm(e.error_m)} nm, 1σ {_nm(e.sigma_m)}" for e in silent)[:400],
    )
    yield shown(
        _GROUP, "exposures flagged", f"{len(flagged)}", "; ".join(dict.fromkeys(e.flagged for e in flagged))[:300]
    )
    yield shown(_GROUP, "exposures not made", f"{len(unexposed)}", "; ".join(unexposed)[:300])
    if exposed:
        errors = np.abs([e.error_m for e in exposed]) * 1e9
        words = f"rms {np.sqrt(np.mean(errors**2)):.0f}, median {np.median(errors):.0f}, largest {errors.max():.0f}"
        yield shown(_GROUP, "|true defocus − intended| at the exposures, nm", words)
    yield from _pulls("exposures", [e.error_m / e.sigma_m for e in exposed if e.sigma_m])


def _pulls(where: str, values: list[float]) -> Iterator[Claim]:
    pulls = np.abs(values)
    if pulls.size:
        words = ", ".join(f"{(pulls <= k).mean():.0%} in {k}σ" for k in (1, 2, 3))
        yield shown(
            _GROUP, f"{where}: truth against the stated total σ", f"{words}; largest {pulls.max():.1f}σ ({pulls.size})"
        )


def _spent(cases: list[Case]) -> Iterator[Claim]:
    doses = np.array([d for c in cases for d in c.doses]) * 1e-20
    if doses.size:
        words = f"median {np.median(doses):.0f}, largest {doses.max():.0f}"
        yield shown(_GROUP, "electrons spent on focusing at a focus target, e/Å²", words)
    clock, wall = np.array([c.clock_s for c in cases]) / 60, np.array([c.wall_s for c in cases])
    yield shown(
        _GROUP,
        "a session on the microscope's clock, minutes",
        f"median {np.median(clock):.1f}, largest {clock.max():.1f}",
    )
    yield shown(
        _GROUP, "a session simulated and computed, seconds", f"median {np.median(wall):.0f}, largest {wall.max():.0f}"
    )
    heights = [abs(f.true_m) * 1e6 for c in cases for f in c.focused if f.node == HEIGHT and f.true_m is not None]
    if heights:
        yield shown(
            _GROUP, "|true height| after Z Focus, µm", f"median {np.median(heights):.2f}, largest {max(heights):.2f}"
        )


def _nm(value: float | None) -> str:
    return "—" if value is None else f"{value * 1e9:+.0f}"


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
        f"  {f.key}: true {_nm(f.true_m)}, said {_nm(f.found_m)} ± {_nm(f.sigma_m)} nm, {f.status.value} {f.why}"
        for f in case.focused
    ]
    lines += [f"  {e.key}: {_nm(e.error_m)} nm, 1σ {_nm(e.sigma_m)} {e.flagged}" for e in case.exposed]
    return "\n".join([*lines, *(f"  {u}" for u in (*case.unexposed, *case.beyond, *case.left))])
