"""Waiting until the specimen is still: images one after another without a change of tilt, registered."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from eucentric.correlation.register import register
from eucentric.correlation.shift import FixedPattern, Shift
from eucentric.focus.acquisition import Taking, defocused
from eucentric.focus.events import DriftMeasured
from eucentric.focus.settings import FocusStep
from eucentric.focus.targets import FocusTarget
from eucentric.focus.verdict import Finding, Reason
from eucentric.focus.work import Work
from eucentric.images.frame import Frame

_ENOUGH_PX = 0.2  # a drift at the threshold is given time to move the image so far: some times what a shift is off by
_WAIT_S = (1.0, 10.0)  # … but not less and not more than this between two images
_PLAIN_SIGMA_PX = 0.5  # 1σ taken for correlators that state no error
_PATTERN_PX = 1.0  # a white pattern's peak is one pixel wide
_DUMB = 3  # so many pairs in a row that tell nothing: a longer wait won't make them


class Motion(StrEnum):
    """What a pair of images says about drift."""

    STILL = "still"  # slower than the threshold, its error included
    MOVING = "moving"  # faster, its error taken off
    UNSURE = "unsure"  # longer apart they will say
    UNKNOWN = "unknown"  # nothing in common


@dataclass(frozen=True, slots=True)
class Speed:
    """A drift in m/s with its 1σ; None where the images do not tell it."""

    motion: Motion
    speed_m_per_s: float | None = None
    sigma_m_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class Stillness:
    """How a wait ended: why the target must not be measured (None: it is still), and whether it moved at first."""

    refusal: Finding | None
    had_moved: bool


def speed_of(shift: Shift, interval_s: float, pixel_m: float, step: FocusStep) -> Speed:
    """The drift that moved the second image by `shift` in `interval_s`, against the step's threshold. Pure.

    A match at zero may be the camera's own pattern. Then nothing else was found anywhere: a specimen that shows
    enough to be measured would have been, had it moved away. So it moved by less than the pattern's peak is wide.
    """
    hidden = shift.fixed_pattern is FixedPattern.INDISTINGUISHABLE
    if not hidden and (shift.false_lock_probability > step.thresholds.false_lock_max or shift.contrast_sign < 0):
        return Speed(Motion.UNKNOWN)
    plain = (_PLAIN_SIGMA_PX, _PLAIN_SIGMA_PX)
    moved_px, sigma_px = (
        (0.0, _PATTERN_PX) if hidden else (math.hypot(*shift.shift_px), math.hypot(*(shift.sigma_px or plain)))
    )
    speed, sigma = (v * pixel_m / interval_s for v in (moved_px, sigma_px))
    threshold = step.drift_threshold_m_per_s
    if speed + sigma <= threshold:
        return Speed(Motion.STILL, speed, sigma)
    return Speed(Motion.MOVING if speed - sigma > threshold else Motion.UNSURE, speed, sigma)


def wait_until_still(work: Work, step: FocusStep, target: FocusTarget) -> Stillness:
    """Take images until two in a row show less drift than the threshold; a Finding when that takes too long."""
    with defocused(work.scope, Taking(step.offset_m, approach_m=work.settings.focus_approach_m)):
        return _Wait(work, step, target).wait()


class _Wait:
    def __init__(self, work: Work, step: FocusStep, target: FocusTarget) -> None:
        self._work = work
        self._step = step
        self._target = target
        self._pixel_m = work.scope.preset().pixel_m
        self._pause_s = min(max(_ENOUGH_PX * self._pixel_m / step.drift_threshold_m_per_s, _WAIT_S[0]), _WAIT_S[1])
        self._had_moved = False
        self._dumb = 0

    def wait(self) -> Stillness:
        began = self._work.now_s()
        reference: Frame | None = None
        speed = Speed(Motion.UNKNOWN)
        while True:
            image = self._take()
            if isinstance(image, Finding):
                return Stillness(image, self._had_moved)
            if reference is not None:
                shift = self._register(reference, image)
                speed = self._judged(shift, image.time_s - reference.time_s)
                if speed.motion is Motion.STILL:
                    self._work.drifting = False
                    return Stillness(None, self._had_moved)
                if self._dumb == _DUMB:
                    return Stillness(_dumb_finding(), self._had_moved)
            if reference is None or speed.motion is not Motion.UNSURE:
                reference = image
            if self._work.now_s() + self._pause_s - began > self._step.drift_timeout_s:
                return Stillness(self._too_long(speed), self._had_moved)
            self._work.scope.wait(self._pause_s)

    def _take(self) -> Frame | Finding:
        work, name = self._work, self._target.name
        refusal = work.too_much(name, work.scope.preset().dose_e_per_m2, "Another image to see the drift")
        if refusal is not None:
            return refusal
        work.expose(name)
        image = work.scope.acquire()
        work.spend(name, image)
        return image

    def _register(self, reference: Frame, image: Frame) -> Shift:
        method = self._step.correlation_type
        return register(reference.pixels, image.pixels, method=method, workers=self._work.workers, with_map=False)

    def _judged(self, shift: Shift, interval_s: float) -> Speed:
        work, step = self._work, self._step
        speed = speed_of(shift, interval_s, self._pixel_m, step)
        self._had_moved |= speed.motion is Motion.MOVING
        self._dumb = self._dumb + 1 if speed.motion is Motion.UNKNOWN else 0
        still = speed.motion is Motion.STILL
        work.tell(
            DriftMeasured(
                work.now_s(),
                step.name,
                self._target.name,
                speed.speed_m_per_s,
                speed.sigma_m_per_s,
                step.drift_threshold_m_per_s,
                still,
            )
        )
        return speed

    def _too_long(self, speed: Speed) -> Finding:
        step = self._step
        seen = "could not be told" if speed.speed_m_per_s is None else f"was {_show(speed.speed_m_per_s)}"
        return Finding(
            Reason.DRIFT,
            f"After {step.drift_timeout_s:.0f} s of waiting the drift at '{self._target.name}' {seen}",
            f"the drift threshold is {_show(step.drift_threshold_m_per_s)}",
            "Let the stage and the holder come to rest, wait longer (drift timeout), or raise the threshold.",
        )


def _dumb_finding() -> Finding:
    return Finding(
        Reason.FALSE_LOCK,
        "The drift can't be told: images taken one after another have nothing in common",
        "they must show the same specimen",
        "Move to carbon, and check that the beam is on.",
    )


def _show(speed_m_per_s: float) -> str:
    return f"{speed_m_per_s * 1e9:.2g} nm/s"
