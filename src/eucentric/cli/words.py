"""Results of a run in the words of the terminal."""

from __future__ import annotations

from eucentric.focus.correct import Correction
from eucentric.focus.verdict import Verdict
from eucentric.units import show_length


def verdict_words(verdict: Verdict) -> str:
    """Accepted, or refused and why."""
    return "accepted" if verdict.accepted else f"refused. {verdict.sentence}"


def correction_words(correction: Correction) -> str:
    """What was moved, by how much."""
    probe = " (a probe: a part first, to see that focus follows)" if correction.probe else ""
    sign = "+" if correction.move_m > 0 else ""
    return f"{correction.channel} by {sign}{show_length(correction.move_m)}{probe}"
