"""A claim, its bar and what was measured; the table that people read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What became of a claim."""

    MET = "met"
    MISSED = "missed"
    NOT_RUN = "not run"
    SHOWN = ""  # a number without a bar


@dataclass(frozen=True, slots=True)
class Claim:
    """One line of the table."""

    group: str
    what: str
    bar: str
    measured: str
    outcome: Outcome
    note: str = ""


def judged(group: str, what: str, bar: str, measured: str, ok: bool, note: str = "") -> Claim:  # noqa: PLR0917
    """A claim with a bar that was tried."""
    return Claim(group, what, bar, measured, Outcome.MET if ok else Outcome.MISSED, note)


def not_run(group: str, what: str, bar: str, why: str) -> Claim:
    """A claim that could not be tried here, and why."""
    return Claim(group, what, bar, "—", Outcome.NOT_RUN, why)


def shown(group: str, what: str, measured: str, note: str = "") -> Claim:
    """A number to know beside the claims."""
    return Claim(group, what, "", measured, Outcome.SHOWN, note)


def as_markdown(claims: Iterable[Claim]) -> str:
    """The table in Markdown."""
    head = "| claim | | bar | measured | |\n|---|---|---|---|---|\n"
    rows = []
    for c in claims:
        what = c.what + (f" ({c.note})" if c.note else "")
        rows.append(f"| {c.group} | {what} | {c.bar} | {c.measured} | {c.outcome.value} |")
    return head + "\n".join(row.replace("\n", " ") for row in rows) + "\n"
