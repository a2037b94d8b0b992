"""A measurement as it was kept and as it is now, side by side."""

from __future__ import annotations

from rich import box
from rich.table import Table

from eucentric.focus.measurement import error_um, micrometres
from eucentric.focus.result import DefocusResult
from eucentric.records.kept import MeasurementDetails
from eucentric.records.remeasure import Changes, changed
from eucentric.units import minus, show_chance, show_odds


def compared(details: MeasurementDetails, before: DefocusResult, now: DefocusResult, changes: Changes) -> Table:
    """What differs in the settings, then the numbers of both."""
    row = details.row
    title = f"Measurement {row.id} (run {row.run_id}, step {row.step}, preset {row.preset})"
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", padding=(0, 1, 0, 0))
    table.add_column("")
    table.add_column("kept", justify="right", overflow="fold")
    table.add_column("now", justify="right", overflow="fold")
    for name, old, new in _settings(details, changes):
        table.add_row(name, old, new, style="cyan" if old != new else "")
    table.add_section()
    for (name, old), (_, new) in zip(_numbers(before), _numbers(now), strict=True):
        table.add_row(name, old, new)
    return table


def _settings(details: MeasurementDetails, changes: Changes) -> list[tuple[str, str, str]]:
    """How both were measured; of what is alike only the correlation type."""
    how = details.how
    assert how is not None
    then = changed(how, changes)
    pairs = [
        ("Cs (mm)", f"{how.column.c3_m * 1e3:g}", f"{then.column.c3_m * 1e3:g}"),
        ("tilts, factor", "1", f"{changes.tilt_scale:g}"),
        ("fit limit (px²)", f"{how.fit_limit_px2}", f"{then.fit_limit_px2}"),
    ]
    old, new = how.thresholds.model_dump(), then.thresholds.model_dump()
    pairs += [(name.replace("_", " "), f"{old[name]:g}", f"{new[name]:g}") for name in old]
    return [("correlation type", how.method.value, then.method.value), *(p for p in pairs if p[1] != p[2])]


def _numbers(result: DefocusResult) -> list[tuple[str, str]]:
    measured, shift = result.measurement, result.shift
    known, rival = not result.nothing_found, shift.runner_up
    (y, x), (a, b) = shift.shift_px, measured.a1_m
    lines = [
        ("defocus, µm", micrometres(measured.c1_m, measured.total_sigma_m) if known else "not known"),
        ("± statistical, µm", error_um(measured.sigma_m) if known and result.states_sigma else ""),
        ("± total, µm", error_um(measured.total_sigma_m) if known else ""),
        ("astigmatism (a, b), nm", f"{a * 1e9:.1f}, {b * 1e9:.1f}" if known else ""),
        ("χ² per degree of freedom", f"{measured.chi2_per_dof:.3g}" if known else ""),
        ("first shift (x, y), px", f"{x:+.2f}, {y:+.2f}"),
        ("overlap", f"{100 * shift.overlap:.0f} %"),
        ("chance of noise alone", show_chance(shift.false_lock_probability)),
        ("odds against runner-up", "" if rival is None else show_odds(rival.odds)),
        ("misfit across, px²", "" if result.misfit_px2 is None else f"{result.misfit_px2:.3g}"),
        ("verdict", "accepted" if result.accepted else f"refused: {result.verdict.reason}"),
    ]
    return [(name, minus(value)) for name, value in lines]
