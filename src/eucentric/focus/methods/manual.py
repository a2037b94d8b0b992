"""A step that is done by hand: the run waits while the operator looks at live images and corrects."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from eucentric.errors import InputError, InstrumentError, LimitError
from eucentric.focus.events import ByHand
from eucentric.focus.hands import Hands
from eucentric.focus.outcome import Status, StepResult
from eucentric.focus.settings import CorrectionLimits, CorrectionType, FocusStep
from eucentric.focus.standing import standing
from eucentric.focus.targets import FocusTarget
from eucentric.focus.verdict import Finding, Reason
from eucentric.focus.words import dose_words
from eucentric.focus.work import Work
from eucentric.images.frame import Frame, OpticalState
from eucentric.microscope.lens import zero_of
from eucentric.microscope.preserved import Part
from eucentric.units import show_length


class Answer(StrEnum):
    """How an operator ends a manual step."""

    DONE = "done"  # it is as it should be: what was moved stays
    SKIP = "skip"  # leave it: what was moved is taken back, the sequence goes on
    ABORT = "abort"  # it can't be focused here: what was moved is taken back, the sequence ends


@dataclass(frozen=True, slots=True)
class Reply:
    """The operator's answer, and what there is to say about it."""

    answer: Answer
    sentence: str = ""


class Operator(Protocol):
    """Someone who can focus by hand: the terminal, the page, or a script."""

    def focus(self, desk: Desk) -> Reply:
        """Look and correct at the desk until done, on the run's own thread. Errors of the desk may pass through."""
        ...


class Desk:
    """What the operator works with at one manual step. Metres; defocus positive overfocus, z towards the gun.

    Limits are checked before anything moves: LimitError says which, and the desk can be used further.
    """

    def __init__(self, work: Work, step: FocusStep, target: FocusTarget, hands: Hands) -> None:
        self._work = work
        self._hands = hands
        self.step = step
        self.target = target
        self.preset = work.scope.preset().name
        self.touched = False
        self.dose_max_per_m2 = work.settings.by_hand_dose_max_per_m2
        self._began = (self.defocus_m, self.z_m)
        self._spent_before = self._spent
        self._zero_m: float | None = None  # where defocus zero was (absolute), once it was reset here

    @property
    def defocus_m(self) -> float:
        """The lens, from defocus zero."""
        self.check()
        return self._work.scope.defocus_m()

    @property
    def z_m(self) -> float:
        """The stage's z."""
        self.check()
        return self._work.scope.stage().z_m

    @property
    def moved_m(self) -> tuple[float, float]:
        """What was moved so far: (defocus, z)."""
        return (self.defocus_m - self._began[0], self.z_m - self._began[1])

    @property
    def standing(self) -> OpticalState | None:
        """How the microscope stands now; None where it does not say."""
        self.check()
        return standing(self._work.scope)

    @property
    def zero_was_reset(self) -> bool:
        """Whether defocus zero is not where it was found."""
        return self._zero_m is not None

    @property
    def dose_e_per_m2(self) -> float:
        """What the images at this desk took of the target."""
        return self._spent - self._spent_before

    @property
    def _spent(self) -> float:
        return self._work.doses.get(self.target.name, 0.0)

    def check(self) -> None:
        """Look whether the run was paused or aborted: call it while waiting. Reads look too. Raises Aborted."""
        self._work.checkpoint()

    def image(self) -> Frame:
        """A live image. Raises LimitError where the electrons for images by hand, or of the target, are spent."""
        work = self._work
        then = self.dose_e_per_m2 + work.scope.preset().dose_e_per_m2
        if then > self.dose_max_per_m2 * (1 + 1e-9):
            raise LimitError(
                f"Another image would take this place to {dose_words(then)} by hand; at most "
                f"{dose_words(self.dose_max_per_m2)} are allowed (by hand dose max). Raise it, or go on without images."
            )
        refusal = work.too_much(self.target.name, work.scope.preset().dose_e_per_m2, "Another live image")
        if refusal is not None:
            raise LimitError(str(refusal))
        frame = work.scope.acquire()
        work.spend(self.target.name, frame)
        work.tell(ByHand(frame.time_s, self.step.name, frame=frame))
        return frame

    def step_defocus(self, change_m: float) -> float:
        """Change the lens by so much; what it then reads."""
        self._allow(self._began[0], self.defocus_m + change_m, self._limits.defocus_absolute_m, "lens defocus")
        self.touched = self._work.at_desk = True
        self._hands.move(self.step, CorrectionType.DEFOCUS, self.defocus_m + change_m)
        return self._told(CorrectionType.DEFOCUS, change_m, self.defocus_m)

    def step_z(self, change_m: float) -> float:
        """Change the stage's z by so much; what it then reads."""
        self._allow(self._began[1], self.z_m + change_m, self._limits.stage_z_absolute_m, "stage z")
        self.touched = self._work.at_desk = True
        self._hands.move(self.step, CorrectionType.STAGE_Z, self.z_m + change_m)
        return self._told(CorrectionType.STAGE_Z, change_m, self.z_m)

    @property
    def focus_m(self) -> float:
        """The absolute lens setting, as eucentric focus is stored. Raises InstrumentError where it can't be read."""
        self.check()
        self._needs_zero("its absolute focus can't be read")
        return self._work.scope.focus_m()

    def go_to_focus(self, focus_m: float) -> float:
        """Set the lens to an absolute setting, such as the stored eucentric focus; the defocus that it then reads."""
        return self.step_defocus(focus_m - self.focus_m)

    def reset_defocus(self) -> None:
        """The present lens setting becomes defocus zero, and stays so when done; the lens does not move."""
        self.check()
        self._needs_zero("defocus zero can't be reset")
        self.touched = self._work.at_desk = True
        if self._zero_m is None:
            self._zero_m = zero_of(self._work.scope)
        self._zeroed(self._hands.try_zero(self.step))

    def _zeroed(self, before_m: float) -> None:
        """What read `before_m` reads 0 now: where the lens began is told from there."""
        self._began = (self._began[0] - before_m, self._began[1])

    def _needs_zero(self, what: str) -> None:
        scope = self._work.scope
        if not scope.capabilities.defocus_zero:
            raise InstrumentError(f"On {scope.name} {what}. Nothing was moved.")

    def take_back(self) -> None:
        """Undo all that was moved at this desk, and a reset of defocus zero."""
        defocus, z = self.moved_m
        zero, self._zero_m = self._zero_m, None
        if abs(z) > _STILL_M:
            self._hands.move(self.step, CorrectionType.STAGE_Z, self._began[1], shorten=True)
            self._told(CorrectionType.STAGE_Z, -z, self.z_m, back=True)
        if zero is not None:
            self._zeroed(self._hands.try_zero(self.step, zero))
        if zero is not None or abs(defocus) > _STILL_M:
            self._hands.move(self.step, CorrectionType.DEFOCUS, self._began[0], shorten=True)
            self._told(CorrectionType.DEFOCUS, -defocus, self.defocus_m, back=True)

    @property
    def _limits(self) -> CorrectionLimits:
        return self._work.settings.sequence.limits

    def _allow(self, began_m: float, goal_m: float, absolute_m: float, what: str) -> None:
        most = self.step.delta_max_m
        if abs(goal_m) > absolute_m:
            raise LimitError(
                f"The {what} would go to {show_length(goal_m)}; at most {show_length(absolute_m)} either way. "
                "Nothing was moved. Step less."
            )
        if most is not None and abs(goal_m - began_m) > most:
            raise LimitError(
                f"The {what} would be {show_length(goal_m - began_m)} from where this step began; delta max is "
                f"{show_length(most)}. Nothing was moved. Step less, or raise delta max."
            )

    def _told(self, channel: CorrectionType, change_m: float, arrived_m: float, *, back: bool = False) -> float:
        self._work.tell(ByHand(self._work.now_s(), self.step.name, channel, change_m, arrived_m, back=back))
        return arrived_m


_STILL_M = 1e-9  # less than this is what encoders flicker by


def focus_by_hand(work: Work, step: FocusStep, target: FocusTarget, hands: Hands, operator: Operator) -> StepResult:
    """Let the operator focus: what was moved stays when done, and is taken back otherwise."""
    desk = Desk(work, step, target, hands)
    reply = operator.focus(desk)
    desk.check()
    if not isinstance(reply, Reply):
        raise InputError(
            f"The operator of step '{step.name}' answered {reply!r}. Let focus(desk) return a Reply, for example "
            "Reply(Answer.DONE). What was moved by hand is taken back."
        )
    moved, dose, work.at_desk = desk.moved_m, desk.dose_e_per_m2, False
    if reply.answer is Answer.DONE:
        if desk.zero_was_reset:
            hands.keep_zero()
        moved = (moved[0] if abs(moved[0]) > _STILL_M else 0.0, moved[1] if abs(moved[1]) > _STILL_M else 0.0)
        if moved[0] or moved[1]:
            hands.accept(CorrectionType.STAGE_Z if moved[1] else CorrectionType.DEFOCUS)
        if moved[0]:
            work.kept.add(Part.DEFOCUS)
        return StepResult(step, Status.BY_HAND, (), None, dose, by_hand_m=moved, disturbed=desk.touched)
    zero = desk.zero_was_reset
    desk.take_back()
    if reply.answer is Answer.SKIP:
        why = _left_words(step, moved, reply, zero=zero)
        return StepResult(step, Status.SKIPPED, (), None, dose, why, disturbed=desk.touched, left_by_hand=True)
    finding = Finding(
        Reason.BY_HAND,
        f"The operator ended the manual step '{step.name}'{f': {reply.sentence}' if reply.sentence else ''}",
        "what was moved by hand was taken back",
        "Go to another place, or focus by hand and start again.",
    )
    return StepResult(step, Status.REFUSED, (), finding, dose, disturbed=desk.touched)


def _left_words(step: FocusStep, moved_m: tuple[float, float], reply: Reply, *, zero: bool) -> str:
    """How a step that was skipped ended: with what was taken back, where there was anything."""
    named = zip(("defocus", "stage z"), moved_m, strict=True)
    back = [f"{name} by {show_length(-by)}" for name, by in named if abs(by) > _STILL_M]
    back += ["the reset of defocus zero"] if zero else []
    said = f": {reply.sentence}" if reply.sentence else "."
    if not back:
        return f"Step '{step.name}' was skipped by the operator, nothing was moved{said}"
    return f"Step '{step.name}' was taken back by the operator ({', '.join(back)}){said}"
