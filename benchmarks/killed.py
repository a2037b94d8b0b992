"""What a session that was killed says of itself, held against what the instrument's own log says that it did."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.calls import Call, State, left_changed
from benchmarks.killed_targets import Target, at, targets
from eucentric.images.files import read_frame
from eucentric.msi.application import Application
from eucentric.msi.outcome import Status
from eucentric.msi.shipped import read_text
from eucentric.msi.units import units

SMALL = """
name = "Small"
[grid]
height_within = "10 um"
[presets.ex]
like = "fa"
dose = "30 e/A2"
[[nodes]]
name = "Square"
kind = "acquire"
preset = "sq"
[[nodes]]
name = "Z Focus"
kind = "focus"
inside = "Square"
focus = "z-focus-beam-tilt"
[[nodes]]
name = "Hole"
kind = "acquire"
inside = "Square"
preset = "hl"
targets = { rows = 1, columns = 2, spacing = "6 um" }
[[nodes]]
name = "Focus"
kind = "focus"
inside = "Hole"
focus = "focus"
[[nodes]]
name = "Exposure"
kind = "acquire"
inside = "Hole"
preset = "ex"
within = "0.5 um"
after_failure = "go on"
targets = { rows = 1, columns = 2, spacing = "3 um" }
"""
HEIGHT_M = 5e-6
"""Of the film of the small application's microscope."""
PULL_MAX = 4.0
"""Of a hundred images whose stated σ are right, one in 160 such benchmarks is further off."""
_SAME_M = 1e-9


def application(text: str = SMALL) -> Application:
    """A small MSI-T: every target at a place of its own, and every exposure is made, also where focusing failed."""
    return read_text(text, source="the small application")


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What the journal called done when the process number `client` (from 0) ended; files by their hash."""

    client: int
    outcomes: dict[str, dict[str, Any]]
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class Story:
    """A session with its kills, and what is wrong with how it ended: all lists are empty when all is well."""

    name: str
    kills: int
    twice: tuple[str, ...]  # targets that were exposed twice
    again: tuple[str, ...]  # units done once more
    lost: tuple[str, ...]  # confirmed, and not there any more
    unended: tuple[str, ...]
    interrupted: tuple[str, ...]  # exposed and not kept, and told so
    cost: tuple[str, ...]  # those of them that no kill between exposing and keeping explains
    exposing: int  # kills that struck there
    unmade: tuple[str, ...]  # begun, not exposed and not begun again: told, not wrong
    left: tuple[str, ...]
    beyond: tuple[str, ...]
    defocused: tuple[str, ...]  # exposures further from the intended defocus than is stated
    other: tuple[str, ...]
    pulls: tuple[float, ...]  # error of defocus over its stated σ, of all that were exposed after a resume
    calls: tuple[Call, ...]

    @property
    def wrong(self) -> tuple[str, ...]:
        """Everything that may not be."""
        return (
            *self.twice,
            *self.again,
            *self.lost,
            *self.unended,
            *self.left,
            *self.beyond,
            *self.defocused,
            *self.cost,
            *self.other,
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to judge from: the folder, the instrument before and after, its log, the processes in order."""

    folder: Path
    before: State
    after: State
    calls: tuple[Call, ...]
    clients: list[int]
    told: list[Confirmed]
    plan: Application
    killed: int = 0  # so many of the clients, in order


def judge(name: str, seen: Seen, other: tuple[str, ...]) -> Story:
    """Hold what the session says against what the instrument did."""
    plan, ended = seen.plan, seen.told[-1].outcomes
    exposed = [c for c in seen.calls if c.name == "acquire"]
    every = list(targets(plan))
    shots = {t: t.exposed(exposed) for t in every}
    kept = {t: len(t.kept(ended.get(t.unit.key))) for t in every}
    unkept = [t for t in every if len(shots[t]) > kept[t]]
    told = _interrupted(seen)
    silent = [t for t in unkept if t.unit.key in ended and t not in told]
    last = _last_calls(seen)
    errors = _errors(seen, shots)
    return Story(
        name=name,
        kills=seen.killed,
        twice=tuple(f"{t.name} exposed {len(there)} times" for t, there in shots.items() if len(there) > 1),
        again=_again(plan, exposed, seen),
        lost=_lost(seen),
        unended=tuple(f"{u.key} did not end" for u in units(plan) if u.key not in ended),
        interrupted=tuple(t.name for t in unkept),
        cost=tuple(f"{t.name}: lost, and no kill explains it" for t in unkept if shots[t][-1] not in last),
        exposing=sum(any(call in there for there in shots.values()) for call in last),
        unmade=tuple(t.name for t in told if not shots[t]),
        left=(
            *(f"{what} left changed" for what in left_changed(seen.before, seen.after)),
            *_not_as_noted(seen),
        ),
        beyond=tuple(f"{c.name}: {c.beyond}" for c in seen.calls if c.beyond),
        defocused=tuple(f"{k}: {pull:+.1f} stated σ off" for k, pull in errors.items() if abs(pull) > PULL_MAX),
        pulls=tuple(errors.values()),
        other=(
            *other,
            *(f"{t.name}: exposed, not kept, and its unit {ended[t.unit.key]['status']}" for t in silent),
            *(f"{t.name}: kept, and never exposed" for t in every if len(shots[t]) < kept[t]),
        ),
        calls=seen.calls,
    )


def _interrupted(seen: Seen) -> list[Target]:
    """What the session itself says was begun when it was killed, and is not begun again."""
    ended, told = seen.told[-1].outcomes, []
    for target in targets(seen.plan):
        key, outcome = target.unit.key, ended.get(target.unit.key)
        whole = target.alpha_rad is None
        if outcome is not None and whole and outcome["status"] == Status.INTERRUPTED:
            told.append(target)
        elif not whole:
            order = [t for t in targets(seen.plan) if t.unit == target.unit]
            tilted = [n["tilt"] for n in _notes(seen.folder) if n["note"] == "tilt" and n["key"] == key]
            lost = {n["number"] for n in tilted if n["kind"] == "taken" and n["exposure"] is None}
            told += [target] if order.index(target) in lost else []
    return told


def _last_calls(seen: Seen) -> list[Call]:
    """The last thing that each of the killed did on the instrument."""
    of = ([c for c in seen.calls if c.client == client] for client in seen.clients[: seen.killed])
    return [calls[-1] for calls in of if calls]


def _errors(seen: Seen, shots: dict[Target, list[Call]]) -> dict[str, float]:
    """Of each image that was exposed after the session had been taken up again: true less intended defocus, over the
    stated 1σ."""
    pulls = {}
    for target, exposed in shots.items():
        there = [c for c in exposed if c.client in seen.clients[1:]]
        for one in target.kept(seen.told[-1].outcomes.get(target.unit.key)) if there else ():
            true_m = there[-1].true_c1_m
            if one["error_sigma_m"] and true_m is not None:
                pulls[target.name] = (true_m - one["intended_m"]) / one["error_sigma_m"]
    return pulls


def _notes(folder: Path) -> list[dict[str, Any]]:
    """The journal's whole lines as they stand: nothing is mended here."""
    lines = folder / "journal.jsonl"
    content = lines.read_bytes() if lines.exists() else b""
    return [json.loads(line) for line in content[: content.rfind(b"\n") + 1].splitlines()]


def _not_as_noted(seen: Seen) -> tuple[str, ...]:
    """Lens and defocus zero are left as last corrected, which the journal says: where the session came to its end."""
    if len(seen.told[-1].outcomes) < len(units(seen.plan)):
        return ()
    noted = [note["state"] for note in _notes(seen.folder) if note["note"] in {"found", "left"}][-1]
    zero_m = seen.after.focus_m - seen.after.defocus_m
    pairs = {"the lens": (noted["lens_m"], seen.after.focus_m), "defocus zero": (noted["zero_m"], zero_m)}
    return tuple(f"{name} is not where it was corrected to" for name, (a, b) in pairs.items() if abs(a - b) > _SAME_M)


def _again(plan: Application, exposed: list[Call], seen: Seen) -> tuple[str, ...]:
    """Units that were confirmed when one process ended, and at which a later one exposed."""
    wrong = []
    for told in seen.told[:-1]:
        later = [c for c in exposed if c.client in seen.clients[told.client + 1 :]]
        done = [u for u in units(plan) if u.key in told.outcomes]
        wrong += [f"{u.key} worked at again after it was done" for u in done if at(u, plan, later)]
    return tuple(dict.fromkeys(wrong))


def _lost(seen: Seen) -> tuple[str, ...]:
    """Outcomes and images that were there when some process ended, and are not as they were."""
    last = seen.told[-1]
    wrong = []
    for told in seen.told:
        wrong += [f"{k}: its outcome changed" for k, o in told.outcomes.items() if last.outcomes.get(k) != o]
        wrong += [f"{f}: changed or gone" for f, was in told.files.items() if last.files.get(f) != was]
    named = [e["file"] for o in last.outcomes.values() for e in o["exposures"]]
    wrong += [f"{f}: not there" for f in named if f not in last.files]
    return tuple(dict.fromkeys(wrong))


def confirmed(folder: Path, client: int) -> Confirmed:
    """What the folder confirms now, read as it stands: nothing is mended here."""
    outcomes = {note["outcome"]["key"]: note["outcome"] for note in _notes(folder) if note["note"] == "done"}
    files = {}
    for exposure in (e for o in outcomes.values() for e in o["exposures"]):
        path = folder / exposure["file"]
        if path.is_file():
            read_frame(path)
            files[exposure["file"]] = hashlib.sha256(path.read_bytes()).hexdigest()
    return Confirmed(client, outcomes, files)
