"""A session made by hand: two squares of holes, with something refused, skipped and flagged, and its truth."""

from __future__ import annotations

import math
import random

from eucentric.focus.shipped import shipped
from eucentric.msi.application import (
    Application,
    Kind,
    Lattice,
    NodeSettings,
    PresetSettings,
    SeriesSettings,
)
from eucentric.msi.known import Check
from eucentric.msi.outcome import Exposure, SessionResult, Status, UnitOutcome
from eucentric.msi.units import Unit, units

WITHIN_M, INTENDED_M, SIGMA_M = 50e-9, -1e-6, 12e-9
SERIES = "Tilts"


def application(*, squares: int = 2, series: bool = False) -> Application:
    """Square > Z Focus > Hole > Focus > Exposure, or with a tilt series at each hole."""
    nodes = [
        NodeSettings(
            name="Square",
            kind=Kind.ACQUIRE,
            preset="sq",
            targets=Lattice(columns=squares, spacing_m=130e-6 if squares > 1 else 0.0),
        ),
        NodeSettings(name="Z Focus", kind=Kind.FOCUS, inside="Square", focus=shipped("z-focus-beam-tilt")),
        NodeSettings(
            name="Hole",
            kind=Kind.ACQUIRE,
            inside="Square",
            preset="hl",
            targets=Lattice(rows=2, columns=2, spacing_m=6e-6, leave_out=(3,)),
        ),
        NodeSettings(name="Focus", kind=Kind.FOCUS, inside="Hole", focus=shipped("focus")),
    ]
    if series:
        nodes.append(
            NodeSettings(
                name=SERIES, kind=Kind.TILT_SERIES, inside="Hole", preset="ex", focus=shipped("focus"),
                series=SeriesSettings(first_rad=math.radians(-45), last_rad=math.radians(45)), within_m=100e-9,
            )
        )  # fmt: skip
    else:
        nodes.append(
            NodeSettings(
                name="Exposure", kind=Kind.ACQUIRE, inside="Hole", preset="ex", within_m=WITHIN_M,
                targets=Lattice(rows=2, columns=2, spacing_m=3e-6),
            )
        )  # fmt: skip
    presets = {"ex": PresetSettings(like="fa", defocus_m=INTENDED_M)}
    return Application(name="made by hand", presets=presets, nodes=tuple(nodes))


def result(made: Application, *, stopped: str | None = None, leave: int = 0) -> SessionResult:
    """Its outcomes: at the second hole focusing was refused, its exposures skipped; two exposures flagged."""
    todo = units(made)
    outcomes = tuple(_outcome(made, unit, 100.0 * n) for n, unit in enumerate(todo))[: len(todo) - leave]
    return SessionResult(made.name, "simulated", outcomes, len(todo), 0.0, outcomes[-1].ended_s, stopped=stopped)


def true_errors_m(whole: SessionResult) -> dict[str, float]:
    """The true defocus minus the intended one, by the exposure's file."""
    draw = random.Random(3)
    return {
        one.file: draw.gauss(0.0, one.error_sigma_m)
        for outcome in whole.outcomes
        for one in outcome.exposures
        if one.error_sigma_m is not None
    }


def _outcome(made: Application, unit: Unit, begun_s: float) -> UnitOutcome:
    kind = made.node(unit.node).kind
    refused = unit.key.startswith("Square 1/Hole 2")
    if kind is Kind.FOCUS:
        return _focused(unit, begun_s, refused and unit.node == "Focus")
    if refused and unit.node in {"Exposure", SERIES}:
        return UnitOutcome(unit.key, unit.node, Status.SKIPPED, "Focusing failed at Square 1/Hole 2/Focus 1.",
                           begun_s, begun_s)  # fmt: skip
    shots = _tilts(unit, begun_s) if kind is Kind.TILT_SERIES else (_shot(made, unit, begun_s),)
    return UnitOutcome(
        unit.key, unit.node, Status.DONE, "", begun_s, begun_s + 20, exposures=shots,
        focus_dose_e_per_m2=30e20 if kind is Kind.TILT_SERIES else 0.0,
        activities=(("moving", 12.0), ("exposing", 5.0), ("waiting", 3.0)),
    )  # fmt: skip


def _focused(unit: Unit, begun_s: float, refused: bool) -> UnitOutcome:
    fine = unit.node == "Focus"
    need = Check("height", 20e-6 if fine else 220e-6, 1.1e-6 if fine else 200e-6)
    promise = Check("defocus", 50e-9, 31e-9) if fine else Check("height", 2e-6, 1.1e-6)
    why = "Nothing in common between the images (chance 0.3): blank area or beam off. Move to carbon."
    return UnitOutcome(
        unit.key, unit.node, Status.REFUSED if refused else Status.DONE, why if refused else "", begun_s, begun_s + 90,
        focus_dose_e_per_m2=(64 if fine else 18) * 1e20, needs=(need,), promises=() if refused else (promise,),
        focus_exposures=12, activities=(("moving", 20.0), ("focusing", 60.0), ("waiting", 10.0)),
    )  # fmt: skip


def _shot(made: Application, unit: Unit, begun_s: float) -> Exposure:
    limit = made.node(unit.node).within_m
    flagged = "Its defocus may be off by 81 nm (3 σ), and 50 nm are allowed." if _flagged(unit) else ""
    return Exposure(
        made.node(unit.node).preset or "", f"images/{unit.key.replace('/', '-')}.mrc", unit.place_m, 0.0, begun_s, 3e21,
        intended_m=None if limit is None else INTENDED_M,
        error_sigma_m=None if limit is None else (27e-9 if flagged else SIGMA_M), flagged=flagged,
    )  # fmt: skip


def _flagged(unit: Unit) -> bool:
    return unit.key.endswith("Hole 3/Exposure 4")


def _tilts(unit: Unit, begun_s: float) -> tuple[Exposure, ...]:
    angles = [math.radians(a) for a in range(-45, 46, 3)]
    return tuple(
        Exposure("ex", f"images/{unit.key.replace('/', '-')}-{n:02d}.mrc", unit.place_m, a, begun_s + n, 2e20,
                 INTENDED_M, 18e-9 + 25e-9 * abs(a))
        for n, a in enumerate(angles)
    )  # fmt: skip
