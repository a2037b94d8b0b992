"""A session's report for programs: plain values, SI units."""

from __future__ import annotations

from typing import Any

from eucentric.cli.session_report import Report
from eucentric.cli.session_troubles import troubles
from eucentric.figures.session_spent import seconds_by_activity
from eucentric.msi.outcome import Status, UnitOutcome
from eucentric.msi.words import promised, statement
from eucentric.records.plain import plain


def as_json(report: Report) -> dict[str, Any]:
    """The session as plain values: SI units."""
    result = report.result
    return {
        "application": result.application,
        "instrument": report.instrument or result.instrument,
        "date": report.date or None,
        "version": report.version or None,
        "complete": result.complete,
        "stopped": result.stopped,
        "statement": statement(result, report.resume),
        "targets": result.units,
        "counts": {str(s): sum(o.status is s for o in result.outcomes) for s in Status},
        "resumed": result.resumed,
        "begun_s": result.begun_s,
        "ended_s": result.ended_s,
        "outcomes": [_outcome_json(report, o) for o in result.outcomes],
        "focus_dose_e_per_m2": _spent(report),
        "not_ended_e_per_m2": dict(result.not_ended),
        "seconds_by_activity": seconds_by_activity(result),
        "not_as_it_should_be": troubles(result, report.kept),
        "folder": report.folder,
        "resume": report.resume or None,
    }


def _spent(report: Report) -> dict[str, float]:
    """Electrons/m² of focusing by target, with those of work that was cut off."""
    spent = {o.key: o.focus_dose_e_per_m2 for o in report.result.outcomes if o.focus_dose_e_per_m2}
    for key, dose in report.result.not_ended:
        spent[key] = spent.get(key, 0.0) + dose
    return spent


def _outcome_json(report: Report, o: UnitOutcome) -> dict[str, Any]:
    checks = {"needs": o.needs, "promises": promised(o.promises)}
    return {
        **plain(o),
        **{name: [{**plain(c), "met": c.met} for c in some] for name, some in checks.items()},
        "activities": dict(o.activities),
        "exposures": [{**plain(e), "true_error_m": report.error_m(e)} for e in o.exposures],
        "images_of_last_measurement": report.kept.get(o.key),
        "true_c1_m": report.truths.c1_m.get(o.key),
        "true_height_m": report.truths.height_m.get(o.key),
    }
