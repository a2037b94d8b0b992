"""What the page shows of stored measurements: rows for tables and curves, and a measurement as it was looked at. Pure
but for what the records read.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from eucentric.correlation.register import register
from eucentric.errors import InputError
from eucentric.focus.result import DefocusResult
from eucentric.records.kept import KeptMeasurement, KeptRun, KeptSession, MeasurementDetails
from eucentric.records.reading import Records
from eucentric.records.remeasure import Changes, Whole
from eucentric.units import E_PER_A2, minus, show_length
from eucentric.web.develop import Looked
from eucentric.web.words import big_number


def row(one: KeptMeasurement) -> dict[str, Any]:
    """A measurement in a table and a plot."""
    return {
        "id": one.id,
        "run": one.run_id,
        "session": one.session_id,
        "instrument": one.instrument,
        "node": one.node,
        "at": one.taken_at.isoformat(timespec="milliseconds"),
        "step": one.step,
        "target": one.run_target or ("" if one.target == "here" else one.target),
        "preset": one.preset,
        "accepted": one.accepted,
        "reason": None if one.reason is None else one.reason.replace("_", " ").lower(),
        "sentence": one.sentence,
        "c1_m": one.c1_m,
        "total_sigma_m": one.total_sigma_m,
        "defocus": _defocus(one),
        "drift_m_per_s": None if one.drift_m_per_s is None else math.hypot(*one.drift_m_per_s),
        "chi2_per_dof": one.chi2_per_dof,
        "moved": None if one.moved is None else f"{one.moved.channel} {minus(_signed(one.moved.moved_m))}",
        "images": one.images_kept,
    }


def _defocus(one: KeptMeasurement) -> str:
    if one.c1_m is None or one.total_sigma_m is None:
        return "cut off" if one.accepted is None else "not known"
    told = big_number(one.c1_m, one.total_sigma_m)
    return f"{told['value']} ± {told['error']} {told['unit']}"


def _signed(value_m: float) -> str:
    return f"{'+' if value_m > 0 else ''}{show_length(value_m, 2)}"


def run_row(one: KeptRun) -> dict[str, Any]:
    """A run in a list."""
    return {
        "id": one.id,
        "session": one.session_id,
        "node": one.node,
        "target": one.target,
        "sequence": one.sequence,
        "instrument": one.instrument,
        "at": one.begun_at.isoformat(timespec="milliseconds"),
        "status": one.status,
        "statement": one.statement,
        "measurements": one.measurements,
    }


def session_row(one: KeptSession) -> dict[str, Any]:
    """A session in a list."""
    return {
        "id": one.id,
        "application": one.application,
        "instrument": one.instrument,
        "at": one.begun_at.isoformat(timespec="milliseconds"),
        "runs": one.runs,
    }


def facts(details: MeasurementDetails) -> list[dict[str, str]]:
    """How it was taken, in words."""
    one = details.row
    told = {
        "Instrument": one.instrument,
        "Run": f"{one.run_id}, measurement {one.number + 1}",
        "Target": one.run_target or one.target,
        "Preset": one.preset,
        "Tilt": None if one.tilt_rad is None else f"{one.tilt_rad * 1e3:.2f} mrad",
        "Pixel": None if one.pixel_m is None else f"{one.pixel_m * 1e9:.3g} nm",
        "High tension": None if one.voltage_v is None else f"{one.voltage_v * 1e-3:g} kV",
        "Lens": None if one.lens_defocus_m is None else show_length(one.lens_defocus_m),
        "Stage Z": None if one.stage_z_m is None else show_length(one.stage_z_m),
        "Electrons": None if one.dose_e_per_m2 is None else f"{one.dose_e_per_m2 / E_PER_A2:.2g} e/Å²",
        "Computing": None if one.computing_s is None else f"{one.computing_s:.2f} s",
        "Moved after it": None if one.moved is None else f"{one.moved.channel}, {_signed(one.moved.moved_m)}",
    }
    return [{"name": name, "value": value} for name, value in told.items() if value]


def looked_at(records: Records, number: int) -> Looked:
    """A stored measurement with its images, and its maps made anew; its numbers as they were kept.

    Raises GoneError where its images are not there, InputError where it was cut off.
    """
    details = records.measurement(number)
    if details.result is None:
        raise InputError(f"Measurement {number} was cut off before it was measured: there is nothing to look at.")
    whole = Whole.of(records, number)
    c3_m = None if details.calibration is None else details.calibration.column.c3_m
    result = _with_maps(whole, details.result)
    return Looked(number, details.row.step, whole.frames, details.links, result, c3_m)


def _with_maps(whole: Whole, kept: DefocusResult) -> DefocusResult:
    """Maps are not kept: they are those of the same comparison, made once more."""
    if whole.details.how is not None:
        again = whole.again().shifts
    else:
        pairs = [(whole.frames[first].pixels, whole.frames[second].pixels) for first, second in whole.details.links]
        again = tuple(register(one, two, method=kept.shift.method, workers=1) for one, two in pairs)
    shifts = tuple(replace(shift, map=made.map) for shift, made in zip(kept.shifts, again, strict=True))
    return replace(kept, shifts=shifts)


def made_again(records: Records, number: int, changes: Changes) -> Looked:
    """A stored measurement made again with other settings. Raises InputError and GoneError as `remeasured` does."""
    whole = Whole.of(records, number)
    details, result = whole.details, whole.again(changes)
    c3_m = changes.c3_m if details.how is None or changes.c3_m is not None else details.how.column.c3_m
    return Looked(number, details.row.step, whole.frames, details.links, result, c3_m)


def difference(before: DefocusResult | None, now: DefocusResult) -> str:
    """What making it again changed, in a sentence."""
    if before is None or before.nothing_found or now.nothing_found:
        return f"Now: {now.words}."
    apart = now.defocus_m - before.defocus_m
    same = "as before" if abs(apart) < 1e-12 else f"{show_length(apart)} from before"
    return f"Now {now.words}: {same}. It was {before.words}."
