"""What a line of the pre-flight rests on: where that is wrong, what follows from it means nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from eucentric.calibrate.report import Line
from eucentric.calibration.record import Level

RESTS_ON: Mapping[str, tuple[str, ...]] = {
    "height": ("ratio", "tilt rotation"),
    "astigmatism": ("tilt rotation",),
    "parfocality": ("ratio", "tilt rotation"),
    "coma-free axis": ("pivot", "aperture"),
    "rotation centre": ("coma-free axis",),
    "runout": ("height", "stage Z"),
}
"""Key of a line → keys of those it is derived from as they are believed. What a pre-flight puts right for the lines
that follow (calibrate/as_found) is not here: the tilts of the focus preset, for its alignments."""


def with_causes(lines: Iterable[Line]) -> tuple[Line, ...]:
    """The lines, those that rest on a red one no longer judged: amber, with the word of what to mend first.

    A cause that itself rests on a red line passes the blame on to it.
    """
    given = tuple(lines)
    red = {line.key for line in given if line.level is Level.RED}
    return tuple(_with_cause(line, _roots(line.key, red)) for line in given)


def _roots(key: str, red: set[str], seen: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The red lines at the bottom of what a line rests on, each once."""
    found: list[str] = []
    for cause in RESTS_ON.get(key, ()):
        if cause not in red or cause in seen:
            continue
        found += _roots(cause, red, (*seen, key)) or (cause,)
    return tuple(dict.fromkeys(found))


def _with_cause(line: Line, roots: tuple[str, ...]) -> Line:
    if not roots:
        return line
    said = (
        f"It can't be judged until {' and '.join(roots)} {'is' if len(roots) == 1 else 'are'} mended; then check again."
    )
    return replace(line, level=Level.AMBER, sentence=said, rests_on=roots)
