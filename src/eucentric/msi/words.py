"""What happens in a session, in words: those of the terminal, the report and the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from eucentric.focus.outcome import COVERAGE
from eucentric.focus.words import dose_words
from eucentric.msi.known import Check
from eucentric.msi.outcome import Exposure, SessionResult, Status
from eucentric.units import minus, show_length

_MINUTE, _HOUR = 60.0, 3600.0
_LITTLE = 5e18  # e/m²: shown with one digit after the point, less than that is nothing


def check_words(check: Check) -> str:
    """A need or a promise with its numbers: "height ±1.2 µm (limit ±22 µm)"."""
    if not check.unit:
        return str(check)
    now = "not known" if check.value is None else f"±{length(check.value)}"
    return f"{check.what} {now} (limit ±{length(check.limit)})"


def checks_words(checks: Sequence[Check]) -> str:
    """Several of them, and what would meet those that are not met."""
    said = "; ".join(check_words(c) for c in checks)
    remedies = " ".join(c.remedy for c in checks if not c.met and c.remedy)
    return f"{said}. {remedies}" if remedies else said


def promised(promises: Sequence[Check]) -> tuple[Check, ...]:
    """Promises without a remedy where nothing could be measured: why that is so says what to do, and more dose or more
    corrections do not help where there is nothing to see.
    """
    return tuple(c if c.value is not None else replace(c, remedy="") for c in promises)


def length(length_m: float) -> str:
    """A length with three digits that count, in nm, µm or mm."""
    size = abs(length_m)
    limits = ((1e-6, "nm", 1e9), (1e-3, "µm", 1e6), (float("inf"), "mm", 1e3))
    unit, factor = next((u, f) for limit, u, f in limits if size < limit * 0.9995)
    value = length_m * factor
    whole = len(str(int(abs(value))))
    return minus(f"{value:.{max(3 - whole, 0) if unit != 'nm' else (0 if abs(value) >= 10 else 1)}f} {unit}")


def exposure_words(one: Exposure) -> str:
    """An image's line: its defocus with the expected error, and why it is flagged."""
    dose = dose_words(one.dose_e_per_m2) if one.dose_e_per_m2 > _LITTLE else "hardly any electrons"
    if one.intended_m is None:
        return f"image kept, {dose}"
    error = "" if one.error_sigma_m is None else f" ± {length(COVERAGE * one.error_sigma_m)} (3 σ)"
    flag = f" Flagged: {one.flagged}" if one.flagged else ""
    return f"image kept, defocus {show_length(one.intended_m)}{error}, {dose}.{flag}"


def duration(seconds: float) -> str:
    """A time for people: "45 s", "12 min", "3 h 05 min"."""
    if seconds < 1.5 * _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 1.5 * _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    hours, rest = divmod(round(seconds / _MINUTE), 60)
    return f"{hours} h {rest:02d} min"


def statement(result: SessionResult, resume: str = "") -> str:
    """The session in a sentence or two: how far it came, and what was wrong."""
    done = sum(o.status is Status.DONE for o in result.outcomes)
    counts = [
        f"{count} {word}"
        for word in ("refused", "skipped", "failed", "interrupted")
        if (count := sum(o.status == word for o in result.outcomes))
    ]
    flagged = sum(bool(e.flagged) for o in result.outcomes for e in o.exposures)
    if flagged:
        counts.append(f"{flagged} image{'s' if flagged > 1 else ''} flagged")
    rest = f"; {', '.join(counts)}" if counts else ""
    if result.stopped is None and len(result.outcomes) == result.units:
        return f"Complete: {done} of {result.units} targets done{rest}."
    why = "" if result.stopped is None else f" {result.stopped}"
    again = f" Resume it with: {resume}" if resume else ""
    return f"Not complete: {done} of {result.units} targets done{rest}.{why}{again}"
