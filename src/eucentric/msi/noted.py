"""What a journal's lines say, one after the other. Pure but for reading them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from eucentric.errors import InputError
from eucentric.focus.settings import CorrectionType
from eucentric.microscope.checks import STIGMATOR
from eucentric.microscope.protocol import Vector
from eucentric.msi.application import Application
from eucentric.msi.found import Left
from eucentric.msi.outcome import Exposure, UnitOutcome

OUTCOME: TypeAdapter[UnitOutcome] = TypeAdapter(UnitOutcome)
EXPOSURE: TypeAdapter[Exposure] = TypeAdapter(Exposure)
LEFT: TypeAdapter[Left] = TypeAdapter(Left)


@dataclass(frozen=True, slots=True)
class About:
    """Of what session the journal is: the instrument's name and what opens it, the simulation's seed, the folder with
    its calibrations (None: what the instrument tells of itself), the software's version, and when it began.
    """

    instrument: str
    microscope: str = "simulated"
    seed: int | None = None
    calibrations: str | None = None
    version: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class LensAt:
    """A lens setting (absolute, metres) at a preset."""

    preset: str
    lens_m: float


@dataclass(slots=True)
class Noted:
    """What the lines say so far. `exposing` are images that were begun, `spent` electrons/m² for focusing, by unit, and
    `beside` by unit and side; `broke` how often work on a unit ended in an error that nobody foresaw.

    `runs` counts how often the session was begun or taken up, last at `run_s`; `run_of` says in which of them a unit
    ended. `lens` is where the lens was set last; in run `forgotten` it was found elsewhere: what it carries with it is
    not known. `stigmators` are the last two settings of it by the session itself. `restored`: the last run left the
    instrument as it was to be left.
    """

    application: Application
    about: About
    runs: int = 0
    first: Left | None = None
    left: Left | None = None
    confirmed: frozenset[CorrectionType] = frozenset()
    outcomes: dict[str, UnitOutcome] = field(default_factory=dict)
    spent: dict[str, float] = field(default_factory=dict)
    beside: dict[tuple[str, int], float] = field(default_factory=dict)
    frames: dict[str, int] = field(default_factory=dict)
    broke: dict[str, int] = field(default_factory=dict)
    stigmators: tuple[Vector, ...] = ()
    exposing: dict[str, Exposure] = field(default_factory=dict)
    lens: LensAt | None = None
    last_s: float = -math.inf
    run_s: float = -math.inf
    forgotten: int = 0
    run_of: dict[str, int] = field(default_factory=dict)
    tilts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    restored: bool = False

    def to_put_right(self, now: Left) -> Left:
        """How the session left the instrument last; with the stigmator as it is where somebody else set it: mending it
        is why one pauses. The session's own are the value noted last, and, killed before it was set, the one before.
        """
        assert self.left is not None
        ours = (*self.stigmators, *([] if self.left.stigmator is None else [self.left.stigmator]))
        if now.stigmator is None or any(_same(now.stigmator, own) for own in ours):
            return self.left
        return replace(self.left, stigmator=now.stigmator)


def _same(one: Vector, other: Vector) -> bool:
    return math.dist(one, other) <= STIGMATOR.tolerance.largest


def read(path: Path) -> Noted:
    """What the lines say. A last line without its end, or damaged, is cut off. Raises InputError."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)
    bodies = []
    lines = content[:whole].splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        try:
            bodies.append(json.loads(line))
        except ValueError as error:
            if number == len(lines):  # nobody was told that it was written
                os.truncate(path, whole - len(line))
                break
            raise InputError(f"{path} is damaged in line {number}. Begin a new session in another folder.") from error
    if not bodies:
        raise InputError(f"{path} is empty: its session ended before it began. Begin a new one in another folder.")
    try:
        head = bodies[0]
        noted = Noted(Application.model_validate(head["application"]), About(**head["about"]))
        for body in bodies[1:]:
            understood(noted, body)
    except (KeyError, TypeError, ValueError, ValidationError) as error:
        raise InputError(
            f"{path} says what this version does not understand. Resume it with the version that began it."
        ) from error
    return noted


def understood(noted: Noted, body: Mapping[str, Any]) -> None:
    """Take one note in. Raises KeyError for one that is not known."""
    if "key" in body:
        _of_unit(noted, body["note"], body["key"], body)
    else:
        _of_session(noted, body["note"], body)


def _of_session(noted: Noted, note: str, body: Mapping[str, Any]) -> None:
    match note:
        case "run":
            noted.runs += 1
            noted.restored = False
            noted.last_s = noted.run_s = body["time_s"]
            noted.forgotten = noted.runs if body["forgotten"] else noted.forgotten
        case "lens":
            noted.lens = LensAt(body["preset"], body["lens_m"])
        case "found":
            noted.first = noted.left = LEFT.validate_python(body["state"])
        case "left":
            noted.left = LEFT.validate_python(body["state"])
        case "confirmed":
            noted.confirmed = frozenset(CorrectionType(name) for name in body["channels"])
        case "stigmator":
            noted.stigmators = (*noted.stigmators[-1:], tuple(body["value"]))
        case "restored":
            noted.restored = True
        case "done":
            outcome = OUTCOME.validate_python(body["outcome"])
            noted.outcomes[outcome.key] = outcome
            noted.last_s = max(noted.last_s, outcome.ended_s)
            noted.run_of[outcome.key] = noted.runs
        case _:
            raise KeyError(note)


def _of_unit(noted: Noted, note: str, key: str, body: Mapping[str, Any]) -> None:
    match note:
        case "spent":
            noted.spent[key] = noted.spent.get(key, 0.0) + body["dose_e_per_m2"]
            noted.frames[key] = noted.frames.get(key, 0) + 1
            beside = (key, body["side"])
            noted.beside[beside] = noted.beside.get(beside, 0.0) + body["dose_e_per_m2"]
        case "broke":
            noted.broke[key] = noted.broke.get(key, 0) + 1
        case "exposing":
            noted.exposing[key] = EXPOSURE.validate_python(body["exposure"])
        case "tilt":
            noted.tilts.setdefault(key, []).append(body["tilt"])
        case _:
            raise KeyError(note)
