"""Focus measured on a tilted specimen: the error at the image's centre against the stage's tilt, beside the plain pair.

A simulated microscope with all its default faults; heights are given, so that focus is near. Both measurements see the
same images: one is told the slope of defocus across them (from the stage's alpha and the calibrated direction of its
axis, each with its error), the other takes the specimen for untilted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import radians
from pathlib import Path

import numpy as np

from benchmarks.claims import Claim, judged, shown
from benchmarks.seeds import Seed, stream
from eucentric.calibration.handed_over import book_from
from eucentric.focus.acquisition import Taking, acquire
from eucentric.focus.how import How
from eucentric.focus.measure import measure_frames
from eucentric.focus.patterns import PatternName, pattern
from eucentric.focus.result import DefocusResult
from eucentric.focus.tilted import slope_at
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.registry import handed_out, open_microscope
from eucentric.microscope.simulated.truth import truth

GROUP = "3 stage tilts"
ALPHAS_DEG = (0, 10, 20, 30, 40, 50, 60)
MICROSCOPES = 6
SIZE = 1024
WITHIN_M = 100e-9
TILT_RAD = 5e-3
OFFSET_M = -0.5e-6
NEAR_M = 0.3e-6
"""C1 is drawn in ± this before each measurement."""
MELTS = 4
"""Exposures before: four of 5 e/Å² leave 1 % of the first motion (it decays over 4 e/Å²)."""
REST_S = 60.0
FIGURE = Path(__file__).parents[1] / "docs" / "stage_tilts.png"


@dataclass(frozen=True, slots=True)
class Tried:
    """One measurement: C1 found less the truth, the stated total σ, and whether it was believed."""

    alpha_deg: float
    error_m: float
    stated_m: float
    accepted: bool


@dataclass(frozen=True, slots=True)
class Both:
    """The same images measured with the slope and without."""

    aware: Tried
    plain: Tried


def measure_at(alpha_deg: float, number: int, *, size: int = SIZE) -> Both:
    """A quadruple at one stage tilt of one microscope."""
    rng = stream(Seed.STAGE_TILTS, number)
    scope = Guarded(
        open_microscope(
            "simulated", seed=int(Seed.STAGE_TILTS) + number, size=size, magnitudes={"specimen": {"height_m": 0.0}}
        )
    )
    calibration = book_from(handed_out(scope)).of("fa")
    scope.set_preset("fa")
    scope.move_stage(alpha_rad=radians(alpha_deg))
    scope.set_defocus(scope.defocus_m() - truth(scope).c1_m + float(rng.uniform(-NEAR_M, NEAR_M)))
    scope.wait(REST_S)
    for _ in range(MELTS):
        scope.acquire()
    plan = pattern(PatternName.QUAD, TILT_RAD, float(rng.uniform(-np.pi, np.pi)))
    true_m = truth(scope).c1_m
    taken = acquire(scope, plan, calibration, Taking(OFFSET_M))
    plain = How(column=calibration.column, uncertainty=calibration.uncertainty, offset_m=OFFSET_M)
    slope = slope_at(scope.stage().alpha_rad, calibration)
    aware = replace(plain, slope=slope.per_m, slope_sigma=slope.sigma)
    one, other = (_tried(alpha_deg, measure_frames(taken.frames, taken.tilts, plan.links, how), true_m)
                  for how in (aware, plain))  # fmt: skip
    return Both(one, other)


def _tried(alpha_deg: float, result: DefocusResult, true_m: float) -> Tried:
    return Tried(alpha_deg, result.defocus_m - true_m, result.measurement.total_sigma_m, result.accepted)


def claims_of(tried: list[Both]) -> Iterator[Claim]:
    """The lines of the table."""
    aware, plain = [b.aware for b in tried], [b.plain for b in tried]
    worst, refused = max(abs(t.error_m) for t in aware), sum(not t.accepted for t in aware)
    count = f"{len(aware)} measurements, 0 to {max(t.alpha_deg for t in aware):g}°"
    yield judged(
        GROUP,
        f"error at the image's centre, {count}",
        f"≤ {WITHIN_M * 1e9:.0f} nm, all accepted",
        f"{worst * 1e9:.0f} nm at most, rms {_rms_nm(aware):.0f} nm, {refused} refused",
        worst <= WITHIN_M and refused == 0,
    )
    yield shown(
        GROUP,
        "the same by stage tilt, rms in nm (the plain pair, which takes the specimen for flat)",
        ", ".join(
            f"{a:g}°: {_rms_nm([t for t in aware if t.alpha_deg == a]):.0f} "
            f"({_rms_nm([t for t in plain if t.alpha_deg == a]):.0f})"
            for a in sorted({t.alpha_deg for t in aware})
        ),
    )
    over = [t for t in plain if abs(t.error_m) > WITHIN_M]
    yield shown(
        GROUP,
        "the plain pair",
        f"{max(abs(t.error_m) for t in plain) * 1e9:.0f} nm at most, {sum(not t.accepted for t in plain)} refused, "
        f"{sum(t.accepted for t in over)} accepted beyond {WITHIN_M * 1e9:.0f} nm",
    )
    pulls = np.abs([t.error_m / t.stated_m for t in aware])
    yield shown(GROUP, "truth within 1 and 2 stated total σ", f"{(pulls < 1).mean():.0%} and {(pulls < 2).mean():.0%}")


def _rms_nm(tried: list[Tried]) -> float:
    return float(np.sqrt(np.mean([t.error_m**2 for t in tried]))) * 1e9


def draw(tried: list[Both], path: Path) -> None:
    """Errors of both against the stage's tilt."""
    from eucentric.figures.style import BLUE, DPI, GREEN, RED, blank_figure, looks  # noqa: PLC0415

    with looks():
        figure = blank_figure(5.2)
        ax = figure.subplots()
        ax.axhspan(-WITHIN_M * 1e9, WITHIN_M * 1e9, color=GREEN, alpha=0.12, linewidth=0, label="bar: 100 nm")
        for shift, colour, name, some in (
            (0.8, RED, "plain pair", [b.plain for b in tried]),
            (-0.8, BLUE, "stretch undone", [b.aware for b in tried]),
        ):
            for accepted, face in ((True, colour), (False, "none")):
                here = [t for t in some if t.accepted is accepted]
                if here:
                    ax.errorbar(
                        [t.alpha_deg + shift for t in here], [t.error_m * 1e9 for t in here],
                        yerr=[t.stated_m * 1e9 for t in here], linestyle="none", marker="o", markersize=6, color=colour,
                        markerfacecolor=face, elinewidth=0.8, label=name if accepted else f"{name}, refused",
                    )  # fmt: skip
        ax.axhline(0, color="black", linewidth=0.8)
        ax.set_title("C1 at the image's centre less the truth, on a tilted stage (bars: stated total σ)")
        ax.set_xlabel("stage tilt (degrees)")
        ax.set_ylabel("error (nm)")
        ax.legend(loc="upper left", ncols=2)
        figure.savefig(path, dpi=DPI)


def run(*, quick: bool, log: bool = False) -> Iterator[Claim]:
    """All stage tilts on several microscopes, and their figure."""
    alphas, count, size = (ALPHAS_DEG[::3], 2, 512) if quick else (ALPHAS_DEG, MICROSCOPES, SIZE)
    tried = []
    for number in range(count):
        for alpha in alphas:
            tried.append(measure_at(alpha, number, size=size))
            if log:
                print(number, tried[-1], flush=True)
    if not quick:
        draw(tried, FIGURE)
    yield from claims_of(tried)
