"""C1 from the image's motion when the stage tilts: the height above the eucentric plane."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from eucentric.calibration.quantities import AlphaResponse
from eucentric.correlation.register import register
from eucentric.correlation.shift import Shift
from eucentric.errors import CalibrationError, LimitError
from eucentric.focus.acquisition import Taking, defocused, put_back
from eucentric.focus.again import Look
from eucentric.focus.events import Assumed, FrameTaken, ShiftFound
from eucentric.focus.hands import eucentric_defocus_m
from eucentric.focus.pixels import inspect
from eucentric.focus.predict import capture_range_m
from eucentric.focus.result import DefocusResult
from eucentric.focus.settings import FocusStep
from eucentric.focus.solve import Exposures
from eucentric.focus.stage_shift import RUNOUT_M_PER_RAD, Halves, Known, equivalent_tilts, height_of, measured
from eucentric.focus.targets import FocusTarget
from eucentric.focus.verdict import Evidence, Finding, Reason, Verdict, judge
from eucentric.focus.work import Work
from eucentric.images.frame import Frame
from eucentric.microscope.guarded import Guarded
from eucentric.units import show_length

Array = NDArray[np.float64]

APPROACH_RAD = math.radians(0.5)
"""Every stage tilt is approached from below, from this far: play of up to half a degree is then the same in all."""
FOCUS_UNKNOWN_M = 5e-6
"""1σ of where the lens' zero focuses the eucentric plane, where nobody calibrated eucentric focus."""
_PLAIN_SIGMA_PX = 0.5  # 1σ taken for correlators that state no error


class StageTilt:
    """Images at α₀ − t, α₀ and α₀ + t; the stage's tilt is put back whatever happens."""

    def __init__(self, work: Work, step: FocusStep) -> None:
        self._work = work
        self._step = step

    @property
    def range_m(self) -> float:
        """The step's own limit, else what keeps enough of neighbouring images in common."""
        if self._step.delta_max_m is not None:
            return self._step.delta_max_m
        preset, g = self._work.scope.preset(), self._response().px_per_m
        across = math.sin(self._step.tilt_rad) * math.hypot(*g) * preset.pixel_m
        return capture_range_m(preset.size, preset.pixel_m, across / 2, direction_rad=math.atan2(g[0], g[1]))

    @property
    def images(self) -> int:
        """At three stage tilts."""
        return 3

    def measure(self, target: FocusTarget, look: Look) -> DefocusResult:
        """Swing the stage, compare the outer images with the middle one, judge."""
        work, step = self._work, self._step
        known = self._known()
        number = work.next_measurement()
        work.expose(target.name)
        frames, alphas = self._take(step.tilt_rad * look.tilt_fraction, look.offset_m)
        work.spend(target.name, *frames)
        for index, frame in enumerate(frames):
            work.tell(FrameTaken(frame.time_s, step.name, number, index, frame, target.name))
        work.tell(Assumed(work.now_s(), step.name, number, step.preset, work.calibration(step.preset)))
        steps = (alphas[0] - alphas[1], alphas[2] - alphas[1])
        shifts = tuple(self._register(frames[1], frames[i]) for i in (0, 2))
        for link, shift in zip(((1, 0), (1, 2)), shifts, strict=True):
            work.tell(ShiftFound(work.now_s(), step.name, number, link, shift))
        return self._result(frames, shifts, steps, known)

    def _result(
        self, frames: tuple[Frame, ...], shifts: tuple[Shift, ...], steps: tuple[float, float], known: Known
    ) -> DefocusResult:
        pixel_m = self._work.scope.preset().pixel_m
        times = (frames[0].time_s, frames[1].time_s, frames[2].time_s)
        halves = Halves(
            minus_px=np.array(shifts[0].shift_px),
            plus_px=np.array(shifts[1].shift_px),
            minus_px2=_covariance(shifts[0]),
            plus_px2=_covariance(shifts[1]),
            steps_rad=steps,
            times_s=times,
            pixel_m=pixel_m,
        )
        answer = measured(halves, known)
        rivals = tuple(_rival(s, step, known) for s, step in zip(shifts, steps, strict=True))
        pixels = tuple(inspect(f) for f in frames)
        verdict = judge(Evidence(answer, shifts, rivals, pixels, self.range_m), self._step.thresholds)
        verdict = Verdict(tuple(_in_words(f, halves, known) for f in verdict.findings))
        # Of the halves the figure and the records show the first: middle and first image, in this order.
        tilts = equivalent_tilts((0.0, steps[0], steps[1]), known, pixel_m)
        return DefocusResult(answer, verdict, shifts, rivals, Exposures(tilts, (times[1], times[0], times[2])), pixel_m)

    def _response(self) -> AlphaResponse:
        response = self._work.calibration(self._step.preset).alpha
        if response is None:
            raise CalibrationError(
                f"Step '{self._step.name}' tilts the stage, and how the image then moves at preset "
                f"'{self._step.preset}' is not calibrated. Run `eucentric calibrate alpha`, or use Beam Tilt."
            )
        return response

    def _known(self) -> Known:
        work, response = self._work, self._response()
        calibration = work.calibration(self._step.preset)
        sure = calibration.uncertainty
        unknown = calibration.eucentric_focus_sigma_m
        if unknown is None:  # nor is it known better than where that plane is
            unknown = math.hypot(response.eucentric_z_sigma_m, FOCUS_UNKNOWN_M)
        lens = work.scope.defocus_m() - eucentric_defocus_m(work, self._step.preset)[0]
        return Known(
            px_per_m=response.px_per_m,
            relative_sigma=response.px_per_m_sigma / math.hypot(*response.px_per_m),
            c1_per_height=calibration.height_per_z,
            drift_m_per_s=sure.drift_m_per_s,
            eucentric_sigma_m=math.hypot(RUNOUT_M_PER_RAD, unknown),
            lens_m=lens,
            lens_sigma=math.hypot(sure.focus_scale, sure.focus_hysteresis),
            a1_sigma_m=sure.a1_m,
        )

    def _take(self, tilt_rad: float, offset_m: float) -> tuple[tuple[Frame, ...], tuple[float, ...]]:
        """The three images, and the stage's tilt at each by read-back."""
        scope, work = self._work.scope, self._work
        middle = scope.stage().alpha_rad
        goals = [middle - tilt_rad, middle, middle + tilt_rad]
        _check_limits(scope, goals)
        frames, alphas = [], []
        taking = Taking(offset_m, approach_m=work.settings.focus_approach_m)
        work.drifting = True
        with defocused(scope, taking), _tilt_put_back(scope, middle):
            scope.move_stage(alpha_rad=goals[0] - APPROACH_RAD)
            for goal in goals:
                scope.move_stage(alpha_rad=goal)
                scope.wait(self._step.settle_s)
                alphas.append(scope.stage().alpha_rad)
                frames.append(scope.acquire())
        told = (replace(f, state=replace(f.state, stage_alpha_rad=a)) for f, a in zip(frames, alphas, strict=True))
        return tuple(told), tuple(alphas)

    def _register(self, middle: Frame, other: Frame) -> Shift:
        return register(middle.pixels, other.pixels, method=self._step.correlation_type, workers=self._work.workers)


@contextmanager
def _tilt_put_back(scope: Guarded, alpha_rad: float) -> Iterator[None]:
    def back() -> None:
        scope.move_stage(alpha_rad=alpha_rad - APPROACH_RAD)
        scope.move_stage(alpha_rad=alpha_rad)

    with put_back(back):
        yield


def _check_limits(scope: Guarded, goals: list[float]) -> None:
    limit = scope.limits.stage_alpha_max_rad
    lowest, highest = goals[0] - APPROACH_RAD, goals[-1]
    if max(abs(lowest), abs(highest)) > limit:
        raise LimitError(
            f"The stage would be tilted from {math.degrees(lowest):.1f}° to {math.degrees(highest):.1f}°; the limit is "
            f"±{math.degrees(limit):.1f}°. Nothing was moved. Use a smaller stage tilt, or start nearer to 0°."
        )


def _covariance(shift: Shift) -> Array:
    known = shift.covariance_px2
    return np.eye(2) * _PLAIN_SIGMA_PX**2 if known is None else np.asarray(known, np.float64)


def _rival(shift: Shift, step_rad: float, known: Known) -> float | None:
    """C1 that a half's runner-up would mean."""
    if shift.runner_up is None:
        return None
    return known.c1_per_height * height_of(np.array(shift.runner_up.shift_px), step_rad, known) + known.lens_m


def _in_words(finding: Finding, halves: Halves, known: Known) -> Finding:
    """What was found, in the words of a stage tilt: χ² says what it was made of, and no beam is tilted."""
    if finding.reason is Reason.AMBIGUOUS:
        return replace(finding, advice="The specimen repeats itself: use a smaller stage tilt, or a wider view.")
    if finding.reason is not Reason.CHI_SQUARE:
        return finding
    first = height_of(halves.minus_px, halves.steps_rad[0], known)
    last = height_of(halves.plus_px, halves.steps_rad[1], known)
    return Finding(
        Reason.HALVES_DISAGREE,
        f"The two halves of the stage tilt find heights of {show_length(first)} and {show_length(last)} "
        f"({finding.found.partition(': ')[2]})",
        finding.allowed,
        "Wait for the stage to settle and drift to end, use a larger stage tilt, or look for a loose holder.",
    )
