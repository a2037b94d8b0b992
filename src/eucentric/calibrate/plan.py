"""What there is to calibrate, in which order, and what each calibration stands on. Pure.

On a new instrument nothing is known, and the specimen may be anywhere. So: a rough tilt response at the low
magnification, where the shift is in the view from far away; by it the stage comes near; then the focus preset.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from eucentric.calibration.commands import command_for


@dataclass(frozen=True, slots=True)
class Task:
    """One calibration to be done: the kind of quantity, at a preset.

    `needs` are the tasks' keys that must be known before. `near` says that the specimen must be near focus. A `rough`
    one is measured wherever the specimen is, to come near by. `seconds` is about how long it takes, for time left.
    """

    kind: str
    preset: str
    needs: tuple[tuple[str, str], ...] = ()
    near: bool = True
    rough: bool = False
    reference: str | None = None
    seconds: float = 60.0

    @property
    def key(self) -> tuple[str, str]:
        """(kind, preset)."""
        return (self.kind, self.preset)

    @property
    def command(self) -> str:
        """The command that does it alone."""
        return command_for(self.kind, self.preset)

    def __str__(self) -> str:
        return f"{self.kind} ({self.preset}{', rough' if self.rough else ''})"


TILT, AXIS, STIGMATOR, HEIGHT, ALPHA = "tilt response", "coma-free axis", "stigmator response", "stage Z", "stage alpha"

ESSENTIAL = frozenset({TILT, AXIS, STIGMATOR, HEIGHT})
"""What focusing by beam tilt, with correction by lens, stage and stigmators, can't do without."""


@dataclass(frozen=True, slots=True)
class Presets:
    """Which presets are calibrated: `focus` is that of fine focusing, `hole` that of coming near, others besides."""

    focus: str = "fa"
    hole: str = "hl"
    others: tuple[str, ...] = ()


def rough_task(presets: Presets) -> Task:
    """The first of all: the tilt response by which the stage comes near."""
    return Task(TILT, presets.hole, near=False, rough=True, seconds=30)


def tasks(presets: Presets) -> tuple[Task, ...]:
    """All calibrations, in the order in which each finds known what it needs."""
    focus, hole = presets.focus, presets.hole
    tilted, axis, alpha = (TILT, focus), (AXIS, focus), (ALPHA, hole)
    fine = (
        Task(TILT, focus, (), seconds=60),
        Task(AXIS, focus, (tilted,), seconds=60),
        Task(STIGMATOR, focus, (tilted, axis), seconds=60),
        Task(HEIGHT, focus, (tilted,), seconds=90),
        Task(TILT, hole, (), seconds=60),
        Task("parfocality", hole, (tilted, (TILT, hole)), reference=focus, seconds=60),
        Task(ALPHA, hole, ((TILT, hole),), seconds=120),
        Task("eucentric focus", focus, (tilted, alpha), seconds=60),
    )
    alignment = (
        Task("rotation centre", focus, (tilted,), seconds=40),
        Task("pivot point", focus, (tilted,), seconds=40),
        Task("lens hysteresis", focus, (tilted, axis), seconds=60),
        Task("stage backlash", focus, (tilted, axis, (HEIGHT, focus)), seconds=120),
        Task("tilt settling", focus, (tilted,), seconds=40),
    )
    further = tuple(
        task
        for name in presets.others
        for task in (Task(TILT, name), Task("parfocality", name, (tilted, (TILT, name)), reference=focus))
    )
    return fine + further + alignment


def blocked_by(task: Task, known: Collection[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """What the task needs and nobody knows."""
    return tuple(key for key in task.needs if key not in known)


def find(kind: str, preset: str, among: Iterable[Task]) -> Task:
    """The task of that kind and preset; where no order names it, one that needs the preset's tilt response."""
    for task in among:
        if task.key == (kind, preset):
            return task
    return Task(kind, preset, needs=() if kind == TILT else ((TILT, preset),))
