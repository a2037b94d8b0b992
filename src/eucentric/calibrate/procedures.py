"""Which procedure measures which kind of quantity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from eucentric.calibrate.alpha import AlphaPlan, measure_alpha
from eucentric.calibrate.backlash import BacklashPlan, measure_backlash
from eucentric.calibrate.coma_free import measure_coma_free
from eucentric.calibrate.eucentric_focus import EucentricFocusPlan, measure_eucentric_focus
from eucentric.calibrate.focus_scale import FocusScalePlan, measure_focus_scale
from eucentric.calibrate.height import HeightPlan, measure_height
from eucentric.calibrate.hysteresis import HysteresisPlan, measure_hysteresis
from eucentric.calibrate.outcome import Level, Outcome, Progress
from eucentric.calibrate.parfocality import ParfocalityPlan, measure_parfocality
from eucentric.calibrate.pivot import measure_pivot
from eucentric.calibrate.plan import Presets, Task
from eucentric.calibrate.rotation_centre import measure_rotation_centre
from eucentric.calibrate.rough import rough_response
from eucentric.calibrate.settling import measure_settling
from eucentric.calibrate.shots import Shots
from eucentric.calibrate.stigmator import measure_stigmator
from eucentric.calibrate.tilt_response import TiltResponsePlan, measure_tilt_response
from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.quantities import AlphaResponse, AnyQuantity, TiltResponse
from eucentric.calibration.record import OpticsState
from eucentric.microscope.guarded import Guarded

ROUGH_SIGMA = 0.05
"""1σ, relative and in radians, of a response seen at three defoci without a model, with the lens far from its usual
excitation (1 or 2 % per 100 µm)."""


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
    """Do a task at the present preset, the task's. Raises NotMeasuredError, CalibrationError, InstrumentError."""
    return _rough(bench, task) if task.rough else _PROCEDURES[task.kind](bench, task)


def _rough(bench: Bench, task: Task) -> Outcome:
    """A tilt response by which to come near, from wherever the specimen is."""
    shots = Shots(bench.microscope, bench.book.of(task.preset))
    tilt = TiltResponsePlan().rough_tilt_rad
    bench.progress("a first look at how tilts move the image", 0.0)
    with bench.microscope.preserved():
        start = bench.microscope.defocus_m()
        seen = rough_response(shots, tilt)
    quantity = TiltResponse(
        matrix_px_per_rad_m=seen.matrix_px_per_rad_m,
        scale_sigma=ROUGH_SIGMA,
        rotation_sigma_rad=ROUGH_SIGMA,
        tilt_rad=tilt,
        defoci_m=(start, seen.focus_m),
    )
    said = "Good enough to come near by, not to focus with."
    return Outcome(quantity, Level.AMBER, said, (), shots.dose_per_m2, shots.seconds)


def _eucentric_focus(bench: Bench, task: Task) -> Outcome:
    """At the eucentric Z of this specimen where it was just measured; an older one was another specimen's."""
    alpha = bench.fresh.get("stage alpha")
    plan = EucentricFocusPlan(preset=task.preset, coarse_preset=bench.presets.hole)
    if isinstance(alpha, AlphaResponse):
        plan = replace(plan, eucentric_z_m=alpha.eucentric_z_m, eucentric_z_sigma_m=alpha.eucentric_z_sigma_m)
    return measure_eucentric_focus(bench.microscope, bench.book, plan, progress=bench.progress)


def _parfocality(bench: Bench, task: Task) -> Outcome:
    plan = ParfocalityPlan(preset=task.preset, reference=task.reference or bench.presets.focus)
    return measure_parfocality(bench.microscope, bench.book, plan, progress=bench.progress)


def _tilt_response(b: Bench, task: Task) -> Outcome:
    return measure_tilt_response(b.microscope, b.book.of(task.preset), progress=b.progress)


def _axis(b: Bench, task: Task) -> Outcome:
    return measure_coma_free(b.microscope, b.book.of(task.preset), progress=b.progress)


def _stigmator(b: Bench, task: Task) -> Outcome:
    return measure_stigmator(b.microscope, b.book.of(task.preset), progress=b.progress)


def _rotation_centre(b: Bench, task: Task) -> Outcome:
    return measure_rotation_centre(b.microscope, b.book.of(task.preset), progress=b.progress)


def _pivot(b: Bench, task: Task) -> Outcome:
    return measure_pivot(b.microscope, b.book.of(task.preset), progress=b.progress)


def _settling(b: Bench, task: Task) -> Outcome:
    return measure_settling(b.microscope, b.book.of(task.preset), progress=b.progress)


def _height(b: Bench, task: Task) -> Outcome:
    plan = HeightPlan(preset=task.preset, coarse_preset=b.presets.hole)
    return measure_height(b.microscope, b.book, plan, progress=b.progress)


def _focus_scale(b: Bench, task: Task) -> Outcome:
    return measure_focus_scale(b.microscope, b.book, FocusScalePlan(preset=task.preset), progress=b.progress)


def _alpha(b: Bench, task: Task) -> Outcome:
    return measure_alpha(b.microscope, b.book, AlphaPlan(preset=task.preset), progress=b.progress)


def _hysteresis(b: Bench, task: Task) -> Outcome:
    return measure_hysteresis(b.microscope, b.book, HysteresisPlan(preset=task.preset), progress=b.progress)


def _backlash(b: Bench, task: Task) -> Outcome:
    return measure_backlash(b.microscope, b.book, BacklashPlan(preset=task.preset), progress=b.progress)


_PROCEDURES: dict[str, Callable[[Bench, Task], Outcome]] = {
    "tilt response": _tilt_response,
    "coma-free axis": _axis,
    "stigmator response": _stigmator,
    "rotation centre": _rotation_centre,
    "pivot point": _pivot,
    "tilt settling": _settling,
    "stage Z": _height,
    "focus scale": _focus_scale,
    "stage alpha": _alpha,
    "eucentric focus": _eucentric_focus,
    "parfocality": _parfocality,
    "lens hysteresis": _hysteresis,
    "stage backlash": _backlash,
}
