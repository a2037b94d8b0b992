"""Which procedure measures which kind of quantity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

from eucentric.calibrate.eucentric_focus import EucentricFocusPlan, measure_eucentric_focus
from eucentric.calibrate.outcome import Outcome, Progress
from eucentric.calibrate.plan import Presets, Task
from eucentric.calibrate.tilt_response import measure_tilt_response
from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.quantities import AlphaResponse, AnyQuantity
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
    fresh: Mapping[str, AnyQuantity] = field(default_factory=dict)
    """By kind, what was measured before in this run, on this specimen at this place."""


def run(task: Task, bench: Bench) -> Outcome:
    """Do a task. Raises NotMeasuredError where the images do not tell it, InstrumentError."""
    return _PROCEDURES[task.kind](task, bench)


def _tilt_response(task: Task, bench: Bench) -> Outcome:
    return measure_tilt_response(bench.microscope, bench.book.of(task.preset), progress=bench.progress)


def _with_calibration(module: str, function: str) -> Callable[[Task, Bench], Outcome]:
    def measured(task: Task, bench: Bench) -> Outcome:
        outcome: Outcome = _of(module, function)(bench.microscope, bench.book.of(task.preset), progress=bench.progress)
        return outcome

    return measured


def _with_book(module: str, function: str, plan: str) -> Callable[[Task, Bench], Outcome]:
    def measured(task: Task, bench: Bench) -> Outcome:
        options: dict[str, Any] = {"preset": task.preset}
        if task.reference is not None:
            options["reference"] = task.reference
        made = _of(module, plan)(**options)
        outcome: Outcome = _of(module, function)(bench.microscope, bench.book, made, progress=bench.progress)
        return outcome

    return measured


def _eucentric_focus(task: Task, bench: Bench) -> Outcome:
    """At the eucentric Z of this specimen where it was just measured; an older one was another specimen's."""
    alpha = bench.fresh.get("stage alpha")
    plan = EucentricFocusPlan(preset=task.preset)
    if isinstance(alpha, AlphaResponse):
        plan = replace(plan, eucentric_z_m=alpha.eucentric_z_m, eucentric_z_sigma_m=alpha.eucentric_z_sigma_m)
    return measure_eucentric_focus(bench.microscope, bench.book, plan, progress=bench.progress)


def _of(module: str, name: str) -> Any:
    try:
        return getattr(import_module(f"eucentric.calibrate.{module}"), name)
    except (ImportError, AttributeError) as error:
        raise CalibrationError(f"There is no procedure {module}.{name} yet.") from error


_PROCEDURES: dict[str, Callable[[Task, Bench], Outcome]] = {
    "tilt response": _tilt_response,
    "coma-free axis": _with_calibration("coma_free", "measure_coma_free"),
    "stigmator response": _with_calibration("stigmator", "measure_stigmator"),
    "rotation centre": _with_calibration("rotation_centre", "measure_rotation_centre"),
    "pivot point": _with_calibration("pivot", "measure_pivot"),
    "tilt settling": _with_calibration("settling", "measure_settling"),
    "stage Z": _with_book("height", "measure_height", "HeightPlan"),
    "focus scale": _with_book("focus_scale", "measure_focus_scale", "FocusScalePlan"),
    "stage alpha": _with_book("alpha", "measure_alpha", "AlphaPlan"),
    "eucentric focus": _eucentric_focus,
    "parfocality": _with_book("parfocality", "measure_parfocality", "ParfocalityPlan"),
    "lens hysteresis": _with_book("hysteresis", "measure_hysteresis", "HysteresisPlan"),
    "stage backlash": _with_book("backlash", "measure_backlash", "BacklashPlan"),
}
