"""`eucentric plan --optimal-pattern`: which tilts, in which order, tell best what is asked."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from eucentric.units import E_PER_A2, show_bound

if TYPE_CHECKING:
    from eucentric.optimize.calibrated import Calibrated
    from eucentric.optimize.instrument import Instrument
    from eucentric.optimize.patterns.comparison import Compared, Comparison
    from eucentric.optimize.planning.asked import Asked

_WORTH_SAYING = 0.02  # of an error: less is no gain


@dataclass(frozen=True, slots=True)
class PatternAsked:
    """What the options say: the plan whose last step's images are taken, or `preset`; the aim; a number of images."""

    plan: Asked
    aim: str
    preset: str | None
    images: int | None


def plan_pattern(
    instrument: Instrument, asked: PatternAsked, *, figure: Path | None, as_json: bool, known: Calibrated | None = None
) -> None:
    """Compare the patterns, and tell; `known` is what of the instrument came from calibrations.

    Raises SettingsError, InputError.
    """
    from eucentric.cli.plan_physics import calibrations_json
    from eucentric.optimize.patterns.comparison import compare, of_plan, of_preset
    from eucentric.optimize.patterns.design import Aim
    from eucentric.optimize.patterns.search import IMAGES
    from eucentric.optimize.planning.asked import check
    from eucentric.optimize.planning.plan import plan as planned

    check(asked.plan, instrument)
    name = asked.preset
    most = asked.plan.tilt_max_rad
    measured = of_plan(planned(instrument, asked.plan)) if name is None else of_preset(name, instrument, most)
    images = IMAGES if asked.images is None else (asked.images,)
    made = compare(instrument, measured, Aim(asked.aim), images=images, tilt_max_rad=most)
    if as_json:
        told = {**_as_json(made, instrument), **calibrations_json(known)}
        typer.echo(json.dumps(told, indent=2, allow_nan=False))
    else:
        _show(made, instrument, asked.plan.accuracy_m)
    if figure is not None:
        from eucentric.figures.pattern import pattern_figure
        from eucentric.figures.saved import save

        save(pattern_figure(made, instrument), figure)
        typer.echo(f"Figure: {figure}", err=as_json)


def _show(made: Comparison, instrument: Instrument, accuracy_m: float) -> None:
    """The table, what is gained, and what to write into settings."""
    from rich.console import Console
    from rich.table import Table

    c = made.measured.candidate
    title = (
        f"Tilts for {made.conditions.aim.words} on {instrument.name}: {c.magnification.name} bin {c.binning}, "
        f"{c.size_px} of {c.pixel_m * 1e9:.3g} nm, {show_bound(c.offset_m)} of lens offset"
    )
    table = Table(title=title, title_justify="left")
    table.add_column("pattern", no_wrap=True)  # a name that is cut can't be typed
    coma = made.conditions.aim == "c1+a1+coma"
    for name in ("images", "mrad", "e/Å²", "C1\nstat.", "C1\ntotal", "A1", *(["axis"] * coma), "error", "per\ne"):
        table.add_column(name, justify="right")
    for one in made.patterns:
        table.add_row(*_row(one, made, coma=coma))
    console = Console(highlight=False)
    console.print(table)
    lines = [*_notes(made), *_gains(made), *_holds(made, accuracy_m), *_to_use(made)]
    for line in lines:
        console.print(line, soft_wrap=not console.is_terminal, markup=False)


def _row(one: Compared, made: Comparison, *, coma: bool) -> tuple[str, ...]:
    told = one.told
    axis = ("-" if told.axis_rad is None else f"{told.axis_rad * 1e6:.3g} µrad",)
    return (
        one.title,
        f"{one.plan.images}",
        ", ".join(f"{size * 1e3:g}" for size in one.sizes_rad),
        f"{one.dose_e_per_m2 / E_PER_A2:.3g}",
        _length(told.c1_statistical_m),
        _length(told.c1_total_m),
        "-" if told.a1_m is None else _length(told.a1_m),
        *(axis if coma else ()),
        _length(told.error_m),
        f"{made.efficiency(one):.0%}",
    )


def _length(value_m: float) -> str:
    return show_bound(float(f"{value_m:.3g}"))


def _notes(made: Comparison) -> list[str]:
    """What the columns mean."""
    conditions, at = made.conditions, f"{made.conditions.angle_rad * 1e3:g} mrad"
    error = {
        "c1": "error: the total of C1",
        "c1+a1": "error: of C1 and A1 as defocus, rms over all directions",
        "c1+a1+coma": f"error: of C1, A1 and coma as defocus at {at}, rms over all directions",
    }[conditions.aim]
    unknown = "" if conditions.aim == "c1" else "; what is asked for counts as unknown before"
    there = made.measured
    found = f", and finds {_length(there.start_m)}" if there.start_m else ""
    offset = conditions.offset_sigma_m
    lens = f", and {_length(offset)} of the lens offset that no tilt tells" if offset else ""
    before = f"C1 ± {_length(there.c1_sigma_m)}" if there.c1_sigma_m else "near focus"
    return [
        f"1 σ. mrad: each usual pattern has the size of tilt that suits it, up to {at}, which is allowed{found}. "
        f"total: {before}, with calibration, drift and motion {there.exposed_s:.3g} s after the place was first "
        f"exposed{lens}. {error}{unknown}. per e (electron): 1/(error² · electrons), of the best. -: hardly told."
    ]


def _gains(made: Comparison) -> list[str]:
    """What the best pattern gains over the usual ones of no more images, and how it goes."""
    return [_gain(one, made) for one in made.patterns if one.name is None]


def _gain(one: Compared, made: Comparison) -> str:
    rival = made.rival(one)
    head = f"{one.plan.images} images: at best {_length(one.told.error_m)} are left, with the {rival.title}"
    fewer = "" if rival.plan.images == one.plan.images else f" ({rival.plan.images} images)"
    gain = made.gain(one)
    if gain < _WORTH_SAYING:
        return f"{head}{fewer} {_length(rival.told.error_m)}: no other order of tilts gains 2 %."
    return f"{head}{fewer} {_length(rival.told.error_m)}: {gain:.0%} less, by {_tilts(one)} (mrad at direction)."


def _tilts(one: Compared) -> str:
    """The tilts in order: 10 at 0°, 180°; …"""
    angles = [round(math.degrees(math.atan2(y, x))) % 360 for y, x in one.plan.tilts]
    if len(one.sizes_rad) == 1:
        return f"{one.sizes_rad[0] * 1e3:g} at " + ", ".join(f"{a}°" for a in angles)
    sizes = [math.hypot(*tilt) * 1e3 for tilt in one.plan.tilts]
    return ", ".join(f"{size:.4g} at {a}°" for size, a in zip(sizes, angles, strict=True))


def _holds(made: Comparison, accuracy_m: float) -> list[str]:
    cheapest = made.holding(accuracy_m)
    held = "nothing here does" if cheapest is None else f"the {cheapest.title} does with the fewest images"
    usual = max((one for one in made.patterns if one.name is not None), key=lambda one: one.worth)
    return [
        f"Tell C1 within {_length(accuracy_m)} with 3 σ: {held}. Of the usual ones the {usual.title} tells most per "
        f'electron: pattern = "{usual.title}", tilt = "{usual.sizes_rad[0] * 1e3:g} mrad".'
    ]


def _to_use(made: Comparison) -> list[str]:
    """The one that gains most per electron, as settings; or why there is none."""
    gaining = [one for one in made.patterns if one.name is None and made.gain(one) >= _WORTH_SAYING]
    if not gaining:
        return ["The usual patterns are as good as any: nothing to change in the settings."]
    one = max(gaining, key=lambda one: one.worth)
    if not made.conditions.aim.opposite:
        return [
            *_untold(made),
            f"Focusing compares opposite tilts only. For a script, the {one.title}: {_tilts(one)} (mrad at direction), "
            f"comparing images {_links(one)}.",
        ]
    return [f"To focus with the {one.title}, in the step of the settings, for its tilt and pattern:", _snippet(one)]


def _untold(made: Comparison) -> list[str]:
    """Where no pattern tells the axis."""
    if any(one.told.axis_rad is not None for one in made.patterns):
        return []
    cs = f"{made.conditions.c3_m * 1e3:g} mm"
    return [f"None of them tells the axis: with a Cs of {cs} and these tilts it hardly moves the image."]


def _snippet(one: Compared) -> str:
    """The line for a step of a settings file."""
    rows = ", ".join(f'["{round(y * 1e3, 3):g} mrad", "{round(x * 1e3, 3):g} mrad"]' for y, x in one.plan.tilts)
    return f"tilts = [{rows}]"


def _links(one: Compared) -> str:
    return ", ".join(f"{i + 1} with {j + 1}" for i, j in one.plan.links)


def _as_json(made: Comparison, instrument: Instrument) -> dict[str, Any]:
    """All of it in SI units."""
    from eucentric.optimize.patterns.search import SEED
    from eucentric.records.plain import plain

    c, conditions = made.measured.candidate, made.conditions
    return {
        "instrument": instrument.name,
        "aim": str(conditions.aim),
        "preset": c.magnification.name,
        "binning": c.binning,
        "pixel_m": c.pixel_m,
        "size_px": c.size_px,
        "offset_m": c.offset_m,
        "offset_sigma_m": conditions.offset_sigma_m,
        "start_m": made.measured.start_m,
        "c1_sigma_m": made.measured.c1_sigma_m,
        "exposed_s": made.measured.exposed_s,
        "interval_s": conditions.interval_s,
        "angle_rad": conditions.angle_rad,
        "tilts_tried_rad": list(made.sizes_rad),
        "seed": SEED,
        "patterns": [
            {
                "name": one.title,
                "usual": one.name is not None,
                "images": one.plan.images,
                "tilts_rad": plain(one.plan.tilts),
                "compared": plain(one.plan.links),
                "dose_e_per_m2": one.dose_e_per_m2,
                **plain(one.told),
                "efficiency": made.efficiency(one),
            }
            for one in made.patterns
        ],
    }
