"""Claim 5: every fault alone, at five times its default: refused, covered by the stated error, or shown by `check`?

The measuring side believes the calibration of the instrument as it was before the fault, with the usual errors: it is
not told which fault there is, nor how large. A fault of the calibration itself is in what is believed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.claims import Claim, judged, shown
from benchmarks.faulty import FAULTS, Fault
from benchmarks.seeds import Seed
from eucentric.calibrate.check import preflight
from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.handed_over import book_from
from eucentric.calibration.record import Level
from eucentric.errors import EucentricError, InstrumentError
from eucentric.focus import events
from eucentric.focus.focus import Focus
from eucentric.focus.shipped import shipped
from eucentric.microscope.protocol import Microscope
from eucentric.microscope.registry import handed_out, open_microscope
from eucentric.microscope.simulated.truth import truth

SEEDS_EACH = 1
NAMED = 0.95
_CHECK_SIZE = 512


@dataclass(frozen=True, slots=True)
class Case:
    """One fault on one microscope: how the run ended, in truth and in words, and what `check` showed."""

    fault: Fault
    seed: int
    ending: str  # "focused", "not focused", a reason of refusal, or the kind of an error
    true_m: float
    stated_m: float | None
    total_sigma_m: float | None
    shown: tuple[str, ...]  # keys of the lines that are not green, the worst first
    left: str  # what was left changed, empty where nothing was

    @property
    def accepted(self) -> bool:
        """It says that it is in focus."""
        return self.ending == "focused"

    @property
    def wrong(self) -> bool:
        """In focus, it says, and outside what it states."""
        return self.accepted and (self.stated_m is None or abs(self.true_m) > self.stated_m)

    @property
    def named(self) -> bool | None:
        """Whether what was said names the true cause; None where nothing was said against it."""
        said = () if self.ending in ("focused", "not focused") else (self.ending,)
        said = (*self.shown[:1], *said)  # the worst line of check, and the reason of the refusal
        return any(word in self.fault.named_by for word in said) if said else None


def one(fault: Fault, seed: int) -> Case:
    """Focus, and check, with this fault."""
    microscope = _faulty(fault, seed)
    before = _state(microscope)
    ends = [math.nan]

    def watch(event: events.Event) -> None:
        if isinstance(event, events.StepEnded):
            ends.append(truth(microscope).c1_m)

    try:
        result = Focus(microscope, _believed(fault, seed), shipped(fault.sequence), observers=(watch,), workers=1).run()
    except EucentricError as error:
        ending = "not arrived" if isinstance(error, InstrumentError) else type(error).__name__
        return Case(fault, seed, ending, ends[-1], None, None, _checked(fault, seed), _left(before, microscope))
    ending = "focused" if result.focused else "not focused"
    if result.refusal is not None:
        ending = result.refusal.reason.value
    left = result.residual
    sigma = None if left is None else left.total_sigma_m
    moved = _left(before, microscope)
    return Case(fault, seed, ending, ends[-1], result.stated_error_m, sigma, _checked(fault, seed), moved)


def _faulty(fault: Fault, seed: int, size: int = 1024) -> Microscope:
    return open_microscope("simulated", seed=seed, perfect=True, magnitudes=fault.magnitudes(), size=size)


def _believed(fault: Fault, seed: int, size: int = 1024) -> CalibrationBook:
    """The instrument before the fault, calibrated; of a fault nobody told."""
    usual = book_from(handed_out(open_microscope("simulated", seed=seed))).of("fa").uncertainty
    sound = (
        _faulty(fault, seed, size) if fault.of_calibration else open_microscope("simulated", seed=seed, perfect=True)
    )
    book = book_from(handed_out(sound))
    return CalibrationBook(book.instrument, {n: replace(c, uncertainty=usual) for n, c in book.presets.items()})


def _checked(fault: Fault, seed: int) -> tuple[str, ...]:
    microscope = _faulty(fault, seed, _CHECK_SIZE)
    try:
        report = preflight(microscope, _believed(fault, seed, _CHECK_SIZE))
    except EucentricError as error:
        return ("not arrived" if isinstance(error, InstrumentError) else type(error).__name__,)
    order = (Level.RED, Level.AMBER)
    return tuple(line.key for level in order for line in report.lines if line.level is level)


def _state(microscope: Microscope) -> dict[str, object]:
    stage = microscope.stage()
    return {
        "preset": microscope.preset().name,
        "beam tilt": microscope.beam_tilt_rad(),
        "stigmator": microscope.stigmator(),
        "image shift": microscope.image_shift_m(),
        "stage x, y, alpha": (stage.x_m, stage.y_m, stage.alpha_rad),
    }


def _left(before: dict[str, object], microscope: Microscope) -> str:
    now = _state(microscope)
    return ", ".join(name for name, value in before.items() if now[name] != value)


def claims_of(cases: list[Case]) -> Iterator[Claim]:
    """The lines of the table."""
    wrong = [c for c in cases if c.wrong]
    hidden = [c for c in wrong if not c.named]
    words = "; ".join(f"{c.fault.place}: {c.true_m * 1e9:+.0f} nm ({', '.join(c.shown) or 'nothing'})" for c in wrong)
    yield judged(
        "faults",
        f"{len(cases)} runs, one fault at 5 times its default: accepted outside the stated error, not shown by check",
        "0",
        f"{len(hidden)} (outside in all: {len(wrong)})",
        not hidden,
        words,
    )
    told = [c for c in cases if c.named is not None]
    named = sum(bool(c.named) for c in told)
    missed = "; ".join(f"{c.fault.place}: {c.ending}, {', '.join(c.shown)}" for c in told if not c.named)
    share = named / len(told) if told else 1.0
    measured = f"{share:.0%} of {len(told)}"
    yield judged("faults", "what is said names the true cause", f"≥ {NAMED:.0%}", measured, share >= NAMED, missed)
    left = [c for c in cases if c.left]
    yield judged("faults", "left changed at the end (but for corrections)", "0", f"{len(left)}", not left)
    accepted = sum(c.accepted and not c.wrong for c in cases)
    yield shown("faults", "in focus and right in spite of the fault", f"{accepted} of {len(cases)}")


def table_of(cases: list[Case]) -> str:
    """docs/faults.md: which fault is refused, covered or shown."""
    rows = [
        "# Faults, one at a time",
        "",
        "Each fault of the simulated microscope alone, at five times its default, everything else perfect; what is",
        "believed is the instrument before the fault, with the usual errors. In bold: what it says is wrong; then",
        "`check` must show it. Made by `python -m benchmarks faults`.",
        "",
        "| fault | the run from ±200 µm | `eucentric check` shows |",
        "|---|---|---|",
    ]
    for fault in dict.fromkeys(c.fault for c in cases):
        mine = [c for c in cases if c.fault == fault]
        runs = "; ".join(dict.fromkeys(_words(c) for c in mine))
        lines = ", ".join(dict.fromkeys(k for c in mine for k in c.shown)) or "nothing"
        value = list(fault.magnitudes().values())[-1]
        value = list(value.values())[-1] if isinstance(value, dict) else value
        rows.append(f"| {fault.place} = {value:g} | {runs} | {lines} |")
    return "\n".join(rows) + "\n"


def _words(case: Case) -> str:
    if case.wrong:
        return f"**in focus, it says; wrong by {abs(case.true_m) * 1e9:.0f} nm**"
    if case.accepted:
        return "in focus, within the stated error"
    return "says that it is not in focus" if case.ending == "not focused" else f"refused: {case.ending}"


def run(*, quick: bool, log: bool = False) -> Iterator[Claim]:
    """Claim 5, two cases at a time."""
    faults = FAULTS[::6] if quick else FAULTS
    jobs = [(f, int(Seed.FAULTS) + k) for f in faults for k in range(1 if quick else SEEDS_EACH)]
    cases = []
    with ProcessPoolExecutor(2) as pool:
        for case in pool.map(one, *zip(*jobs, strict=True)):
            cases.append(case)
            if log:
                print(case, flush=True)
    if not quick:
        Path("docs/faults.md").write_text(table_of(cases), encoding="utf-8")
    yield from claims_of(cases)
