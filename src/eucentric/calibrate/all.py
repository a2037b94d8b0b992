"""Calibrating: one quantity, or all that are missing or old, in the right order.

Each calibration is kept as soon as it is measured, so a run that is killed goes on where it was. One that fails stops
only what needs it. Everything that was moved is put back at the end, the stage's height too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from eucentric import __version__
from eucentric.calibrate.near import come_near
from eucentric.calibrate.outcome import Evidence, Outcome
from eucentric.calibrate.plan import AXIS, TILT, Presets, Task, blocked_by, find, rough_task, tasks
from eucentric.calibrate.procedures import Bench, run
from eucentric.calibrate.shots import untouched
from eucentric.calibration.age import Ages, is_old
from eucentric.calibration.believed import book_from_store
from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.quantities import AnyQuantity, ComaFreeAxis
from eucentric.calibration.record import Level, Record, optics_of
from eucentric.calibration.store import CalibrationStore, missing
from eucentric.errors import Aborted, CalibrationError, EucentricError
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.protocol import Microscope
from eucentric.optics.column import Column

AXIS_MOVED_RAD = 2e-3
"""A coma-free axis this far from where the tilt response was measured about has it measured again: the two images of a
pair differ there in focus by 4·C3·β·β₀, 0.2 µm at 10 mrad and Cs 2.7 mm."""


class State(StrEnum):
    """How one of the tasks ended."""

    DONE = "done"
    KNOWN = "known"  # measured before, and not old
    FAILED = "failed"
    BLOCKED = "blocked"  # something that it needs is not known
    UNTOLD = "untold"  # can't be told here, and does no harm


@dataclass(frozen=True, slots=True)
class Did:
    """One task, how it ended, what was kept, and why not where it failed."""

    task: Task
    state: State
    record: Record | None = None
    why: str = ""

    def plain(self) -> dict[str, Any]:
        """As plain values, ready for JSON."""
        return {
            "kind": self.task.kind,
            "preset": self.task.preset,
            "state": str(self.state),
            "why": self.why or None,
            "record": None if self.record is None else self.record.model_dump(mode="json"),
        }


@dataclass(frozen=True, slots=True)
class Moment:
    """What a run is doing: the task `number` of `of`, what in it, and the fraction of all that is done."""

    number: int
    of: int
    task: Task
    what: str
    fraction: float


Draw = Callable[[Record, tuple[Evidence, ...], Path], object]
"""Draws the figure of a calibration to a file."""


def _quiet(_moment: Moment | Did) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What calibrating works with. `columns` by preset name: what the data sheet tells of the optics.

    `draw` makes figures; `now` is the wall clock in UTC.
    """

    microscope: Microscope
    store: CalibrationStore
    columns: Mapping[str, Column]
    instrument: str
    presets: Presets = field(default_factory=Presets)
    ages: Ages = field(default_factory=Ages)
    z_along_normal: bool = False
    draw: Draw | None = None
    tell: Callable[[Moment | Did], None] = _quiet
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class _UntoldError(CalibrationError):
    """Nothing to keep, and nothing wrong."""


class Calibrator:
    """Measures calibrations on one instrument and keeps them."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        scope = setup.microscope
        self._scope = scope if isinstance(scope, Guarded) else Guarded(scope)
        self._order = tasks(setup.presets)
        self._states = {p.name: optics_of(setup.microscope, p.name) for p in setup.microscope.presets()}
        self._is_near = False
        self._not_near: list[str] = []
        self._fresh: dict[str, AnyQuantity] = {}
        self._at = (0, 1)  # the task that runs, of how many
        self._weights = (0.0, 1.0, 0.0)  # of what is done, of all, of the task that runs

    def believed(self) -> CalibrationBook:
        """What is believed so far, of every preset: an untouched calibration where no tilt response is known."""
        s = self._setup
        book = book_from_store(
            s.store, s.instrument, self._states.values(), s.columns, z_along_normal=s.z_along_normal, rough=True
        )
        blank = {name: untouched(s.instrument, column) for name, column in s.columns.items()}
        return CalibrationBook(s.instrument, {**blank, **book.presets})

    def known(self, task: Task) -> Record | None:
        """The record that makes a task needless: measured in this state, not too old."""
        s = self._setup
        found = s.store.newest(task.kind, s.instrument, self._states[task.preset], rough=task.rough)
        if found is None or found.transferred or is_old(found, s.now(), s.ages):
            return None
        return found

    def one(self, kind: str, preset: str) -> Record:
        """Measure one quantity now, and keep it.

        Raises CalibrationError when something that it needs is missing (naming the command) or it could not be
        measured, InputError for an unknown preset.
        """
        self._states.setdefault(preset, optics_of(self._setup.microscope, preset))
        task = find(kind, preset, self._order)
        wanted = blocked_by(task, self._keys())
        if wanted:
            raise CalibrationError(missing(wanted[0][0], self._setup.instrument, self._states[wanted[0][1]]))
        self._weights = (0.0, task.seconds, task.seconds)
        with self._scope.preserved():
            return self._measure(task)

    def all(self, *, anew: bool = False, only: Collection[str] | None = None) -> tuple[Did, ...]:
        """Measure what is missing or old (`anew`: everything), in the right order; how each ended.

        `only` names the kinds to do (None: all); `plan.ESSENTIAL` are those that focusing can't do without.
        Raises InstrumentError only where the instrument can't be restored, Aborted when the operator ends it.
        """
        did: list[Did] = []
        order = [task for task in self._order if only is None or task.kind in only]
        total = sum(t.seconds for t in order)
        with self._scope.preserved():
            for number, task in enumerate(order):
                self._at = (number, len(order))
                self._weights = (sum(t.seconds for t in order[:number]), total, task.seconds)
                did.append(self._try(task, anew))
                self._setup.tell(did[-1])
        return tuple(did)

    def _try(self, task: Task, anew: bool) -> Did:
        known = None if anew else self.known(task)
        if known is not None:
            return Did(task, State.KNOWN, known)
        wanted = blocked_by(task, self._keys())
        if wanted:
            why = ", ".join(f"{kind} ({preset})" for kind, preset in wanted)
            return Did(task, State.BLOCKED, why=f"It needs {why}, which is not known.")
        try:
            record = self._measure(task)
            if task.kind == AXIS:
                self._again_about(record)
        except Aborted:
            raise  # the operator ends it all
        except _UntoldError as error:
            return Did(task, State.UNTOLD, why=str(error))
        except Exception as error:  # one that is no error of ours is a bug, and must not cost the others
            self._is_near = False
            said = str(error) if isinstance(error, EucentricError) else f"{type(error).__name__}: {error}"
            return Did(task, State.FAILED, why=said)
        return Did(task, State.DONE, record)

    def _keys(self) -> set[tuple[str, str]]:
        s = self._setup
        kinds = {t.kind for t in self._order}
        newest = {(k, p): s.store.newest(k, s.instrument, state) for k in kinds for p, state in self._states.items()}
        return {key for key, record in newest.items() if record is not None}

    def _again_about(self, axis: Record) -> None:
        """The tilt response once more where the axis lies elsewhere than it was measured about."""
        assert isinstance(axis.quantity, ComaFreeAxis)
        if abs(complex(*axis.quantity.tilt_rad)) > AXIS_MOVED_RAD:
            self._measure(find(TILT, axis.optics.preset, self._order))

    def _measure(self, task: Task) -> Record:
        """Come near, measure, keep. Raises CalibrationError where the images do not tell it."""
        scope = self._scope
        if task.near and not self._is_near:
            self._come_near()
        with scope.preserved():
            scope.set_preset(task.preset)
            bench = Bench(scope, self.believed(), self._setup.presets, self._states, self._told(task), self._fresh)
            outcome = run(task, bench)
        self._is_near = self._is_near and task.kind not in _MOVES_STAGE
        return self._keep(task, outcome)

    def _come_near(self) -> None:
        """Bring the specimen to where the lens' defocus zero is in focus; stays so for all that follows.

        Where that failed before it is not tried for each task again.
        """
        if len(self._not_near) >= _NEAR_TRIES:
            raise CalibrationError(self._not_near[-1])
        try:
            self._nearer()
        except CalibrationError as error:
            self._not_near.append(str(error))
            raise

    def _nearer(self) -> None:
        rough = rough_task(self._setup.presets)
        if self._setup.store.newest(rough.kind, self._setup.instrument, self._states[rough.preset], rough=True) is None:
            self._measure(rough)
        self._told(rough)("coming near to focus", 0.0)
        come_near(self._scope, self.believed(), self._setup.presets)
        self._is_near = True

    def _keep(self, task: Task, outcome: Outcome) -> Record:
        s = self._setup
        if outcome.quantity is None:
            raise (CalibrationError if outcome.good is Level.RED else _UntoldError)(outcome.sentence)
        self._fresh[task.kind] = outcome.quantity
        record = Record(
            quantity=outcome.quantity,
            instrument=s.instrument,
            taken=s.now(),
            optics=self._states[task.preset],
            level=outcome.good,
            sentence=outcome.sentence,
            dose_e_per_m2=outcome.dose_per_m2,
            software=__version__,
            rough=task.rough,
        )
        if s.draw is None or not outcome.evidence:
            return s.store.keep(record)
        draw = s.draw
        return s.store.keep(record, lambda path: draw(record, outcome.evidence, path))

    def _told(self, task: Task) -> Callable[[str, float], None]:
        number, of = self._at
        before, total, own = self._weights

        def tell(what: str, fraction: float) -> None:
            part = min(max(fraction, 0.0), 1.0) * own
            self._setup.tell(Moment(number + 1, of, task, what, (before + part) / max(total, 1e-9)))

        return tell


_NEAR_TRIES = 2
_MOVES_STAGE = {"stage Z", "stage alpha", "stage backlash"}
"""After these the height is looked at again: backlash and play."""
