"""Events as the values of rows. Pure."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from typing import Any

from eucentric.calibration.instrument import Calibration
from eucentric.correlation.shift import Shift
from eucentric.focus import events
from eucentric.focus.outcome import RunResult, Status, StepResult
from eucentric.focus.result import DefocusResult
from eucentric.focus.settings import FocusSettings
from eucentric.focus.verdict import Verdict
from eucentric.images.frame import Frame
from eucentric.records.plain import exact
from eucentric.records.record import Values


def run_values(event: events.RunStarted, instrument: str | None) -> Values:
    """A run as it begins."""
    settings = event.settings or FocusSettings(sequence=event.sequence)
    return {
        "instrument": instrument or event.instrument,
        "sequence": event.sequence.name,
        "accuracy_m": event.sequence.accuracy_m,
        "measure_only": event.measure_only,
        "settings": exact(settings),
        "targets": {"targets": exact(event.targets)},
        "begun_s": event.time_s,
        "found_as": exact(event.found),
    }


def ended_values(event: events.RunEnded) -> Values:
    """How a run ended."""
    result = event.result
    left, refusal = result.residual, result.refusal
    return {
        "ended_s": event.time_s,
        "status": _status(result),
        "focused": result.focused,
        "statement": result.statement,
        "reason": None if refusal is None else refusal.reason.name,
        "residual_m": None if left is None else _number(left.c1_m),
        "residual_sigma_m": None if left is None else _number(left.sigma_m),
        "residual_total_sigma_m": None if left is None else _number(left.total_sigma_m),
        "stated_error_m": _number(result.stated_error_m),
        "dose_e_per_m2": _number(result.dose_e_per_m2),
    }


def failed_values(event: events.Failed) -> Values:
    """How a run broke off."""
    said = " ".join((event.error, *event.not_restored))
    status = "aborted" if event.stopped else "failed"
    return {
        "ended_s": event.time_s,
        "status": status,
        "focused": False,
        "statement": said,
        "dose_e_per_m2": _number(event.dose_e_per_m2),
    }


def _status(result: RunResult) -> str:
    if result.refusal is not None:
        return "refused"
    if not any(step.rounds for step in result.steps):
        by_hand = any(step.status is Status.BY_HAND for step in result.steps)
        return "by hand" if by_hand else "nothing measured"
    if result.measure_only:
        return "measured"
    return "focused" if result.focused else "not focused"


def step_values(time_s: float, number: int, range_m: float | None, result: StepResult, whole: Any) -> Values:
    """How a step ended; `whole` is its result as JSON."""
    return {
        "number": number,
        "name": result.step.name,
        "preset": result.step.preset,
        "method": result.step.focus_method.value,
        "status": result.status.value,
        "refusal": None if result.refusal is None else str(result.refusal),
        "skipped": result.skipped,
        "dose_e_per_m2": result.dose_e_per_m2,
        "corrected_m": result.corrected_m,
        "range_m": _number(range_m),
        "ended_s": time_s,
        "result": whole,
    }


def image_values(frame: Frame) -> Values:
    """An image beside its place."""
    tilt = frame.state.tilt_rad
    return {
        "time_s": frame.time_s,
        "tilt_y_rad": None if tilt is None else tilt[0],
        "tilt_x_rad": None if tilt is None else tilt[1],
        "dose_e_per_m2": frame.dose_e_per_m2,
        "frame": exact(frame),
    }


def taking_values(frames: Sequence[events.FrameTaken]) -> Values:
    """How the images of a measurement were taken: the state of the first, the electrons and the time of all."""
    first, last = frames[0].frame, frames[-1].frame
    state, tilt = first.state, first.state.tilt_rad
    doses = [one.frame.dose_e_per_m2 for one in frames]
    y, x = state.stigmator or (None, None)
    return {
        "number": frames[0].measurement,
        "step": frames[0].step,
        "target": frames[0].target,
        "time_s": first.time_s,
        "preset": state.preset or "",
        "magnification": state.magnification,
        "voltage_v": state.voltage_v,
        "tilt_rad": None if tilt is None else math.hypot(*tilt),
        "pixel_m": first.pixel_m,
        "lens_defocus_m": state.defocus_m,
        "stage_x_m": state.stage_x_m,
        "stage_y_m": state.stage_y_m,
        "stage_z_m": state.stage_z_m,
        "stage_alpha_rad": state.stage_alpha_rad,
        "stigmator_y": y,
        "stigmator_x": x,
        "dose_e_per_m2": None if None in doses else sum(d for d in doses if d is not None),
        "exposing_s": last.time_s - first.time_s,
    }


_OF_THE_FIT = (
    *("c1_m", "sigma_m", "total_sigma_m", "a1_a_m", "a1_b_m", "a1_a_sigma_m", "a1_b_sigma_m"),
    *("drift_y_m_per_s", "drift_x_m_per_s", "chi2", "misfit_px2"),
)


def result_values(result: DefocusResult) -> Values:
    """What a measurement found."""
    measured, shift, verdict = result.measurement, result.shift, result.verdict
    (a, b), (sa, sb), (vy, vx) = measured.a1_m, measured.a1_sigma_m, measured.drift_m_per_s
    numbers: dict[str, float | None] = {
        **{"c1_m": measured.c1_m, "sigma_m": measured.sigma_m, "total_sigma_m": measured.total_sigma_m},
        **{"a1_a_m": a, "a1_b_m": b, "a1_a_sigma_m": sa, "a1_b_sigma_m": sb},
        **{"drift_y_m_per_s": vy, "drift_x_m_per_s": vx, "chi2": measured.chi2, "offset_m": result.offset_m},
        **{"misfit_px2": result.misfit_px2, "overlap": shift.overlap, "computing_s": result.seconds},
        "false_lock": max(s.false_lock_probability for s in result.shifts),
    }
    if result.nothing_found:  # then its numbers measure nothing: the result has them
        numbers |= dict.fromkeys(_OF_THE_FIT)
    return {
        **{name: _number(value) for name, value in numbers.items()},
        "dof": measured.dof,
        "method": shift.method.value,
        "accepted": verdict.accepted,
        "reason": None if verdict.reason is None else verdict.reason.name,
        "sentence": verdict.sentence,
        "result": exact(result),
    }


def shift_values(number: int, link: tuple[int, int], shift: Shift) -> Values:
    """One shift of a measurement."""
    covariance, rival = shift.covariance_px2, shift.runner_up
    yy, yx, xx = (None, None, None) if covariance is None else covariance.ravel()[[0, 1, 3]].tolist()
    return {
        "number": number,
        "first": link[0],
        "second": link[1],
        "y_px": shift.shift_px[0],
        "x_px": shift.shift_px[1],
        "yy_px2": _number(yy),
        "yx_px2": _number(yx),
        "xx_px2": _number(xx),
        "method": shift.method.value,
        "overlap": shift.overlap,
        "false_lock": shift.false_lock_probability,
        "fixed_pattern": shift.fixed_pattern.value,
        "contrast_sign": shift.contrast_sign,
        "runner_up_y_px": None if rival is None else rival.shift_px[0],
        "runner_up_x_px": None if rival is None else rival.shift_px[1],
        "odds": None if rival is None else _number(rival.odds),
        "seconds": shift.seconds,
    }


def finding_values(verdict: Verdict) -> tuple[Values, ...]:
    """The reasons against a measurement."""
    return tuple(
        {"number": n, "reason": f.reason.name, "found": f.found, "allowed": f.allowed, "advice": f.advice}
        for n, f in enumerate(verdict.findings)
    )


def calibration_values(preset: str, calibration: Calibration) -> Values:
    """What was believed at a preset; the same gives the same digest."""
    body = exact(calibration)
    told = json.dumps([preset, body], sort_keys=True)
    return {
        "digest": hashlib.sha256(told.encode()).hexdigest(),
        "instrument": calibration.instrument,
        "preset": preset,
        "body": body,
    }


def moved_values(event: events.Corrected) -> Values:
    """A correction, with the read-back of the channel."""
    made = event.correction
    return {
        "correction": made.channel.value,
        "change_c1_m": made.change_c1_m,
        "moved_m": made.move_m,
        "moved_to_m": made.target_m,
        "arrived_m": event.arrived_m,
        "probe": made.probe,
        "taken_back": False,
    }


def _number(value: float | None) -> float | None:
    """A number for a column: what is not finite is not known (the JSON of the result tells it apart)."""
    return float(value) if value is not None and math.isfinite(value) else None
