"""A plan by an instrument's physics, as text, JSON and a sequence file."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eucentric.units import E_PER_A2, minus, show_bound

if TYPE_CHECKING:
    from rich.console import Console

    from eucentric.cli.plan_verify import Job
    from eucentric.optimize.calibrated import Calibrated
    from eucentric.optimize.instrument import Instrument
    from eucentric.optimize.planning.plan import Plan, PlannedStep
    from eucentric.optimize.planning.shown import ShownStep
    from eucentric.optimize.trials.spread import Spread
    from eucentric.optimize.trials.trial import Trial

_SELDOM = 0.005  # of the runs: fewer are not told
_MATTERS = 0.05  # of a variance, or of what a step leaves: less is not told
_NO_BREAK = "\u00a0"


def tell_verified(made: Plan, trials: list[Trial], console: Console) -> None:
    """What the trials came to, beside what was predicted."""
    from eucentric.optimize.trials.trial import verified

    came = verified(trials, made.asked.accuracy_m)
    asked, looks = made.asked, sum(one.looks for one in made.steps)
    median = "none ended" if came.median_m is None else show_bound(came.median_m)
    lines = (
        f"Within {show_bound(asked.accuracy_m)}: {came.within} of {came.trials}, {came.rate:.1%} (95 %: {came.low:.1%} "
        f"to {came.high:.1%}); predicted {made.outlook.within(asked.accuracy_m):.1%}, asked {asked.probability:.1%}.",
        f"Median error {median} (predicted {show_bound(made.outlook.median_m)}), "
        f"{came.dose_e_per_m2 / E_PER_A2:.3g} e/Å² ({made.dose_e_per_m2 / E_PER_A2:.3g}), "
        f"{came.seconds:.0f} s ({made.seconds:.0f}), {came.looks:.2f} looks ({looks:.2f}).",
        f"{came.refused} refused or failed; {came.trials - came.refused - came.said} ended without being sure of it "
        f"(|C1| + 3 σ above the accuracy); of the {came.said} that called themselves focused {came.silent} were not.",
    )
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def as_json(
    made: Plan, instrument: Instrument, came: Spread[Job, Trial] | None = None, plans: tuple[Plan, ...] = ()
) -> dict[str, Any]:
    """The plan in SI units, what its trials came to, and the plans between which it was chosen."""
    from eucentric.optimize.planning.sequence import elsewhere
    from eucentric.records.plain import plain

    asked = made.asked
    return {
        "rules": "physics",
        "instrument": instrument.name,
        "start_m": asked.start_m,
        "accuracy_m": asked.accuracy_m,
        "at": asked.at or made.steps[-1].candidate.magnification.name,
        "probability": asked.probability,
        "cheapest": str(asked.cheapest),
        "dose_e_per_m2": made.dose_e_per_m2,
        "seconds": made.seconds,
        "median_error_m": made.outlook.median_m,
        "within_accuracy": made.outlook.within(asked.accuracy_m),
        "front": [{"dose_e_per_m2": one.dose_e_per_m2, "seconds": one.seconds} for one in plans],
        "steps": _steps_json(made, instrument),
        "elsewhere": [plain(one) for one in elsewhere(made, instrument)],
        "verified": None if came is None else _verified_json(made, came),
    }


def calibrations_json(known: Calibrated | None) -> dict[str, Any]:
    """What came from calibrations: each number by its path in the instrument's file."""
    if known is None:
        return {}
    numbers = {one.path: one.value for one in known.measured}
    return {"from_calibrations": {"of": known.whose, "numbers": numbers, "notes": list(known.notes)}}


def _verified_json(made: Plan, came: Spread[Job, Trial]) -> dict[str, Any]:
    from eucentric.cli.plan_verify import trial_of
    from eucentric.optimize.trials.trial import verified
    from eucentric.records.plain import plain

    trials = [trial_of(one) for one in came.ended]
    return {
        **plain(verified(trials, made.asked.accuracy_m)),
        "trials_asked": came.asked,
        "stopped": came.stopped,
        "trials_by_seed": [plain(t) for t in trials],
    }


def show(made: Plan, instrument: Instrument, *, verified: bool = False) -> None:
    """The plan as a table, what limits each step, and the same for other programs."""
    from rich.console import Console
    from rich.table import Table

    from eucentric.cli.plan_elsewhere import for_others
    from eucentric.optimize.planning.reasons import reasons
    from eucentric.optimize.planning.sequence import elsewhere
    from eucentric.optimize.planning.shown import show_dose, show_time, shown_steps

    asked, steps = made.asked, shown_steps(made)
    title = (
        f"{show_bound(asked.start_m)} to {show_bound(asked.accuracy_m)} ({asked.probability:.0%}) on "
        f"{instrument.name}: {show_dose(made.dose_e_per_m2)}, {show_time(made.seconds)}"
    )
    table = Table(title=title, title_justify="left")
    for name in ("step", "images", "tilts", "reaches", "leaves", "looks", "correct by"):
        table.add_column(name, justify="right" if name in ("reaches", "leaves", "looks") else "left")
    for one in steps:
        table.add_row(*_row(one))
    console = Console(highlight=False)
    console.print(table)
    say = [f"{one.name} is limited by {_limits(step)}." for one, step in zip(steps, made.steps, strict=True)]
    say += _changes(made, instrument)
    say += reasons(made, instrument)
    say += for_others(elsewhere(made, instrument))
    within, median = made.outlook.within(asked.accuracy_m), made.outlook.median_m
    say += [
        f"Predicted: {within:.1%} end within {show_bound(asked.accuracy_m)}, half within {show_bound(median)}, at "
        f"{asked.at or made.steps[-1].candidate.magnification.name}. "
        "Corrections are trusted: Z and the lens must have been seen to follow in the session; else the first one is a "
        f"probe (one more look).{_more_looks(made)}"
    ]
    say += [] if verified else ["--verify N runs it on N simulated microscopes of this instrument."]
    for line in say:
        console.print(line, soft_wrap=not console.is_terminal)


def _more_looks(made: Plan) -> str:
    unsure = made.outlook.unsure
    return f" {unsure:.0%} are not sure of the last one, and look once more." if unsure >= _SELDOM else ""


def sequence_told(made: Plan, out: Path, instrument: str | None) -> str:
    """How the file is used, and for which presets it holds: a name alone may stand for another pixel elsewhere.

    `instrument` is the name or file of what was planned for, None where options changed it.
    """
    used = {one.candidate.magnification.name: one.candidate.magnification for one in made.steps}
    presets = ", ".join(
        f"{m.name} of {m.pixel_m * 1e9:.3g} nm and a beam of {m.beam_m * 1e6:.3g} µm" for m in used.values()
    )
    simulated = "--verify N simulates them."
    if instrument is not None:
        simulated = f"A simulated one: eucentric focus --microscope simulated:{instrument} --settings {out}"
    return (
        f"Sequence: {out}. On this instrument: eucentric focus --settings {out}. It holds where the presets "
        f"are {presets} (camera pixels). {simulated}"
    )


def show_front(plans: tuple[Plan, ...], made: Plan) -> None:
    """The plans between which to choose, where there are several."""
    from rich.console import Console
    from rich.table import Table

    if len(plans) < 2:
        return
    table = Table(title="Fewer electrons or less time", title_justify="left")
    for name in ("e/Å²", "s", "steps", ""):
        table.add_column(name, justify="right" if name in ("e/Å²", "s") else "left")
    for one in plans:
        steps = ", ".join(f"{s.candidate.preset} ±{s.candidate.tilt_rad * 1e3:g} mrad" for s in one.steps)
        shown = "above" if one is made else ""
        table.add_row(f"{one.dose_e_per_m2 / E_PER_A2:.3g}", f"{one.seconds:.0f}", steps, shown)
    Console(highlight=False).print(table)


def write_sequence(made: Plan, instrument: Instrument, path: Path) -> None:
    """The sequence file. Raises InputError where there is a file already, or it can't be written."""
    from eucentric.cli.copied import copy_to
    from eucentric.focus.toml import to_toml
    from eucentric.optimize.planning.sequence import settings_of

    copy_to(path, to_toml(settings_of(made, instrument)), "sequence")


def _row(one: ShownStep) -> tuple[str, ...]:
    pixel = one.pixel.replace(" ", _NO_BREAK)
    images = f"{one.magnification} bin {one.binning}, {one.exposure}\n{one.size} of {pixel}"
    tilts = f"{one.tilt}\n{one.pattern}"
    return (one.name, images, tilts, f"±{one.range}", one.leaves, one.looks, one.correction)


def _limits(one: PlannedStep) -> str:
    """The parts of the error that a step leaves, largest first; small ones are not told."""
    total = sum(part.sigma_m**2 for part in one.budget)
    large = sorted((p for p in one.budget if p.sigma_m**2 > _MATTERS * total), key=lambda p: -p.sigma_m)
    return minus(", ".join(f"{part.source} {show_bound(part.sigma_m)}" for part in large)) + " (1 σ)"


def _changes(made: Plan, instrument: Instrument) -> list[str]:
    """What each change of magnification adds to the error that a step starts from, or that is left in the end."""
    from eucentric.optimize.planning.apart import changed
    from eucentric.optimize.planning.candidate import magnification_at

    used = [one.candidate.magnification for one in made.steps]
    there = magnification_at(instrument, made.asked.at)
    used += [] if there is None else [there]
    parts = [(a.name, b.name, changed(a, b, instrument)) for a, b in itertools.pairwise(used) if a.name != b.name]
    return [
        f"From {a} to {b} focus changes by {', '.join(f'{p.source} {show_bound(p.sigma_m)}' for p in of)} (1 σ)."
        for a, b, of in parts
    ]


def _steps_json(made: Plan, instrument: Instrument) -> list[dict[str, Any]]:
    from eucentric.optimize.planning.apart import changed
    from eucentric.optimize.planning.sequence import names_of

    out, last = [], made.steps[0].candidate.magnification
    for one, name in zip(made.steps, names_of(made), strict=True):
        apart = changed(last, one.candidate.magnification, instrument)
        out.append({**_step_json(one, name), "change_of_magnification_m": {p.source: p.sigma_m for p in apart}})
        last = one.candidate.magnification
    return out


def _step_json(one: PlannedStep, name: str) -> dict[str, Any]:
    c = one.candidate
    return {
        "name": name,
        "preset": c.preset,
        "magnification": c.magnification.name,
        "pixel_m": c.pixel_m,
        "size_px": c.size_px,
        "binning": c.binning,
        "exposure_s": c.exposure_s,
        "image_dose_e_per_m2": c.image_dose_per_m2,
        "tilt_rad": c.tilt_rad,
        "separation_rad": 2 * c.tilt_rad,
        "pattern": str(c.pattern),
        "offset_m": c.offset_m,
        "correct_by": str(c.correction),
        "start_m": one.start_m,
        "range_m": one.range_m,
        "leaves_m": one.leaves_m,
        "looks": one.looks,
        "dose_e_per_m2": one.dose_e_per_m2,
        "seconds": one.seconds,
        "budget_m": {part.source: part.sigma_m for part in one.budget},
    }
