"""The way from focus target to focus target, and back: stage and image shift."""

from __future__ import annotations

import math

from eucentric.errors import InstrumentError, LimitError
from eucentric.focus.events import TargetReached
from eucentric.focus.targets import FocusTarget
from eucentric.focus.work import Work
from eucentric.units import show_length

_THERE_M = 20e-9  # a stage nearer than this is there: its encoders read to some nanometres


def check_targets(work: Work, targets: tuple[FocusTarget, ...]) -> None:
    """Whether all targets can be reached, before anything moves. Raises InstrumentError, LimitError."""
    scope = work.scope
    limits = scope.limits
    for target in targets:
        shift, place = target.image_shift_m, target.stage_m
        if shift is not None and not scope.capabilities.image_shift:
            raise InstrumentError(
                f"{scope.name} has not an image shift, and target '{target.name}' is reached by one. Give its stage "
                "position instead. Nothing moved."
            )
        if shift is not None:
            _within(f"The image shift of target '{target.name}'", math.hypot(*shift), limits.image_shift_max_m)
        if place is not None:
            _within(f"The stage position of target '{target.name}'", max(map(abs, place)), limits.stage_xy_max_m)


def _within(what: str, size_m: float, limit_m: float) -> None:
    if not size_m <= limit_m:
        raise LimitError(
            f"{what} is {show_length(size_m)}; the limit is {show_length(limit_m)}. Nothing moved. Choose another "
            "target, or change the limit if the instrument allows it."
        )


class Journey:
    """Goes to focus targets. Where a target says nothing, the stage and the image shift are as they were found."""

    def __init__(self, work: Work) -> None:
        self._work = work
        scope = work.scope
        at = scope.stage()
        self._stage = (at.y_m, at.x_m)
        self._shift = scope.image_shift_m() if scope.capabilities.image_shift else (0.0, 0.0)
        self._at: FocusTarget | None = None

    def go(self, target: FocusTarget) -> None:
        """Look at the target, which `check_targets` saw. Raises InstrumentError."""
        scope = self._work.scope
        y, x = self._stage if target.stage_m is None else target.stage_m
        at = scope.stage()
        moved = max(abs(at.y_m - y), abs(at.x_m - x)) > _THERE_M
        if moved:
            scope.move_stage(x_m=x, y_m=y)
            self._work.drifting = True
        shift = self._shift if target.image_shift_m is None else target.image_shift_m
        if scope.capabilities.image_shift and scope.image_shift_m() != shift:
            scope.set_image_shift(shift)
            moved = True
        if moved and self._work.settings.pause_time_s:
            scope.wait(self._work.settings.pause_time_s)
        if self._at != target:
            self._work.tell(TargetReached(self._work.now_s(), target.name))
        self._at = target
