"""A session in a process that may be killed, and what it really did: held against the instrument's own log."""

from __future__ import annotations

import hashlib
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.apart import Door, connected
from benchmarks.calls import Call, State, left_changed
from eucentric.calibration.handed_over import book_from
from eucentric.errors import EucentricError
from eucentric.images.files import read_frame
from eucentric.microscope.registry import handed_out
from eucentric.msi.application import Application, Kind
from eucentric.msi.journal import Journal
from eucentric.msi.noted import About
from eucentric.msi.outcome import Status
from eucentric.msi.ready import ready
from eucentric.msi.session import Session
from eucentric.msi.shipped import read_text
from eucentric.msi.units import Unit, units

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
_SAME_PLACE_M = 0.5e-6  # targets are further apart than twice this, a stage arrives nearer


def application() -> Application:
    """A small MSI-T: every target at a place of its own, and every exposure is made, also where focusing failed."""
    return read_text(SMALL, source="the small application")


def drive(door: Door, folder: Path) -> None:
    """A process that begins a session, or goes on with it; what went wrong is left in a file beside it."""
    scope = connected(door)
    try:
        new = not (folder / "journal.jsonl").exists()
        plan = application()
        with Journal.create(folder, plan, About(scope.name)) if new else Journal.open(folder) as journal:
            plan = journal.noted.application
            prepared = ready(scope, plan, book_from(handed_out(scope)))
            Session(prepared.microscope, prepared.book, plan, journal, workers=1).run()
    except EucentricError as error:
        folder.with_name("said.txt").write_text(f"{type(error).__name__}: {error}", encoding="utf-8")
        sys.exit(2)


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
    interrupted: tuple[str, ...]  # exposed and not kept: told, not wrong
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


def judge(name: str, killed: int, seen: Seen, other: tuple[str, ...]) -> Story:
    """Hold what the session says against what the instrument did."""
    plan, ended = application(), seen.told[-1].outcomes
    exposed = [c for c in seen.calls if c.name == "acquire"]
    counts = {u.key: len(at(u, plan, exposed)) for u in units(plan) if plan.node(u.node).kind is Kind.ACQUIRE}
    kept = {key: len(ended[key]["exposures"]) if key in ended else 0 for key in counts}
    unkept = [k for k, n in counts.items() if n > kept[k]]
    silent = [k for k in unkept if k in ended and ended[k]["status"] != Status.INTERRUPTED]
    errors = _errors(plan, exposed, seen)
    never = [k for k, n in counts.items() if n < kept[k]]
    return Story(
        name=name,
        kills=killed,
        twice=tuple(f"{k} exposed {n} times" for k, n in counts.items() if n > 1),
        again=_again(plan, exposed, seen),
        lost=_lost(seen),
        unended=tuple(f"{u.key} did not end" for u in units(plan) if u.key not in ended),
        interrupted=tuple(unkept),
        left=(
            *(f"{what} left changed" for what in left_changed(seen.before, seen.after)),
            *_not_as_noted(seen),
        ),
        beyond=tuple(f"{c.name}: {c.beyond}" for c in seen.calls if c.beyond),
        defocused=tuple(f"{k}: {pull:+.1f} stated σ off" for k, pull in errors.items() if abs(pull) > PULL_MAX),
        pulls=tuple(errors.values()),
        other=(
            *other,
            *(f"{k}: exposed, not kept, and called {ended[k]['status']}" for k in silent),
            *(f"{k}: kept, and never exposed" for k in never),
        ),
        calls=seen.calls,
    )


def at(unit: Unit, plan: Application, exposed: list[Call]) -> list[Call]:
    """The exposures at a unit's place with a preset of its node."""
    node = plan.node(unit.node)
    presets = {node.preset} if node.focus is None else {s.preset for s in node.focus.sequence.steps}
    return [c for c in exposed if c.state.preset in presets and _apart_m(c, unit) < _SAME_PLACE_M]


def _apart_m(call: Call, unit: Unit) -> float:
    return math.dist((call.state.stage.y_m, call.state.stage.x_m), unit.place_m)


def _errors(plan: Application, exposed: list[Call], seen: Seen) -> dict[str, float]:
    """Of each image that was exposed after the session had been taken up again, by unit: true less intended defocus,
    over the stated 1σ."""
    pulls = {}
    for unit in units(plan):
        outcome = seen.told[-1].outcomes.get(unit.key)
        there = [c for c in at(unit, plan, exposed) if c.client in seen.clients[1:]]
        if outcome is None or not there or there[-1].true_c1_m is None:
            continue
        for one in outcome["exposures"]:
            if one["error_sigma_m"]:
                pulls[unit.key] = (there[-1].true_c1_m - one["intended_m"]) / one["error_sigma_m"]
    return pulls


def _not_as_noted(seen: Seen) -> tuple[str, ...]:
    """Lens and defocus zero are left as last corrected, which the journal says: where the session came to its end."""
    if len(seen.told[-1].outcomes) < len(units(application())):
        return ()
    notes = [json.loads(line) for line in (seen.folder / "journal.jsonl").read_bytes().splitlines()]
    noted = [note["state"] for note in notes if note["note"] in {"found", "left"}][-1]
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
    lines = folder / "journal.jsonl"
    content = lines.read_bytes() if lines.exists() else b""
    notes = [json.loads(line) for line in content[: content.rfind(b"\n") + 1].splitlines()]
    outcomes = {note["outcome"]["key"]: note["outcome"] for note in notes if note["note"] == "done"}
    files = {}
    for exposure in (e for o in outcomes.values() for e in o["exposures"]):
        path = folder / exposure["file"]
        if path.is_file():
            read_frame(path)
            files[exposure["file"]] = hashlib.sha256(path.read_bytes()).hexdigest()
    return Confirmed(client, outcomes, files)
