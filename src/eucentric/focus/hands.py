"""The hands of the loop: how a step sets the instrument up, moves it, and takes a move back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eucentric.calibration.quantities import Pair
from eucentric.errors import InstrumentError, LimitError, SettingsError
from eucentric.focus.acquisition import approach_defocus
from eucentric.focus.correct import Channel, Correction
from eucentric.focus.events import Corrected, DefocusReset, DriftDeclared, SetUp, Stigmated, TakenBack
from eucentric.focus.measurement import Measurement
from eucentric.focus.response import Response, promised
from eucentric.focus.settings import CorrectionType, FocusMethod, FocusSettings, FocusStep, ResetDefocus
from eucentric.focus.stigmator import StigmatorCorrection
from eucentric.focus.work import Work
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.lens import lens_of, zero_of
from eucentric.microscope.preserved import Part
from eucentric.units import show_length

_SAME_M = 1e-12  # a lens setting is a number that rounds


@dataclass(frozen=True, slots=True)
class Trusted:
    """A correction that was made and not looked at, what the targets showed before it, and with which optics."""

    made: Correction
    before: Mapping[str, Measurement]
    magnification: float
    lens_m: float


class Hands:
    """Moves the instrument for the loop, and tells what was moved. `confirmed` grows with the run."""

    def __init__(self, work: Work, confirmed: frozenset[CorrectionType]) -> None:
        self._work = work
        self.confirmed = set(confirmed)
        self.responses: dict[CorrectionType, Response] = {}
        """How the channels were seen to answer in this run."""
        self._trusted: Trusted | None = None
        self.pending: Correction | None = None
        """A probe that was not yet seen to be right."""
        self.stigmator_before: Pair | None = None
        """Where the stigmator was before a move that was not yet seen to be right."""

    def set_preset(self, name: str) -> None:
        """Change the preset, normalise the lenses and wait, as the settings say."""
        scope, settings = self._work.scope, self._work.settings
        changed = scope.preset().name != name
        scope.set_preset(name)
        if changed and settings.normalize and scope.capabilities.normalize:
            scope.normalize()
        if changed and settings.pause_time_s:
            scope.wait(settings.pause_time_s)

    def set_up(self, step: FocusStep) -> None:
        """Set the preset; where height is measured also eucentric focus, so that what is measured is height."""
        work = self._work
        by_hand = step.focus_method is FocusMethod.MANUAL
        preset = (by_hand and work.settings.manual_focus_preset) or step.preset
        self.set_preset(preset)
        what = f"preset {preset}"
        measures = step.focus_method in {FocusMethod.BEAM_TILT, FocusMethod.STAGE_TILT}
        height = step.correction_type is CorrectionType.STAGE_Z or step.focus_method is FocusMethod.STAGE_TILT
        if measures and height:
            defocus, source = eucentric_defocus_m(work, preset)
            approach_defocus(work.scope, defocus, work.settings.focus_approach_m)
            what = f"{what}, lens at {source}"
        work.tell(SetUp(work.now_s(), step.name, preset, work.scope.defocus_m(), what))

    def channel(self, step: FocusStep) -> Channel:
        """Where the step's channel stands, and how C1 follows it."""
        scope, kind = self._work.scope, step.correction_type
        ratio = self.response(kind, step.preset).ratio
        if kind is CorrectionType.STAGE_Z:
            at = scope.stage()
            per_move = ratio * self._work.calibration(step.preset).c1_per_z(at.alpha_rad)
            return Channel(kind, at.z_m, per_move, kind in self.confirmed)
        return Channel(kind, scope.defocus_m(), ratio, kind in self.confirmed)

    def response(self, kind: CorrectionType, preset: str) -> Response:
        """How a channel answers: as it was seen to, else as the calibration promises."""
        work = self._work
        return self.responses.get(kind) or promised(kind, work.calibration(preset).uncertainty, work.settings)

    def trust(self, made: Correction, before: Mapping[str, Measurement]) -> None:
        """A correction is made, and the step does not look again; what the targets showed before it."""
        scope = self._work.scope
        self._trusted = Trusted(made, before, scope.preset().magnification, lens_of(scope))

    def trusted(self) -> Trusted | None:
        """The correction that nobody looked at yet, where the next look can be held against it: with the same
        magnification and lens.
        """
        one, self._trusted = self._trusted, None
        scope = self._work.scope
        same = one is not None and one.magnification == scope.preset().magnification
        return one if one is not None and same and abs(one.lens_m - lens_of(scope)) < _SAME_M else None

    def correct(self, step: FocusStep, wanted: Correction) -> None:
        """Make a correction. It is here to stay unless it is a probe, which must first be seen to be right."""
        work = self._work
        self.move(step, wanted.channel, wanted.target_m)
        arrived = self.channel(step).position_m
        work.moved_m += abs(wanted.change_c1_m)
        if wanted.probe:
            self.pending = wanted
        else:
            self.accept(wanted.channel)
        # Nothing that can fail stands between what is here to stay and the word of it.
        work.tell(Corrected(work.audience.now_s(), step.name, wanted, arrived))
        work.scope.wait(step.settle_s)

    def stigmate(self, step: FocusStep, wanted: StigmatorCorrection) -> None:
        """Move the stigmator. It stays once astigmatism was seen to shrink."""
        work = self._work
        self.stigmator_before = work.scope.stigmator()
        self._set_stigmator(step, wanted.target, wanted.measured_a1_m)

    def accept_stigmator(self) -> None:
        """The stigmator is here to stay."""
        self.stigmator_before = None
        self._work.accept(Part.STIGMATOR)
        self._work.kept.add(Part.STIGMATOR)

    def take_stigmator_back(self, step: FocusStep, a1_m: Pair) -> None:
        """Undo a move of the stigmator that was not seen to be right, where there was one."""
        before, self.stigmator_before = self.stigmator_before, None
        if before is not None:
            self._set_stigmator(step, before, a1_m)

    def _set_stigmator(self, step: FocusStep, value: Pair, a1_m: Pair) -> None:
        work = self._work
        before = work.scope.stigmator()
        work.scope.set_stigmator(value)
        work.tell(Stigmated(work.audience.now_s(), step.name, a1_m, before, work.scope.stigmator()))

    def take_back(self, step: FocusStep) -> bool:
        """Undo a probe that was not seen to be right; whether there was one."""
        probe, self.pending = self.pending, None
        if probe is None:
            return False
        self.move(step, probe.channel, probe.target_m - probe.move_m, shorten=True)
        work = self._work
        work.tell(TakenBack(work.now_s(), step.name, probe, self.channel(step).position_m))
        return True

    def accept(self, channel: CorrectionType) -> None:
        """A correction is here to stay. One of height counts from the eucentric focus that was set to measure it."""
        self.pending = None
        parts = (Part.DEFOCUS, Part.STAGE_Z) if channel is CorrectionType.STAGE_Z else (Part.DEFOCUS,)
        self._work.accept(*parts)
        self._work.kept.add(parts[-1])

    def keep_lens(self, step: FocusStep) -> None:
        """What a step found of height holds for the eucentric focus at which it looked: the lens stays there."""
        if step.correction_type is CorrectionType.STAGE_Z:
            self._work.accept(Part.DEFOCUS)

    def reset_defocus(self, step: FocusStep) -> None:
        """The present lens setting becomes defocus zero, where the step asks for it."""
        if step.reset_defocus is ResetDefocus.YES:
            self.make_zero(step)

    def make_zero(self, step: FocusStep) -> float:
        """The present lens setting becomes defocus zero, and stays so; the defocus that it was before."""
        before = self._work.scope.defocus_m()
        self._work.scope.reset_defocus()
        self.keep_zero()
        self._work.tell(DefocusReset(self._work.audience.now_s(), step.name, before))
        return before

    def try_zero(self, step: FocusStep, lens_m: float | None = None) -> float:
        """The present lens setting becomes defocus zero until the run restores it, or `keep_zero` keeps it; the defocus
        that it was before. With `lens_m` the lens first goes to that absolute setting.
        """
        scope = self._work.scope
        if lens_m is not None:
            scope.set_defocus(lens_m - zero_of(scope))
        before = scope.defocus_m()
        scope.reset_defocus()
        self._work.tell(DefocusReset(self._work.audience.now_s(), step.name, before))
        return before

    def keep_zero(self) -> None:
        """Defocus zero and the lens are here to stay as they are."""
        self._work.accept(Part.DEFOCUS_ZERO, Part.DEFOCUS)
        self._work.kept.add(Part.DEFOCUS_ZERO)

    def move(self, step: FocusStep, channel: CorrectionType, target_m: float, *, shorten: bool = False) -> None:
        """Move a channel to a place, from the side from which it is always approached. A Z move declares drift.

        `shorten` is for going back, which must not fail: where limits leave no room the way from below is shorter.
        """
        work = self._work
        stage = channel is CorrectionType.STAGE_Z
        approach = work.settings.z_approach_m if stage else work.settings.focus_approach_m
        if shorten:
            approach = max(0.0, min(approach, target_m - self._lowest_m(channel)))
        if not stage:
            approach_defocus(work.scope, target_m, approach)
            return
        before = work.scope.stage().z_m
        approach_z(work.scope, target_m, approach)
        work.drifting = True
        work.tell(DriftDeclared(work.now_s(), step.name, target_m - before))

    def _lowest_m(self, channel: CorrectionType) -> float:
        """The lowest place that the sequence's limits and the instrument's allow a channel."""
        scope, limits = self._work.scope, self._work.settings.sequence.limits
        if channel is CorrectionType.STAGE_Z:
            return -min(limits.stage_z_absolute_m, scope.limits.stage_z_max_m)
        return max(-limits.defocus_absolute_m, -scope.limits.defocus_max_m - zero_of(scope))


def eucentric_defocus_m(work: Work, preset: str) -> tuple[float, str]:
    """The defocus, from defocus zero, at which what is measured is height, and where that is from."""
    scope, stored = work.scope, work.calibration(preset).eucentric_focus_m
    if stored is not None and scope.capabilities.defocus_zero:
        return stored - zero_of(scope), "the stored eucentric focus"
    return scope.preset().defocus_m, "the preset's defocus (eucentric focus is not calibrated)"


def approach_z(scope: Guarded, z_m: float, approach_m: float) -> None:
    """Move the stage to z, arriving from below by at least `approach_m`: its backlash is then always the same.

    Both moves are checked against the limit before the first. Raises LimitError, InstrumentError.
    """
    if approach_m == 0.0 or scope.stage().z_m <= z_m - approach_m:
        scope.move_stage(z_m=z_m)
        return
    limit = scope.limits.stage_z_max_m
    for goal in (z_m - approach_m, z_m):
        if abs(goal) > limit:
            raise LimitError(
                f"Stage z was asked for at {show_length(z_m)}, approached from {show_length(z_m - approach_m)}; the "
                f"limit is ±{show_length(limit)}. Nothing was moved. Approach from nearer (z approach), or load the "
                "grid nearer to eucentric height."
            )
    scope.move_stage(z_m=z_m - approach_m)
    scope.move_stage(z_m=z_m)


def check_able(scope: Guarded, settings: FocusSettings) -> None:
    """Whether the instrument has all parts and presets that the sequence asks for, before anything moves.

    Raises InstrumentError for a part that it has not, SettingsError for a preset.
    """
    can, steps = scope.capabilities, [s for s in settings.sequence.steps if s.switch]
    needs = (
        (can.defocus_zero, any(s.reset_defocus is ResetDefocus.YES for s in steps), "defocus zero can't be reset"),
        (can.stigmator, any(s.stig_correction for s in steps), "the stigmator can't be set"),
        (can.stage_z, any(s.correction_type is CorrectionType.STAGE_Z for s in steps), "the stage's Z can't be moved"),
        (can.stage_alpha, any(s.focus_method is FocusMethod.STAGE_TILT for s in steps), "the stage can't be tilted"),
        (can.beam_tilt, any(s.focus_method is FocusMethod.BEAM_TILT for s in steps), "the beam can't be tilted"),
    )
    for able, needed, what in needs:
        if needed and not able:
            raise InstrumentError(
                f"On {scope.name} {what}, and the sequence '{settings.sequence.name}' asks for it. "
                "Switch that off, or choose another sequence. Nothing was moved."
            )
    _check_presets(scope, settings)


def _check_presets(scope: Guarded, settings: FocusSettings) -> None:
    known = [p.name for p in scope.presets()]
    steps = [s for s in settings.sequence.steps if s.switch]
    asked: list[tuple[str, str | None]] = [
        (f"step '{s.name}'", s.preset) for s in steps if s.focus_method is not FocusMethod.MANUAL
    ]
    asked += [
        (f"step '{s.name}'", settings.manual_focus_preset or s.preset)
        for s in steps
        if s.focus_method is FocusMethod.MANUAL
    ]
    asked.append(("melt preset", settings.melt_preset if settings.melt_time_s else None))
    asked.append(("final preset", settings.final_preset if settings.acquire_final else None))
    for what, name in asked:
        if name is not None and name not in known:
            raise SettingsError(
                f"{scope.name} has no preset '{name}', which {what} asks for. Use one of: {', '.join(known)}. "
                "Nothing was moved."
            )
