"""What happens in a session, in the words of the terminal and of the report."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from eucentric.cli.words import dose_words
from eucentric.focus.outcome import COVERAGE
from eucentric.msi.known import Check
from eucentric.msi.outcome import Exposure, SessionResult, Status, UnitOutcome
from eucentric.units import minus, show_length

_MINUTE, _HOUR = 60.0, 3600.0
_LITTLE = 5e18  # e/m²: shown with one digit after the point, less than that is nothing


def check_words(check: Check) -> str:
    """A need or a promise with its numbers: "height ±1.2 µm (limit ±22 µm)"."""
    now = "not known" if check.is_m is None else f"±{length(check.is_m)}"
    return f"{check.what} {now} (limit ±{length(check.limit_m)})"


def checks_words(checks: Sequence[Check]) -> str:
    """Several of them, and what would meet those that are not met."""
    said = "; ".join(check_words(c) for c in checks)
    remedies = " ".join(c.remedy for c in checks if not c.met and c.remedy)
    return f"{said}. {remedies}" if remedies else said


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


def troubles(result: SessionResult) -> list[str]:
    """What did not end as it should, in sentences; neighbours of which the same is to be said are told together."""
    out = []
    for said, some in groupby(result.outcomes, key=trouble):
        keys = [o.key for o in some]
        if said:
            last = (
                keys[-1].rpartition("/")[2] if keys[-1].rpartition("/")[0] == keys[0].rpartition("/")[0] else keys[-1]
            )
            out.append(f"{keys[0]}{f' to {last}' if len(keys) > 1 else ''}: {said}")
    return out


def trouble(outcome: UnitOutcome) -> str:
    """What a person has to know of a unit that did not end as it should; empty where it did."""
    if outcome.status is not Status.DONE:
        return f"{outcome.status}. {outcome.why}"
    flags = dict.fromkeys(e.flagged for e in outcome.exposures if e.flagged)
    if not flags:
        return ""
    count = sum(bool(e.flagged) for e in outcome.exposures)
    several = f" ({count} of {len(outcome.exposures)} images)" if len(outcome.exposures) > 1 else ""
    return f"flagged{several}. {' '.join(flags)}"


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


def all_well(result: SessionResult) -> bool:
    """Whether it is complete, nothing was refused, skipped or failed, and no image is flagged."""
    return result.complete and not troubles(result)
