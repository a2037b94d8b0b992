"""C1 from the shift between images at opposite beam tilts."""

from __future__ import annotations

from eucentric.calibration.elsewhere import away_from
from eucentric.calibration.instrument import Calibration
from eucentric.focus.acquisition import Acquired, Taking, acquire
from eucentric.focus.again import Look
from eucentric.focus.events import Assumed, FrameTaken, ShiftFound
from eucentric.focus.how import How
from eucentric.focus.measure import measure_frames
from eucentric.focus.motion import after_exposure
from eucentric.focus.patterns import Pattern, pattern_of
from eucentric.focus.predict import capture_range_m, separation_range_m
from eucentric.focus.result import DefocusResult
from eucentric.focus.settings import FocusStep
from eucentric.focus.stigmator import for_stigmator
from eucentric.focus.targets import FocusTarget
from eucentric.focus.tilted import slope_at
from eucentric.focus.work import Work


class BeamTilt:
    """Beam tilt with the step's pattern or tilts, or with the phase plate's own."""

    def __init__(self, work: Work, step: FocusStep) -> None:
        self._work = work
        self._step = step

    @property
    def range_m(self) -> float:
        """The step's own limit, else the capture range of its widest pair."""
        step, preset = self._step, self._work.scope.preset()
        if step.delta_max_m is not None:
            return step.delta_max_m
        if not (step.tilts_rad or self._work.settings.on_phase_plate):
            return capture_range_m(preset.size, preset.pixel_m, step.tilt_rad, direction_rad=step.tilt_direction_rad)
        plan = self._plan(Look())
        pairs = ((plan.tilts[a], plan.tilts[b]) for a, b in plan.links)
        return min(separation_range_m(preset.size, preset.pixel_m, a, b) for a, b in pairs)

    @property
    def images(self) -> int:
        """One for each tilt."""
        return self._plan(Look()).images

    def measure(self, target: FocusTarget, look: Look) -> DefocusResult:
        """Take the pattern, compare the images, judge."""
        work, step = self._work, self._step
        calibration = work.calibration(step.preset)
        plan = self._plan(look)
        number = work.next_measurement()
        sure = away_from(calibration.uncertainty, self._excursion_m(calibration) + look.offset_m)
        sure = after_exposure(sure, work.expose(target.name))
        taking = Taking(look.offset_m, work.settings.beam_tilt_settle_time_s, work.settings.focus_approach_m)
        taken = acquire(work.scope, plan, calibration, taking)
        self._told(taken, target, number)
        slope = slope_at(work.scope.stage().alpha_rad, calibration)
        how = How(
            column=calibration.column,
            uncertainty=for_stigmator(sure) if step.stig_correction else sure,
            method=step.correlation_type,
            thresholds=step.thresholds,
            range_m=self.range_m,
            offset_m=look.offset_m,
            workers=work.workers,
            slope=slope.per_m,
            slope_sigma=slope.sigma,
            fit_limit_px2=step.fit_limit_px2,
            binning=work.scope.preset().binning,
        )
        work.tell(Assumed(work.now_s(), step.name, number, step.preset, calibration, how))
        result = measure_frames(taken.frames, taken.tilts, plan.links, how)
        for link, shift in zip(plan.links, result.shifts, strict=True):
            work.tell(ShiftFound(work.now_s(), step.name, number, link, shift))
        return result

    def _excursion_m(self, calibration: Calibration) -> float:
        """How far the lens is from eucentric focus, as far as anybody knows: there the optics were calibrated."""
        scope = self._work.scope
        if not scope.capabilities.defocus_zero:
            return scope.defocus_m()
        return scope.focus_m() - (calibration.eucentric_focus_m or 0.0)

    def _told(self, taken: Acquired, target: FocusTarget, number: int) -> None:
        """Only told after the last exposure: files written between exposures would add drift."""
        self._work.spend(target.name, *taken.frames)
        for index, frame in enumerate(taken.frames):
            self._work.tell(FrameTaken(frame.time_s, self._step.name, number, index, frame, target.name))

    def _plan(self, look: Look) -> Pattern:
        step, settings = self._step, self._work.settings
        if settings.on_phase_plate:  # the plate stands where these tilts go: no other size of tilt will do
            return pattern_of(settings.phase_plate_tilts_rad)
        return step.beam_tilts(look.tilt_fraction)
