"""Which procedure measures which kind of quantity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from eucentric.calibrate.outcome import Outcome, Progress
from eucentric.calibrate.plan import Presets, Task
from eucentric.calibrate.tilt_response import measure_tilt_response
from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.record import OpticsState
from eucentric.errors import CalibrationError
from eucentric.microscope.guarded import Guarded


@dataclass(frozen=True, slots=True)
class Bench:
    """What a procedure works with: the microscope at the task's preset, and what is believed so far."""

    microscope: Guarded
    book: CalibrationBook
    presets: Presets
    states: Mapping[str, OpticsState]
    progress: Progress


def run(task: Task, bench: Bench) -> Outcome:
    """Do a task. Raises NotMeasuredError where the images do not tell it, InstrumentError."""
    procedure = _PROCEDURES.get(task.kind)
    if procedure is None:
        raise CalibrationError(f"Nothing measures the {task.kind} yet. Leave it out.")
    return procedure(task, bench)


def _tilt_response(task: Task, bench: Bench) -> Outcome:
    return measure_tilt_response(bench.microscope, bench.book.of(task.preset), progress=bench.progress)


_PROCEDURES: dict[str, Callable[[Task, Bench], Outcome]] = {
    "tilt response": _tilt_response,
}
