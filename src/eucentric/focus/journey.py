"""The way from focus target to focus target, and back: stage and image shift."""

from __future__ import annotations

from eucentric.errors import InstrumentError
from eucentric.focus.events import TargetReached
from eucentric.focus.targets import FocusTarget
from eucentric.focus.work import Work

_THERE_M = 20e-9  # a stage nearer than this is there: its encoders read to some nanometres


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
        """Look at the target. Raises InstrumentError where that needs an image shift that the instrument has not."""
        scope = self._work.scope
        if target.image_shift_m is not None and not scope.capabilities.image_shift:
            raise InstrumentError(
                f"{scope.name} has not an image shift, and target '{target.name}' is reached by one. Give its stage "
                "position instead. Nothing moved."
            )
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
