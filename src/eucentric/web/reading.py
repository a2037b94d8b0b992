"""The reading: what the last measurement said, as numbers (SI) and in words. Pure."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from eucentric.focus.result import DefocusResult
from eucentric.focus.verdict import Finding, Verdict
from eucentric.msi.words import length
from eucentric.units import show_chance, show_length, show_odds
from eucentric.web.words import axes_words, big_number, chance_words, chi2_words, drift_words, offset_words, plain

_SPANS = 0.1  # sine of the angle between tilts that counts as another direction
_CANCELS = 4  # images from which drift is told


def reading(result: DefocusResult, *, step: str, target: str, number: int, time_s: float) -> dict[str, Any]:
    """The panel beside the images."""
    measured, shift = result.measurement, result.shift
    nothing = result.nothing_found
    big = None if nothing else big_number(measured.c1_m, measured.total_sigma_m)
    return {
        "number": number,
        "step": step,
        "target": target,
        "time_s": time_s,
        "defocus_m": None if nothing else measured.c1_m,
        "total_sigma_m": None if nothing else measured.total_sigma_m,
        "sigma_m": measured.sigma_m if result.states_sigma and not nothing else None,
        "big": big,
        "side": None if nothing else measured.side,
        "words": result.words,
        "offset": offset_words(result.offset_m) if result.offset_m else None,
        "method": str(shift.method),
        "rows": _rows(result),
        "budget": [] if nothing else _budget(result),
        **verdict(result.verdict),
    }


def verdict(judged: Verdict) -> dict[str, Any]:
    """Whether it is believed; if not why, and what to do."""
    return {"accepted": judged.accepted, "findings": [finding(one) for one in judged.findings]}


def finding(one: Finding) -> dict[str, str]:
    """One reason against."""
    return {"reason": str(one.reason), "found": one.found, "allowed": one.allowed, "advice": one.advice}


def _rows(result: DefocusResult) -> list[dict[str, str]]:
    """Name, value, and what it means."""
    measured, shift, rival = result.measurement, result.shift, result.shift.runner_up
    rows = [("False lock", show_chance(shift.false_lock_probability), chance_words(shift.false_lock_probability))]
    if not result.nothing_found:
        per = plain(measured.chi2_per_dof)
        rows.insert(0, ("Astigmatism", *_astigmatism(result)))
        rows.insert(1, ("Drift", *_drift(result)))
        rows.append(("χ² per degree", per, f"{chi2_words(measured.chi2_per_dof)} ({measured.dof} free)"))
        rows.append(("Shift", _pixels(shift.shift_px), f"overlap {shift.overlap:.0%}"))
    if rival is not None:
        rows.append(("Runner-up", f"{show_odds(rival.odds)} : 1", _rival(result)))
    rows.append(("Lit", " / ".join(f"{part:.0%}" for part in shift.lit), "of first / second image"))
    if result.misfit_px2 is not None and not result.nothing_found:
        rows.append(("Misfit", f"{plain(result.misfit_px2)} px²", "across the tilt, unbinned"))
    return [{"name": name, "value": value, "note": note} for name, value, note in rows]


def _rival(result: DefocusResult) -> str:
    meant = result.rivals_m[0]
    return "against the second-best" if meant is None else f"against {length(meant)}"


def _pixels(shift_px: tuple[float, float]) -> str:
    y, x = shift_px
    return f"x {x:+.1f}, y {y:+.1f} px".replace("-", "−")


def _astigmatism(result: DefocusResult) -> tuple[str, str]:
    measured = result.measurement
    if not _spans(result):
        return "–", "tilts along one line don't tell it"
    size, error = math.hypot(*measured.a1_m), max(measured.a1_sigma_m)
    return axes_words(measured.a1_m, measured.a1_sigma_m), "" if size > 2 * error else "not significant"


def _drift(result: DefocusResult) -> tuple[str, str]:
    measured = result.measurement
    if len(result.exposures.tilts) < _CANCELS:
        return "–", f"{len(result.exposures.tilts)} images don't tell it"
    value, _, direction = drift_words(measured.drift_m_per_s).partition(" towards ")
    return value, f"towards {direction}"


def _spans(result: DefocusResult) -> bool:
    tilts = np.array(result.exposures.tilts)
    apart = tilts - tilts.mean(axis=0)
    sizes = np.linalg.svd(apart, compute_uv=False)
    return bool(sizes.size > 1 and sizes[1] > _SPANS * sizes[0])


def _budget(result: DefocusResult) -> list[dict[str, Any]]:
    """What the total error is made of, the largest first, as parts of its variance."""
    total = sum(part.sigma_m**2 for part in result.measurement.budget) or 1.0
    parts = sorted(result.measurement.budget, key=lambda part: -part.sigma_m)
    return [
        {"source": part.source, "sigma": show_length(part.sigma_m), "part": part.sigma_m**2 / total}
        for part in parts
        if part.sigma_m**2 > 0.005 * total
    ]
