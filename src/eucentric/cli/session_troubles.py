"""What did not end as it should, in sentences: each reason once, with all targets of which it holds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from eucentric.msi.outcome import SessionResult, Status, UnitOutcome
from eucentric.units import parse

_BOUND = re.compile(r"±([\d.]+ (?:nm|µm|mm))")
_FOCUSING_FAILED = "Focusing failed: "


def troubles(result: SessionResult, kept: Mapping[str, str] | None = None) -> list[str]:
    """A sentence for each reason, in the order in which they came. `kept`: where a target's images are, by its key."""
    outcomes = {o.key: o for o in result.outcomes}
    same: dict[str, list[tuple[str, str]]] = {}
    for outcome in result.outcomes:
        said = told_above(trouble(outcome), outcomes)
        if said:
            same.setdefault(_BOUND.sub("±…", said), []).append((outcome.key, said))
    return [_sentence(some, kept or {}) for some in same.values()]


def trouble(outcome: UnitOutcome) -> str:
    """What a person has to know of a unit that did not end as it should; empty where it did."""
    if outcome.status is not Status.DONE:
        return f"{outcome.status}. {outcome.why}"
    flags = dict.fromkeys(e.flagged for e in outcome.exposures if e.flagged)
    if not flags:
        return ""
    count = sum(bool(e.flagged) for e in outcome.exposures)
    several = f" ({count} of {len(outcome.exposures)} images)" if len(outcome.exposures) > 1 else ""
    return f"flagged{several}. {_one(list(flags))}"


def _one(said: Sequence[str]) -> str:
    """Sentences that differ in their bounds alone as one, with the range of them."""
    same: dict[str, list[str]] = {}
    for one in said:
        same.setdefault(_BOUND.sub("±…", one), []).append(one)
    return " ".join(_with_range(some) for some in same.values())


def _with_range(said: Sequence[str]) -> str:
    """One sentence for several that differ in their bounds: "±52 nm to ±81 nm"."""
    columns = list(zip(*(_BOUND.findall(one) for one in said), strict=True))
    ranges = iter([sorted(set(column), key=lambda text: parse(text, "m")) for column in columns])

    def written(_: re.Match[str]) -> str:
        texts = next(ranges)
        return f"±{texts[0]}" if len(texts) == 1 else f"±{texts[0]} to ±{texts[-1]}"

    return _BOUND.sub(written, said[0])


def told_above(said: str, outcomes: Mapping[str, UnitOutcome]) -> str:
    """A reason without the reasons of focus targets that are told with those: they come before what waits for them."""
    before, failed, rest = said.partition(_FOCUSING_FAILED)
    if not failed:
        return said
    for key, outcome in outcomes.items():
        if outcome.why:
            rest = rest.replace(f"{key}: {outcome.why}", "")
    if rest.strip():
        return said
    return f"{before}Focusing failed at all focus targets that it waits for: see there."


def _sentence(some: Sequence[tuple[str, str]], kept: Mapping[str, str]) -> str:
    keys = [key for key, _ in some]
    places = [kept[key] for key in keys if key in kept]
    images = "" if not places else f" (its images: {places[0]})"
    if len(keys) > 1 and places:
        root = places[0].partition("/")[0]
        images = f" (images of {len(places)} of them: {root}/)" if len(places) < len(keys) else f" (images: {root}/)"
    return f"{where(keys)}: {_with_range([said for _, said in some])}{images}"


@dataclass(frozen=True, slots=True)
class _Parent:
    """Targets inside one other target: `inside` "Square 1", `name` "Hole", `last` 4, and what lies in each of them."""

    inside: str
    name: str
    first: int
    last: int
    targets: str

    def follows(self, other: _Parent) -> bool:
        same = (self.inside, self.name, self.targets) == (other.inside, other.name, other.targets)
        return same and self.first == other.last + 1


def where(keys: Sequence[str]) -> str:
    """Keys of targets for people: "Square 1/Hole 1: Exposure 1–4; Hole 2: Exposure 1"."""
    if len(keys) == 1:
        return keys[0]
    parents: list[_Parent] = []
    for parent, some in groupby(keys, key=lambda key: key.rpartition("/")[0]):
        inside, _, last = parent.rpartition("/")
        name, number = _numbered(last)
        one = _Parent(inside, name, number, number, _targets([key.rpartition("/")[2] for key in some]))
        if parents and name and one.follows(parents[-1]):
            before = parents.pop()
            one = _Parent(inside, name, before.first, number, one.targets)
        parents.append(one)
    out, at = [], ""
    for one in parents:
        of = f"{one.name} {_range(one.first, one.last)}" if one.name else ""
        start = f"{one.inside}/" if one.inside and one.inside != at else ""
        each = " each" if one.last > one.first else ""
        out.append(f"{start}{of}: {one.targets}{each}" if of else one.targets)
        at = one.inside
    return "; ".join(out)


def _targets(names: Sequence[str]) -> str:
    """ "Focus 2, Exposure 1–4" of the last parts of keys."""
    runs: list[tuple[str, int, int]] = []
    for name, number in map(_numbered, names):
        if runs and runs[-1][0] == name and runs[-1][2] + 1 == number:
            runs[-1] = (name, runs[-1][1], number)
        else:
            runs.append((name, number, number))
    out = []
    for same, some in groupby(runs, key=lambda run: run[0]):
        out.append(f"{same} {', '.join(_range(first, last) for _, first, last in some)}")
    return ", ".join(out)


def _numbered(name: str) -> tuple[str, int]:
    """ "Tilt series 3" → ("Tilt series", 3); no name for nothing."""
    text, _, number = name.rpartition(" ")
    return (text, int(number)) if number.isdigit() else (name, 0)


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}–{last}"
