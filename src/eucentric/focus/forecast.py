"""What a focus step can reach and what it will leave, before an electron is spent. Pure."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from eucentric.calibration.elsewhere import away_from
from eucentric.calibration.instrument import Calibration
from eucentric.calibration.quantities import AlphaResponse
from eucentric.correlation.shift import Method
from eucentric.errors import CalibrationError, SettingsError
from eucentric.focus import stage_shift
from eucentric.focus.average import own_sigma_m
from eucentric.focus.measurement import Measurement, with_unit_error, without_offset
from eucentric.focus.methods.stage_tilt import FOCUS_UNKNOWN_M
from eucentric.focus.motion import after_exposure
from eucentric.focus.patterns import Pattern, pattern_of
from eucentric.focus.predict import capture_range_m, predicted_measurement, separation_range_m
from eucentric.focus.settings import CorrectionType, FocusMethod, FocusSettings, FocusStep
from eucentric.microscope.protocol import Limits, Preset
from eucentric.units import show_angle

MEASURING = frozenset({FocusMethod.BEAM_TILT, FocusMethod.STAGE_TILT})
SHIFT_SIGMA_PX = {Method.MATCHED: 0.1}
"""1σ of a shift's component that a forecast reckons with: images with enough contrast and dose state a few hundredths
of a pixel, poorer ones a tenth."""
_PLAIN_SIGMA_PX = 0.5  # … and correlators that state no error half a pixel, as measuring takes it (focus/measure.py)
_READOUT_S = 0.5  # from one exposure's end to the next one's beginning, beyond exposure and settling times
_STAGE_MOVE_S = 2.0


@dataclass(frozen=True, slots=True)
class Paper:
    """A step with all that its forecast needs."""

    step: FocusStep
    settings: FocusSettings
    preset: Preset
    calibration: Calibration
    limits: Limits


class By(StrEnum):
    """What sets a step's range."""

    IMAGES = "images"
    DELTA_MAX = "delta max"
    LIMITS = "the limits of corrections"


@dataclass(frozen=True, slots=True)
class Reach:
    """The largest |C1| that a step measures and corrects, metres: what each of those that set it would allow."""

    allowed_m: Mapping[By, float]

    @property
    def range_m(self) -> float:
        """The smallest of them."""
        return min(self.allowed_m.values())


@dataclass(frozen=True, slots=True)
class Leaves:
    """What a step's last measurement states, metres: its 1σ, of that what other places do not share, and the bound on
    |C1| with which it ends: its tolerance + 3 σ.
    """

    total_sigma_m: float
    own_sigma_m: float
    within_m: float


def measuring(settings: FocusSettings) -> tuple[FocusStep, ...]:
    """The enabled steps that measure."""
    return tuple(s for s in settings.sequence.steps if s.switch and s.focus_method in MEASURING)


def reach_of(paper: Paper) -> Reach:
    """The range of a step: of its images (at its lens offset), within delta max and the limits of corrections.

    Raises SettingsError for a beam tilt beyond the instrument's limit, CalibrationError for Stage Tilt without the
    alpha calibration.
    """
    step = paper.step
    allowed = {By.IMAGES: max(_images_m(paper), 0.0)}
    if step.delta_max_m is not None:
        allowed[By.DELTA_MAX] = step.delta_max_m
    if step.correction_type is not CorrectionType.NONE:
        allowed[By.LIMITS] = _allowed_m(paper)
    return Reach(allowed)


@functools.lru_cache(maxsize=64)
def leaves_of(paper: Paper) -> Leaves:
    """What a step leaves once it has converged, from the design matrix of its pattern alone."""
    measured = _beam(paper) if paper.step.focus_method is FocusMethod.BEAM_TILT else _stage(paper)
    total = measured.total_sigma_m
    return Leaves(total, own_sigma_m(measured), max(paper.step.tolerance_m, paper.step.delta_min_m) + 3 * total)


def plan_of(step: FocusStep, settings: FocusSettings) -> Pattern:
    """The beam tilts of one measurement."""
    if settings.on_phase_plate:
        return pattern_of(settings.phase_plate_tilts_rad)
    return step.beam_tilts()


def _images_m(paper: Paper) -> float:
    """The |C1| up to which a measurement's images keep enough in common; the offset is a part of what they show."""
    step, preset = paper.step, paper.preset
    if step.focus_method is FocusMethod.STAGE_TILT:
        g = _response(paper).px_per_m  # as methods/stage_tilt.py has it
        across = math.sin(step.tilt_rad) * math.hypot(*g) * preset.pixel_m
        return capture_range_m(preset.size, preset.pixel_m, across / 2, direction_rad=math.atan2(g[0], g[1]))
    plan = plan_of(step, paper.settings)
    largest = max(math.hypot(*tilt) for tilt in plan.tilts)
    if largest > paper.limits.tilt_max_rad:
        raise SettingsError(
            f"Step '{step.name}' tilts the beam by {show_angle(largest)}, and the instrument's limit is "
            f"{show_angle(paper.limits.tilt_max_rad)}. Use a smaller tilt."
        )
    pairs = ((plan.tilts[a], plan.tilts[b]) for a, b in plan.links)
    return min(separation_range_m(preset.size, preset.pixel_m, a, b) for a, b in pairs) - abs(step.offset_m)


def _allowed_m(paper: Paper) -> float:
    """How far a correction may go from eucentric height and focus: the sequence's limits, and the instrument's."""
    limits, of = paper.settings.sequence.limits, paper.limits
    if paper.step.correction_type is CorrectionType.STAGE_Z:
        absolute = min(limits.stage_z_absolute_m, of.stage_z_max_m) - paper.settings.z_approach_m
    else:
        stored = abs(paper.calibration.eucentric_focus_m or 0.0)
        absolute = min(limits.defocus_absolute_m, of.defocus_max_m - stored) - paper.settings.focus_approach_m
    return min(absolute, limits.cumulative_m)


def _shift_sigma_px(step: FocusStep) -> float:
    return SHIFT_SIGMA_PX.get(step.correlation_type, _PLAIN_SIGMA_PX)


def _beam(paper: Paper) -> Measurement:
    step, settings, preset = paper.step, paper.settings, paper.preset
    interval = preset.exposure_s + settings.beam_tilt_settle_time_s + _READOUT_S
    plan = plan_of(step, settings)
    sure = away_from(paper.calibration.uncertainty, step.offset_m)
    sure = after_exposure(sure, settings.melt_time_s + _looks_before(step, settings) * interval)
    raw = predicted_measurement(
        plan,
        c1_m=step.offset_m,
        shift_sigma_m=_shift_sigma_px(step) * preset.pixel_m,
        interval_s=interval,
        c3_m=paper.calibration.column.c3_m,
        prior=sure,
    )
    measured = without_offset(raw, step.offset_m, sure.focus_scale, left_behind=sure.focus_hysteresis)
    return with_unit_error(measured, sure.c1_scale)


def _looks_before(step: FocusStep, settings: FocusSettings) -> int:
    """How many images were taken at the target before the step's last measurement: of the steps before it, and of its
    own further looks."""
    beam = [s for s in measuring(settings) if s.focus_method is FocusMethod.BEAM_TILT]
    earlier = beam[: beam.index(step)]
    images = [plan_of(s, settings).images * s.looks_min for s in earlier]
    return sum(images) + plan_of(step, settings).images * (step.looks_min - 1)


def _stage(paper: Paper) -> Measurement:
    step, preset, calibration = paper.step, paper.preset, paper.calibration
    response, sure = _response(paper), calibration.uncertainty
    unknown = calibration.eucentric_focus_sigma_m
    if unknown is None:
        unknown = math.hypot(response.eucentric_z_sigma_m, FOCUS_UNKNOWN_M)
    known = stage_shift.Known(
        px_per_m=response.px_per_m,
        relative_sigma=response.px_per_m_sigma / math.hypot(*response.px_per_m),
        c1_per_height=calibration.height_per_z,
        drift_m_per_s=sure.drift_m_per_s,
        eucentric_sigma_m=math.hypot(stage_shift.RUNOUT_M_PER_RAD, unknown),
        a1_sigma_m=sure.a1_m,
    )
    interval = preset.exposure_s + step.settle_s + _STAGE_MOVE_S
    covariance = np.eye(2) * _shift_sigma_px(step) ** 2
    halves = stage_shift.Halves(
        minus_px=np.zeros(2),
        plus_px=np.zeros(2),
        minus_px2=covariance,
        plus_px2=covariance,
        steps_rad=(-step.tilt_rad, step.tilt_rad),
        times_s=(0.0, interval, 2 * interval),
        pixel_m=preset.pixel_m,
    )
    return stage_shift.measured(halves, known)


def _response(paper: Paper) -> AlphaResponse:
    response = paper.calibration.alpha
    if response is None:
        raise CalibrationError(
            f"Step '{paper.step.name}' tilts the stage, and how the image then moves at preset '{paper.preset.name}' "
            "is not calibrated. Run `eucentric calibrate alpha`, or use Beam Tilt."
        )
    return response
